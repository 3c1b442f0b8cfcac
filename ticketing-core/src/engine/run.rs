//! The loop: takes what waits and sends it off in batches, a few of them under way to the store at once, and brings
//! each down in order. What can't go that way is done one by one, by [`super::attempt`].

use super::attempt::Worker;
use super::command::{Outcome, Queued};
use crate::store::batch::{self, Batch};
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::events;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Batches under way at once: while one waits for the disk, the next one's rows are written and a third is
/// decided.
const FLIGHTS_MAX: usize = 3;
/// Batches that go one by one after another process came between ours.
const ALONE_AFTER_STALE: u32 = 32;

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

impl Worker {
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Queued>, batch_max: usize) {
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

    /// Whether a batch whose write ended without an answer is in the log all the same.
    async fn was_committed(&self, batch: &Batch) -> bool {
        match (events::after(&self.db, batch.expected_head, 1).await, batch.events.first()) {
            (Ok(found), Some(first)) => found.first() == Some(first),
            (Ok(_), None) | (Err(_), _) => false,
        }
    }
}
