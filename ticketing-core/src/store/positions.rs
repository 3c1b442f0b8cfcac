//! Where our readers go on, whichever store says so, as one list; and the moves of `group seek`.
//!
//! A cursor is moved by hand only from where it was seen: a reader that has gone on meanwhile keeps its place.

use super::db::{Arg, Db, Tx};
use super::error::Result;
use super::inbound::{self, InboundCursor};
use super::sql::{Sql, statements};
use super::views::fold::TICKETS;
use super::views::progress::{self, Offset};
use crate::args;
use crate::domain::time::Timestamp;

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

/// Whose cursors are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The projection's, in the read store.
    Projector,
    /// Those of the topics from outside, in the write store.
    Payments,
}

statements! {
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
        /// Leans on the primary key. Only from where it was seen.
        MOVE_OFFSET = "UPDATE view_offsets SET next_offset = $6
            WHERE name = $1 AND carrier = $2 AND topic = $3 AND partition = $4 AND next_offset = $5";
        BEGIN_OFFSET = "INSERT INTO view_offsets (name, carrier, topic, partition, next_offset)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    }

    pub(super) fn move_offset() -> &'static crate::store::sql::Sql {
        &MOVE_OFFSET
    }

    pub(super) fn begin_offset() -> &'static crate::store::sql::Sql {
        &BEGIN_OFFSET
    }
}

/// Returns a reader's cursors. The projector's are in the read store, the others in the write store.
///
/// # Errors
/// What the store says.
pub async fn cursors(db: &Db, reader: Reader) -> Result<Vec<ReaderCursor>> {
    Ok(match reader {
        Reader::Projector => {
            let cursor = |offset: Offset| ReaderCursor {
                carrier: offset.carrier,
                topic: offset.topic,
                partition: offset.partition,
                next_offset: offset.next_offset,
                moved_at: None,
            };
            progress::offsets(db).await?.into_iter().map(cursor).collect()
        }
        Reader::Payments => {
            let cursor = |cursor: InboundCursor| ReaderCursor {
                carrier: cursor.carrier,
                topic: cursor.topic,
                partition: cursor.partition,
                next_offset: cursor.next_offset,
                moved_at: Some(Timestamp::from_millis(cursor.moved_at)),
            };
            inbound::cursors(db).await?.into_iter().map(cursor).collect()
        }
    })
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
