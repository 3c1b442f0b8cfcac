//! The topics from outside, as far as the stores alone know them: no cursor is beyond the end of an embedded topic,
//! what waits in one is read, and what was read has a cursor.
//!
//! How far a broker's topics go only the broker knows: `ticketctl group lag` asks it.

use super::{OVERDUE_MS_MIN, PAGE, Run};
use crate::domain::time::Timestamp;
use crate::domain::topics::{CONSUMED, EMBEDDED};
use crate::ops::OpsError;
use crate::store::db::Db;
use crate::store::inbound::InboundCursor;
use crate::store::{checks, inbound};

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let moment = run.app.stores.write.clone().moment().await?;
    let outcome = look(run, &moment).await;
    moment.close().await;
    outcome
}

async fn look(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let cursors = inbound::cursors(db).await?;
    let ends = inbound::ends(db, CONSUMED).await?;
    run.looked(cursors.len() + ends.len());
    for cursor in &cursors {
        if let Some(finding) = fault(cursor, &ends) {
            let to = if cursor.next_offset < 0 { "earliest" } else { "latest" };
            let command = seek(&cursor.topic, cursor.partition, to);
            run.found("cursor", &name(cursor), finding, command);
        }
    }
    let now = run.app.clock.now();
    let since = Timestamp::from_millis(now.as_millis() - OVERDUE_MS_MIN);
    for (topic, end) in &ends {
        let own = cursors.iter().find(|cursor| cursor.carrier == EMBEDDED && cursor.topic == *topic);
        let next = own.map_or(0, |cursor| cursor.next_offset);
        let first = inbound::from(db, topic, next, 1).await?.pop().filter(|message| message.at <= since);
        let Some(first) = first else { continue };
        let (count, seconds) = (end - first.offset, (now.as_millis() - first.at.as_millis()) / 1_000);
        let finding = format!(
            "{count} messages from offset {} on wait since {seconds} s: no process that runs the role saga reads them",
            first.offset
        );
        run.found("topic", topic, finding, "ticketctl serve --roles saga".into());
    }
    lost(run, db, &cursors, since).await
}

fn name(cursor: &InboundCursor) -> String {
    format!("{}/{}/{}", cursor.carrier, cursor.topic, cursor.partition)
}

/// Moves a cursor, or makes it.
fn seek(topic: &str, partition: i32, to: impl std::fmt::Display) -> String {
    format!("ticketctl group seek payments --topic {topic} --partition {partition} --to {to}")
}

/// What is wrong with a cursor.
fn fault(cursor: &InboundCursor, ends: &[(String, i64)]) -> Option<String> {
    let next = cursor.next_offset;
    if next < 0 {
        return Some(format!("it is at {next}, before the first offset there can be"));
    }
    let end = ends.iter().find(|(topic, _)| cursor.carrier == EMBEDDED && *topic == cursor.topic);
    let (_, end) = end.filter(|(_, end)| next > *end)?;
    Some(format!("it is at {next}, beyond the topic's end {end}: what comes there is passed over until then"))
}

/// Looks for messages that were read of partitions that no cursor is for: they would be read once more from the start.
async fn lost(
    run: &mut Run<'_>,
    db: &Db,
    cursors: &[InboundCursor],
    since: Timestamp,
) -> Result<(), OpsError> {
    for (topic, partition, last) in checks::letters_without_cursor(db, since, PAGE).await? {
        let finding =
            format!("its message {last} was read and is a dead letter, and no cursor says how far it is");
        let id = format!("{topic}/{partition}");
        run.found("partition", &id, finding, seek(&topic, partition, last + 1));
    }
    for topic in CONSUMED {
        let has_cursor = cursors.iter().any(|cursor| cursor.topic == *topic);
        if !has_cursor && checks::was_told(db, topic, since).await? {
            let finding = "messages of it were handled, and no cursor says how far it is".to_owned();
            run.found("topic", topic, finding, "ticketctl group lag payments".into());
        }
    }
    Ok(())
}
