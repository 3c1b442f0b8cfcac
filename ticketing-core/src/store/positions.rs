//! How far each of our readers and the relay are, and who holds what: read for operators, and moved by `group seek`.
//!
//! A cursor is moved by hand only from where it was seen: a reader that has gone on meanwhile keeps its place.

use super::db::{Arg, Db, Tx};
use super::error::Result;
use super::sql::{Sql, statements};
use super::views::fold::TICKETS;
use crate::args;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// Where a reader goes on in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderCursor {
    /// `kafka`, `nats`, or the embedded bus.
    pub carrier: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the next message to read.
    pub next_offset: i64,
    /// When it last moved, where that is kept.
    pub moved_at: Option<Timestamp>,
}

/// How far the log has been copied to a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// `kafka` or `nats`.
    pub carrier: String,
    /// The last position that the broker has acknowledged.
    pub position: i64,
    /// By which holder of the relay's lease.
    pub epoch: i64,
    /// When it last moved.
    pub moved_at: Timestamp,
}

/// Who holds what only one process does at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// What.
    pub name: String,
    /// How often it changed hands.
    pub epoch: i64,
    /// Who; `None` if it was given back.
    pub owner: Option<Uuid>,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The owner's host and process, where it is known.
    pub process: Option<(String, i32)>,
    /// When the owner was last seen.
    pub seen_at: Option<Timestamp>,
}

/// Whose cursors are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The projection's, in the read store.
    Projector,
    /// Those of the topics from outside, in the write store.
    Payments,
}

statements! {
    OUTBOX = "SELECT carrier, position, epoch, moved_at FROM outbox ORDER BY carrier";
    LEASES = "SELECT l.name, l.epoch, l.owner, l.taken_at, p.host, p.pid, p.seen_at
        FROM leases l LEFT JOIN processes p ON p.id = l.owner
        ORDER BY l.name";
    INBOUND = "SELECT carrier, topic, partition, next_offset, moved_at FROM inbound_cursors
        ORDER BY carrier, topic, partition";
    /// Leans on the primary key.
    EMBEDDED_ENDS = "SELECT topic, MIN(message_offset) AS low, MAX(message_offset) AS high FROM inbound_messages
        GROUP BY topic ORDER BY topic";
    /// Leans on the primary key. Only from where it was seen.
    MOVE_INBOUND = "UPDATE inbound_cursors SET next_offset = $5, moved_at = $6
        WHERE carrier = $1 AND topic = $2 AND partition = $3 AND next_offset = $4";
    BEGIN_INBOUND = "INSERT INTO inbound_cursors (carrier, topic, partition, next_offset, moved_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
}

/// The statements of the read store.
pub(crate) mod read {
    use crate::store::sql::statements;

    statements! {
        /// Leans on the primary key.
        OFFSETS = "SELECT carrier, topic, partition, next_offset FROM view_offsets WHERE name = $1
            ORDER BY carrier, topic, partition";
        /// Leans on the primary key. Only from where it was seen.
        MOVE_OFFSET = "UPDATE view_offsets SET next_offset = $6
            WHERE name = $1 AND carrier = $2 AND topic = $3 AND partition = $4 AND next_offset = $5";
        BEGIN_OFFSET = "INSERT INTO view_offsets (name, carrier, topic, partition, next_offset)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    }

    pub(super) fn offsets() -> &'static crate::store::sql::Sql {
        &OFFSETS
    }

    pub(super) fn move_offset() -> &'static crate::store::sql::Sql {
        &MOVE_OFFSET
    }

    pub(super) fn begin_offset() -> &'static crate::store::sql::Sql {
        &BEGIN_OFFSET
    }
}

/// Returns how far the log has been copied, by carrier. Write store.
///
/// # Errors
/// What the store says.
pub async fn outbox(db: &Db) -> Result<Vec<OutboxRow>> {
    let rows: Vec<(String, i64, i64, i64)> = db.all(&OUTBOX, args![]).await?;
    let row = |(carrier, position, epoch, at)| OutboxRow {
        carrier,
        position,
        epoch,
        moved_at: Timestamp::from_millis(at),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Returns who holds what. Write store.
///
/// # Errors
/// What the store says.
pub async fn leases(db: &Db) -> Result<Vec<LeaseRow>> {
    type Row = (String, i64, Option<Uuid>, i64, Option<String>, Option<i32>, Option<i64>);
    let rows: Vec<Row> = db.all(&LEASES, args![]).await?;
    let row = |(name, epoch, owner, taken_at, host, pid, seen_at): Row| LeaseRow {
        name,
        epoch,
        owner,
        taken_at: Timestamp::from_millis(taken_at),
        process: host.zip(pid),
        seen_at: seen_at.map(Timestamp::from_millis),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Returns a reader's cursors. The projector's are in the read store, the others in the write store.
///
/// # Errors
/// What the store says.
pub async fn cursors(db: &Db, reader: Reader) -> Result<Vec<ReaderCursor>> {
    match reader {
        Reader::Projector => {
            let rows: Vec<(String, String, i32, i64)> = db.all(read::offsets(), args![TICKETS]).await?;
            let cursor = |(carrier, topic, partition, next_offset)| ReaderCursor {
                carrier,
                topic,
                partition,
                next_offset,
                moved_at: None,
            };
            Ok(rows.into_iter().map(cursor).collect())
        }
        Reader::Payments => {
            let rows: Vec<(String, String, i32, i64, i64)> = db.all(&INBOUND, args![]).await?;
            let cursor = |(carrier, topic, partition, next_offset, at)| ReaderCursor {
                carrier,
                topic,
                partition,
                next_offset,
                moved_at: Some(Timestamp::from_millis(at)),
            };
            Ok(rows.into_iter().map(cursor).collect())
        }
    }
}

/// Returns, for each topic of the embedded bus that has messages, the first offset and the last. Write store.
///
/// # Errors
/// What the store says.
pub async fn embedded_ends(db: &Db) -> Result<Vec<(String, i64, i64)>> {
    db.all(&EMBEDDED_ENDS, args![]).await
}

/// Moves a cursor from where it was seen, or begins one where none was; false if it is not there any more.
///
/// # Errors
/// What the store says.
pub async fn seek(
    tx: &mut Tx,
    reader: Reader,
    seen: Option<i64>,
    cursor: &ReaderCursor,
    now: Timestamp,
) -> Result<bool> {
    let ReaderCursor { carrier, topic, partition, next_offset, moved_at: _ } = cursor;
    let (carrier, topic) = (carrier.clone(), topic.clone());
    let at = now.as_millis();
    let (sql, values): (&'static Sql, Vec<Arg>) = match (reader, seen) {
        (Reader::Projector, Some(seen)) => {
            (read::move_offset(), args![TICKETS, carrier, topic, *partition, seen, *next_offset])
        }
        (Reader::Projector, None) => {
            (read::begin_offset(), args![TICKETS, carrier, topic, *partition, *next_offset])
        }
        (Reader::Payments, Some(seen)) => {
            (&MOVE_INBOUND, args![carrier, topic, *partition, seen, *next_offset, at])
        }
        (Reader::Payments, None) => (&BEGIN_INBOUND, args![carrier, topic, *partition, *next_offset, at]),
    };
    Ok(tx.run(sql, values).await? > 0)
}
