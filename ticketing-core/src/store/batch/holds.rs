//! New holds alone, which is what most batches are, on PostgreSQL: all their rows in one statement, sent with the head or
//! ahead of it. What else a batch did is not written here.

use super::rows::{ANSWER_COLUMNS, HOLD_COLUMNS, answer_rows, booking_rows, claim_rows, passenger_rows};
use super::{Batch, Outcome};
use crate::args;
use crate::store::db::{Arg, Column, Db};
use crate::store::error::Result;
use crate::store::events::LogEntry;
use crate::store::sagas::{self, SagaChange};
use crate::store::sql::statements;
use std::time::Duration;
use tokio::sync::oneshot;

/// The beginning of a statement: inserts the rows of new holds, without the columns whose values are known. `$1` is the
/// time.
macro_rules! with_new_holds {
    () => {
        "
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
        )"
    };
}

statements! {
    /// One round trip for all rows.
    INSERT_HOLDS = sqlite "" postgres concat!(with_new_holds!(), " SELECT 1");
    /// The same with the head, committing by itself: one round trip, one fsync. A head that has moved
    /// violates `log_head`'s check, which undoes it all.
    COMMIT_HOLDS = sqlite "" postgres concat!(with_new_holds!(), "
        UPDATE log_head SET head = CASE WHEN head = $2 THEN head + $3 ELSE -1 END WHERE id = 1
        RETURNING head");
}

impl Batch {
    /// Whether all that it did was to begin holds, each by one event that its own request caused.
    pub(super) fn is_only_holds(&self) -> bool {
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

/// Writes new holds and commits.
pub(super) async fn commit_holds(db: &Db, batch: &Batch) -> Result<Outcome> {
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
pub(super) async fn insert_then_commit(
    db: &Db,
    batch: &Batch,
    mut before: oneshot::Receiver<()>,
) -> Result<Outcome> {
    let mut tx = db.begin().await?;
    let mut values = args![batch.decided_at.as_millis()];
    values.extend(hold_rows(batch));
    if let Err(error) = tx.run(&INSERT_HOLDS, values).await {
        tx.undo().await;
        return Err(error);
    }
    match tokio::time::timeout(GIVE_WAY_AFTER, &mut before).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => {
            tx.undo().await;
            return Ok(Outcome::Stale);
        }
        Err(_) => {
            tx.undo().await;
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
