//! How far the log has been copied to each carrier. The events themselves are the outbox.

use super::db::Db;
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;

/// How far one carrier is.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Checkpoint {
    /// `kafka` or `nats`.
    pub carrier: String,
    /// Every event up to here was acknowledged.
    pub position: i64,
    /// By which holder of the relay's lease.
    pub epoch: i64,
    /// When it moved, in milliseconds since the epoch.
    pub moved_at: i64,
    /// Which event the carrier will never take as it is, and what to do; `None` since it last moved.
    pub trouble: Option<String>,
}

statements! {
    ALL = "SELECT carrier, position, epoch, moved_at, trouble FROM outbox ORDER BY carrier";
    /// A holder that was followed by another can't begin again.
    BEGIN = "INSERT INTO outbox (carrier, position, epoch, moved_at) VALUES ($1, 0, $2, $3)
        ON CONFLICT (carrier) DO UPDATE SET epoch = excluded.epoch
        WHERE outbox.epoch <= excluded.epoch RETURNING position";
    MOVE = "UPDATE outbox SET position = $3, moved_at = $4, trouble = NULL
        WHERE carrier = $1 AND epoch = $2 AND position < $3 RETURNING position";
    STOP = "UPDATE outbox SET trouble = $3 WHERE carrier = $1 AND epoch = $2 RETURNING position";
}

/// Returns how far each carrier is.
///
/// # Errors
/// What the store says.
pub async fn all(db: &Db) -> Result<Vec<Checkpoint>> {
    db.all(&ALL, args![]).await
}

/// Begins as the holder of this epoch; returns where to go on after, or `None` if a later holder has begun.
///
/// # Errors
/// What the store says.
pub async fn begin(db: &Db, carrier: &str, epoch: i64, now: Timestamp) -> Result<Option<i64>> {
    let rows: Vec<(i64,)> = db.write(&BEGIN, args![carrier, epoch, now.as_millis()]).await?;
    Ok(rows.first().map(|(position,)| *position))
}

/// Moves the checkpoint forward; false if a later holder has begun.
///
/// # Errors
/// What the store says.
pub async fn advance(db: &Db, carrier: &str, epoch: i64, position: i64, now: Timestamp) -> Result<bool> {
    let rows: Vec<(i64,)> = db.write(&MOVE, args![carrier, epoch, position, now.as_millis()]).await?;
    Ok(!rows.is_empty())
}

/// Writes down which event stands in the way, until the checkpoint moves; false if a later holder has begun.
///
/// # Errors
/// What the store says.
pub async fn stop(db: &Db, carrier: &str, epoch: i64, trouble: &str) -> Result<bool> {
    let rows: Vec<(i64,)> = db.write(&STOP, args![carrier, epoch, trouble]).await?;
    Ok(!rows.is_empty())
}
