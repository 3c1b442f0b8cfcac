//! Payments and what was asked of the providers for them: rows in, domain out.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Attempt, AttemptKind, AttemptState, Payment, PaymentStatus};
use crate::domain::time::Timestamp;
use uuid::Uuid;

#[derive(Debug, sqlx::FromRow)]
struct PaymentRow {
    id: Uuid,
    saga_id: Uuid,
    booking_id: Option<Uuid>,
    reference: String,
    user_id: String,
    external_id: Option<String>,
    amount_minor: i64,
    currency: String,
    captured_minor: i64,
    refunded_minor: i64,
    status: String,
    provider: String,
    provider_ref: Option<String>,
    failure: Option<String>,
    created_at: i64,
    updated_at: i64,
    version: i32,
}

fn corrupt(table: &'static str, column: &'static str, row: Uuid, reason: &str) -> StoreError {
    StoreError::Corrupt { table, column, row: row.to_string(), reason: reason.to_owned() }
}

impl PaymentRow {
    fn payment(self) -> Result<Payment> {
        let wrong = |column, reason| corrupt("payments", column, self.id, reason);
        let currency =
            Currency::parse(&self.currency).ok_or_else(|| wrong("currency", "not an ISO 4217 code"))?;
        Ok(Payment {
            id: PaymentId(self.id),
            saga_id: SagaId(self.saga_id),
            booking_id: self.booking_id.map(BookingId),
            amount: Money { amount_minor: self.amount_minor, currency },
            status: PaymentStatus::parse(&self.status)
                .ok_or_else(|| wrong("status", "not a payment status"))?,
            version: u32::try_from(self.version).map_err(|_| wrong("version", "below zero"))?,
            captured_minor: self.captured_minor,
            refunded_minor: self.refunded_minor,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            user_id: UserId(self.user_id),
            reference: self.reference,
            external_id: self.external_id,
            provider: self.provider,
            provider_ref: self.provider_ref,
            failure: self.failure,
        })
    }
}

#[derive(Debug, sqlx::FromRow)]
struct AttemptRow {
    id: Uuid,
    payment_id: Uuid,
    saga_id: Uuid,
    kind: String,
    amount_minor: i64,
    currency: String,
    token: Option<String>,
    state: String,
    tries: i32,
    in_doubt: i32,
    next_at: Option<i64>,
    provider_ref: Option<String>,
    error: Option<String>,
    reason: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl AttemptRow {
    fn attempt(self) -> Result<Attempt> {
        let wrong = |column, reason| corrupt("payment_attempts", column, self.id, reason);
        let currency =
            Currency::parse(&self.currency).ok_or_else(|| wrong("currency", "not an ISO 4217 code"))?;
        Ok(Attempt {
            id: AttemptId(self.id),
            payment_id: PaymentId(self.payment_id),
            saga_id: SagaId(self.saga_id),
            kind: AttemptKind::parse(&self.kind).ok_or_else(|| wrong("kind", "neither charge nor refund"))?,
            amount: Money { amount_minor: self.amount_minor, currency },
            state: AttemptState::parse(&self.state)
                .ok_or_else(|| wrong("state", "not an attempt's state"))?,
            tries: u32::try_from(self.tries).map_err(|_| wrong("tries", "below zero"))?,
            in_doubt: self.in_doubt != 0,
            next_at: self.next_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
            ended_at: self.ended_at.map(Timestamp::from_millis),
            token: self.token,
            provider_ref: self.provider_ref,
            error: self.error,
            reason: self.reason,
        })
    }
}

statements! {
    /// Leans on the primary key.
    BY_ID = "SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM payments WHERE id {any uuid}";
    /// Leans on `payments_saga`.
    BY_SAGA = "SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM payments WHERE saga_id {any uuid}
        ORDER BY created_at, id";
    /// Leans on `payments_external`.
    BY_EXTERNAL = "SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM payments WHERE external_id = $1
        ORDER BY created_at, id";
    /// Leans on `payments_stripe`.
    OF_STRIPE = "SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM payments WHERE provider = 'stripe' AND provider_ref = $1
        ORDER BY created_at, id";
    /// The newest first; leans on the primary key, whose ids are in the order of time.
    BEFORE = "SELECT id, saga_id, booking_id, reference, user_id, external_id, amount_minor, currency, captured_minor,
            refunded_minor, status, provider, provider_ref, failure, created_at, updated_at, version
        FROM payments WHERE id < $1
        ORDER BY id DESC
        LIMIT $2";
    /// Leans on `payment_attempts_saga`.
    ATTEMPTS_BY_SAGA = "SELECT id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt,
            next_at, provider_ref, error, reason, created_at, ended_at
        FROM payment_attempts WHERE saga_id {any uuid}
        ORDER BY created_at, id";
    /// Leans on the primary key.
    ATTEMPTS_BY_ID = "SELECT id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt,
            next_at, provider_ref, error, reason, created_at, ended_at
        FROM payment_attempts WHERE id {any uuid}";
    /// Leans on the primary key.
    BETWEEN = "SELECT id FROM payments WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM payments b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM payments a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on `payment_attempts_ref`.
    ATTEMPTS_BY_REF = "SELECT id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt,
            next_at, provider_ref, error, reason, created_at, ended_at
        FROM payment_attempts WHERE provider_ref {any text}";
    /// Leans on the primary key.
    ATTEMPTS_AFTER = "SELECT id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt,
            next_at, provider_ref, error, reason, created_at, ended_at
        FROM payment_attempts WHERE id > $1
        ORDER BY id
        LIMIT $2";
    /// Takes what is due and leased to nobody, the longest overdue first. Leans on `payment_attempts_due`.
    CLAIM = sqlite "UPDATE payment_attempts SET lease_owner = $1, lease_until = $3
        WHERE id IN (
            SELECT id FROM payment_attempts
            WHERE state = 'due' AND next_at <= $2 AND lease_until <= $2
            ORDER BY next_at LIMIT $4)
        RETURNING id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt, next_at,
            provider_ref, error, reason, created_at, ended_at"
        postgres "UPDATE payment_attempts SET lease_owner = $1, lease_until = $3
        WHERE id IN (
            SELECT id FROM payment_attempts
            WHERE state = 'due' AND next_at <= $2 AND lease_until <= $2
            ORDER BY next_at LIMIT $4
            FOR UPDATE SKIP LOCKED)
        RETURNING id, payment_id, saga_id, kind, amount_minor, currency, token, state, tries, in_doubt, next_at,
            provider_ref, error, reason, created_at, ended_at";
    /// Leans on `payment_attempts_due`.
    RENEW = "UPDATE payment_attempts SET lease_until = $2 WHERE state = 'due' AND lease_owner = $1";
    /// Leans on `payment_attempts_due`: what is leased comes due again when the lease ends.
    NEXT_DUE = "SELECT MIN(CASE WHEN lease_until > next_at THEN lease_until ELSE next_at END)
        FROM (SELECT next_at, lease_until FROM payment_attempts
              WHERE state = 'due' ORDER BY next_at LIMIT 1000) AS due";
    /// What became of the money, by currency; `going` is what is on its way back of a payment, and `b` the confirmed
    /// booking that it stands for. Reads all payments and attempts, and a booking for each payment by its key.
    LEDGER = sqlite "WITH going AS (
            SELECT payment_id, SUM(amount_minor) AS minor FROM payment_attempts
            WHERE kind = 'refund' AND state IN ('due', 'awaited', 'unclear')
            GROUP BY payment_id)
        SELECT p.currency, SUM(p.captured_minor), SUM(p.refunded_minor), SUM(COALESCE(g.minor, 0)),
            SUM(CASE WHEN p.booking_id IS NULL THEN p.captured_minor - p.refunded_minor - COALESCE(g.minor, 0)
                ELSE 0 END),
            SUM(CASE WHEN b.id IS NULL THEN 0 ELSE p.refunded_minor + COALESCE(g.minor, 0) END)
        FROM payments p
        LEFT JOIN going g ON g.payment_id = p.id
        LEFT JOIN bookings b ON b.id = p.booking_id AND b.state = 'CONFIRMED'
            AND b.payment_id = COALESCE(p.external_id, lower(substr(hex(p.id), 1, 8) || '-' || substr(hex(p.id), 9, 4)
                || '-' || substr(hex(p.id), 13, 4) || '-' || substr(hex(p.id), 17, 4) || '-' || substr(hex(p.id), 21)))
        GROUP BY p.currency ORDER BY p.currency"
        postgres "WITH going AS (
            SELECT payment_id, SUM(amount_minor) AS minor FROM payment_attempts
            WHERE kind = 'refund' AND state IN ('due', 'awaited', 'unclear')
            GROUP BY payment_id)
        SELECT p.currency, CAST(SUM(p.captured_minor) AS BIGINT), CAST(SUM(p.refunded_minor) AS BIGINT),
            CAST(SUM(COALESCE(g.minor, 0)) AS BIGINT),
            CAST(SUM(CASE WHEN p.booking_id IS NULL THEN p.captured_minor - p.refunded_minor - COALESCE(g.minor, 0)
                ELSE 0 END) AS BIGINT),
            CAST(SUM(CASE WHEN b.id IS NULL THEN 0 ELSE p.refunded_minor + COALESCE(g.minor, 0) END) AS BIGINT)
        FROM payments p
        LEFT JOIN going g ON g.payment_id = p.id
        LEFT JOIN bookings b ON b.id = p.booking_id AND b.state = 'CONFIRMED'
            AND b.payment_id = COALESCE(p.external_id, p.id::text)
        GROUP BY p.currency ORDER BY p.currency";
    /// What is due longer than it should be and taken by nobody. Leans on `payment_attempts_due`.
    OVERDUE = "SELECT COUNT(*), MIN(next_at) FROM payment_attempts
        WHERE state = 'due' AND next_at <= $1 AND lease_until <= $2";
    /// What the confirmed bookings are worth, by currency. Reads the whole table.
    CONFIRMED = "SELECT currency, CAST(SUM(price_minor) AS BIGINT) FROM bookings
        WHERE state = 'CONFIRMED' GROUP BY currency ORDER BY currency";
}

fn payments(rows: Vec<PaymentRow>) -> Result<Vec<Payment>> {
    rows.into_iter().map(PaymentRow::payment).collect()
}

/// Returns these payments, those that exist.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no payment.
pub async fn load(db: &Db, ids: &[PaymentId]) -> Result<Vec<Payment>> {
    payments(db.all(&BY_ID, args![Column::Uuid(ids.iter().map(|id| id.0).collect())]).await?)
}

/// Returns the payments of these sagas, the first one first.
///
/// # Errors
/// As [`load`].
pub async fn of_sagas(db: &Db, ids: &[SagaId]) -> Result<Vec<Payment>> {
    payments(db.all(&BY_SAGA, args![Column::Uuid(ids.iter().map(|id| id.0).collect())]).await?)
}

/// Returns the payments that an outside service calls so.
///
/// # Errors
/// As [`load`].
pub async fn by_external_id(db: &Db, external_id: &str) -> Result<Vec<Payment>> {
    payments(db.all(&BY_EXTERNAL, args![external_id]).await?)
}

/// Returns the payments that are this charge at Stripe.
///
/// # Errors
/// As [`load`].
pub async fn of_stripe(db: &Db, provider_ref: &str) -> Result<Vec<Payment>> {
    payments(db.all(&OF_STRIPE, args![provider_ref]).await?)
}

/// Returns up to `limit` payments, the newest first, beginning before `before`.
///
/// # Errors
/// As [`load`].
pub async fn newest(db: &Db, before: Option<PaymentId>, limit: i64) -> Result<Vec<Payment>> {
    payments(db.all(&BEFORE, args![before.map_or(Uuid::max(), |id| id.0), limit]).await?)
}

/// Returns what was asked of providers for these sagas, the first one first.
///
/// # Errors
/// As [`load`].
pub async fn attempts_of_sagas(db: &Db, ids: &[SagaId]) -> Result<Vec<Attempt>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<AttemptRow> = db.all(&ATTEMPTS_BY_SAGA, args![ids]).await?;
    rows.into_iter().map(AttemptRow::attempt).collect()
}

/// Returns these attempts, those that exist.
///
/// # Errors
/// As [`load`].
pub async fn attempts(db: &Db, ids: &[AttemptId]) -> Result<Vec<Attempt>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<AttemptRow> = db.all(&ATTEMPTS_BY_ID, args![ids]).await?;
    rows.into_iter().map(AttemptRow::attempt).collect()
}

/// Returns the attempts that a provider calls so.
///
/// # Errors
/// As [`load`].
pub async fn attempts_by_ref(db: &Db, refs: Vec<String>) -> Result<Vec<Attempt>> {
    let rows: Vec<AttemptRow> = db.all(&ATTEMPTS_BY_REF, args![Column::Text(refs)]).await?;
    rows.into_iter().map(AttemptRow::attempt).collect()
}

/// Walks all attempts by their ids: returns up to `limit` after `after`.
///
/// # Errors
/// As [`load`].
pub async fn attempts_after(db: &Db, after: Option<AttemptId>, limit: i64) -> Result<Vec<Attempt>> {
    let args = args![after.map_or(Uuid::nil(), |id| id.0), limit];
    let rows: Vec<AttemptRow> = db.all(&ATTEMPTS_AFTER, args).await?;
    rows.into_iter().map(AttemptRow::attempt).collect()
}

/// Returns up to two payments whose ids lie in a range: enough to know whether a prefix is unique.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that a payment has.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Takes up to `limit` attempts that are due, for `owner` alone until `until`.
///
/// # Errors
/// As [`load`].
pub async fn claim_due(
    db: &Db,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Attempt>> {
    let args = args![owner, now.as_millis(), until.as_millis(), limit];
    let rows: Vec<AttemptRow> = db.write(&CLAIM, args).await?;
    rows.into_iter().map(AttemptRow::attempt).collect()
}

/// Keeps what `owner` has taken its own until `until`; nothing, with a time that has passed.
///
/// # Errors
/// What the store says.
pub async fn renew(db: &Db, owner: &str, until: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    tx.run(&RENEW, args![owner, until.as_millis()]).await?;
    tx.commit().await
}

/// Returns when the next attempt can be taken, by anybody.
///
/// # Errors
/// What the store says.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>> {
    let row: Option<(Option<i64>,)> = db.first(&NEXT_DUE, args![]).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp::from_millis))
}

/// Returns how many attempts are due since `since` or longer and taken by nobody at `now`, and since when the first one.
///
/// # Errors
/// What the store says.
pub async fn overdue(db: &Db, since: Timestamp, now: Timestamp) -> Result<(i64, Option<Timestamp>)> {
    let row: Option<(i64, Option<i64>)> =
        db.first(&OVERDUE, args![since.as_millis(), now.as_millis()]).await?;
    Ok(row.map_or((0, None), |(count, first)| (count, first.map(Timestamp::from_millis))))
}

/// The books in one currency, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Books {
    /// The currency.
    pub currency: String,
    /// What was captured.
    pub captured_minor: i64,
    /// What was given back.
    pub refunded_minor: i64,
    /// What the confirmed bookings cost.
    pub confirmed_minor: i64,
    /// What is on its way back.
    pub going_back_minor: i64,
    /// What is kept for charges that are for no booking, without what is on its way back.
    pub other_things_minor: i64,
    /// What was given back, or is on its way back, of what the confirmed bookings cost.
    pub given_back_minor: i64,
}

impl Books {
    /// What is kept and accounted for by nothing: zero, or money that stays without a reason; below zero, bookings that
    /// are confirmed without their money.
    #[must_use]
    pub const fn difference_minor(&self) -> i64 {
        let kept = self.captured_minor - self.refunded_minor;
        let sold = self.confirmed_minor - self.given_back_minor;
        kept - sold - self.other_things_minor - self.going_back_minor
    }
}

/// Returns the books, by currency. Reads all payments and bookings.
///
/// # Errors
/// What the store says.
pub async fn books(db: &Db) -> Result<Vec<Books>> {
    let moved: Vec<(String, i64, i64, i64, i64, i64)> = db.all(&LEDGER, args![]).await?;
    let confirmed: Vec<(String, i64)> = db.all(&CONFIRMED, args![]).await?;
    let mut books: Vec<Books> = moved
        .into_iter()
        .map(|(currency, captured, refunded, going_back, other_things, given_back)| Books {
            currency,
            captured_minor: captured,
            refunded_minor: refunded,
            confirmed_minor: 0,
            going_back_minor: going_back,
            other_things_minor: other_things,
            given_back_minor: given_back,
        })
        .collect();
    for (currency, confirmed_minor) in confirmed {
        match books.iter_mut().find(|b| b.currency == currency) {
            Some(found) => found.confirmed_minor = confirmed_minor,
            None => books.push(Books { currency, confirmed_minor, ..Books::default() }),
        }
    }
    Ok(books)
}
