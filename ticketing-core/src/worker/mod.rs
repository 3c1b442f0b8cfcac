//! What runs by itself: each a loop that does what is due and then waits for the next thing.

pub mod follower;
pub mod housekeeper;
pub mod payments;
pub mod projector;
pub mod sweeper;

use crate::app::App;
use payments::Asking;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a worker waits after a failure of its store before it tries again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The running workers of a process.
#[derive(Debug)]
pub struct Workers {
    app: App,
    tasks: Vec<JoinHandle<()>>,
    /// The follower looks for as long as somebody listens: a process without any other worker must hear, too, how
    /// far the read model is, or its cache would never age.
    _follow: watch::Receiver<i64>,
}

/// Which workers a process runs.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// Fold the log into the read model.
    pub projector: bool,
    /// Write down that holds have ended, and forget old answers.
    pub expiry: bool,
    /// Do what the sagas ask of this payment provider.
    pub saga: Option<Asking>,
}

impl Workers {
    /// Starts the workers.
    #[must_use]
    pub fn start(app: &App, roles: Roles) -> Self {
        let (head, follow) = watch::channel(0);
        let mut tasks = vec![tokio::spawn(follower::run(app.clone(), head))];
        if roles.projector {
            tasks.push(tokio::spawn(projector::run(app.clone(), follow.clone())));
        }
        if roles.expiry {
            tasks.push(tokio::spawn(sweeper::run(app.clone(), follow.clone())));
            tasks.push(tokio::spawn(housekeeper::run(app.clone())));
        }
        if let Some(asking) = roles.saga {
            tasks.push(tokio::spawn(payments::run(app.clone(), asking, follow.clone())));
        }
        Self { app: app.clone(), tasks, _follow: follow }
    }

    /// Stops the workers. Whatever is not folded yet is folded first, so that the next reader finds it.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            // Aborted or ended: either way it no longer runs.
            let _ = task.await;
        }
        let head = *self.app.engine.head().borrow();
        if let Err(error) = projector::Projector::default().reach(&self.app, head).await {
            tracing::warn!(%error, "the read model is behind; it will be folded at the next start");
        }
    }
}
