//! The one write of the engine: what a batch of commands did, in one transaction.
//!
//! The batch was decided on the log as it stood at `expected_head`. If the head has moved, nothing is
//! written and the caller decides again. Beside that, the keys hold by themselves: of `claims` (no seat
//! twice), of `events` (no position and no stream version twice), of `idempotency` (no answer twice), of
//! `bookings_payment` (no payment twice). New holds alone take a shorter way on PostgreSQL, in `holds`.

mod holds;
mod rows;

use super::db::{Arg, Db, Engine, Tx};
use super::error::{Result, StoreError};
use super::events::LogEntry;
use super::idempotency::StoredAnswer;
use super::sagas::{Lease, Message, SagaChange, SagaRows};
use super::sql::{Sql, statements};
use crate::args;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::state::Booking;
use crate::domain::id::{BookingId, SagaId};
use crate::domain::time::Timestamp;
pub(super) use holds::STATEMENTS as HOLD_STATEMENTS;
use holds::{commit_holds, insert_then_commit};
use rows::{answer_rows, booking_rows, changed_rows, claim_rows, event_rows, passenger_rows};
use std::sync::Arc;
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
        tokio::spawn(tx.undo());
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
            tx.undo().await;
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
            tx.undo().await;
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
