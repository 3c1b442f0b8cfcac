//! What committed sagas ask of the payment provider, handed to whoever does it in this process.
//!
//! A hint, not a promise: the rows are the truth. What is handed over is leased to this process in the same
//! transaction; what gets lost on the way (a crash, a full channel) comes due again when the lease ends.

use crate::domain::payment::{Attempt, AttemptState};
use crate::domain::time::Timestamp;
use crate::saga::Case;
use crate::store::batch::Batch;
use crate::store::sagas::Lease;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// How long an attempt is one process's own, in seconds, unless it renews that: so long it takes until another one
/// goes on after a crash.
pub const LEASE_SECONDS: i64 = 12;
/// Attempts that may wait for the runner; one more waits for its lease to end.
const WAITING_MAX: usize = 65_536;

/// One attempt to do, with all that is known of its saga.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The attempt.
    pub attempt: Attempt,
    /// Its saga, without the booking.
    pub case: Arc<Case>,
}

/// The way from the engine to the runner. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    runner: Arc<Mutex<Option<Runner>>>,
    /// An attempt came due, now or later, that was not handed over.
    moved: Arc<Notify>,
}

#[derive(Debug)]
struct Runner {
    owner: String,
    queue: mpsc::Sender<Effect>,
}

impl Effects {
    /// Takes the runner's place: from now on, what this engine begins is leased to `owner` and sent here.
    #[must_use]
    pub fn take(&self) -> (String, mpsc::Receiver<Effect>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let owner = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        let runner = Runner { owner: owner.clone(), queue };
        *self.runner.lock().unwrap_or_else(PoisonError::into_inner) = Some(runner);
        (owner, waiting)
    }

    /// Waits until an attempt has come due that was not handed over.
    pub async fn moved(&self) {
        self.moved.notified().await;
    }

    /// The lease of what is begun now; `None` if nobody runs it here.
    pub(super) fn lease(&self, now: Timestamp) -> Option<Lease> {
        let runner = self.runner.lock().unwrap_or_else(PoisonError::into_inner);
        let runner = runner.as_ref().filter(|runner| !runner.queue.is_closed())?;
        Some(Lease { owner: runner.owner.clone(), until: now.plus_seconds(LEASE_SECONDS) })
    }

    /// Hands over what a committed batch has begun.
    pub(super) fn committed(&self, batch: &Batch) {
        if batch.sagas.is_empty() {
            return;
        }
        let runner = self.runner.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |runner: &&Runner| batch.lease.as_ref().is_some_and(|lease| lease.owner == runner.owner);
        let runner = runner.as_ref().filter(ours);
        let mut later = false;
        for change in &batch.sagas {
            for attempt in change.after.attempts.iter().filter(|a| a.state == AttemptState::Due) {
                let was = change.before.as_ref().and_then(|c| c.attempts.iter().find(|a| a.id == attempt.id));
                match (was, runner) {
                    (None, Some(runner)) => {
                        let effect = Effect { attempt: attempt.clone(), case: Arc::clone(&change.after) };
                        // Full: it comes due when its lease ends.
                        let _ = runner.queue.try_send(effect);
                    }
                    (Some(was), _) if was == attempt => {}
                    (Some(_), _) | (None, None) => later = true,
                }
            }
        }
        if later {
            self.moved.notify_one();
        }
    }
}
