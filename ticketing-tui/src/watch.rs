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
/// Before stores that could not be opened or looked at are opened anew.
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
                    self.run_on(stores, &out).await;
                    None
                }
                Ok(Err(error)) if !was_open && !error.is_transient() => return Err(error),
                Ok(Err(error)) => Some(why(&error)),
                Err(_) => Some(self.no_answer()),
            };
            if let Some(why) = why {
                // If nobody listens any more, the loop ends.
                let _ = out.send(Look::Failed { why }).await;
            }
            listening(&out, sleep(OPEN_EVERY)).await;
        }
        Ok(())
    }

    fn no_answer(&self) -> String {
        format!("the store did not answer within {} s", self.patience.as_secs_f32())
    }

    /// Looks at opened stores until a look fails or nobody listens, and closes them. They are opened anew then:
    /// after an outage each connection that was open would fail once more.
    async fn run_on(&self, stores: Stores, out: &mpsc::Sender<Look>) {
        let files = Files::of(&self.stores);
        let (app, engine) = App::start(stores.clone(), self.clock.clone(), EngineConfig::default(), |_| ());
        listening(out, self.looks(&app, &files, out)).await;
        drop(app);
        let close = async {
            engine.finished().await;
            stores.close().await;
        };
        // Nothing was written: what does not close in time is closed by the system.
        let _ = timeout(CLOSE_WAIT, close).await;
    }

    async fn looks(&self, app: &App, files: &Files, out: &mpsc::Sender<Look>) {
        let mut last: Option<Box<Picture>> = None;
        loop {
            let begun = Instant::now();
            let look = if *files == Files::of(&self.stores) {
                match timeout(self.patience, Picture::take(app, last.as_deref())).await {
                    Ok(Ok(picture)) => Look::Saw(last.insert(Box::new(picture)).clone()),
                    Ok(Err(error)) => Look::Failed { why: why(&error) },
                    Err(_) => Look::Failed { why: self.no_answer() },
                }
            } else {
                Look::Failed { why: "the store's files were removed or replaced".to_owned() }
            };
            let has_failed = matches!(look, Look::Failed { .. });
            if out.send(look).await.is_err() || has_failed {
                return;
            }
            sleep(rest(begun.elapsed())).await;
        }
    }
}

/// Waits for `work` while anybody listens.
async fn listening(out: &mpsc::Sender<Look>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = out.closed() => {}
    }
}

/// Returns how long to rest after a look that took so long.
fn rest(took: Duration) -> Duration {
    LOOK_EVERY.saturating_sub(took).max((took * REST_FACTOR).min(REST_MAX))
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
    fn a_slow_store_is_left_in_peace() {
        for (took, expected) in [(0, 1_000), (200, 800), (500, 1_500), (1_000, 3_000), (9_000, 5_000)] {
            assert_eq!(rest(Duration::from_millis(took)), Duration::from_millis(expected), "{took}");
        }
    }
}
