//! The loop: take what waits, load, decide, write, answer.

use super::command::{CommandError, Done, Meta, Outcome, Work};
use super::decide::decide_all;
use super::effects::Effects;
use super::load::{Found, catch_up, doubtful, load, load_answers};
use super::state::State;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::batch::{self, Batch};
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::events;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// How the engine batches.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Commands of one batch.
    pub batch_max: usize,
    /// Commands that may wait; one more is refused.
    pub queue_max: usize,
    /// Which payment provider confirms and gives back what a service vouches for.
    pub provider: &'static str,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { batch_max: 512, queue_max: 8_192, provider: "simulated" }
    }
}

/// What one batch was like, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct BatchReport {
    /// Commands in it.
    pub commands: usize,
    /// Events that it wrote.
    pub events: usize,
    /// New holds.
    pub reserved: usize,
    /// Reservations that were refused.
    pub refused: usize,
    /// Holds that ended.
    pub expired: usize,
    /// How long the store took to write it.
    pub commit: Duration,
    /// How often it was decided again because another process had written.
    pub retries: u32,
}

type Observer = Arc<dyn Fn(&BatchReport) + Send + Sync>;

/// How often a batch is decided again before it takes the log's lock first.
const OPTIMISTIC_TRIES: u32 = 2;
/// How often a batch is decided again at all. More means that the store contradicts itself.
const TRIES_MAX: u32 = 50;

/// A command in the queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) work: Work,
    pub(super) meta: Meta,
    reply: oneshot::Sender<Outcome>,
}

#[cfg(test)]
impl Queued {
    /// A command whose answer nobody waits for.
    pub(super) fn alone(work: Work, meta: Meta) -> Self {
        Self { work, meta, reply: oneshot::channel().0 }
    }
}

/// The way to the engine. Cloning is cheap; when the last one is dropped, the engine finishes what it has
/// accepted and ends.
#[derive(Clone)]
pub struct Engine {
    queue: mpsc::Sender<Queued>,
    in_flight: Arc<Mutex<HashSet<(String, String)>>>,
    head: watch::Receiver<i64>,
    next_due: Arc<AtomicI64>,
    due_moved: Arc<Notify>,
    effects: Effects,
    provider: &'static str,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("head", &*self.head.borrow()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine on a write store. The task ends when all handles are dropped.
    ///
    /// `observer` is called after each batch, from the engine's own task: it must not wait.
    pub fn start(
        db: Db,
        clock: Clock,
        config: EngineConfig,
        observer: impl Fn(&BatchReport) + Send + Sync + 'static,
    ) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(config.queue_max);
        let (head_out, head) = watch::channel(0);
        let engine = Self {
            queue,
            in_flight: Arc::default(),
            head,
            next_due: Arc::new(AtomicI64::new(i64::MAX)),
            due_moved: Arc::default(),
            effects: Effects::default(),
            provider: config.provider,
        };
        let worker = Worker {
            db,
            clock,
            state: State::new(),
            head: head_out,
            in_flight: Arc::clone(&engine.in_flight),
            next_due: Arc::clone(&engine.next_due),
            due_moved: Arc::clone(&engine.due_moved),
            observer: Arc::new(observer),
            effects: engine.effects.clone(),
            provider: config.provider,
            alone: 0,
            in_doubt: false,
        };
        let task = tokio::spawn(worker.run(waiting, config.batch_max));
        (engine, task)
    }

    /// Hands a command in and waits for its answer. If the caller goes away, the command is done all the same.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn submit(&self, work: Work, meta: Meta) -> Result<Done, CommandError> {
        if let Some(key) = &meta.idempotency {
            let mut running = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            if !running.insert((key.caller.clone(), key.key.clone())) {
                return Err(CommandError::IdempotencyInProgress);
            }
        }
        let key = meta.idempotency.as_ref().map(|key| (key.caller.clone(), key.key.clone()));
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.queue.try_send(Queued { work, meta, reply }) {
            if let Some(key) = key {
                self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            }
            return Err(match refused {
                mpsc::error::TrySendError::Full(_) => CommandError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => CommandError::ShuttingDown,
            });
        }
        answer.await.unwrap_or(Err(CommandError::ShuttingDown))
    }

    /// What the sagas ask of the payment provider, for whoever does it in this process.
    #[must_use]
    pub const fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Which payment provider this program uses.
    #[must_use]
    pub const fn provider(&self) -> &'static str {
        self.provider
    }

    /// How many commands wait.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// A watch on the last position that this engine knows to be committed.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }

    /// When the next hold of this engine ends, as far as it knows; the sweeper keeps it right.
    pub(crate) fn next_due(&self) -> Timestamp {
        Timestamp::from_millis(self.next_due.load(Ordering::SeqCst))
    }

    /// Forgets when the next hold ends, before a look into the store: what is made meanwhile is then told.
    pub(crate) fn forget_next_due(&self) {
        self.next_due.store(i64::MAX, Ordering::SeqCst);
    }

    /// Says when the next hold in the store ends.
    pub(crate) fn found_next_due(&self, at: Timestamp) {
        self.next_due.fetch_min(at.as_millis(), Ordering::SeqCst);
    }

    /// Waits until a hold was made that ends before all that were known.
    pub(crate) async fn due_moved(&self) {
        self.due_moved.notified().await;
    }
}

type Landed = Result<(batch::Outcome, Duration), StoreError>;

/// A batch under way to the store.
struct Flight {
    commands: Vec<Queued>,
    outcomes: Vec<Outcome>,
    batch: Arc<Batch>,
    /// Told when it is on disk; the next batch takes it.
    committed: Option<oneshot::Receiver<()>>,
    task: JoinHandle<Landed>,
}

/// Waits for the oldest batch under way.
async fn landing(flights: &mut VecDeque<Flight>) -> Landed {
    let Some(flight) = flights.front_mut() else { return std::future::pending().await };
    (&mut flight.task).await.unwrap_or_else(|stopped| {
        Err(StoreError::Unavailable { store: "write", reason: format!("a write was stopped: {stopped}") })
    })
}

/// Writes a batch behind the one before it, and tells the one after it.
async fn fly(
    db: Db,
    batch: Arc<Batch>,
    before: Option<oneshot::Receiver<()>>,
    commit: oneshot::Sender<()>,
) -> Landed {
    let began = Instant::now();
    let outcome = batch::write(&db, &batch, before).await?;
    if outcome == batch::Outcome::Committed {
        // Nobody may be behind.
        let _ = commit.send(());
    }
    Ok((outcome, began.elapsed()))
}

struct Worker {
    db: Db,
    clock: Clock,
    state: State,
    head: watch::Sender<i64>,
    in_flight: Arc<Mutex<HashSet<(String, String)>>>,
    next_due: Arc<AtomicI64>,
    due_moved: Arc<Notify>,
    observer: Observer,
    effects: Effects,
    provider: &'static str,
    /// Batches to go until two may be under way again, after another process came between.
    alone: u32,
    /// Whether what is decided now may have been written before, with an answer that got lost.
    in_doubt: bool,
}

/// Batches under way at once: while one waits for the disk, the next one's rows are written and a third is
/// decided.
const FLIGHTS_MAX: usize = 3;
/// Batches that go one by one after another process came between ours.
const ALONE_AFTER_STALE: u32 = 32;

impl Worker {
    async fn run(mut self, mut waiting: mpsc::Receiver<Queued>, batch_max: usize) {
        let mut commands = Vec::with_capacity(batch_max);
        let mut flights: VecDeque<Flight> = VecDeque::with_capacity(FLIGHTS_MAX);
        let mut open = true;
        while open || !commands.is_empty() || !flights.is_empty() {
            let room = batch_max - commands.len();
            tokio::select! {
                biased;
                landed = landing(&mut flights), if !flights.is_empty() => {
                    self.land(&mut flights, landed).await;
                }
                taken = waiting.recv_many(&mut commands, room), if open && room > 0 => {
                    open = taken > 0;
                }
            }
            if self.may_depart(&commands, &flights) {
                self.state.trim();
                if self.alone > 0 {
                    self.alone -= 1;
                    // Another process wrote a moment ago, and is likely to have written since.
                    self.catch_up().await;
                    self.process(&mut commands).await;
                } else {
                    self.depart(std::mem::take(&mut commands), &mut flights).await;
                    commands.reserve(batch_max);
                }
            }
        }
    }

    /// A lone command goes at once. Behind a batch that is under way another one goes only when it is
    /// worth a commit of its own; else it waits for the landing, and more come with it.
    fn may_depart(&self, commands: &[Queued], flights: &VecDeque<Flight>) -> bool {
        let Some(ahead) = flights.back() else { return !commands.is_empty() };
        self.alone == 0
            && flights.len() < FLIGHTS_MAX
            && !commands.is_empty()
            && commands.len() * 2 >= ahead.commands.len()
    }

    /// Decides a batch on memory as the batches under way will leave it, and sends it off.
    async fn depart(&mut self, mut commands: Vec<Queued>, flights: &mut VecDeque<Flight>) {
        let now = self.clock.now();
        let (batch, outcomes) = match self.decided(&commands, now, false).await {
            Ok(Some(decided)) => decided,
            other => {
                // Memory stays right: what was decided is forgotten. `process` knows how to go on.
                if let Err(error) = other {
                    tracing::debug!(%error, "loading for a batch failed");
                }
                self.land_all(flights).await;
                return self.process(&mut commands).await;
            }
        };
        if batch.is_empty() {
            // Refusals are checked against the log when all that they were decided on has landed.
            self.land_all(flights).await;
            return self.process(&mut commands).await;
        }
        self.state.head = Some(batch.expected_head + batch.events.len() as i64);
        let before = flights.back_mut().and_then(|flight| flight.committed.take());
        let (commit, committed) = oneshot::channel();
        let batch = Arc::new(batch);
        let task = tokio::spawn(fly(self.db.clone(), Arc::clone(&batch), before, commit));
        flights.push_back(Flight { commands, outcomes, batch, committed: Some(committed), task });
    }

    async fn land_all(&mut self, flights: &mut VecDeque<Flight>) {
        while !flights.is_empty() {
            let landed = landing(flights).await;
            self.land(flights, landed).await;
        }
    }

    /// The oldest batch under way has come down.
    async fn land(&mut self, flights: &mut VecDeque<Flight>, landed: Landed) {
        let Some(mut flight) = flights.pop_front() else { return };
        let landed = match landed {
            Err(_) if self.was_committed(&flight.batch).await => {
                Ok((batch::Outcome::Committed, Duration::ZERO))
            }
            other => other,
        };
        if let Ok((batch::Outcome::Committed, took)) = landed {
            self.committed(&flight.commands, &flight.batch, &flight.outcomes, took, 0);
            return self.answer(&mut flight.commands, flight.outcomes);
        }
        // What was decided on top of it is void too. Everything goes once more, in order, one by one.
        let mut again = vec![flight];
        while let Some(mut later) = flights.pop_front() {
            // It was told to turn back, or will fail by its own condition: the log is not where it expects.
            let _ = (&mut later.task).await;
            again.push(later);
        }
        for flight in again.iter().rev() {
            self.state.forget_batch(&flight.batch);
        }
        self.state.go_back(again[0].batch.expected_head);
        match landed {
            Ok(_) => {
                self.alone = ALONE_AFTER_STALE;
                self.catch_up().await;
            }
            Err(error) => {
                // Whether it was committed is unknown; `process` looks before it does anything twice.
                tracing::debug!(%error, "a batch came down without an answer");
                self.state.forget();
            }
        }
        self.in_doubt = true;
        for mut flight in again {
            self.process(&mut flight.commands).await;
        }
        self.in_doubt = false;
    }

    /// Folds what others wrote, before that makes a batch void. Nothing may be under way.
    async fn catch_up(&mut self) {
        if self.state.head.is_some()
            && let Err(error) = catch_up(&self.db, &mut self.state).await
        {
            // Whoever decides next reads anew, and says what is wrong.
            tracing::debug!(%error, "what others wrote can't be read");
            self.state.forget();
        }
    }

    /// Whether a batch whose write ended without an answer is in the log all the same.
    async fn was_committed(&self, batch: &Batch) -> bool {
        match (events::after(&self.db, batch.expected_head, 1).await, batch.events.first()) {
            (Ok(found), Some(first)) => found.first() == Some(first),
            (Ok(_), None) | (Err(_), _) => false,
        }
    }

    /// Loads and decides. Before a refusal counts, its idempotency key is looked up, since the very command may
    /// have been done before, by another process; and its saga is read anew. `None` if there is such a doubt: what was decided is forgotten, and is
    /// to be decided `again`, when nothing is under way any more.
    async fn decided(
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
    async fn process(&mut self, commands: &mut Vec<Queued>) {
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
    fn committed(
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
            expired: batch
                .changed
                .iter()
                .filter(|(b, _)| b.state == crate::domain::booking::state::BookingState::Expired)
                .count(),
            commit,
            retries,
        });
    }

    fn answer(&self, commands: &mut Vec<Queued>, outcomes: Vec<Outcome>) {
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
