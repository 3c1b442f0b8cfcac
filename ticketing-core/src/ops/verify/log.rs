//! The log: positions 1 to the head, and in each stream versions from 1 on, without gaps.

use super::{Run, why};
use crate::ops::OpsError;
use crate::store::db::Db;
use crate::store::{checks, events};

/// Positions of one page.
const STRETCH: i64 = 5_000;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    let moment = db.moment().await?;
    let outcome = ends(&moment).await;
    moment.close().await;
    let (head, last) = outcome?;
    if last != head {
        let finding = format!("the log's head is {head}, its last event is at {last}");
        run.found("log", &head, finding, format!("ticketctl events show {last}"));
    }
    run.total = u64::try_from(head).ok();
    let mut from = 0;
    // Events are never changed: what is before the head needs no moment of its own.
    while from < head {
        let to = from.saturating_add(STRETCH).min(head);
        let count = checks::stretch_count(&db, from, to).await?;
        if count != to - from {
            missing(run, from, to).await?;
        }
        for gap in checks::stream_gaps(&db, from, to).await? {
            let (version, stream) = (gap.stream_version, gap.stream_id);
            let finding = match gap.before {
                _ if version < 1 => {
                    format!("it is version {version} of stream {stream}; versions begin with 1")
                }
                None => format!(
                    "it is version {version} of stream {stream}, which has no version {}",
                    version - 1
                ),
                Some(before) => {
                    format!(
                        "it is version {version} of stream {stream}, but the one before is later, at {before}"
                    )
                }
            };
            run.found("event", &gap.position, finding, why(&stream));
        }
        run.looked(usize::try_from(count).unwrap_or(0));
        from = to;
    }
    Ok(())
}

/// The head, and the position of the last event.
async fn ends(moment: &Db) -> Result<(i64, i64), OpsError> {
    Ok((events::head(moment).await?, checks::last_position(moment).await?))
}

/// Names the positions that have no event, stretch by stretch.
async fn missing(run: &mut Run<'_>, from: i64, to: i64) -> Result<(), OpsError> {
    let mut next = from + 1;
    let positions = checks::positions(&run.app.stores.write, from, to).await?;
    for position in positions.into_iter().chain([to + 1]) {
        if position > next {
            let finding = match position - next {
                1 => format!("there is no event at position {next}"),
                count => format!("there is no event at {count} positions, {next} to {}", position - 1),
            };
            run.found("log", &next, finding, format!("ticketctl events show {}", (next - 1).max(1)));
        }
        next = position + 1;
    }
    Ok(())
}
