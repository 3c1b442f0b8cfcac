//! The one write of the engine: what a batch of commands did, in one transaction.
//!
//! The batch was decided on the log as it stood at `expected_head`. If the head has moved, nothing is
//! written and the caller decides again. Beside that, the keys hold by themselves: of `claims` (no seat
//! twice), of `events` (no position and no stream version twice), of `idempotency` (no answer twice), of
//! `bookings_payment` (no payment twice).

use super::bookings::write_seats;
use super::db::{Arg, Column, Db, Engine, Tx};
use super::error::{Result, StoreError};
use super::events::LogEntry;
use super::idempotency::StoredAnswer;
use super::sagas::{self, Lease, Message, SagaChange, SagaRows};
use super::sql::{Sql, statements};
use crate::args;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::state::Booking;
use crate::domain::id::{BookingId, SagaId};
use crate::domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What a batch of commands did.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The head of the log on which it was decided.
    pub expected_head: i64,
    /// Its events; positions follow on the head without gaps.
    pub events: Vec<LogEntry>,
    /// New bookings, with their seats; as they are after the batch.
    pub created: Vec<Arc<Booking>>,
    /// Bookings that were there, as they are after the batch, each with its version before.
    pub changed: Vec<(Arc<Booking>, u32)>,
    /// Bookings that were there and give their seats back, as they were before the batch.
    pub freed: Vec<Arc<Booking>>,
    /// Bookings that have seats after the batch which they had not before it.
    pub taken: Vec<Arc<Booking>>,
    /// The people of the new bookings.
    pub passengers: Vec<(BookingId, Passenger)>,
    /// Answers to keep.
    pub answers: Vec<StoredAnswer>,
    /// What it did to sagas, one entry each.
    pub sagas: Vec<SagaChange>,
    /// What outside services told, with the sagas that it is about.
    pub told: Vec<(Message, SagaId)>,
    /// Who runs the attempts that it begins.
    pub lease: Option<Lease>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.answers.is_empty() && self.sagas.is_empty() && self.told.is_empty()
    }

    /// Whether all that it did was to begin holds, each by one event that its own request caused.
    fn is_only_holds(&self) -> bool {
        let caused_by_request =
            |e: &LogEntry| e.stream_version == 1 && e.causation_id.as_ref() == Some(&e.correlation_id);
        self.changed.is_empty()
            && self.freed.is_empty()
            && self.created.len() == self.events.len()
            && self.created.iter().all(|b| b.version == 1)
            && self.events.iter().all(caused_by_request)
            && self.told.is_empty()
            && self.sagas.iter().all(SagaChange::only_awaits_payment)
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk.
    Committed,
    /// The log has moved on, or a key was there: decide again on fresh state. Nothing was written.
    Stale,
}

statements! {
    /// SQLite's write transactions hold the one lock from the start.
    LOCK_HEAD = sqlite "SELECT head FROM log_head WHERE id = 1"
        postgres "SELECT head FROM log_head WHERE id = 1 FOR UPDATE";
    ADVANCE = "UPDATE log_head SET head = head + $1 WHERE id = 1 RETURNING head";
    TAKE_POSITIONS = "UPDATE log_head SET head = head + $2 WHERE id = 1 AND head = $1";
    /// Leans on the primary key; names the booking, so that nobody frees another's seat.
    FREE_CLAIMS = "DELETE FROM claims WHERE (offering_id, seat_no, leg, booking_id) IN
        (SELECT offering_id, seat_no, leg, booking_id
         FROM {rows offering_id uuid, seat_no int, leg int, booking_id uuid})";
    /// Leans on the primary key.
    UPDATE_BOOKINGS = "UPDATE bookings SET state = v.state, seats = v.seats, hold_expires_at = v.hold_expires_at,
            payment_id = v.payment_id, confirmed_at = v.confirmed_at, cancel_reason = v.cancel_reason,
            version = v.version
        FROM {rows id uuid, state text, seats text, hold_expires_at big, payment_id text, confirmed_at big,
            cancel_reason text, version int, version_before int}
        WHERE bookings.id = v.id AND bookings.version = v.version_before";
    INSERT_BOOKINGS = "INSERT INTO bookings (id, offering_id, user_id, seats, from_leg, to_leg, price_minor,
            currency, state, hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version)
        SELECT id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM {rows id uuid, offering_id uuid, user_id text, seats text, from_leg int, to_leg int,
            price_minor big, currency text, state text, hold_expires_at big, payment_id text,
            created_at big, confirmed_at big, cancel_reason text, version int} WHERE true";
    INSERT_CLAIMS = "INSERT INTO claims (offering_id, seat_no, leg, booking_id)
        SELECT offering_id, seat_no, leg, booking_id
        FROM {rows offering_id uuid, seat_no int, leg int, booking_id uuid} WHERE true";
    INSERT_PASSENGERS = "INSERT INTO passengers (booking_id, name, email, phone)
        SELECT booking_id, name, email, phone
        FROM {rows booking_id uuid, name text, email text, phone text} WHERE true";
    INSERT_ANSWERS = "INSERT INTO idempotency (caller, key, request_hash, status, data, position, created_at)
        SELECT caller, key, request_hash, status, data, position, created_at
        FROM {rows caller text, key text, request_hash bytes, status int, data text, position big,
            created_at big} WHERE true";
    INSERT_EVENTS = "INSERT INTO events (position, stream_id, stream_version, event_type, recorded_at, actor,
            correlation_id, causation_id, data)
        SELECT position, stream_id, stream_version, event_type, recorded_at, actor, correlation_id, causation_id, data
        FROM {rows position big, stream_id uuid, stream_version int, event_type text, recorded_at big, actor text,
            correlation_id text, causation_id text, data text} WHERE true";
    /// The rows of new holds in one statement: one round trip, and no column whose value is known.
    INSERT_HOLDS = sqlite "" postgres "
        WITH b AS (
            INSERT INTO bookings (id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency,
                state, hold_expires_at, created_at, version)
            SELECT id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency, state,
                hold_expires_at, $1, 1
            FROM {rows id uuid, offering_id uuid, user_id text, seats text, from_leg int, to_leg int,
                price_minor big, currency text, state text, hold_expires_at big}
        ), c AS (
            INSERT INTO claims (offering_id, seat_no, leg, booking_id)
            SELECT offering_id, seat_no, leg, booking_id
            FROM {rows offering_id uuid, seat_no int, leg int, booking_id uuid}
        ), p AS (
            INSERT INTO passengers (booking_id, name, email, phone)
            SELECT booking_id, name, email, phone
            FROM {rows booking_id uuid, name text, email text, phone text}
        ), i AS (
            INSERT INTO idempotency (caller, key, request_hash, status, data, position, created_at)
            SELECT caller, key, request_hash, status, data, position, $1
            FROM {rows caller text, key text, request_hash bytes, status int, data text, position big}
        ), e AS (
            INSERT INTO events (position, stream_id, stream_version, event_type, recorded_at, actor,
                correlation_id, causation_id, data)
            SELECT position, stream_id, 1, event_type, $1, actor, correlation_id, correlation_id, data
            FROM {rows position big, stream_id uuid, event_type text, actor text, correlation_id text,
                data text}
        ), s AS (
            INSERT INTO sagas (id, booking_id, state, attempts, next_at, correlation_id, created_at, moved_at,
                events, version)
            SELECT id, id, 'AWAITING_PAYMENT', 0, next_at, correlation_id, $1, $1, 0, 1
            FROM {rows id uuid, next_at big, correlation_id text}
        )
        SELECT 1";
    /// The same with the head, committing by itself: one round trip, one fsync. A head that has moved
    /// violates `log_head`'s check, which undoes it all.
    COMMIT_HOLDS = sqlite "" postgres "
        WITH b AS (
            INSERT INTO bookings (id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency,
                state, hold_expires_at, created_at, version)
            SELECT id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency, state,
                hold_expires_at, $1, 1
            FROM {rows id uuid, offering_id uuid, user_id text, seats text, from_leg int, to_leg int,
                price_minor big, currency text, state text, hold_expires_at big}
        ), c AS (
            INSERT INTO claims (offering_id, seat_no, leg, booking_id)
            SELECT offering_id, seat_no, leg, booking_id
            FROM {rows offering_id uuid, seat_no int, leg int, booking_id uuid}
        ), p AS (
            INSERT INTO passengers (booking_id, name, email, phone)
            SELECT booking_id, name, email, phone
            FROM {rows booking_id uuid, name text, email text, phone text}
        ), i AS (
            INSERT INTO idempotency (caller, key, request_hash, status, data, position, created_at)
            SELECT caller, key, request_hash, status, data, position, $1
            FROM {rows caller text, key text, request_hash bytes, status int, data text, position big}
        ), e AS (
            INSERT INTO events (position, stream_id, stream_version, event_type, recorded_at, actor,
                correlation_id, causation_id, data)
            SELECT position, stream_id, 1, event_type, $1, actor, correlation_id, correlation_id, data
            FROM {rows position big, stream_id uuid, event_type text, actor text, correlation_id text,
                data text}
        ), s AS (
            INSERT INTO sagas (id, booking_id, state, attempts, next_at, correlation_id, created_at, moved_at,
                events, version)
            SELECT id, id, 'AWAITING_PAYMENT', 0, next_at, correlation_id, $1, $1, 0, 1
            FROM {rows id uuid, next_at big, correlation_id text}
        )
        UPDATE log_head SET head = CASE WHEN head = $2 THEN head + $3 ELSE -1 END WHERE id = 1
        RETURNING head";
}

/// Writes a batch, all or nothing. With a batch `before` it that is still under way, its new rows are sent
/// meanwhile, and it is committed only after that one; if that one fails, it is [`Outcome::Stale`].
///
/// # Errors
/// What the store says, except that a moved head and a key that is there are [`Outcome::Stale`]. After
/// [`StoreError::Unavailable`] it is unknown whether the batch was committed.
pub async fn write(db: &Db, batch: &Batch, before: Option<oneshot::Receiver<()>>) -> Result<Outcome> {
    let only_holds = batch.is_only_holds();
    let done = match (db.engine(), before) {
        (Engine::Postgres, None) if only_holds => commit_holds(db, batch).await,
        (Engine::Postgres, Some(before)) if only_holds => insert_then_commit(db, batch, before).await,
        (Engine::Postgres | Engine::Sqlite, before) => {
            // One writer at a time, or rows that the batch before is still writing.
            let turned_back = match before {
                Some(before) => before.await.is_err(),
                None => false,
            };
            match (turned_back, db.engine()) {
                (true, _) => Ok(Outcome::Stale),
                (false, Engine::Postgres) => take_head_and_write(db, batch).await,
                (false, Engine::Sqlite) => write_in(db.begin().await?, batch).await,
            }
        }
    };
    match done {
        Err(StoreError::Conflict { .. }) => Ok(Outcome::Stale),
        other => other,
    }
}

async fn commit_holds(db: &Db, batch: &Batch) -> Result<Outcome> {
    let mut values = args![batch.decided_at.as_millis(), batch.expected_head, batch.events.len() as i64];
    values.extend(hold_rows(batch));
    db.write::<(i64,)>(&COMMIT_HOLDS, values).await?;
    Ok(Outcome::Committed)
}

/// How long rows that were sent ahead of their turn may stand in the way of others. A commit takes a few
/// milliseconds; where it takes longer, the rows are sent twice.
const GIVE_WAY_AFTER: Duration = Duration::from_millis(100);

/// Sends new holds while the batch before is still under way.
///
/// Their keys are taken before the log's head is, the other way round than everybody else takes them. So another
/// process that has the head may wait for one of these keys (a position, a seat, an idempotency key), while the batch
/// before waits for the head, and this one for the batch before: a circle of which PostgreSQL sees only two thirds,
/// and which it would break by `lock_timeout` alone. Whoever has waited too long therefore takes the rows back, and
/// sends them again when it is their turn.
async fn insert_then_commit(db: &Db, batch: &Batch, mut before: oneshot::Receiver<()>) -> Result<Outcome> {
    let mut tx = db.begin().await?;
    let mut values = args![batch.decided_at.as_millis()];
    values.extend(hold_rows(batch));
    if let Err(error) = tx.run(&INSERT_HOLDS, values).await {
        undo(tx).await;
        return Err(error);
    }
    match tokio::time::timeout(GIVE_WAY_AFTER, &mut before).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => {
            undo(tx).await;
            return Ok(Outcome::Stale);
        }
        Err(_) => {
            undo(tx).await;
            return if before.await.is_err() { Ok(Outcome::Stale) } else { commit_holds(db, batch).await };
        }
    }
    // The head and the commit in one round trip: meanwhile everybody else waits for the head.
    let head = format!(
        "UPDATE log_head SET head = CASE WHEN head = {} THEN head + {} ELSE -1 END WHERE id = 1",
        batch.expected_head,
        batch.events.len()
    );
    tx.script_and_commit(head).await?;
    Ok(Outcome::Committed)
}

/// Undoes a batch. What the store says of the undoing matters less than why; it is undone all the same.
async fn undo(tx: Tx) {
    if let Err(error) = tx.rollback().await {
        tracing::debug!(%error, "a rollback ended without an answer");
    }
}

/// The rows of new holds, as [`INSERT_HOLDS`] takes them.
fn hold_rows(batch: &Batch) -> [Arg; 6] {
    let mut bookings = booking_rows(batch);
    bookings.truncate(HOLD_COLUMNS);
    let mut answers = answer_rows(batch);
    answers.truncate(ANSWER_COLUMNS);
    let events = &batch.events;
    let events = vec![
        Column::Big(events.iter().map(|e| e.position).collect()),
        Column::Uuid(events.iter().map(|e| e.stream_id).collect()),
        Column::Text(events.iter().map(|e| e.event.type_name().to_owned()).collect()),
        Column::Text(events.iter().map(|e| e.actor.clone()).collect()),
        Column::Text(events.iter().map(|e| e.correlation_id.clone()).collect()),
        Column::Text(events.iter().map(|e| e.event.data()).collect()),
    ];
    [
        Arg::Rows(bookings),
        Arg::Rows(claim_rows(batch.taken.iter())),
        Arg::Rows(passenger_rows(batch)),
        Arg::Rows(answers),
        Arg::Rows(events),
        Arg::Rows(sagas::awaiting_rows(&batch.sagas)),
    ]
}

/// The columns of [`booking_rows`] that differ between new holds; the rest is as it always begins.
const HOLD_COLUMNS: usize = 10;
/// The columns of [`answer_rows`] without the time, which is the batch's.
const ANSWER_COLUMNS: usize = 6;

/// Takes the log's lock: until the transaction ends, nobody else writes.
///
/// # Errors
/// What the store says.
pub async fn lock_head(tx: &mut Tx) -> Result<()> {
    tx.first::<(i64,)>(&LOCK_HEAD, args![]).await.map(|_| ())
}

/// Writes a batch in a transaction of its own that begins by taking the log's head.
async fn take_head_and_write(db: &Db, batch: &Batch) -> Result<Outcome> {
    let head = format!(
        "UPDATE log_head SET head = head + {} WHERE id = 1 AND head = {}",
        batch.events.len(),
        batch.expected_head
    );
    let (tx, taken) = db.begin_with(head).await?;
    if taken == 0 {
        // It has changed nothing. If it waited for the head it holds the lock until it is undone, but this batch, which
        // has to be decided anew first, need not wait for that.
        tokio::spawn(undo(tx));
        return Ok(Outcome::Stale);
    }
    write_rows(tx, batch).await
}

/// Writes a batch in a transaction that holds the log's lock.
///
/// # Errors
/// As [`write`].
pub async fn write_in(mut tx: Tx, batch: &Batch) -> Result<Outcome> {
    let positions = args![batch.expected_head, batch.events.len() as i64];
    match tx.run(&TAKE_POSITIONS, positions).await {
        Ok(0) => {
            tx.rollback().await?;
            Ok(Outcome::Stale)
        }
        Ok(_) => write_rows(tx, batch).await,
        Err(StoreError::Conflict { .. }) => {
            tx.rollback().await?;
            Ok(Outcome::Stale)
        }
        Err(error) => {
            undo(tx).await;
            Err(error)
        }
    }
}

/// Writes all but the head, and commits.
async fn write_rows(mut tx: Tx, batch: &Batch) -> Result<Outcome> {
    match rows(&mut tx, batch).await {
        Ok(true) => {
            tx.commit().await?;
            Ok(Outcome::Committed)
        }
        Ok(false) | Err(StoreError::Conflict { .. }) => {
            tx.rollback().await?;
            Ok(Outcome::Stale)
        }
        Err(error) => {
            undo(tx).await;
            Err(error)
        }
    }
}

/// Writes the rows in one round trip where the engine can; false if one is not as the batch was decided on.
///
/// What stands together always stands together, also where there is nothing of it to write: so PostgreSQL has a few
/// long statements to remember, and not one for each mixture.
async fn rows(tx: &mut Tx, batch: &Batch) -> Result<bool> {
    let mut parts: Vec<(&'static Sql, Vec<Arg>)> = Vec::new();
    if !batch.changed.is_empty() || !batch.freed.is_empty() {
        parts.push((&UPDATE_BOOKINGS, args![changed_rows(batch)]));
        parts.push((&FREE_CLAIMS, args![claim_rows(batch.freed.iter())]));
        if !batch.taken.is_empty() || !batch.created.is_empty() {
            // Somebody may take what is given back here, so that must be done first.
            if !are_as_before(&tx.run_together(std::mem::take(&mut parts)).await?, batch) {
                return Ok(false);
            }
        }
    }
    let counts_bookings = !parts.is_empty();
    let mut sagas_from = parts.len();
    if !batch.created.is_empty() || !batch.taken.is_empty() {
        parts.push((&INSERT_BOOKINGS, args![booking_rows(batch)]));
        parts.push((&INSERT_PASSENGERS, args![passenger_rows(batch)]));
        parts.push((&INSERT_CLAIMS, args![claim_rows(batch.taken.iter())]));
        sagas_from = parts.len();
    }
    let sagas = SagaRows::of(&batch.sagas, &batch.told, batch.lease.as_ref(), batch.decided_at);
    if !sagas.is_empty() {
        parts.extend(sagas.statements());
    }
    parts.push((&INSERT_ANSWERS, args![answer_rows(batch)]));
    parts.push((&INSERT_EVENTS, args![event_rows(&batch.events)]));
    let counts = tx.run_together(parts).await?;
    Ok((!counts_bookings || are_as_before(&counts, batch))
        && (sagas.is_empty() || sagas.are_as_before(&counts[sagas_from..])))
}

/// Whether all bookings that changed were as the batch was decided on.
fn are_as_before(counts: &[u64], batch: &Batch) -> bool {
    counts.first() == Some(&(batch.changed.len() as u64))
}

/// Appends events to the log in a transaction that has written what they are about: seeding. Call it last:
/// from here to the commit the log's head is taken, and bookings wait. Returns the new head.
///
/// # Errors
/// What the store says.
pub async fn append(tx: &mut Tx, mut events: Vec<LogEntry>) -> Result<i64> {
    if events.is_empty() {
        return Ok(0);
    }
    let head: Option<(i64,)> = tx.first(&ADVANCE, args![events.len() as i64]).await?;
    let head = head.map_or(0, |(head,)| head);
    let first = head - events.len() as i64 + 1;
    for (position, event) in (first..).zip(&mut events) {
        event.position = position;
    }
    for chunk in events.chunks(APPEND_CHUNK) {
        tx.run(&INSERT_EVENTS, args![event_rows(chunk)]).await?;
    }
    Ok(head)
}

/// Events of one statement while appending many.
const APPEND_CHUNK: usize = 2_000;

fn booking_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.created;
    let int = |n: u16| i32::from(n);
    vec![
        Column::Uuid(rows.iter().map(|b| b.id.0).collect()),
        Column::Uuid(rows.iter().map(|b| b.offering_id.0).collect()),
        Column::Text(rows.iter().map(|b| b.user_id.0.clone()).collect()),
        Column::Text(rows.iter().map(|b| write_seats(&b.seats)).collect()),
        Column::Int(rows.iter().map(|b| int(b.legs.from())).collect()),
        Column::Int(rows.iter().map(|b| int(b.legs.to())).collect()),
        Column::Big(rows.iter().map(|b| b.price.amount_minor).collect()),
        Column::Text(rows.iter().map(|b| b.price.currency.code().to_owned()).collect()),
        Column::Text(rows.iter().map(|b| b.state.word().to_owned()).collect()),
        Column::Big(rows.iter().map(|b| b.hold_expires_at.as_millis()).collect()),
        Column::OptText(rows.iter().map(|b| b.payment_id.clone()).collect()),
        Column::Big(rows.iter().map(|b| b.created_at.as_millis()).collect()),
        Column::OptBig(rows.iter().map(|b| b.confirmed_at.map(Timestamp::as_millis)).collect()),
        Column::OptText(rows.iter().map(|b| b.cancel_reason.clone()).collect()),
        Column::Int(rows.iter().map(|b| b.version as i32).collect()),
    ]
}

/// A row a seat and leg, sorted by (offering, seat, leg): two processes that take keys in different
/// orders would deadlock.
fn claim_rows<'a>(bookings: impl Iterator<Item = &'a Arc<Booking>>) -> Vec<Column> {
    let mut rows = Vec::new();
    for booking in bookings {
        for seat in &booking.seats {
            for leg in booking.legs.legs() {
                rows.push((booking.offering_id.0, seat.no.0 as i32, i32::from(leg), booking.id.0));
            }
        }
    }
    rows.sort_unstable();
    vec![
        Column::Uuid(rows.iter().map(|r| r.0).collect()),
        Column::Int(rows.iter().map(|r| r.1).collect()),
        Column::Int(rows.iter().map(|r| r.2).collect()),
        Column::Uuid(rows.iter().map(|r| r.3).collect()),
    ]
}

fn changed_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.changed;
    vec![
        Column::Uuid(rows.iter().map(|(b, _)| b.id.0).collect()),
        Column::Text(rows.iter().map(|(b, _)| b.state.word().to_owned()).collect()),
        Column::Text(rows.iter().map(|(b, _)| write_seats(&b.seats)).collect()),
        Column::Big(rows.iter().map(|(b, _)| b.hold_expires_at.as_millis()).collect()),
        Column::OptText(rows.iter().map(|(b, _)| b.payment_id.clone()).collect()),
        Column::OptBig(rows.iter().map(|(b, _)| b.confirmed_at.map(Timestamp::as_millis)).collect()),
        Column::OptText(rows.iter().map(|(b, _)| b.cancel_reason.clone()).collect()),
        Column::Int(rows.iter().map(|(b, _)| b.version as i32).collect()),
        Column::Int(rows.iter().map(|(_, before)| *before as i32).collect()),
    ]
}

fn passenger_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.passengers;
    vec![
        Column::Uuid(rows.iter().map(|(id, _)| id.0).collect()),
        Column::Text(rows.iter().map(|(_, p)| p.name.clone()).collect()),
        Column::Text(rows.iter().map(|(_, p)| p.email.clone()).collect()),
        Column::OptText(rows.iter().map(|(_, p)| p.phone.clone()).collect()),
    ]
}

fn answer_rows(batch: &Batch) -> Vec<Column> {
    let rows = &batch.answers;
    vec![
        Column::Text(rows.iter().map(|a| a.caller.clone()).collect()),
        Column::Text(rows.iter().map(|a| a.key.clone()).collect()),
        Column::Bytes(rows.iter().map(|a| a.request_hash.clone()).collect()),
        Column::Int(rows.iter().map(|a| a.status).collect()),
        Column::Text(rows.iter().map(|a| a.data.clone()).collect()),
        Column::Big(rows.iter().map(|a| a.position).collect()),
        Column::Big(vec![batch.decided_at.as_millis(); rows.len()]),
    ]
}

fn event_rows(rows: &[LogEntry]) -> Vec<Column> {
    vec![
        Column::Big(rows.iter().map(|e| e.position).collect()),
        Column::Uuid(rows.iter().map(|e| e.stream_id).collect()),
        Column::Int(rows.iter().map(|e| e.stream_version).collect()),
        Column::Text(rows.iter().map(|e| e.event.type_name().to_owned()).collect()),
        Column::Big(rows.iter().map(|e| e.recorded_at.as_millis()).collect()),
        Column::Text(rows.iter().map(|e| e.actor.clone()).collect()),
        Column::Text(rows.iter().map(|e| e.correlation_id.clone()).collect()),
        Column::OptText(rows.iter().map(|e| e.causation_id.clone()).collect()),
        Column::Text(rows.iter().map(|e| e.event.data()).collect()),
    ]
}
