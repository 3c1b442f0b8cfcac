//! The one who looks at the stores, once a second, beside the screen: a slow or lost store never holds up a
//! key, and a slow screen never queues up pictures.

use crate::picture::{Picture, why};
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use ticketing_core::app::{App, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::db::Address;
use ticketing_core::store::error::StoreError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look that takes long is followed by so many times as long a rest: watching must not weigh on a store
/// that has work to do.
const REST_FACTOR: u32 = 3;
/// But for no longer than this.
const REST_MAX: Duration = Duration::from_secs(5);
/// Before stores that could not be opened or looked at are tried again.
pub(crate) const OPEN_EVERY: Duration = Duration::from_secs(2);
/// Closing them takes no longer than this.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What came of a look at the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// They are like this.
    Saw(Box<Picture>),
    /// They could not be looked at.
    Failed {
        /// Why, as a harmless line.
        why: String,
    },
}

/// Where and how to look.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    /// Where the stores are.
    pub stores: StoreConfig,
    /// What time it is.
    pub clock: Clock,
    /// So long an answer may take.
    pub patience: Duration,
}

impl Watch {
    /// Looks until nobody listens.
    ///
    /// # Errors
    /// Only if the stores were never seen, and waiting will not bring them: there are none, they are no
    /// databases, or of another schema.
    pub(crate) async fn run(self, out: mpsc::Sender<Look>) -> Result<(), StoreError> {
        let mut was_open = false;
        while !out.is_closed() {
            let why = match timeout(self.patience, Stores::open(&self.stores)).await {
                Ok(Ok(stores)) => {
                    was_open = true;
                    match self.run_on(stores, &out).await {
                        Some(why) => why,
                        None => return Ok(()),
                    }
                }
                Ok(Err(error)) if !was_open && !error.is_transient() => return Err(error),
                Ok(Err(error)) => why(&error),
                Err(_) => self.no_answer(),
            };
            if out.send(Look::Failed { why }).await.is_err()
                || listening(&out, sleep(OPEN_EVERY)).await.is_none()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn no_answer(&self) -> String {
        format!("the store did not answer within {} s", self.patience.as_secs_f32())
    }

    /// Looks at opened stores; returns why they must be opened again, `None` once nobody listens.
    async fn run_on(&self, stores: Stores, out: &mpsc::Sender<Look>) -> Option<String> {
        let files = Files::of(&self.stores);
        let (app, engine) = App::start(stores.clone(), self.clock.clone(), EngineConfig::default(), |_| ());
        let ended = listening(out, self.looks(&app, &files, out)).await.flatten();
        drop(app);
        let close = async {
            engine.finished().await;
            stores.close().await;
        };
        // Nothing was written: what does not close in time is closed by the system.
        let _ = timeout(CLOSE_WAIT, close).await;
        ended
    }

    async fn looks(&self, app: &App, files: &Files, out: &mpsc::Sender<Look>) -> Option<String> {
        let mut last: Option<Box<Picture>> = None;
        loop {
            let begun = Instant::now();
            if *files != Files::of(&self.stores) {
                return Some("the store's files were removed or replaced".to_owned());
            }
            let look = match timeout(self.patience, Picture::take(app, last.as_deref())).await {
                Ok(Ok(picture)) => Look::Saw(last.insert(Box::new(picture)).clone()),
                Ok(Err(error)) => Look::Failed { why: why(&error) },
                Err(_) => Look::Failed { why: self.no_answer() },
            };
            let has_failed = matches!(look, Look::Failed { .. });
            out.send(look).await.ok()?;
            sleep(rest(begun.elapsed(), has_failed)).await;
        }
    }
}

/// Returns how long to rest after a look. One that failed was no work for the store, and is tried again soon.
fn rest(took: Duration, has_failed: bool) -> Duration {
    if has_failed {
        return OPEN_EVERY;
    }
    LOOK_EVERY.saturating_sub(took).max((took * REST_FACTOR).min(REST_MAX))
}

/// Waits for `work` while anybody listens.
async fn listening<T>(out: &mpsc::Sender<Look>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = out.closed() => None,
    }
}

/// Which files the embedded stores are. A database that was removed or replaced can still be read by whoever
/// has it open, and would look alive for ever.
#[derive(Debug, PartialEq, Eq)]
struct Files([Option<FileId>; 2]);

type FileId = (u64, u64);

impl Files {
    fn of(stores: &StoreConfig) -> Self {
        Self([stores.write_address(), stores.read_address()].map(|address| match address {
            Address::File(path) => file_id(&path),
            Address::Url(_) => None,
        }))
    }
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere an open file can't be removed.
#[cfg(not(unix))]
fn file_id(_path: &Path) -> Option<FileId> {
    None
}

#[cfg(test)]
mod tests {
    use super::rest;
    use std::time::Duration;

    #[test]
    fn a_slow_store_is_left_in_peace_and_a_lost_one_is_tried_again_soon() {
        let rows = [
            (0, false, 1_000),
            (200, false, 800),
            (500, false, 1_500),
            (1_000, false, 3_000),
            (9_000, false, 5_000),
            (0, true, 2_000),
            (10_000, true, 2_000),
        ];
        for (took, has_failed, expected) in rows {
            let rest = rest(Duration::from_millis(took), has_failed);
            assert_eq!(rest, Duration::from_millis(expected), "{took} {has_failed}");
        }
    }
}
