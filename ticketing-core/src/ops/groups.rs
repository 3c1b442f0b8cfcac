//! Our readers of topics, and the relay that copies the log to the broker: how far each is, and moving a reader.
//!
//! Where a reader is, only our own cursors say: what a broker's tools show is a hint. What the broker has, its
//! watermarks say, which the caller brings.

use super::audit::{Actor, audited};
use super::plan::raw_of;
use super::{OpsError, Plan, PlanChange};
use crate::app::App;
use crate::domain::time::Timestamp;
use crate::store::db::Db;
use crate::store::positions::{self, Reader, ReaderCursor};
use crate::store::{events, leases, outbox, views};
use serde::Serialize;

pub use crate::domain::topics::EMBEDDED;
/// What the relay's leases begin with.
const RELAY: &str = "relay";

/// A group of readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Folds our own events into the read model.
    Projector,
    /// Takes what payment and wallet services tell.
    Payments,
}

impl Group {
    /// All.
    pub const ALL: [Self; 2] = [Self::Projector, Self::Payments];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Projector => "projector",
            Self::Payments => "payments",
        }
    }

    /// Returns the group with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    const fn reader(self) -> Reader {
        match self {
            Self::Projector => Reader::Projector,
            Self::Payments => Reader::Payments,
        }
    }

    fn db(self, app: &App) -> &Db {
        match self {
            Self::Projector => &app.stores.read,
            Self::Payments => &app.stores.write,
        }
    }

    /// Where its cursors are kept.
    const fn table(self) -> &'static str {
        match self {
            Self::Projector => "view_offsets",
            Self::Payments => "inbound_cursors",
        }
    }
}

/// What a broker has of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that is still there.
    pub low: i64,
    /// The offset that the next message will have.
    pub high: i64,
}

/// How far a group is in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionLag {
    /// The group.
    pub group: &'static str,
    /// `kafka`, `nats` or `embedded`.
    pub carrier: String,
    /// The topic; for the embedded projector, the log.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next offset to read; none if it never read. For the log, the last position that was folded.
    pub next_offset: Option<i64>,
    /// The first offset that is still there.
    pub low: i64,
    /// The offset that the next message will have. For the log, its head.
    pub high: i64,
    /// How many messages are ahead of it.
    pub lag: i64,
    /// When it last moved, where that is kept.
    pub moved_at: Option<Timestamp>,
    /// Where the two numbers come from.
    pub sources: String,
}

/// A group in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupBody {
    /// Its name.
    pub name: &'static str,
    /// `kafka`, `nats` or `embedded`.
    pub carrier: String,
    /// What it reads.
    pub topics: Vec<String>,
    /// In how many partitions.
    pub partitions: usize,
    /// How many messages are ahead of it.
    pub lag: i64,
}

/// Returns how far a group is in each partition of a broker.
///
/// # Errors
/// What the store says.
pub async fn lag(
    app: &App,
    group: Group,
    carrier: &str,
    marks: &[Mark],
) -> Result<Vec<PartitionLag>, OpsError> {
    let cursors = positions::cursors(group.db(app), group.reader()).await?;
    let at = |mark: &Mark| {
        let is_it = |cursor: &&ReaderCursor| {
            cursor.carrier == carrier && cursor.topic == mark.topic && cursor.partition == mark.partition
        };
        cursors.iter().find(is_it)
    };
    let row = |mark: &Mark| {
        let cursor = at(mark);
        let next = cursor.map(|cursor| cursor.next_offset);
        PartitionLag {
            group: group.name(),
            carrier: carrier.to_owned(),
            topic: mark.topic.clone(),
            partition: mark.partition,
            next_offset: next,
            low: mark.low,
            high: mark.high,
            // What is gone can't be read any more.
            lag: (mark.high - next.unwrap_or(mark.low).max(mark.low)).max(0),
            moved_at: cursor.and_then(|cursor| cursor.moved_at),
            sources: format!("{carrier} watermarks, {}", group.table()),
        }
    };
    Ok(marks.iter().map(row).collect())
}

/// Returns how far a group is on the embedded bus: the projector in the log, the others in their messages.
///
/// # Errors
/// What the stores say.
pub async fn embedded_lag(app: &App, group: Group) -> Result<Vec<PartitionLag>, OpsError> {
    match group {
        Group::Projector => {
            let head = events::head(&app.stores.write).await?;
            let cursor = views::fold::cursor(&app.stores.read).await?;
            Ok(vec![PartitionLag {
                group: group.name(),
                carrier: EMBEDDED.into(),
                topic: "events".into(),
                partition: 0,
                next_offset: Some(cursor),
                low: 0,
                high: head,
                lag: (head - cursor).max(0),
                moved_at: None,
                sources: "the log's head, view_cursors".into(),
            }])
        }
        Group::Payments => {
            let ends = positions::embedded_ends(&app.stores.write).await?;
            let marks: Vec<Mark> = ends
                .into_iter()
                .map(|(topic, low, last)| Mark { topic, partition: 0, low, high: last + 1 })
                .collect();
            let mut rows = lag(app, group, EMBEDDED, &marks).await?;
            for row in &mut rows {
                row.sources = format!("inbound_messages, {}", group.table());
            }
            Ok(rows)
        }
    }
}

/// Returns a group in short.
#[must_use]
pub fn body(group: Group, carrier: &str, rows: &[PartitionLag]) -> GroupBody {
    let mut topics: Vec<String> = rows.iter().map(|row| row.topic.clone()).collect();
    topics.dedup();
    GroupBody {
        name: group.name(),
        carrier: carrier.to_owned(),
        topics,
        partitions: rows.len(),
        lag: rows.iter().map(|row| row.lag).sum(),
    }
}

/// A planned move of a group's cursors.
#[derive(Clone, Debug)]
pub struct SeekPlan {
    /// What is shown.
    pub plan: Plan,
    group: Group,
    moves: Vec<(Option<i64>, ReaderCursor)>,
}

/// Plans to move a group's cursors to these offsets, in the order of `rows`. Those that are there already are left
/// out.
///
/// # Errors
/// [`OpsError::Invalid`] for an offset that the broker does not have.
pub fn plan_seek(group: Group, rows: &[PartitionLag], offsets: &[i64]) -> Result<SeekPlan, OpsError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Cursor {
        next_offset: Option<i64>,
        lag: i64,
    }
    let mut moves = Vec::new();
    let mut changes = Vec::new();
    for (row, offset) in rows.iter().zip(offsets) {
        if *offset < row.low || *offset > row.high {
            return Err(OpsError::Invalid(format!(
                "{}/{} has offsets from {} to {}, and {offset} is none of them",
                row.topic, row.partition, row.low, row.high
            )));
        }
        if row.next_offset == Some(*offset) {
            continue;
        }
        changes.push(PlanChange {
            kind: "cursor".into(),
            id: Some(format!("{}/{}/{}", row.group, row.topic, row.partition)),
            before: raw_of(&Cursor { next_offset: row.next_offset, lag: row.lag }),
            after: raw_of(&Cursor { next_offset: Some(*offset), lag: row.high - offset }),
        });
        let cursor = ReaderCursor {
            carrier: row.carrier.clone(),
            topic: row.topic.clone(),
            partition: row.partition,
            next_offset: *offset,
            moved_at: None,
        };
        moves.push((row.next_offset, cursor));
    }
    Ok(SeekPlan { plan: Plan::new("group seek", changes), group, moves })
}

/// Moves the cursors of a plan, all of them or none.
///
/// # Errors
/// [`OpsError::WorldMoved`] if one is no longer where the plan saw it; what the store says.
pub async fn seek(app: &App, planned: SeekPlan, actor: &Actor) -> Result<(), OpsError> {
    let SeekPlan { plan, group, moves } = planned;
    audited(app, actor, &plan, async {
        let mut tx = group.db(app).begin().await?;
        for (seen, cursor) in &moves {
            if !positions::seek(&mut tx, group.reader(), *seen, cursor, app.clock.now()).await? {
                tx.rollback().await?;
                let what = format!("{}/{}/{}", group.name(), cursor.topic, cursor.partition);
                return Err(OpsError::WorldMoved { what });
            }
        }
        Ok(tx.commit().await?)
    })
    .await
}

/// How far the log has been copied to a carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxBody {
    /// `kafka`, `nats` or `embedded`.
    pub carrier: String,
    /// The last position that the broker has acknowledged.
    pub position: i64,
    /// The log's head.
    pub head: i64,
    /// Events that are not published yet.
    pub lag: i64,
    /// How long the first of them waits, in seconds.
    pub lag_seconds: i64,
    /// When it last moved.
    pub moved_at: Option<Timestamp>,
    /// Who holds the relay's lease.
    pub holder: Option<Holder>,
    /// Which event the broker will never take as it is, and what to do.
    pub trouble: Option<String>,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The lease.
    pub lease: String,
    /// The process's id.
    pub owner: uuid::Uuid,
    /// Its host, where it is known.
    pub host: Option<String>,
    /// Its number there.
    pub pid: Option<i32>,
    /// How often the lease changed hands.
    pub epoch: i64,
    /// Since when.
    pub taken_at: Timestamp,
    /// When it was last seen.
    pub seen_at: Option<Timestamp>,
}

/// Returns how far the log has been copied to each carrier that it ever was copied to, and to `carrier`, which is set
/// now; for the embedded bus, the log itself.
///
/// # Errors
/// What the store says.
pub async fn outbox(app: &App, carrier: Option<&str>) -> Result<Vec<OutboxBody>, OpsError> {
    let db = &app.stores.write;
    let head = events::head(db).await?;
    let leases = leases::all(db).await?;
    let processes = leases::processes(db).await?;
    let mut copied: Vec<(String, i64, Option<Timestamp>, Option<String>)> = outbox::all(db)
        .await?
        .into_iter()
        .map(|row| (row.carrier, row.position, Some(Timestamp::from_millis(row.moved_at)), row.trouble))
        .collect();
    match carrier {
        Some(carrier) if !copied.iter().any(|(known, ..)| known == carrier) => {
            copied.push((carrier.to_owned(), 0, None, None));
        }
        Some(_) => {}
        // The bus is the log: what is committed is published.
        None => copied.push((EMBEDDED.into(), head, None, None)),
    }
    let mut rows = Vec::with_capacity(copied.len());
    for (carrier, position, moved_at, trouble) in copied {
        let first = match position < head {
            true => events::raw_after(db, position, 1).await?.pop(),
            false => None,
        };
        let waits = first.map_or(0, |entry| app.clock.now().as_millis() - entry.recorded_at.as_millis());
        let of_carrier = |name: &str| name == RELAY || (name.starts_with(RELAY) && name.ends_with(&carrier));
        let lease = leases.iter().filter(|_| carrier != EMBEDDED).find(|lease| of_carrier(&lease.name));
        let holder = lease.and_then(|lease| {
            let owner = lease.owner?;
            let process = processes.iter().find(|process| process.id == owner);
            Some(Holder {
                lease: lease.name.clone(),
                owner,
                host: process.map(|process| process.host.clone()),
                pid: process.map(|process| process.pid),
                epoch: lease.epoch,
                taken_at: Timestamp::from_millis(lease.taken_at),
                seen_at: process.map(|process| Timestamp::from_millis(process.seen_at)),
            })
        });
        let (lag, lag_seconds) = ((head - position).max(0), waits.max(0) / 1_000);
        rows.push(OutboxBody { carrier, position, head, lag, lag_seconds, moved_at, holder, trouble });
    }
    Ok(rows)
}
