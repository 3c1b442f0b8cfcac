//! What runs by itself: each a loop that does what is due and then waits for the next thing.

pub mod accounts;
pub mod follower;
pub mod housekeeper;
pub mod inbound;
pub mod jobs;
mod kinds;
pub mod leases;
pub mod mail;
pub mod payments;
pub mod projector;
pub mod relay;
pub mod sweeper;

use crate::adapters::carriers::Carrier;
use crate::app::App;
use crate::store::leases::Process;
use payments::Asking;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How long a worker waits after a failure of its store before it tries again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long the end waits for the read model to be caught up.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// The running workers of a process.
#[derive(Debug)]
pub struct Workers {
    app: App,
    process: Option<Process>,
    folds: bool,
    tasks: Vec<JoinHandle<()>>,
    /// The follower looks for as long as somebody listens: a process without any other worker must hear, too, how
    /// far the read model is, or its cache would never age.
    follow: watch::Receiver<i64>,
}

/// Which workers a process runs.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// Fold events into the read model.
    pub projector: bool,
    /// Copy the log to the carrier, if there is one.
    pub relay: bool,
    /// Write down that holds have ended, forget old answers, erase what is left of deleted accounts.
    pub expiry: bool,
    /// Do what the sagas ask of this payment provider, and the operators' jobs.
    pub saga: Option<Asking>,
    /// Tell passengers by mail what became of their bookings.
    pub mail: Option<mail::Mailing>,
    /// What carries events between processes; `None` is the embedded bus, the log itself.
    pub carrier: Option<Carrier>,
    /// What this process says of itself, where it may have others beside it on the same store; without it nothing is
    /// leased, so a carrier needs it.
    pub process: Option<Process>,
}

/// Does work that goes on for ever, and begins it again if it breaks off.
async fn supervised<F>(name: &'static str, mut work: impl FnMut() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        // Aborted when it is dropped, so also when this is.
        let mut working = JoinSet::new();
        working.spawn(work());
        match working.join_next().await {
            Some(Err(error)) => tracing::error!(%error, worker = name, "a worker broke off; it begins again"),
            Some(Ok(())) | None => return,
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

impl Workers {
    /// How far the log is, whoever writes it: known at once of this process, of others within half a second.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<i64> {
        self.follow.clone()
    }

    /// Starts the workers.
    #[must_use]
    pub fn start(app: &App, roles: Roles) -> Self {
        let (head, follow) = watch::channel(0);
        let mut tasks = vec![tokio::spawn(follower::run(app.clone(), head))];
        let kept = app.clone();
        tasks.push(tokio::spawn(supervised("kept out", move || accounts::keep_out(kept.clone()))));
        let mut wanted = Vec::new();
        let mut lease = |name| {
            let (told, held) = watch::channel(None);
            wanted.push((name, told));
            held
        };
        match (&roles.carrier, roles.projector) {
            (Some(carrier), true) => {
                let (held, app, carrier, head) =
                    (lease(leases::PROJECTOR), app.clone(), carrier.clone(), follow.clone());
                tasks.push(tokio::spawn(leases::while_held(held, move |_| {
                    projector::carried::run(app.clone(), carrier.clone(), head.clone())
                })));
            }
            (None, true) => {
                let (app, head) = (app.clone(), follow.clone());
                let work = move || projector::run(app.clone(), head.clone());
                tasks.push(tokio::spawn(supervised("projector", work)));
            }
            (_, false) => {}
        }
        if let (Some(carrier), true) = (&roles.carrier, roles.relay) {
            let (held, app, carrier, head) =
                (lease(leases::RELAY), app.clone(), carrier.clone(), follow.clone());
            tasks.push(tokio::spawn(leases::while_held(held, move |epoch| {
                relay::run(app.clone(), carrier.clone(), epoch, head.clone())
            })));
        }
        if roles.expiry {
            let (swept, head) = (app.clone(), follow.clone());
            let sweep = move || sweeper::run(swept.clone(), head.clone());
            tasks.push(tokio::spawn(supervised("sweeper", sweep)));
            let kept = app.clone();
            tasks.push(tokio::spawn(supervised("housekeeper", move || housekeeper::run(kept.clone()))));
            let erased = app.clone();
            tasks.push(tokio::spawn(supervised("eraser", move || accounts::erase(erased.clone()))));
        }
        if let Some(asking) = &roles.saga
            && asking.is_told()
        {
            let (app, carrier) = (app.clone(), roles.carrier.clone());
            tasks.push(match carrier {
                Some(carrier) => {
                    let held = lease(leases::INBOUND);
                    tokio::spawn(leases::while_held(held, move |_| {
                        inbound::run(app.clone(), Some(carrier.clone()))
                    }))
                }
                None => tokio::spawn(supervised("inbound", move || inbound::run(app.clone(), None))),
            });
        }
        if roles.saga.is_some() {
            let context = jobs::JobContext { carrier: roles.carrier.clone() };
            let app = app.clone();
            let work = move || jobs::run(app.clone(), context.clone());
            tasks.push(tokio::spawn(supervised("jobs", work)));
        }
        if let Some(asking) = roles.saga {
            tasks.push(tokio::spawn(payments::run(app.clone(), asking, follow.clone())));
        }
        if let Some(mailing) = roles.mail {
            let (app, head) = (app.clone(), follow.clone());
            let work = move || mail::run(app.clone(), mailing.clone(), head.clone());
            tasks.push(tokio::spawn(supervised("mail", work)));
        }
        if let Some(process) = &roles.process {
            tasks.push(tokio::spawn(leases::run(app.clone(), process.clone(), wanted)));
        }
        Self { app: app.clone(), process: roles.process, folds: roles.projector, tasks, follow }
    }

    /// Stops the workers. Whatever is not folded yet is folded first, so that the next reader finds it.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            // Aborted or ended: either way it no longer runs.
            let _ = task.await;
        }
        if let Some(process) = &self.process {
            leases::end(&self.app, process).await;
        }
        if !self.folds {
            return;
        }
        let head = *self.app.engine.head().borrow();
        let mut projector = projector::Projector::default();
        match tokio::time::timeout(CATCH_UP_MAX, projector.reach(&self.app, head)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the read model is behind; it will be folded at the next start");
            }
            Err(_) => tracing::warn!("the read model is behind; it will be folded at the next start"),
        }
    }
}
