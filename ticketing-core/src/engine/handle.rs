//! The way to the engine: starts it, hands commands in, and waits for their answers. Decides and writes nothing.

use super::attempt::Worker;
use super::command::{CommandError, Done, Meta, Queued, Work};
use super::effects::Effects;
use super::report::BatchReport;
use super::state::State;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::db::Db;
use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
