//! One batch, done until it stands: it is loaded, decided and written, and once more when another process came
//! between; then everybody who waits is told. How several are under way at once is the loop's business, not known here.

use super::command::{CommandError, Outcome, Queued, Work};
use super::decide::decide_all;
use super::effects::Effects;
use super::load::{Found, catch_up, doubtful, load, load_answers};
use super::report::{BatchReport, Observer};
use super::state::State;
use crate::clock::Clock;
use crate::domain::booking::state::BookingState;
use crate::domain::time::Timestamp;
use crate::store::batch::{self, Batch};
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::events;
use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// How often a batch is decided again before it takes the log's lock first.
const OPTIMISTIC_TRIES: u32 = 2;
/// How often a batch is decided again at all. More means that the store contradicts itself.
const TRIES_MAX: u32 = 50;

/// The engine at work: its memory, and whom it tells.
pub(super) struct Worker {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) state: State,
    pub(super) head: watch::Sender<i64>,
    pub(super) in_flight: Arc<Mutex<HashSet<(String, String)>>>,
    pub(super) next_due: Arc<AtomicI64>,
    pub(super) due_moved: Arc<Notify>,
    pub(super) observer: Observer,
    pub(super) effects: Effects,
    pub(super) provider: &'static str,
    /// Batches to go until two may be under way again, after another process came between.
    pub(super) alone: u32,
    /// Whether what is decided now may have been written before, with an answer that got lost.
    pub(super) in_doubt: bool,
}

impl Worker {
    /// Folds what others wrote, before that makes a batch void. Nothing may be under way.
    pub(super) async fn catch_up(&mut self) {
        if self.state.head.is_some()
            && let Err(error) = catch_up(&self.db, &mut self.state).await
        {
            // Whoever decides next reads anew, and says what is wrong.
            tracing::debug!(%error, "what others wrote can't be read");
            self.state.forget();
        }
    }

    /// Loads and decides. Before a refusal counts, its idempotency key is looked up, since the very command may
    /// have been done before, by another process; and its saga is read anew. `None` if there is such a doubt: what
    /// was decided is forgotten, and is to be decided `again`, when nothing is under way any more.
    pub(super) async fn decided(
        &mut self,
        commands: &[Queued],
        now: Timestamp,
        again: bool,
    ) -> Result<Option<(Batch, Vec<Outcome>)>, StoreError> {
        let mut found = load(&self.db, &mut self.state, commands, now, again).await?;
        let (mut batch, outcomes) = decide_all(&mut self.state, &mut found, commands, self.provider, now);
        batch.lease = self.effects.lease(now);
        let doubtful = doubtful(commands, &outcomes, &found);
        if !doubtful.is_empty() {
            self.state.forget_batch(&batch);
            for id in doubtful {
                self.state.cases.remove(id);
            }
            return Ok(None);
        }
        let refused = commands.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_err());
        let keys: Vec<_> = refused.filter_map(|(command, _)| command.meta.idempotency.as_ref()).collect();
        if again || keys.is_empty() {
            return Ok(Some((batch, outcomes)));
        }
        let mut stored = Found::default();
        let looked_up = load_answers(&self.db, keys, &mut stored).await;
        if looked_up.is_ok() && stored.answers.is_empty() {
            return Ok(Some((batch, outcomes)));
        }
        self.state.forget_batch(&batch);
        looked_up.map(|()| None)
    }

    /// Does all of `commands` and answers each.
    pub(super) async fn process(&mut self, commands: &mut Vec<Queued>) {
        match self.attempt(commands).await {
            Ok(outcomes) => self.answer(commands, outcomes),
            // The store refuses something in this batch: find out which command by doing each alone.
            Err(StoreError::Refused { .. } | StoreError::Corrupt { .. }) if commands.len() > 1 => {
                for command in std::mem::take(commands) {
                    let mut alone = vec![command];
                    match self.attempt(&alone).await {
                        Ok(outcomes) => self.answer(&mut alone, outcomes),
                        Err(error) => self.fail(&mut alone, error),
                    }
                }
            }
            Err(error) => self.fail(commands, error),
        }
    }

    /// Loads, decides and writes until the batch was decided on the log's true head.
    async fn attempt(&mut self, commands: &[Queued]) -> Result<Vec<Outcome>, StoreError> {
        for retries in 0..TRIES_MAX {
            let done = if retries < OPTIMISTIC_TRIES {
                self.try_once(commands, retries).await
            } else {
                self.try_locked(commands, retries).await
            };
            match done {
                Ok(Some(outcomes)) => return Ok(outcomes),
                Ok(None) => {}
                // Another program had the log's lock for too long: ask again.
                Err(StoreError::Conflict { .. }) => self.state.forget(),
                Err(error) => {
                    self.state.forget();
                    return Err(error);
                }
            }
        }
        self.state.forget();
        Err(StoreError::Refused {
            store: "write",
            reason: "a batch could not be brought in line with the log: claims or bookings contradict it"
                .into(),
        })
    }

    /// One try without a lock. `None` if another process wrote meanwhile.
    async fn try_once(
        &mut self,
        commands: &[Queued],
        retries: u32,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let now = self.clock.now();
        let Some((batch, outcomes)) = self.decided(commands, now, retries > 0 || self.in_doubt).await? else {
            return Ok(None);
        };
        let began = Instant::now();
        if batch.is_empty() {
            // Nothing to write: what was refused was refused on the truth, if the log has not moved.
            if events::head(&self.db).await? == batch.expected_head {
                self.report(commands, &batch, &outcomes, began.elapsed(), retries);
                return Ok(Some(outcomes));
            }
            catch_up(&self.db, &mut self.state).await?;
            return Ok(None);
        }
        match batch::write(&self.db, &batch, None).await? {
            batch::Outcome::Committed => {
                self.state.head = Some(batch.expected_head + batch.events.len() as i64);
                self.committed(commands, &batch, &outcomes, began.elapsed(), retries);
                Ok(Some(outcomes))
            }
            batch::Outcome::Stale => {
                self.state.forget_batch(&batch);
                catch_up(&self.db, &mut self.state).await?;
                Ok(None)
            }
        }
    }

    /// One try that holds the log's lock while it loads and decides: nobody can come between.
    async fn try_locked(
        &mut self,
        commands: &[Queued],
        retries: u32,
    ) -> Result<Option<Vec<Outcome>>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        batch::lock_head(&mut tx).await?;
        catch_up(&self.db, &mut self.state).await?;
        let Some((batch, outcomes)) = self.decided(commands, now, true).await? else { return Ok(None) };
        let began = Instant::now();
        match batch::write_in(tx, &batch).await? {
            batch::Outcome::Committed => {
                self.state.head = Some(batch.expected_head + batch.events.len() as i64);
                self.committed(commands, &batch, &outcomes, began.elapsed(), retries);
                Ok(Some(outcomes))
            }
            batch::Outcome::Stale => {
                self.state.forget();
                Ok(None)
            }
        }
    }

    /// Everybody who waits learns that a batch is on disk.
    pub(super) fn committed(
        &self,
        commands: &[Queued],
        batch: &Batch,
        outcomes: &[Outcome],
        commit: Duration,
        retries: u32,
    ) {
        self.head.send_replace(batch.expected_head + batch.events.len() as i64);
        let holds = batch.created.iter().filter(|b| b.state.is_hold());
        if let Some(first) = holds.map(|b| b.hold_expires_at.as_millis()).min()
            && self.next_due.fetch_min(first, Ordering::SeqCst) > first
        {
            self.due_moved.notify_one();
        }
        self.effects.committed(batch);
        self.report(commands, batch, outcomes, commit, retries);
    }

    fn report(
        &self,
        commands: &[Queued],
        batch: &Batch,
        outcomes: &[Outcome],
        commit: Duration,
        retries: u32,
    ) {
        let refused = |(queued, outcome): &(&Queued, &Outcome)| {
            let of_a_hold = matches!(queued.work, Work::Reserve { .. });
            of_a_hold && matches!(outcome, Err(CommandError::Rejected(_)))
        };
        (self.observer)(&BatchReport {
            commands: outcomes.len(),
            events: batch.events.len(),
            reserved: batch.created.len(),
            refused: commands.iter().zip(outcomes).filter(refused).count(),
            expired: batch.changed.iter().filter(|(b, _)| b.state == BookingState::Expired).count(),
            commit,
            retries,
        });
    }

    pub(super) fn answer(&self, commands: &mut Vec<Queued>, outcomes: Vec<Outcome>) {
        self.release_keys(commands);
        for (command, outcome) in commands.drain(..).zip(outcomes) {
            // A caller that has gone away gets its answer when it asks again with its key.
            let _ = command.reply.send(outcome);
        }
    }

    fn fail(&self, commands: &mut Vec<Queued>, error: StoreError) {
        tracing::error!(commands = commands.len(), %error, "a batch failed");
        self.release_keys(commands);
        let error = Arc::new(error);
        for command in commands.drain(..) {
            let _ = command.reply.send(Err(CommandError::Store(Arc::clone(&error))));
        }
    }

    fn release_keys(&self, commands: &[Queued]) {
        if commands.iter().any(|c| c.meta.idempotency.is_some()) {
            let mut running = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            for key in commands.iter().filter_map(|c| c.meta.idempotency.as_ref()) {
                running.remove(&(key.caller.clone(), key.key.clone()));
            }
        }
    }
}
