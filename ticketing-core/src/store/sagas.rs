//! Saga rows: where each stands, its steps, and what outside services told. They are written with the bookings that
//! they are about, in the engine's one transaction: `write` has what goes there.

mod write;

pub use write::{Lease, SagaChange};
pub(super) use write::{STATEMENTS as WRITE_STATEMENTS, SagaRows, awaiting_rows};

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::payments;
use super::sql::statements;
use crate::args;
use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId};
use crate::domain::payment::{Attempt, Payment};
use crate::domain::time::Timestamp;
use crate::saga::{Case, Park, Saga, SagaState, StepRecord};
use std::collections::HashMap;
use uuid::Uuid;

/// What an outside service told, to be done once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// Where it came from: a topic, `stripe`.
    pub source: String,
    /// Its id there.
    pub message_id: String,
}

#[derive(Debug, sqlx::FromRow)]
struct SagaRow {
    id: Uuid,
    booking_id: Option<Uuid>,
    state: String,
    park: Option<String>,
    payment_id: Option<Uuid>,
    attempts: i32,
    last_error: Option<String>,
    next_at: Option<i64>,
    correlation_id: String,
    created_at: i64,
    moved_at: i64,
    events: i32,
    version: i32,
}

impl SagaRow {
    fn saga(self) -> Result<Saga> {
        let wrong = |column: &'static str, reason: &str| StoreError::Corrupt {
            table: "sagas",
            column,
            row: self.id.to_string(),
            reason: reason.to_owned(),
        };
        let park = match self.park.as_deref() {
            None => None,
            Some(word) => Some(Park::parse(word).ok_or_else(|| wrong("park", "not a reason to park"))?),
        };
        Ok(Saga {
            id: SagaId(self.id),
            booking_id: self.booking_id.map(BookingId),
            state: SagaState::parse(&self.state).ok_or_else(|| wrong("state", "not a saga's state"))?,
            park,
            payment_id: self.payment_id.map(PaymentId),
            attempts: u32::try_from(self.attempts).map_err(|_| wrong("attempts", "below zero"))?,
            next_at: self.next_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
            moved_at: Timestamp::from_millis(self.moved_at),
            events: u32::try_from(self.events).map_err(|_| wrong("events", "below zero"))?,
            version: u32::try_from(self.version).map_err(|_| wrong("version", "below zero"))?,
            last_error: self.last_error,
            correlation_id: self.correlation_id,
        })
    }
}

#[derive(Debug, sqlx::FromRow)]
struct StepRow {
    saga_id: Uuid,
    no: i32,
    at: i64,
    input: String,
    state: String,
    attempt_id: Option<Uuid>,
    note: Option<String>,
    actor: String,
    correlation_id: String,
}

impl StepRow {
    fn step(self) -> Result<StepRecord> {
        let wrong = |column: &'static str, reason: &str| StoreError::Corrupt {
            table: "saga_steps",
            column,
            row: format!("{} {}", self.saga_id, self.no),
            reason: reason.to_owned(),
        };
        Ok(StepRecord {
            saga_id: SagaId(self.saga_id),
            no: u32::try_from(self.no).map_err(|_| wrong("no", "below zero"))?,
            at: Timestamp::from_millis(self.at),
            state: SagaState::parse(&self.state).ok_or_else(|| wrong("state", "not a saga's state"))?,
            attempt_id: self.attempt_id.map(AttemptId),
            input: self.input,
            note: self.note,
            actor: self.actor,
            correlation_id: self.correlation_id,
        })
    }
}

statements! {
    /// Leans on the primary key.
    BY_ID = "SELECT id, booking_id, state, park, payment_id, attempts, last_error, next_at, correlation_id, created_at,
            moved_at, events, version
        FROM sagas WHERE id {any uuid}";
    /// The newest first; leans on the primary key, whose ids are in the order of time.
    BEFORE = "SELECT id, booking_id, state, park, payment_id, attempts, last_error, next_at, correlation_id, created_at,
            moved_at, events, version
        FROM sagas WHERE id < $1
        ORDER BY id DESC
        LIMIT $2";
    /// Those that have stood still the longest first; leans on `sagas_open`.
    IN_STATE = "SELECT id, booking_id, state, park, payment_id, attempts, last_error, next_at, correlation_id, created_at,
            moved_at, events, version
        FROM sagas
        WHERE state = $1 AND moved_at <= $2
            AND state IN ('AWAITING_PAYMENT', 'CHARGING', 'RELEASING', 'REFUNDING', 'PARKED')
        ORDER BY moved_at
        LIMIT $3";
    /// Leans on `sagas_open`.
    COUNTS = "SELECT state, COUNT(*), MIN(moved_at) FROM sagas
        WHERE state IN ('AWAITING_PAYMENT', 'CHARGING', 'RELEASING', 'REFUNDING', 'PARKED')
        GROUP BY state";
    /// Leans on `sagas_open`.
    STANDING_COUNT = "SELECT COUNT(*) FROM sagas
        WHERE state = $1 AND moved_at <= $2
            AND state IN ('AWAITING_PAYMENT', 'CHARGING', 'RELEASING', 'REFUNDING', 'PARKED')";
    /// Leans on the primary key.
    BETWEEN = "SELECT id FROM sagas WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM sagas b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM sagas a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on the primary key.
    STEPS_OF = "SELECT saga_id, no, at, input, state, attempt_id, note, actor, correlation_id
        FROM saga_steps WHERE saga_id {any uuid} ORDER BY saga_id, no";
    /// Leans on the primary key.
    STEPS = "SELECT saga_id, no, at, input, state, attempt_id, note, actor, correlation_id
        FROM saga_steps WHERE saga_id = $1 ORDER BY no";
    /// Leans on the primary key.
    TOLD = "SELECT i.source, i.message_id FROM {rows source text, message_id text} CROSS JOIN saga_inbox i
        WHERE i.source = v.source AND i.message_id = v.message_id";
}

/// Returns these sagas with their payments and attempts, those that exist; without their bookings.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that can't be read.
pub async fn cases(db: &Db, ids: &[SagaId]) -> Result<Vec<Case>> {
    let rows: Vec<SagaRow> = db.all(&BY_ID, args![uuids(ids.iter().map(|id| id.0))]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<SagaId> = rows.iter().map(|row| SagaId(row.id)).collect();
    let mut payments_of: HashMap<SagaId, Vec<Payment>> = HashMap::new();
    for payment in payments::of_sagas(db, &found).await? {
        payments_of.entry(payment.saga_id).or_default().push(payment);
    }
    let mut attempts_of: HashMap<SagaId, Vec<Attempt>> = HashMap::new();
    if !payments_of.is_empty() {
        for attempt in payments::attempts_of_sagas(db, &found).await? {
            attempts_of.entry(attempt.saga_id).or_default().push(attempt);
        }
    }
    let mut cases = Vec::with_capacity(rows.len());
    for row in rows {
        let saga = row.saga()?;
        let payments = payments_of.remove(&saga.id).unwrap_or_default();
        let attempts = attempts_of.remove(&saga.id).unwrap_or_default();
        cases.push(Case { saga, booking: None, payments, attempts });
    }
    Ok(cases)
}

fn sagas(rows: Vec<SagaRow>) -> Result<Vec<Saga>> {
    rows.into_iter().map(SagaRow::saga).collect()
}

/// Returns up to `limit` sagas, the newest first, beginning before `before`.
///
/// # Errors
/// As [`cases`].
pub async fn newest(db: &Db, before: Option<SagaId>, limit: i64) -> Result<Vec<Saga>> {
    sagas(db.all(&BEFORE, args![before.map_or(Uuid::max(), |id| id.0), limit]).await?)
}

/// Returns up to `limit` sagas that stand in an open state since `since` or longer, the longest first.
///
/// # Errors
/// As [`cases`].
pub async fn standing(db: &Db, state: SagaState, since: Timestamp, limit: i64) -> Result<Vec<Saga>> {
    sagas(db.all(&IN_STATE, args![state.word(), since.as_millis(), limit]).await?)
}

/// Returns how many sagas stand in an open state since `since` or longer.
///
/// # Errors
/// What the store says.
pub async fn standing_count(db: &Db, state: SagaState, since: Timestamp) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&STANDING_COUNT, args![state.word(), since.as_millis()]).await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Returns how many sagas stand in each open state, and since when the oldest.
///
/// # Errors
/// What the store says.
pub async fn counts(db: &Db) -> Result<Vec<(SagaState, i64, Timestamp)>> {
    let rows: Vec<(String, i64, i64)> = db.all(&COUNTS, args![]).await?;
    let known = |(state, count, oldest): (String, i64, i64)| {
        Some((SagaState::parse(&state)?, count, Timestamp::from_millis(oldest)))
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Returns the steps of a saga, in order.
///
/// # Errors
/// As [`cases`].
pub async fn steps(db: &Db, id: SagaId) -> Result<Vec<StepRecord>> {
    let rows: Vec<StepRow> = db.all(&STEPS, args![id.0]).await?;
    rows.into_iter().map(StepRow::step).collect()
}

/// Returns the steps of these sagas, those of one together and in order.
///
/// # Errors
/// As [`cases`].
pub async fn steps_of(db: &Db, ids: &[SagaId]) -> Result<Vec<StepRecord>> {
    let rows: Vec<StepRow> = db.all(&STEPS_OF, args![uuids(ids.iter().map(|id| id.0))]).await?;
    rows.into_iter().map(StepRow::step).collect()
}

/// Returns up to two sagas whose ids lie in a range: enough to know whether a prefix is unique.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that a saga has.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Returns which of these messages were told before.
///
/// # Errors
/// What the store says.
pub async fn told(db: &Db, messages: &[Message]) -> Result<Vec<Message>> {
    let sources = Column::Text(messages.iter().map(|m| m.source.clone()).collect());
    let ids = Column::Text(messages.iter().map(|m| m.message_id.clone()).collect());
    let rows: Vec<(String, String)> = db.all(&TOLD, args![vec![sources, ids]]).await?;
    Ok(rows.into_iter().map(|(source, message_id)| Message { source, message_id }).collect())
}

fn uuids(ids: impl Iterator<Item = Uuid>) -> Column {
    Column::Uuid(ids.collect())
}
