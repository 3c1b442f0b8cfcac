//! The log: events in order of commit, with positions 1, 2, 3, … and no gaps.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
pub use crate::domain::log::{LogEntry, RawEntry};
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// A row of `events`, or of what is selected from it under the same names.
#[derive(sqlx::FromRow)]
pub(super) struct EventRow {
    pub(super) position: i64,
    stream_id: Uuid,
    stream_version: i32,
    event_type: String,
    recorded_at: i64,
    actor: String,
    correlation_id: String,
    causation_id: Option<String>,
    data: String,
}

impl EventRow {
    pub(super) fn raw(self) -> RawEntry {
        RawEntry {
            position: self.position,
            stream_id: self.stream_id,
            stream_version: self.stream_version,
            event_type: self.event_type,
            recorded_at: Timestamp::from_millis(self.recorded_at),
            actor: self.actor,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            data: self.data,
        }
    }

    fn entry(self) -> Result<LogEntry> {
        let position = self.position;
        self.raw().parse().map_err(|e| StoreError::Corrupt {
            table: "events",
            column: "data",
            row: format!("position {position}"),
            reason: e.to_string(),
        })
    }
}

/// The head, and an event after the known one if there is any.
#[derive(sqlx::FromRow)]
struct NewsRow {
    head: i64,
    position: Option<i64>,
    stream_id: Option<Uuid>,
    stream_version: Option<i32>,
    event_type: Option<String>,
    recorded_at: Option<i64>,
    actor: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    data: Option<String>,
}

impl NewsRow {
    fn event(self) -> Option<EventRow> {
        Some(EventRow {
            position: self.position?,
            stream_id: self.stream_id?,
            stream_version: self.stream_version?,
            event_type: self.event_type?,
            recorded_at: self.recorded_at?,
            actor: self.actor?,
            correlation_id: self.correlation_id?,
            causation_id: self.causation_id,
            data: self.data?,
        })
    }
}

statements! {
    HEAD = "SELECT head FROM log_head WHERE id = 1";
    /// Leans on the primary key. No events, if there are more than `$2`.
    NEWS = "SELECT h.head, e.position, e.stream_id, e.stream_version, e.event_type, e.recorded_at, e.actor,
            e.correlation_id, e.causation_id, e.data
        FROM log_head h
        LEFT JOIN events e ON e.position > $1 AND e.position <= h.head AND h.head - $1 <= $2
        WHERE h.id = 1 ORDER BY e.position";
    /// Leans on the primary key.
    AFTER = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE position > $1 AND position <= $2 ORDER BY position";
    /// Leans on the primary key.
    AT = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE position {any big} ORDER BY position";
    /// Leans on `events_stream`.
    OF_STREAM = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE stream_id = $1 ORDER BY stream_version";
    /// Leans on `events_stream`.
    OF_STREAMS = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE stream_id {any uuid} ORDER BY stream_id, stream_version";
    /// Leans on `events_stream`; the plus keeps SQLite from walking the stretch of the log instead.
    OF_STREAMS_BETWEEN = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE +position > $1 AND +position <= $2 AND stream_id {any uuid} ORDER BY position";
    /// Leans on the primary key.
    PLACE = "SELECT stream_id, stream_version FROM events WHERE position = $1";
    /// No index has correlation ids: it reads the stretch of the log between the two positions.
    OF_CORRELATION = "SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id,
            causation_id, data
        FROM events WHERE position > $1 AND position <= $2 AND correlation_id = $3 ORDER BY position";
    /// Leans on `events_stream`.
    LAST_VERSIONS = "SELECT stream_id, MAX(stream_version) AS version, MAX(position) AS position
        FROM events WHERE stream_id {any uuid} GROUP BY stream_id";
}

/// Returns the last position of the log, 0 if it is empty.
///
/// # Errors
/// What the store says.
pub async fn head(db: &Db) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&HEAD, args![]).await?;
    row.map(|(head,)| head).ok_or_else(no_head)
}

fn no_head() -> StoreError {
    StoreError::Corrupt {
        table: "log_head",
        column: "id",
        row: "1".into(),
        reason: "the row is missing".into(),
    }
}

/// Returns the last position, and the events after a known one, in order; none of them if there are more than
/// `limit`.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for an event that can't be read.
pub async fn news(db: &Db, known: i64, limit: i64) -> Result<(i64, Vec<LogEntry>)> {
    let rows: Vec<NewsRow> = db.all(&NEWS, args![known, limit]).await?;
    let head = rows.first().map(|row| row.head).ok_or_else(no_head)?;
    let events = rows.into_iter().filter_map(NewsRow::event).map(EventRow::entry);
    Ok((head, events.collect::<Result<Vec<LogEntry>>>()?))
}

/// Returns the events after a position, in order, `limit` at most.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for an event that can't be read.
pub async fn after(db: &Db, position: i64, limit: i64) -> Result<Vec<LogEntry>> {
    let rows: Vec<EventRow> = db.all(&AFTER, args![position, position.saturating_add(limit)]).await?;
    rows.into_iter().map(EventRow::entry).collect()
}

/// Returns the events of these streams after `from`, up to and with `to`, in order.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for an event that can't be read.
pub async fn of_streams_between(db: &Db, streams: Vec<Uuid>, from: i64, to: i64) -> Result<Vec<LogEntry>> {
    let rows: Vec<EventRow> = db.all(&OF_STREAMS_BETWEEN, args![from, to, Column::Uuid(streams)]).await?;
    rows.into_iter().map(EventRow::entry).collect()
}

/// Returns the stream of the event at a position, and its place there.
///
/// # Errors
/// What the store says.
pub async fn place(db: &Db, position: i64) -> Result<Option<(Uuid, i32)>> {
    db.first(&PLACE, args![position]).await
}

/// Returns the events after a position as they are stored, in order, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn raw_after(db: &Db, position: i64, limit: i64) -> Result<Vec<RawEntry>> {
    let rows: Vec<EventRow> = db.all(&AFTER, args![position, position.saturating_add(limit)]).await?;
    Ok(rows.into_iter().map(EventRow::raw).collect())
}

/// Returns the events at these positions as they are stored, those that exist, in order.
///
/// # Errors
/// What the store says.
pub async fn raw_at(db: &Db, positions: Vec<i64>) -> Result<Vec<RawEntry>> {
    let rows: Vec<EventRow> = db.all(&AT, args![Column::Big(positions)]).await?;
    Ok(rows.into_iter().map(EventRow::raw).collect())
}

/// Returns the events of one stream as they are stored, in order.
///
/// # Errors
/// What the store says.
pub async fn raw_of_stream(db: &Db, stream_id: Uuid) -> Result<Vec<RawEntry>> {
    let rows: Vec<EventRow> = db.all(&OF_STREAM, args![stream_id]).await?;
    Ok(rows.into_iter().map(EventRow::raw).collect())
}

/// Returns the events of one stream, in order.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for an event that can't be read.
pub async fn of_stream(db: &Db, stream_id: Uuid) -> Result<Vec<LogEntry>> {
    let rows: Vec<EventRow> = db.all(&OF_STREAM, args![stream_id]).await?;
    rows.into_iter().map(EventRow::entry).collect()
}

/// Returns the events of these streams as they are stored, those of one together and in order.
///
/// # Errors
/// What the store says.
pub async fn raw_of_streams(db: &Db, streams: Vec<Uuid>) -> Result<Vec<RawEntry>> {
    let rows: Vec<EventRow> = db.all(&OF_STREAMS, args![Column::Uuid(streams)]).await?;
    Ok(rows.into_iter().map(EventRow::raw).collect())
}

/// Returns the events after `from`, up to and with `to`, that follow from one request. Reads all between.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for an event that can't be read.
pub async fn of_correlation(db: &Db, from: i64, to: i64, correlation_id: &str) -> Result<Vec<LogEntry>> {
    let rows: Vec<EventRow> = db.all(&OF_CORRELATION, args![from, to, correlation_id]).await?;
    rows.into_iter().map(EventRow::entry).collect()
}

/// Returns the last version and position of each stream that has events.
///
/// # Errors
/// What the store says.
pub async fn last_versions(db: &Db, streams: Vec<Uuid>) -> Result<Vec<(Uuid, i32, i64)>> {
    db.all(&LAST_VERSIONS, args![Column::Uuid(streams)]).await
}
