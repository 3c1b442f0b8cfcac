//! The answers of commands that did something, kept for whoever asks again with the same key.

use super::db::{Column, Db};
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;

/// A stored answer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredAnswer {
    /// Who asked: a key means nothing to anybody else.
    pub caller: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of method, path, query and body.
    pub request_hash: Vec<u8>,
    /// The HTTP status of the answer.
    pub status: i32,
    /// The answer's `data`, byte for byte.
    pub data: String,
    /// The answer's position.
    pub position: i64,
}

statements! {
    /// Leans on the primary key: `CROSS JOIN` keeps SQLite from scanning the table for each pair.
    FIND = "SELECT i.caller, i.key, i.request_hash, i.status, i.data, i.position
        FROM {rows caller text, key text} CROSS JOIN idempotency i
        WHERE i.caller = v.caller AND i.key = v.key";
    /// Scans the table: an index on the age would cost every booking, this costs a reader once an hour.
    OLD = "SELECT caller, key FROM idempotency WHERE created_at < $1 LIMIT $2";
    /// Leans on the primary key.
    FORGET = "DELETE FROM idempotency WHERE (caller, key) IN (SELECT caller, key FROM {rows caller text, key text})";
}

/// Returns the stored answers to these (caller, key) pairs, those that exist.
///
/// # Errors
/// What the store says.
pub async fn find(db: &Db, callers: Vec<String>, keys: Vec<String>) -> Result<Vec<StoredAnswer>> {
    db.all(&FIND, args![vec![Column::Text(callers), Column::Text(keys)]]).await
}

/// Forgets answers older than `before`, `limit` at most, and returns how many.
///
/// # Errors
/// What the store says.
pub async fn forget(db: &Db, before: Timestamp, limit: i64) -> Result<usize> {
    let old: Vec<(String, String)> = db.all(&OLD, args![before.as_millis(), limit]).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let n = old.len();
    let (callers, keys) = old.into_iter().unzip();
    let mut tx = db.begin().await?;
    tx.run(&FORGET, args![vec![Column::Text(callers), Column::Text(keys)]]).await?;
    tx.commit().await?;
    Ok(n)
}
