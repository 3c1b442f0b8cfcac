//! Work of operators that only one process does at a time: whoever does it says so in a row, and beats.
//!
//! A beat is a time in milliseconds. The row of a process that died may be taken once its beat is old.

use super::db::Db;
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// A row whose beat is older may be taken, in milliseconds.
pub const BEAT_MS_MAX: i64 = 30_000;

statements! {
    /// Leans on the primary key.
    TAKE = "INSERT INTO leases (name, epoch, owner, beat, taken_at) VALUES ($1, 1, $2, $3, $3)
        ON CONFLICT (name) DO UPDATE SET epoch = leases.epoch + 1, owner = excluded.owner, beat = excluded.beat,
            taken_at = excluded.taken_at
        WHERE leases.owner IS NULL OR leases.beat <= $4
        RETURNING epoch";
    /// Leans on the primary key.
    BEAT = "UPDATE leases SET beat = $3 WHERE name = $1 AND owner = $2 RETURNING epoch";
    /// Leans on the primary key.
    LET_GO = "UPDATE leases SET owner = NULL WHERE name = $1 AND owner = $2 RETURNING epoch";
    /// Leans on the primary key.
    SINCE = "SELECT taken_at FROM leases WHERE name = $1 AND owner IS NOT NULL";
}

/// Begins work; false if somebody else is at it.
///
/// # Errors
/// What the store says.
pub async fn take(db: &Db, name: &str, owner: Uuid, now: Timestamp) -> Result<bool> {
    let old = now.as_millis() - BEAT_MS_MAX;
    let rows: Vec<(i64,)> = db.write(&TAKE, args![name, owner, now.as_millis(), old]).await?;
    Ok(!rows.is_empty())
}

/// Says that the work goes on; false if somebody else has taken it.
///
/// # Errors
/// What the store says.
pub async fn beat(db: &Db, name: &str, owner: Uuid, now: Timestamp) -> Result<bool> {
    let rows: Vec<(i64,)> = db.write(&BEAT, args![name, owner, now.as_millis()]).await?;
    Ok(!rows.is_empty())
}

/// Ends the work, if it is this owner's.
///
/// # Errors
/// What the store says.
pub async fn let_go(db: &Db, name: &str, owner: Uuid) -> Result<()> {
    let _: Vec<(i64,)> = db.write(&LET_GO, args![name, owner]).await?;
    Ok(())
}

/// Returns since when somebody is at it.
///
/// # Errors
/// What the store says.
pub async fn since(db: &Db, name: &str) -> Result<Option<Timestamp>> {
    let row: Option<(i64,)> = db.first(&SINCE, args![name]).await?;
    Ok(row.map(|(at,)| Timestamp::from_millis(at)))
}
