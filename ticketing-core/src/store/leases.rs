//! Leases: what only one process does at a time, and which processes serve.
//!
//! One table, each row with one of two rules, by who holds it:
//!
//! - A process that serves watches for as long as it runs. No clock decides: a holder beats, its beat is a number that
//!   grows, and whoever watches takes a lease whose beat has stood still for long enough by its own clock: [`take`],
//!   [`beat`], [`give_back`]. What is written under such a lease names its epoch.
//! - An operator's command looks once and does not stay to watch. So the beat of its work is a time in milliseconds,
//!   and work whose beat is older than [`WORK_BEAT_MS_MAX`] may be taken: [`begin_work`], [`work_goes_on`],
//!   [`end_work`]. What it does must bear a clock that is wrong: of two that are at it, each step of the one that was
//!   taken from must fail by itself, as those of a rebuild do by its claim.
//!
//! Names of work have a slash, `rebuild/tickets`, and no lease of a process has one. Each taking makes the epoch grow.

use super::db::Db;
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// A lease as it stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Lease {
    /// What is leased: `relay`, `projector`, `inbound`.
    pub name: String,
    /// How often it was taken.
    pub epoch: i64,
    /// The process that has it; `None` once it was given back.
    pub owner: Option<Uuid>,
    /// Grows while its holder lives.
    pub beat: i64,
    /// When it was taken, in milliseconds since the epoch, by its holder's clock.
    pub taken_at: i64,
}

/// A process that serves.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Process {
    /// Its id (UUID v7), new at each start.
    pub id: Uuid,
    /// The machine's name.
    pub host: String,
    /// The system's number for it.
    pub pid: i32,
    /// What it does: `api,relay`.
    pub roles: String,
    /// Where it listens.
    pub address: Option<String>,
    /// The program's version.
    pub version: String,
    /// When it started, in milliseconds since the epoch.
    pub started_at: i64,
    /// When it was last heard of.
    pub seen_at: i64,
}

/// Work whose beat is older may be taken, in milliseconds.
pub const WORK_BEAT_MS_MAX: i64 = 30_000;

statements! {
    ALL = "SELECT name, epoch, owner, beat, taken_at FROM leases ORDER BY name";
    MAKE = "INSERT INTO leases (name, epoch, owner, beat, taken_at) VALUES ($1, 1, $2, 1, $3)
        ON CONFLICT (name) DO NOTHING RETURNING epoch";
    /// Conditional: of two that take it, one does.
    TAKE = "UPDATE leases SET epoch = epoch + 1, owner = $4, beat = beat + 1, taken_at = $5
        WHERE name = $1 AND epoch = $2 AND beat = $3 RETURNING epoch";
    BEAT = "UPDATE leases SET beat = beat + 1 WHERE owner = $1 RETURNING name, epoch";
    GIVE_BACK = "UPDATE leases SET owner = NULL, beat = beat + 1 WHERE owner = $1 RETURNING name";
    PUT_PROCESS = "INSERT INTO processes (id, host, pid, roles, address, version, started_at, seen_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, address = excluded.address RETURNING id";
    PROCESSES = "SELECT id, host, pid, roles, address, version, started_at, seen_at FROM processes
        ORDER BY started_at, id";
    FORGET_PROCESS = "DELETE FROM processes WHERE id = $1 RETURNING id";
    FORGET_BEFORE = "DELETE FROM processes WHERE seen_at < $1 RETURNING id";
    /// Leans on the primary key.
    BEGIN_WORK = "INSERT INTO leases (name, epoch, owner, beat, taken_at) VALUES ($1, 1, $2, $3, $3)
        ON CONFLICT (name) DO UPDATE SET epoch = leases.epoch + 1, owner = excluded.owner, beat = excluded.beat,
            taken_at = excluded.taken_at
        WHERE leases.owner IS NULL OR leases.beat <= $4
        RETURNING epoch";
    /// Leans on the primary key.
    WORK_GOES_ON = "UPDATE leases SET beat = $3 WHERE name = $1 AND owner = $2 RETURNING epoch";
    /// Leans on the primary key.
    END_WORK = "UPDATE leases SET owner = NULL WHERE name = $1 AND owner = $2 RETURNING epoch";
    /// Leans on the primary key.
    WORK_SINCE = "SELECT taken_at FROM leases WHERE name = $1 AND owner IS NOT NULL";
}

/// Returns all leases.
///
/// # Errors
/// What the store says.
pub async fn all(db: &Db) -> Result<Vec<Lease>> {
    db.all(&ALL, args![]).await
}

/// Takes a lease that was seen as `seen`, or that was seen not to be there; returns its new epoch, or `None` if
/// another was first.
///
/// # Errors
/// What the store says.
pub async fn take(
    db: &Db,
    name: &str,
    seen: Option<&Lease>,
    owner: Uuid,
    now: Timestamp,
) -> Result<Option<i64>> {
    let now = now.as_millis();
    let taken: Vec<(i64,)> = match seen {
        None => db.write(&MAKE, args![name, owner, now]).await?,
        Some(seen) => db.write(&TAKE, args![name, seen.epoch, seen.beat, owner, now]).await?,
    };
    Ok(taken.first().map(|(epoch,)| *epoch))
}

/// Beats for all that `owner` holds, and returns their names and epochs.
///
/// # Errors
/// What the store says.
pub async fn beat(db: &Db, owner: Uuid) -> Result<Vec<(String, i64)>> {
    db.write(&BEAT, args![owner]).await
}

/// Gives back all that `owner` holds.
///
/// # Errors
/// What the store says.
pub async fn give_back(db: &Db, owner: Uuid) -> Result<()> {
    let _: Vec<(String,)> = db.write(&GIVE_BACK, args![owner]).await?;
    Ok(())
}

/// Writes down that a process serves, and was heard of now.
///
/// # Errors
/// What the store says.
pub async fn put_process(db: &Db, process: &Process) -> Result<()> {
    let p = process.clone();
    let row = args![p.id, p.host, p.pid, p.roles, p.address, p.version, p.started_at, p.seen_at];
    let _: Vec<(Uuid,)> = db.write(&PUT_PROCESS, row).await?;
    Ok(())
}

/// Returns the processes that were ever heard of and not forgotten, the oldest first.
///
/// # Errors
/// What the store says.
pub async fn processes(db: &Db) -> Result<Vec<Process>> {
    db.all(&PROCESSES, args![]).await
}

/// Forgets a process that ends in order, or (with `before`) all that were not heard of since.
///
/// # Errors
/// What the store says.
pub async fn forget(db: &Db, id: Uuid, before: Option<Timestamp>) -> Result<()> {
    let _: Vec<(Uuid,)> = match before {
        None => db.write(&FORGET_PROCESS, args![id]).await?,
        Some(before) => db.write(&FORGET_BEFORE, args![before.as_millis()]).await?,
    };
    Ok(())
}

/// Begins an operator's work; false if somebody else is at it.
///
/// # Errors
/// What the store says.
pub async fn begin_work(db: &Db, name: &str, owner: Uuid, now: Timestamp) -> Result<bool> {
    let old = now.as_millis() - WORK_BEAT_MS_MAX;
    let rows: Vec<(i64,)> = db.write(&BEGIN_WORK, args![name, owner, now.as_millis(), old]).await?;
    Ok(!rows.is_empty())
}

/// Says that an operator's work goes on; false if somebody else has taken it.
///
/// # Errors
/// What the store says.
pub async fn work_goes_on(db: &Db, name: &str, owner: Uuid, now: Timestamp) -> Result<bool> {
    let rows: Vec<(i64,)> = db.write(&WORK_GOES_ON, args![name, owner, now.as_millis()]).await?;
    Ok(!rows.is_empty())
}

/// Ends an operator's work, if it is this owner's.
///
/// # Errors
/// What the store says.
pub async fn end_work(db: &Db, name: &str, owner: Uuid) -> Result<()> {
    let _: Vec<(i64,)> = db.write(&END_WORK, args![name, owner]).await?;
    Ok(())
}

/// Returns since when somebody is at an operator's work.
///
/// # Errors
/// What the store says.
pub async fn work_since(db: &Db, name: &str) -> Result<Option<Timestamp>> {
    let row: Option<(i64,)> = db.first(&WORK_SINCE, args![name]).await?;
    Ok(row.map(|(at,)| Timestamp::from_millis(at)))
}
