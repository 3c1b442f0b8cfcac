//! A server from its configuration to its orderly end.
//!
//! Start: secret, data folder, socket, stores, engine, workers, and only then answers. End: no new
//! requests, those that run are finished, what was accepted is on disk, the read model is caught up, the
//! stores are closed.

use crate::auth::Auth;
use crate::config::{Roles, ServerConfig};
use crate::failures::sign_token;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::routes::{Routes, table};
use crate::secret::{Secret, SecretError};
use crate::serve::{Served, serve};
use crate::settings::Environment;
use crate::shell::Shell;
use crate::state::ServerState;
use crate::traces;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use ticketing_core::adapters::carriers::Carrier;
use ticketing_core::adapters::mail::{Destination, MailConfigError, Mailer};
use ticketing_core::adapters::payments::guard::{BreakerState, Guard, Limits};
use ticketing_core::adapters::payments::{Provider, ProviderConfig, ProviderConfigError};
use ticketing_core::adapters::redis::{Limits as RedisLimits, Redis, RedisConfigError};
use ticketing_core::app::folder::{FolderError, FolderLock};
use ticketing_core::app::{App, EngineTask, StoreConfig, Stores};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::engine::BatchReport;
use ticketing_core::store::error::StoreError;
use ticketing_core::store::leases::Process;
use ticketing_core::store::views;
use ticketing_core::worker::mail::Mailing;
use ticketing_core::worker::payments::Asking;
use ticketing_core::worker::{self, Workers};
use ticketing_desk::desk::CountRequests;
use ticketing_desk::remote::Backend;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A commit that takes longer is worth a line in the log.
const SLOW_COMMIT: Duration = Duration::from_secs(1);
/// How long the end waits for the engine once nobody can hand it anything any more.
const ENGINE_END_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no secret to check tokens with.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The data folder is served by another process, or can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The address is not to be had.
    #[error("can't listen at {host}:{port}: {source}. Set HOST and PORT to a free address of this machine")]
    Listen {
        /// `HOST`.
        host: String,
        /// `PORT`.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A store can't be opened.
    #[error("the store at {address} can't be opened: {source}. {advice}")]
    Store {
        /// Where it is, without its password.
        address: String,
        /// What to do.
        advice: &'static str,
        /// What is wrong.
        source: StoreError,
    },
    /// The payment provider's settings can't be used.
    #[error(transparent)]
    Payments(#[from] ProviderConfigError),
    /// The settings of the mail server can't be used.
    #[error(transparent)]
    Mail(#[from] MailConfigError),
    /// The settings of Redis can't be used.
    #[error(transparent)]
    Redis(#[from] RedisConfigError),
}

/// A server that runs. Dropped without [`Running::stop`], it stops answering at once.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    secret: Secret,
    app: App,
    engine: EngineTask,
    workers: Workers,
    metrics: Arc<Metrics>,
    ending: watch::Sender<bool>,
    served: JoinHandle<Served>,
    folder: Option<FolderLock>,
}

/// A server that has everything but answers nobody yet: who connects waits. What the first answer must
/// already show, such as a demo city, is stored now.
#[derive(Debug)]
pub struct Prepared {
    address: SocketAddr,
    secret: Secret,
    app: App,
    engine: EngineTask,
    workers: Workers,
    folder: Option<FolderLock>,
    listener: TcpListener,
    shell: Shell,
    metrics: Arc<Metrics>,
    /// Told true when it is to end: what answers for as long as it is asked to must not be waited for.
    ending: watch::Sender<bool>,
    config: ServerConfig,
}

/// Starts a server and returns once it answers.
///
/// # Errors
/// What stands in its way, and what to do about it.
pub async fn start(config: ServerConfig) -> Result<Running, StartError> {
    Ok(prepare(config).await?.serve())
}

/// Brings up all of a server except its answers.
///
/// # Errors
/// What stands in its way, and what to do about it.
pub async fn prepare(config: ServerConfig) -> Result<Prepared, StartError> {
    let data_dir = &config.stores.data_dir;
    if config.http.environment == Environment::Production {
        // It makes nothing there, and says what is missing before the port is asked for.
        Secret::resolve(config.http.environment, config.jwt_secret.as_deref(), data_dir)?;
    }
    // Before anything is made on the disk: a port that is taken leaves no folder behind.
    let (listener, address) = match listen(&config.host, config.port).await {
        Ok(listening) => listening,
        Err(error) => {
            // Who serves the folder already says more than that the port is taken.
            if config.stores.is_embedded() && data_dir.exists() {
                drop(FolderLock::take(data_dir, config.clock.now()).await?);
            }
            return Err(error);
        }
    };
    let secret = Secret::resolve(config.http.environment, config.jwt_secret.as_deref(), data_dir)?;
    let now = config.clock.now();
    let mut folder = match config.stores.is_embedded() {
        true => Some(FolderLock::take(data_dir, now).await?),
        false => None,
    };
    let opened = Stores::open_and_migrate(&config.stores, now).await;
    let stores = opened.map_err(|source| store_error(&config.stores, source))?;
    if let Some(folder) = &mut folder {
        folder.listens_at(address)?;
    }
    if config.http.environment == Environment::Production && config.payments == ProviderConfig::Simulated {
        tracing::warn!(
            "payments are simulated: tok_visa buys every ticket, and no money moves. Set PAYMENT_PROVIDER to stripe \
             or external"
        );
    }
    if config.http.environment == Environment::Production
        && config.roles.saga
        && let Destination::Folder(folder) = &config.mail.destination
    {
        tracing::warn!(
            folder = %folder.display(),
            "mails are put into a folder, and reach nobody. Set SMTP_URL to send them"
        );
    }
    let metrics = Arc::new(Metrics::new());
    let observer = observer(Arc::clone(&metrics));
    let (app, engine) = App::start(stores, config.clock.clone(), config.engine, observer);
    // Nobody is let in before it is known who is kept out.
    let known = app.accounts.kept_out.read(&app.stores.write, now.as_millis().div_euclid(1_000)).await;
    known.map_err(|source| store_error(&config.stores, source))?;
    let carrier = config.carrier.clone().map(Carrier::new);
    let redis = redis(&config, &app).await?;
    let app = match &redis {
        Some(redis) => app.sharing(Arc::clone(redis) as _),
        None => app,
    };
    let roles = worker::Roles {
        projector: config.roles.projector,
        relay: config.roles.relay,
        process: is_one_of_many(&config).then(|| process(&config, address, now)),
        carrier: carrier.clone(),
        expiry: config.roles.expiry,
        saga: if config.roles.saga { Some(asking(&config, &metrics)?) } else { None },
        mail: if config.roles.saga { Some(mailing(&config, &metrics)?) } else { None },
    };
    let workers = Workers::start(&app, roles);
    let (ending, is_ending) = watch::channel(false);
    let counts = Arc::clone(&metrics);
    let shell = shell(&config, app.clone(), &secret, counts, carrier, redis, (workers.head(), is_ending));
    Ok(Prepared { address, secret, app, engine, workers, folder, listener, shell, metrics, ending, config })
}

/// Whether other processes may serve the same stores, so that some things are to be done by one of them only.
const fn is_one_of_many(config: &ServerConfig) -> bool {
    config.carrier.is_some() || !config.stores.is_embedded()
}

/// What this process says of itself to the others.
fn process(config: &ServerConfig, address: SocketAddr, now: Timestamp) -> Process {
    let host =
        std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    Process {
        id: Uuid::now_v7(),
        host: host.map_or_else(|| "?".into(), |name| name.trim().to_owned()),
        pid: i32::try_from(std::process::id()).unwrap_or(0),
        roles: config.roles.words(),
        address: config.roles.api.then(|| address.to_string()),
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: now.as_millis(),
        seen_at: now.as_millis(),
    }
}

/// The cache that processes share, if there is to be one. One that is away is waited for a second and then done
/// without.
async fn redis(config: &ServerConfig, app: &App) -> Result<Option<Arc<Redis>>, StartError> {
    let Some(at) = &config.redis else { return Ok(None) };
    let identity = views::identity::identity(&app.stores.read).await;
    let system = identity.map_err(|source| store_error(&config.stores, source))?.to_string();
    Ok(Some(Arc::new(Redis::start(at, &system, RedisLimits::default()).await?)))
}

/// Who asks the payment provider, counted.
fn asking(config: &ServerConfig, metrics: &Arc<Metrics>) -> Result<Asking, StartError> {
    let provider = Provider::new(config.payments.clone(), config.clock.clone())?;
    let guard = Arc::new(Guard::new(provider, Limits::default()));
    let (shown, looked_at) = (metrics.payments.clone(), Arc::clone(&guard));
    metrics.on_scrape(move || shown.left_alone(looked_at.state() != BreakerState::Closed));
    let counted = metrics.payments.clone();
    Ok(Asking {
        provider: guard,
        observer: Arc::new(move |report| counted.answered(report)),
        drills: config.http.environment == Environment::Development,
    })
}

/// Who sends the mails, counted. A mail is an effect of what happened, as a charge is: the same role does both.
fn mailing(config: &ServerConfig, metrics: &Arc<Metrics>) -> Result<Mailing, StartError> {
    let counted = metrics.mail.clone();
    let mailer = Mailer::new(config.mail.clone())?;
    let mailing = Mailing::new(mailer, Arc::new(move |report| counted.tried(report)));
    let (shown, looked_at) = (metrics.mail.clone(), mailing.clone());
    metrics.on_scrape(move || shown.left_alone(looked_at.is_away()));
    Ok(mailing)
}

impl Prepared {
    /// Its use cases, as [`Running::app`].
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Answers from now on.
    #[must_use]
    pub fn serve(self) -> Running {
        let Self { address, secret, app, engine, workers, folder, listener, shell, metrics, ending, config } =
            self;
        let mut stopped = ending.subscribe();
        let served = tokio::spawn(serve(listener, Arc::new(shell), config.limits, async move {
            // Asked to stop, or nobody left who could ask.
            let _ = stopped.wait_for(|ending| *ending).await;
        }));
        tracing::info!(
            %address,
            version = env!("CARGO_PKG_VERSION"),
            environment = ?config.http.environment,
            roles = ?config.roles,
            write_store = app.stores.write.address().redacted(),
            read_store = app.stores.read.address().redacted(),
            "the server answers"
        );
        Running { address, secret, app, engine, workers, metrics, ending, served, folder }
    }

    /// Ends it in order without an answer to anybody.
    pub async fn abandon(self) {
        let Self { app, engine, workers, folder, listener, shell, ending, .. } = self;
        drop((listener, shell, ending));
        end(app, engine, workers, folder).await;
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its tokens are signed with.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Its use cases, for whoever shares the process: seeding, the dashboard. Drop clones of it before
    /// [`Running::stop`], which waits for the engine's last command.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Returns what tells what its buyers were answered so far.
    #[must_use]
    pub fn requests(&self) -> CountRequests {
        counting(&self.metrics)
    }

    /// Stops it in order, and returns how serving ended.
    pub async fn stop(self) -> Served {
        let Self { address, app, engine, workers, ending, served, folder, .. } = self;
        tracing::info!(%address, "the server stops");
        ending.send_replace(true);
        let served = match served.await {
            Ok(served) => served,
            Err(error) => {
                tracing::error!(%error, "serving broke off");
                Served { cut_off: 0 }
            }
        };
        end(app, engine, workers, folder).await;
        tracing::info!(%address, "the server has stopped");
        served
    }
}

/// Ends what is behind the answers: workers, then the engine with what it has, then the stores.
async fn end(app: App, engine: EngineTask, workers: Workers, folder: Option<FolderLock>) {
    workers.stop().await;
    let stores = app.stores.clone();
    drop(app);
    if tokio::time::timeout(ENGINE_END_TIMEOUT, engine.finished()).await.is_err() {
        tracing::error!("the engine did not end in time; what was answered is on disk all the same");
    }
    stores.close().await;
    drop(folder);
    traces::flush(traces::FLUSH_TIMEOUT).await;
}

async fn listen(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let fault = |source| StartError::Listen { host: host.to_owned(), port, source };
    // `[::1]` as in an address, `::1` as the system wants it.
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let listener = TcpListener::bind((bare, port)).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}

fn shell(
    config: &ServerConfig,
    app: App,
    secret: &Secret,
    metrics: Arc<Metrics>,
    carrier: Option<Carrier>,
    redis: Option<Arc<Redis>>,
    (head, ending): (watch::Receiver<i64>, watch::Receiver<bool>),
) -> Shell {
    let (metrics_of_state, payments) = (Arc::clone(&metrics), config.payments.clone());
    let (hold_seconds, kept_out) = (config.hold_seconds, Arc::clone(&app.accounts.kept_out));
    let feed = Feed::start(app.clone(), head, ending.clone());
    let backend = Backend::new(app, config.settings.clone(), config.stores.clone(), sign_token, ending);
    let backend = backend.counting(counting(&metrics));
    let auth = Auth::new(secret).keeping_out(kept_out).with_origins(config.http.allowed_origins.clone());
    let auth = Arc::new(auth);
    let state =
        ServerState::new(Arc::clone(&auth), metrics_of_state, hold_seconds, payments, carrier, backend, feed);
    let state = state.with_order_seconds(config.order_seconds).with_redis(redis.clone());
    let state = state.with_sign_ins(&config.http, redis.clone());
    let routes = table::operations(Routes::new(Arc::clone(&metrics), config.http.request_timeout));
    let routes = match config.roles {
        Roles { api: true, .. } => table::api(routes),
        Roles { api: false, .. } => routes,
    };
    Shell::new(routes.finish(state), &config.http, metrics).with_redis(redis).sparing_operators(auth)
}

/// Returns what tells what buyers were answered so far.
fn counting(metrics: &Arc<Metrics>) -> CountRequests {
    let metrics = Arc::clone(metrics);
    Arc::new(move || metrics.of_buyers())
}

/// Counts what the engine reports. Called from the engine's own task, so it only counts.
fn observer(metrics: Arc<Metrics>) -> impl Fn(&BatchReport) + Send + Sync + 'static {
    move |report| {
        metrics.batch_commands.observe(report.commands as f64);
        metrics.commit_seconds.observe(report.commit.as_secs_f64());
        metrics.seat_reservations.inc_by(report.reserved as u64);
        metrics.seat_reservations_failed.inc_by(report.refused as u64);
        metrics.expired_reservations_released.inc_by(report.expired as u64);
        if report.commit >= SLOW_COMMIT {
            tracing::warn!(
                commit_ms = u64::try_from(report.commit.as_millis()).unwrap_or(u64::MAX),
                commands = report.commands,
                events = report.events,
                retries = report.retries,
                "a batch took long to commit"
            );
        }
    }
}

fn store_error(config: &StoreConfig, source: StoreError) -> StartError {
    let (write, read) = (config.write_address(), config.read_address());
    let of_read = matches!(
        &source,
        StoreError::Unavailable { store: "read", .. }
            | StoreError::ReadOnly { store: "read", .. }
            | StoreError::Full { store: "read", .. }
            | StoreError::SchemaNewer { store: "read", .. }
            | StoreError::Address { store: "read", .. }
            | StoreError::Refused { store: "read", .. }
    );
    let embedded = config.is_embedded();
    let advice = match &source {
        StoreError::Unavailable { .. } if embedded => "See that the file can be read and written",
        StoreError::Unavailable { .. } => "Start PostgreSQL, or correct DATABASE_URL",
        StoreError::Address { .. } => "Write it as postgres://user:password@host:5432/database",
        StoreError::ReadOnly { .. } => "Let this user write there, or choose another data folder",
        StoreError::Full { .. } => "Make room on the disk",
        StoreError::NotADatabase { .. } => "Choose another data folder, or restore a backup",
        StoreError::SchemaNewer { .. }
        | StoreError::SchemaOlder { .. }
        | StoreError::Missing { .. }
        | StoreError::Conflict { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Refused { .. } => "Nothing was changed",
    };
    let address = if of_read { read } else { write };
    StartError::Store { address: address.redacted(), advice, source }
}
