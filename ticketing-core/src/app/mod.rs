//! The use cases: one function each, for whoever asks, over HTTP or from the command line.

pub mod accounts;
mod cache;
pub mod catalogue;
pub mod commands;
pub mod config;
mod error;
pub mod events;
pub mod folder;
mod halls;
pub mod inbound;
pub mod listings;
pub mod orders;
pub mod payments;
pub mod ports;
pub mod queries;
mod stores;
pub mod venues;

pub use cache::{CacheCounts, TicketCache};
pub use error::AppError;
pub use halls::Halls;
pub use stores::{StoreConfig, Stores, make_data_dir};

use crate::clock::Clock;
use crate::engine::{BatchReport, Engine, EngineConfig};
use crate::store::error::Result as StoreResult;
use queries::totals::Totals;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Everything that a use case needs. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct App {
    /// The two databases.
    pub stores: Stores,
    /// The one way to change bookings.
    pub engine: Engine,
    /// What time it is.
    pub clock: Clock,
    /// How far the read model is, as far as this process knows.
    pub read: ReadPosition,
    /// Pages of tickets that were asked for lately.
    pub tickets: Arc<TicketCache>,
    /// Who has which seats of what is looked at just now.
    pub halls: Arc<Halls>,
    /// How many listings are found by what was searched lately.
    pub(crate) listing_totals: Arc<Totals<listings::Wanted>>,
    /// The same of events.
    pub(crate) event_totals: Arc<Totals<queries::events::EventsQuery>>,
    /// This process has written to the log beside the engine: what follows the log looks at once.
    pub(crate) wrote: Arc<Notify>,
    /// What accounts need: hashes, and whose tokens are refused.
    pub accounts: Arc<accounts::Accounts>,
}

/// The engine's task. Wait for it after the last [`App`] is dropped, so that all that was accepted is done.
#[derive(Debug)]
pub struct EngineTask(JoinHandle<()>);

impl EngineTask {
    /// Waits until the engine has finished what it accepted.
    pub async fn finished(self) {
        // A panic of the engine was logged where it happened; there is nothing more to wait for.
        let _ = self.0.await;
    }
}

impl App {
    /// Starts the engine on opened stores.
    pub fn start(
        stores: Stores,
        clock: Clock,
        config: EngineConfig,
        observer: impl Fn(&BatchReport) + Send + Sync + 'static,
    ) -> (Self, EngineTask) {
        let (engine, task) = Engine::start(stores.write.clone(), clock.clone(), config, observer);
        let app = Self {
            stores,
            engine,
            clock,
            read: ReadPosition::default(),
            tickets: Arc::new(TicketCache::new(None)),
            halls: Arc::default(),
            listing_totals: Arc::default(),
            event_totals: Arc::default(),
            wrote: Arc::default(),
            accounts: Arc::default(),
        };
        (app, EngineTask(task))
    }

    /// Shares pages with other processes. To be said before the first clone.
    #[must_use]
    pub fn sharing(self, cache: Arc<dyn ports::SharedCache>) -> Self {
        Self { tickets: Arc::new(TicketCache::new(Some(cache))), ..self }
    }
}

/// How long a query waits for the read model.
const READ_WAIT: Duration = Duration::from_secs(2);
/// How often it looks, where no projector of this process tells it.
const READ_POLL: Duration = Duration::from_millis(20);

/// How far the read model is. Moved by this process's projector, and by looking.
#[derive(Clone, Debug)]
pub struct ReadPosition {
    seen: Arc<watch::Sender<i64>>,
    /// Up to here, somebody else's projector wrote rows that this process has not seen.
    foreign: Arc<AtomicI64>,
    /// A reader has begun to wait.
    wanted: Arc<Notify>,
}

impl Default for ReadPosition {
    fn default() -> Self {
        Self { seen: Arc::new(watch::channel(0).0), foreign: Arc::default(), wanted: Arc::default() }
    }
}

impl ReadPosition {
    /// The last position that this process knows the read model to have.
    #[must_use]
    pub fn known(&self) -> i64 {
        *self.seen.borrow()
    }

    /// The position up to which rows may have changed without this process's projector.
    pub(crate) fn foreign(&self) -> i64 {
        self.foreign.load(Ordering::SeqCst)
    }

    /// This process's projector wrote up to here.
    pub(crate) fn moved(&self, position: i64) {
        self.seen.send_if_modified(|seen| {
            let ahead = position > *seen;
            *seen = position.max(*seen);
            ahead
        });
    }

    /// The read model was found here; whatever this process did not write, another did.
    pub(crate) fn found(&self, position: i64) {
        if position > self.known() {
            self.foreign.fetch_max(position, Ordering::SeqCst);
            self.moved(position);
        }
    }

    /// Waits until a reader waits for the read model, but not beyond `at`.
    pub(crate) async fn wanted_or(&self, at: tokio::time::Instant) {
        // Whichever comes first: the caller goes on with either.
        let _ = tokio::time::timeout_at(at, self.wanted.notified()).await;
    }

    /// Waits until the read model has reached a position; false if it has not after two seconds.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reached(&self, stores: &Stores, position: i64) -> StoreResult<bool> {
        let deadline = tokio::time::Instant::now() + READ_WAIT;
        let mut seen = self.seen.subscribe();
        if *seen.borrow_and_update() >= position {
            return Ok(true);
        }
        self.wanted.notify_one();
        loop {
            if *seen.borrow_and_update() >= position {
                return Ok(true);
            }
            self.found(crate::store::views::fold::cursor(&stores.read).await?);
            if self.known() >= position {
                return Ok(true);
            }
            let now = tokio::time::Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            let look = deadline.min(now + READ_POLL);
            // A change and the time to look again lead to the same look.
            let _ = tokio::time::timeout_at(look, seen.changed()).await;
        }
    }
}
