//! The topics from outside: how far each partition has been read, and, where no broker is, the messages themselves.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;

/// How far a partition has been read.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct InboundCursor {
    /// `embedded`, `kafka` or `nats`.
    pub carrier: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Every message before this one was handled, or is a dead letter.
    pub next_offset: i64,
    /// When it moved, in milliseconds since the epoch.
    pub moved_at: i64,
}

/// A message of an embedded topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// The topic.
    pub topic: String,
    /// Its place there, from 0.
    pub offset: i64,
    /// Its key.
    pub key: Option<String>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it was published.
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    topic: String,
    message_offset: i64,
    key: Option<String>,
    headers: String,
    body: Vec<u8>,
    at: i64,
}

statements! {
    CURSORS = "SELECT carrier, topic, partition, next_offset, moved_at FROM inbound_cursors
        ORDER BY carrier, topic, partition";
    /// A cursor that an operator moved meanwhile stays where he put it: the row must be as it was read.
    MOVE = "INSERT INTO inbound_cursors (carrier, topic, partition, next_offset, moved_at)
        VALUES ($1, $2, $3, $5, $6)
        ON CONFLICT (carrier, topic, partition) DO UPDATE SET next_offset = excluded.next_offset,
            moved_at = excluded.moved_at
        WHERE inbound_cursors.next_offset = $4 RETURNING next_offset";
    NEXT = "SELECT COALESCE(MAX(message_offset) + 1, 0) AS next FROM inbound_messages WHERE topic = $1";
    APPEND = "INSERT INTO inbound_messages (topic, message_offset, key, headers, body, at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (topic, message_offset) DO NOTHING RETURNING message_offset";
    /// Leans on the primary key.
    FROM = "SELECT topic, message_offset, key, headers, body, at FROM inbound_messages
        WHERE topic = $1 AND message_offset >= $2 ORDER BY message_offset LIMIT $3";
    ENDS = "SELECT topic, MAX(message_offset) + 1 AS next FROM inbound_messages WHERE topic {any text} GROUP BY topic";
}

/// Returns how far every partition has been read.
///
/// # Errors
/// What the store says.
pub async fn cursors(db: &Db) -> Result<Vec<InboundCursor>> {
    db.all(&CURSORS, args![]).await
}

/// Moves a cursor from `before` (`None` if it is new) to `next_offset`; false if it is not at `before` any more.
///
/// # Errors
/// What the store says.
pub async fn advance(
    db: &Db,
    carrier: &str,
    topic: &str,
    partition: i32,
    before: Option<i64>,
    next_offset: i64,
    now: Timestamp,
) -> Result<bool> {
    let values = args![carrier, topic, partition, before.unwrap_or(-1), next_offset, now.as_millis()];
    let rows: Vec<(i64,)> = db.write(&MOVE, values).await?;
    Ok(!rows.is_empty())
}

/// How often an append is tried while others append to the same topic.
const APPEND_TRIES: u32 = 50;

/// Appends a message to an embedded topic, and returns its offset.
///
/// # Errors
/// What the store says; a conflict if others keep appending.
pub async fn append(
    db: &Db,
    topic: &str,
    key: Option<String>,
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<i64> {
    let headers = serde_json::to_string(headers).unwrap_or_else(|_| "[]".into());
    for _ in 0..APPEND_TRIES {
        let next: Option<(i64,)> = db.first(&NEXT, args![topic]).await?;
        let next = next.map_or(0, |(next,)| next);
        let row = args![topic, next, key.clone(), headers.clone(), body.to_vec(), now.as_millis()];
        let put: Vec<(i64,)> = db.write(&APPEND, row).await?;
        if !put.is_empty() {
            return Ok(next);
        }
    }
    Err(StoreError::Conflict { constraint: format!("inbound_messages, topic {topic}") })
}

/// Returns the messages of an embedded topic from an offset on, `limit` at most.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for headers that can't be read.
pub async fn from(db: &Db, topic: &str, offset: i64, limit: i64) -> Result<Vec<StoredMessage>> {
    let rows: Vec<MessageRow> = db.all(&FROM, args![topic, offset, limit]).await?;
    rows.into_iter()
        .map(|row| {
            let headers = serde_json::from_str(&row.headers).map_err(|e| StoreError::Corrupt {
                table: "inbound_messages",
                column: "headers",
                row: format!("{} {}", row.topic, row.message_offset),
                reason: e.to_string(),
            })?;
            Ok(StoredMessage {
                topic: row.topic,
                offset: row.message_offset,
                key: row.key,
                headers,
                body: row.body,
                at: Timestamp::from_millis(row.at),
            })
        })
        .collect()
}

/// Returns the offset that the next message of each embedded topic will have; 0 for one that has none.
///
/// # Errors
/// What the store says.
pub async fn ends(db: &Db, topics: &[&str]) -> Result<Vec<(String, i64)>> {
    let names = Column::Text(topics.iter().map(|t| (*t).to_owned()).collect());
    let found: Vec<(String, i64)> = db.all(&ENDS, args![names]).await?;
    Ok(topics
        .iter()
        .map(|topic| {
            let end = found.iter().find(|(name, _)| name == topic).map_or(0, |(_, end)| *end);
            ((*topic).to_owned(), end)
        })
        .collect())
}
