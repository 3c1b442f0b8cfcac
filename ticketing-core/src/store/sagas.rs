//! Saga rows: where each stands, its steps, and what outside services told. Written with the bookings that
//! they are about, in the engine's one transaction.

use super::db::{Arg, Column, Db};
use super::error::{Result, StoreError};
use super::payments;
use super::sql::{Sql, statements};
use crate::args;
use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId};
use crate::domain::payment::{Attempt, Payment};
use crate::domain::time::Timestamp;
use crate::saga::{Case, Park, Saga, SagaState, StepRecord};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// What a batch did to a saga: how it was, how it is, and the steps between.
#[derive(Clone, Debug)]
pub struct SagaChange {
    /// As it was before the batch; `None` for a new one.
    pub before: Option<Arc<Case>>,
    /// As it is after the batch. Its booking is not looked at here.
    pub after: Arc<Case>,
    /// What is written down of it.
    pub steps: Vec<StepRecord>,
}

impl SagaChange {
    /// Whether it is a new saga that only waits for somebody to pay.
    pub(super) fn only_awaits_payment(&self) -> bool {
        self.before.is_none()
            && self.after.payments.is_empty()
            && self.after.saga.version == 1
            && self.after.saga.state == SagaState::AwaitingPayment
            && self.steps.is_empty()
    }
}

/// What an outside service told, to be done once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// Where it came from: a topic, `stripe`.
    pub source: String,
    /// Its id there.
    pub message_id: String,
}

/// Who runs the attempts that a batch has begun, without looking for them first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process.
    pub owner: String,
    /// Until when they are its own.
    pub until: Timestamp,
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
    INSERT_SAGAS = "INSERT INTO sagas (id, booking_id, state, park, payment_id, attempts, last_error, next_at,
            correlation_id, created_at, moved_at, events, version)
        SELECT id, booking_id, state, park, payment_id, attempts, last_error, next_at, correlation_id, created_at,
            moved_at, events, version
        FROM {rows id uuid, booking_id uuid, state text, park text, payment_id uuid, attempts int, last_error text,
            next_at big, correlation_id text, created_at big, moved_at big, events int, version int} WHERE true";
    /// Leans on the primary key.
    UPDATE_SAGAS = "UPDATE sagas SET state = v.state, park = v.park, payment_id = v.payment_id, attempts = v.attempts,
            last_error = v.last_error, next_at = v.next_at, moved_at = v.moved_at, events = v.events,
            version = v.version
        FROM {rows id uuid, state text, park text, payment_id uuid, attempts int, last_error text, next_at big,
            moved_at big, events int, version int, version_before int}
        WHERE sagas.id = v.id AND sagas.version = v.version_before";
    INSERT_STEPS = "INSERT INTO saga_steps (saga_id, no, at, input, state, attempt_id, note, actor, correlation_id)
        SELECT saga_id, no, at, input, state, attempt_id, note, actor, correlation_id
        FROM {rows saga_id uuid, no int, at big, input text, state text, attempt_id uuid, note text, actor text,
            correlation_id text} WHERE true";
    INSERT_INBOX = "INSERT INTO saga_inbox (source, message_id, saga_id, at)
        SELECT source, message_id, saga_id, at
        FROM {rows source text, message_id text, saga_id uuid, at big} WHERE true";
    INSERT_PAYMENTS = "INSERT INTO payments (id, saga_id, booking_id, reference, user_id, external_id, amount_minor,
            currency, captured_minor, refunded_minor, status, provider, provider_ref, failure, created_at,
            updated_at, version)
        SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM {rows id uuid, saga_id uuid, booking_id uuid, reference text, user_id text, external_id text,
            amount_minor big, currency text, captured_minor big, refunded_minor big, status text, provider text,
            provider_ref text, failure text, created_at big, updated_at big, version int} WHERE true";
    /// Leans on the primary key.
    UPDATE_PAYMENTS = "UPDATE payments SET external_id = v.external_id, amount_minor = v.amount_minor,
            currency = v.currency, captured_minor = v.captured_minor, refunded_minor = v.refunded_minor,
            status = v.status, provider_ref = v.provider_ref, failure = v.failure, updated_at = v.updated_at,
            version = v.version
        FROM {rows id uuid, external_id text, amount_minor big, currency text, captured_minor big,
            refunded_minor big, status text, provider_ref text, failure text, updated_at big, version int,
            version_before int}
        WHERE payments.id = v.id AND payments.version = v.version_before";
    INSERT_ATTEMPTS = "INSERT INTO payment_attempts (id, payment_id, saga_id, kind, amount_minor, currency, token, state,
            tries, in_doubt, next_at, provider_ref, error, reason, created_at, ended_at, lease_owner, lease_until)
        SELECT id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt, next_at,
            provider_ref, error, reason, created_at, ended_at, lease_owner, lease_until
        FROM {rows id uuid, payment_id uuid, saga_id uuid, kind text, amount_minor big, currency text, token text,
            state text, tries int, in_doubt int, next_at big, provider_ref text, error text, reason text,
            created_at big, ended_at big, lease_owner text, lease_until big} WHERE true";
    /// The lease ends with the answer, and a token is not kept longer than it is needed. Leans on the primary key.
    UPDATE_ATTEMPTS = "UPDATE payment_attempts SET amount_minor = v.amount_minor, token = v.token, state = v.state,
            tries = v.tries, in_doubt = v.in_doubt, next_at = v.next_at, provider_ref = v.provider_ref,
            error = v.error, ended_at = v.ended_at, lease_owner = NULL, lease_until = 0
        FROM {rows id uuid, amount_minor big, token text, state text, tries int, in_doubt int, next_at big,
            provider_ref text, error text, ended_at big}
        WHERE payment_attempts.id = v.id";
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

/// What a batch writes of sagas.
pub(super) struct SagaRows<'a> {
    rows: Rows<'a>,
    told: &'a [(Message, SagaId)],
    lease: Option<&'a Lease>,
    now: Timestamp,
}

impl<'a> SagaRows<'a> {
    /// Collects what these changes and messages come to.
    pub(super) fn of(
        changes: &'a [SagaChange],
        told: &'a [(Message, SagaId)],
        lease: Option<&'a Lease>,
        now: Timestamp,
    ) -> Self {
        Self { rows: Rows::of(changes), told, lease, now }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.told.is_empty()
    }

    /// The statements that write it; those that count what they changed come first.
    pub(super) fn statements(&self) -> [(&'static Sql, Vec<Arg>); 8] {
        let (rows, told) = (&self.rows, self.told);
        let inbox = vec![
            Column::Text(told.iter().map(|(m, _)| m.source.clone()).collect()),
            Column::Text(told.iter().map(|(m, _)| m.message_id.clone()).collect()),
            uuids(told.iter().map(|(_, saga)| saga.0)),
            Column::Big(vec![self.now.as_millis(); told.len()]),
        ];
        [
            (&UPDATE_SAGAS, args![changed_sagas(&rows.sagas)]),
            (&UPDATE_PAYMENTS, args![changed_payments(&rows.payments)]),
            (&INSERT_SAGAS, args![new_sagas(&rows.sagas_new)]),
            (&INSERT_PAYMENTS, args![new_payments(&rows.payments_new)]),
            (&INSERT_ATTEMPTS, args![new_attempts(&rows.attempts_new, self.lease)]),
            (&UPDATE_ATTEMPTS, args![changed_attempts(&rows.attempts)]),
            (&INSERT_STEPS, args![step_rows(&rows.steps)]),
            (&INSERT_INBOX, args![inbox]),
        ]
    }

    /// Whether all that changed were as the batch was decided on, by what the statements counted.
    pub(super) fn are_as_before(&self, counts: &[u64]) -> bool {
        counts.starts_with(&[self.rows.sagas.len() as u64, self.rows.payments.len() as u64])
    }
}

/// The rows of new sagas that only wait for somebody to pay: all else of them is known.
pub(super) fn awaiting_rows(changes: &[SagaChange]) -> Vec<Column> {
    let rows: Vec<&Saga> = changes.iter().map(|change| &change.after.saga).collect();
    vec![
        uuids(rows.iter().map(|s| s.id.0)),
        Column::OptBig(rows.iter().map(|s| millis(s.next_at)).collect()),
        Column::Text(rows.iter().map(|s| s.correlation_id.clone()).collect()),
    ]
}

/// The rows that differ between before and after.
#[derive(Default)]
struct Rows<'a> {
    sagas_new: Vec<&'a Saga>,
    sagas: Vec<(&'a Saga, u32)>,
    payments_new: Vec<&'a Payment>,
    payments: Vec<(&'a Payment, u32)>,
    attempts_new: Vec<&'a Attempt>,
    attempts: Vec<&'a Attempt>,
    steps: Vec<&'a StepRecord>,
}

impl<'a> Rows<'a> {
    fn is_empty(&self) -> bool {
        self.sagas_new.is_empty()
            && self.sagas.is_empty()
            && self.payments_new.is_empty()
            && self.payments.is_empty()
            && self.attempts_new.is_empty()
            && self.attempts.is_empty()
            && self.steps.is_empty()
    }

    fn of(changes: &'a [SagaChange]) -> Self {
        let mut rows = Self::default();
        for SagaChange { before, after, steps } in changes {
            rows.steps.extend(steps);
            match before {
                None => rows.sagas_new.push(&after.saga),
                Some(before) => rows.sagas.push((&after.saga, before.saga.version)),
            }
            for payment in &after.payments {
                let was = before.as_ref().and_then(|b| b.payments.iter().find(|p| p.id == payment.id));
                match was {
                    None => rows.payments_new.push(payment),
                    Some(was) if was.version != payment.version => rows.payments.push((payment, was.version)),
                    Some(_) => {}
                }
            }
            for attempt in &after.attempts {
                let was = before.as_ref().and_then(|b| b.attempts.iter().find(|a| a.id == attempt.id));
                match was {
                    None => rows.attempts_new.push(attempt),
                    Some(was) if was != attempt => rows.attempts.push(attempt),
                    Some(_) => {}
                }
            }
        }
        rows
    }
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

fn new_sagas(rows: &[&Saga]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|s| s.id.0)),
        Column::OptUuid(rows.iter().map(|s| s.booking_id.map(|id| id.0)).collect()),
        Column::Text(rows.iter().map(|s| s.state.word().to_owned()).collect()),
        Column::OptText(rows.iter().map(|s| s.park.map(|p| p.word().to_owned())).collect()),
        Column::OptUuid(rows.iter().map(|s| s.payment_id.map(|id| id.0)).collect()),
        Column::Int(rows.iter().map(|s| s.attempts as i32).collect()),
        Column::OptText(rows.iter().map(|s| s.last_error.clone()).collect()),
        Column::OptBig(rows.iter().map(|s| millis(s.next_at)).collect()),
        Column::Text(rows.iter().map(|s| s.correlation_id.clone()).collect()),
        Column::Big(rows.iter().map(|s| s.created_at.as_millis()).collect()),
        Column::Big(rows.iter().map(|s| s.moved_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|s| s.events as i32).collect()),
        Column::Int(rows.iter().map(|s| s.version as i32).collect()),
    ]
}

fn changed_sagas(rows: &[(&Saga, u32)]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|(s, _)| s.id.0)),
        Column::Text(rows.iter().map(|(s, _)| s.state.word().to_owned()).collect()),
        Column::OptText(rows.iter().map(|(s, _)| s.park.map(|p| p.word().to_owned())).collect()),
        Column::OptUuid(rows.iter().map(|(s, _)| s.payment_id.map(|id| id.0)).collect()),
        Column::Int(rows.iter().map(|(s, _)| s.attempts as i32).collect()),
        Column::OptText(rows.iter().map(|(s, _)| s.last_error.clone()).collect()),
        Column::OptBig(rows.iter().map(|(s, _)| millis(s.next_at)).collect()),
        Column::Big(rows.iter().map(|(s, _)| s.moved_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|(s, _)| s.events as i32).collect()),
        Column::Int(rows.iter().map(|(s, _)| s.version as i32).collect()),
        Column::Int(rows.iter().map(|(_, before)| *before as i32).collect()),
    ]
}

fn new_payments(rows: &[&Payment]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|p| p.id.0)),
        uuids(rows.iter().map(|p| p.saga_id.0)),
        Column::OptUuid(rows.iter().map(|p| p.booking_id.map(|id| id.0)).collect()),
        Column::Text(rows.iter().map(|p| p.reference.clone()).collect()),
        Column::Text(rows.iter().map(|p| p.user_id.0.clone()).collect()),
        Column::OptText(rows.iter().map(|p| p.external_id.clone()).collect()),
        Column::Big(rows.iter().map(|p| p.amount.amount_minor).collect()),
        Column::Text(rows.iter().map(|p| p.amount.currency.code().to_owned()).collect()),
        Column::Big(rows.iter().map(|p| p.captured_minor).collect()),
        Column::Big(rows.iter().map(|p| p.refunded_minor).collect()),
        Column::Text(rows.iter().map(|p| p.status.word().to_owned()).collect()),
        Column::Text(rows.iter().map(|p| p.provider.clone()).collect()),
        Column::OptText(rows.iter().map(|p| p.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|p| p.failure.clone()).collect()),
        Column::Big(rows.iter().map(|p| p.created_at.as_millis()).collect()),
        Column::Big(rows.iter().map(|p| p.updated_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|p| p.version as i32).collect()),
    ]
}

fn changed_payments(rows: &[(&Payment, u32)]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|(p, _)| p.id.0)),
        Column::OptText(rows.iter().map(|(p, _)| p.external_id.clone()).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.amount.amount_minor).collect()),
        Column::Text(rows.iter().map(|(p, _)| p.amount.currency.code().to_owned()).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.captured_minor).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.refunded_minor).collect()),
        Column::Text(rows.iter().map(|(p, _)| p.status.word().to_owned()).collect()),
        Column::OptText(rows.iter().map(|(p, _)| p.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|(p, _)| p.failure.clone()).collect()),
        Column::Big(rows.iter().map(|(p, _)| p.updated_at.as_millis()).collect()),
        Column::Int(rows.iter().map(|(p, _)| p.version as i32).collect()),
        Column::Int(rows.iter().map(|(_, before)| *before as i32).collect()),
    ]
}

fn new_attempts(rows: &[&Attempt], lease: Option<&Lease>) -> Vec<Column> {
    let is_ours = |a: &Attempt| lease.filter(|_| a.state == crate::domain::payment::AttemptState::Due);
    vec![
        uuids(rows.iter().map(|a| a.id.0)),
        uuids(rows.iter().map(|a| a.payment_id.0)),
        uuids(rows.iter().map(|a| a.saga_id.0)),
        Column::Text(rows.iter().map(|a| a.kind.word().to_owned()).collect()),
        Column::Big(rows.iter().map(|a| a.amount.amount_minor).collect()),
        Column::Text(rows.iter().map(|a| a.amount.currency.code().to_owned()).collect()),
        Column::OptText(rows.iter().map(|a| kept_token(a)).collect()),
        Column::Text(rows.iter().map(|a| a.state.word().to_owned()).collect()),
        Column::Int(rows.iter().map(|a| a.tries as i32).collect()),
        Column::Int(rows.iter().map(|a| i32::from(a.in_doubt)).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.next_at)).collect()),
        Column::OptText(rows.iter().map(|a| a.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|a| a.error.clone()).collect()),
        Column::OptText(rows.iter().map(|a| a.reason.clone()).collect()),
        Column::Big(rows.iter().map(|a| a.created_at.as_millis()).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.ended_at)).collect()),
        Column::OptText(rows.iter().map(|a| is_ours(a).map(|l| l.owner.clone())).collect()),
        Column::Big(rows.iter().map(|a| is_ours(a).map_or(0, |l| l.until.as_millis())).collect()),
    ]
}

fn changed_attempts(rows: &[&Attempt]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|a| a.id.0)),
        Column::Big(rows.iter().map(|a| a.amount.amount_minor).collect()),
        Column::OptText(rows.iter().map(|a| kept_token(a)).collect()),
        Column::Text(rows.iter().map(|a| a.state.word().to_owned()).collect()),
        Column::Int(rows.iter().map(|a| a.tries as i32).collect()),
        Column::Int(rows.iter().map(|a| i32::from(a.in_doubt)).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.next_at)).collect()),
        Column::OptText(rows.iter().map(|a| a.provider_ref.clone()).collect()),
        Column::OptText(rows.iter().map(|a| a.error.clone()).collect()),
        Column::OptBig(rows.iter().map(|a| millis(a.ended_at)).collect()),
    ]
}

/// What was charged is of no use once the outcome is known.
fn kept_token(attempt: &Attempt) -> Option<String> {
    attempt.token.clone().filter(|_| attempt.state.is_open())
}

fn step_rows(rows: &[&StepRecord]) -> Vec<Column> {
    vec![
        uuids(rows.iter().map(|s| s.saga_id.0)),
        Column::Int(rows.iter().map(|s| s.no as i32).collect()),
        Column::Big(rows.iter().map(|s| s.at.as_millis()).collect()),
        Column::Text(rows.iter().map(|s| s.input.clone()).collect()),
        Column::Text(rows.iter().map(|s| s.state.word().to_owned()).collect()),
        Column::OptUuid(rows.iter().map(|s| s.attempt_id.map(|id| id.0)).collect()),
        Column::OptText(rows.iter().map(|s| s.note.clone()).collect()),
        Column::Text(rows.iter().map(|s| s.actor.clone()).collect()),
        Column::Text(rows.iter().map(|s| s.correlation_id.clone()).collect()),
    ]
}
