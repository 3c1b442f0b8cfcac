//! Events that the projection could not fold, and those that wait behind one of the same stream. Read store.
//!
//! The events themselves are in the log; here is only which, and why. A row is open while it is `dead` or `waiting`.

use super::db::{Column, Db, Tx};
use super::dead_letters::LetterState;
use super::error::{Result, StoreError};
use super::sql::statements;
use super::views::fold::TICKETS;
use crate::args;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// No more streams than this are looked at: with more, something is wrong with the program, not with events.
pub const OPEN_STREAMS_MAX: i64 = 10_000;

/// An event that is to be parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewParked {
    /// Its place in the log.
    pub position: i64,
    /// Its stream.
    pub stream_id: Uuid,
    /// Its place there.
    pub stream_version: i32,
    /// Its type.
    pub event_type: String,
    /// `Dead` or `Waiting`.
    pub state: LetterState,
    /// Why, as a sentence.
    pub reason: String,
    /// How often it was tried.
    pub tries: i32,
    /// When.
    pub at: Timestamp,
}

/// A parked event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its place in the log.
    pub position: i64,
    /// Its stream.
    pub stream_id: Uuid,
    /// Its place there.
    pub stream_version: i32,
    /// Its type.
    pub event_type: String,
    /// Where it stands.
    pub state: LetterState,
    /// Why, as a sentence.
    pub reason: String,
    /// How often it was tried.
    pub tries: i32,
    /// When it was parked.
    pub at: Timestamp,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// Who moved it last; `None` if nobody has.
    pub moved_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ParkedRow {
    position: i64,
    stream_id: Uuid,
    stream_version: i32,
    event_type: String,
    state: String,
    reason: String,
    tries: i32,
    at: i64,
    moved_at: i64,
    moved_by: Option<String>,
}

impl ParkedRow {
    fn parked(self) -> Result<Parked> {
        let state = LetterState::parse(&self.state).ok_or_else(|| StoreError::Corrupt {
            table: "view_parked",
            column: "state",
            row: format!("position {}", self.position),
            reason: format!("{:?} is no state", self.state),
        })?;
        Ok(Parked {
            position: self.position,
            stream_id: self.stream_id,
            stream_version: self.stream_version,
            event_type: self.event_type,
            state,
            reason: self.reason,
            tries: self.tries,
            at: Timestamp::from_millis(self.at),
            moved_at: Timestamp::from_millis(self.moved_at),
            moved_by: self.moved_by,
        })
    }
}

/// How a parked event moves on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedMove {
    /// Its place in the log.
    pub position: i64,
    /// Where it must still stand.
    pub from: LetterState,
    /// How often it must have been tried by now.
    pub tries: i32,
    /// Where it is to stand.
    pub to: LetterState,
    /// Why, as a sentence.
    pub reason: String,
    /// Whether it was tried once more.
    pub tried: bool,
    /// Who moves it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

statements! {
    /// Leans on `view_parked_open`.
    OPEN_STREAMS = "SELECT stream_id, MIN(position) AS position FROM view_parked
        WHERE state IN ('dead', 'waiting') AND name = $1
        GROUP BY stream_id ORDER BY 2 LIMIT $2";
    /// Leans on `view_parked_open`.
    OPEN_AMONG = "SELECT DISTINCT stream_id FROM view_parked
        WHERE state IN ('dead', 'waiting') AND name = $1 AND stream_id {any uuid}";
    /// What is parked again after it was done with, as when all is folded anew, is open again: it did fail.
    PUT = "INSERT INTO view_parked (name, position, stream_id, stream_version, event_type, state, reason, tries, at,
            moved_at)
        SELECT name, position, stream_id, stream_version, event_type, state, reason, tries, at, at
        FROM {rows name text, position big, stream_id uuid, stream_version int, event_type text, state text,
            reason text, tries int, at big}
        WHERE true
        ON CONFLICT (name, position) DO UPDATE SET state = excluded.state, reason = excluded.reason,
            tries = view_parked.tries + excluded.tries, moved_at = excluded.at, moved_by = NULL
        WHERE view_parked.state NOT IN ('dead', 'waiting')";
    /// Leans on the primary key.
    PAGE = "SELECT position, stream_id, stream_version, event_type, state, reason, tries, at, moved_at, moved_by
        FROM view_parked WHERE name = $1 AND position < $2 ORDER BY position DESC LIMIT $3";
    /// Leans on the primary key; open ones may be few among many, and both are few.
    OPEN_PAGE = "SELECT position, stream_id, stream_version, event_type, state, reason, tries, at, moved_at,
            moved_by
        FROM view_parked WHERE state IN ('dead', 'waiting') AND name = $1 AND position < $2
        ORDER BY position DESC LIMIT $3";
    /// Leans on the primary key.
    AT = "SELECT position, stream_id, stream_version, event_type, state, reason, tries, at, moved_at, moved_by
        FROM view_parked WHERE name = $1 AND position {any big} ORDER BY position";
    /// Leans on `view_parked_open`.
    OPEN_OF_STREAM = "SELECT position, stream_id, stream_version, event_type, state, reason, tries, at, moved_at,
            moved_by
        FROM view_parked WHERE state IN ('dead', 'waiting') AND stream_id = $1 AND name = $2
        ORDER BY position LIMIT $3";
    /// Leans on the primary key. Only from where it was seen. Without a reason the last one stays.
    MOVE = "UPDATE view_parked SET state = $5, reason = COALESCE(NULLIF($6, ''), reason), tries = tries + $7, moved_by = $8, moved_at = $9
        WHERE name = $1 AND position = $2 AND state = $3 AND tries = $4";
    /// Leans on `view_parked_open`: streams whose first open event was never tried.
    STRANDED = "SELECT w.stream_id FROM view_parked w
        WHERE w.state IN ('dead', 'waiting') AND w.state = 'waiting' AND w.name = $1 AND NOT EXISTS (
            SELECT 1 FROM view_parked d
            WHERE d.state IN ('dead', 'waiting') AND d.state = 'dead' AND d.name = w.name
                AND d.stream_id = w.stream_id AND d.position < w.position)
        GROUP BY w.stream_id ORDER BY MIN(w.position) LIMIT $2";
    /// Leans on `view_parked_open`.
    OPEN_COUNTS = "SELECT state, COUNT(*) AS n FROM view_parked WHERE state IN ('dead', 'waiting') AND name = $1
        GROUP BY state ORDER BY state";
}

/// Returns the streams that have an open event, with the first one's position, the first parked first, and at most
/// [`OPEN_STREAMS_MAX`].
///
/// # Errors
/// What the store says.
pub async fn open_streams(db: &Db) -> Result<Vec<(Uuid, i64)>> {
    db.all(&OPEN_STREAMS, args![TICKETS, OPEN_STREAMS_MAX]).await
}

/// Returns which of these streams have an open event, in a transaction.
///
/// # Errors
/// What the store says.
pub async fn open_among(tx: &mut Tx, streams: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = tx.all(&OPEN_AMONG, args![TICKETS, Column::Uuid(streams)]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Parks events of the tables with this cursor in a transaction, each at most once in `rows`; one that is parked and
/// open stays as it is.
///
/// # Errors
/// What the store says.
pub async fn put(tx: &mut Tx, name: &str, rows: &[NewParked]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = vec![
        Column::Text(rows.iter().map(|_| name.to_owned()).collect()),
        Column::Big(rows.iter().map(|r| r.position).collect()),
        Column::Uuid(rows.iter().map(|r| r.stream_id).collect()),
        Column::Int(rows.iter().map(|r| r.stream_version).collect()),
        Column::Text(rows.iter().map(|r| r.event_type.clone()).collect()),
        Column::Text(rows.iter().map(|r| r.state.word().to_owned()).collect()),
        Column::Text(rows.iter().map(|r| r.reason.clone()).collect()),
        Column::Int(rows.iter().map(|r| r.tries).collect()),
        Column::Big(rows.iter().map(|r| r.at.as_millis()).collect()),
    ];
    tx.run(&PUT, args![columns]).await?;
    Ok(())
}

/// Walks the parked events, the newest first, `limit` at most: all of them, or those that are open. Start with
/// [`i64::MAX`], go on with the last one's position.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, before: i64, only_open: bool, limit: i64) -> Result<Vec<Parked>> {
    let sql = if only_open { &OPEN_PAGE } else { &PAGE };
    parked(db.all(sql, args![TICKETS, before, limit]).await?)
}

/// Returns the parked events at these positions, those that exist, in order.
///
/// # Errors
/// What the store says.
pub async fn at(db: &Db, positions: Vec<i64>) -> Result<Vec<Parked>> {
    parked(db.all(&AT, args![TICKETS, Column::Big(positions)]).await?)
}

/// Returns the open events of a stream in their order, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn open_of_stream(db: &Db, stream_id: Uuid, limit: i64) -> Result<Vec<Parked>> {
    parked(db.all(&OPEN_OF_STREAM, args![stream_id, TICKETS, limit]).await?)
}

/// Moves a parked event on in a transaction; false if it no longer is where it was seen, and then nothing is done.
///
/// # Errors
/// What the store says.
pub async fn advance(tx: &mut Tx, step: &ParkedMove) -> Result<bool> {
    let values = args![
        TICKETS,
        step.position,
        step.from.word(),
        step.tries,
        step.to.word(),
        step.reason.clone(),
        i32::from(step.tried),
        step.by.clone(),
        step.at.as_millis(),
    ];
    Ok(tx.run(&MOVE, values).await? > 0)
}

/// Returns the streams whose first open event only waits, though nothing stands before it any more, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn stranded(db: &Db, limit: i64) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&STRANDED, args![TICKETS, limit]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns how many open events there are, by state.
///
/// # Errors
/// What the store says.
pub async fn open_counts(db: &Db) -> Result<Vec<(String, i64)>> {
    db.all(&OPEN_COUNTS, args![TICKETS]).await
}

fn parked(rows: Vec<ParkedRow>) -> Result<Vec<Parked>> {
    rows.into_iter().map(ParkedRow::parked).collect()
}
