//! The stores, opened for one command and closed behind it, with the engine that changes them.
//!
//! Reading makes nothing: a folder that is not there stays so. Only what seeds or migrates makes stores.

use crate::afar::Lender;
use crate::desk::{Desk, Scratch};
use crate::errors;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Printer, grouped};
use crate::progress::Progress;
use crate::signals::{self, Doing};
use std::time::Duration;
use ticketing_core::adapters::payments::PROVIDERS;
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, EngineTask, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::{lists, near};
use ticketing_core::store::db::Address;
use ticketing_core::worker::projector::Projector;

/// How long ids that are near to one that is not there are looked for.
const NEAR_TIMEOUT: Duration = Duration::from_secs(1);

/// What a command may expect of the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They are there, with this program's schema.
    AsTheyAre,
    /// They are made and migrated where needed.
    MakeAndMigrate,
    /// For the dry run of what makes them: embedded ones that are not there yet are made elsewhere, empty,
    /// and thrown away.
    AsIfMade,
}

impl Opening {
    /// For what makes its stores, unless it only says what it would do.
    #[must_use]
    pub const fn to_seed(change: &ChangeArgs) -> Self {
        if change.dry_run { Self::AsIfMade } else { Self::MakeAndMigrate }
    }
}

fn scratch() -> Result<Scratch, Failure> {
    Scratch::make("dry-run").map_err(|error| no_scratch(&error))
}

/// Returns the failure of a temporary folder that can't be made.
#[must_use]
pub fn no_scratch(error: &std::io::Error) -> Failure {
    let folder = std::env::temp_dir();
    Failure::error(format!("A folder can't be made in {}.", folder.display()))
        .why(format!("{error}."))
        .hint("set TMPDIR to a folder that this user may write")
}

/// Stores that are open for many commands, one after another or at once.
#[derive(Debug)]
pub struct Opened {
    /// What the commands run on.
    pub lender: Lender,
    engine: EngineTask,
}

impl Opened {
    /// Opens the stores that a desk names.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn open(desk: &Desk) -> Result<Self, Failure> {
        let (settings, config) = configured(desk)?;
        let open = async {
            let stores = within(desk.globals.timeout, Stores::open(&config)).await??;
            let engine = EngineConfig { provider: provider(&settings)?, ..EngineConfig::default() };
            Ok(App::start(stores, Clock::system(), engine, |_| ()))
        };
        let (app, engine) = open.await.map_err(|failure| placed(failure, &config))?;
        Ok(Self { lender: Lender::of_process(app, settings, config, desk.signer()), engine })
    }

    /// Closes them once every command has ended.
    pub async fn close(self) {
        let stores = self.lender.app.stores.clone();
        drop(self.lender);
        self.engine.finished().await;
        stores.close().await;
    }
}

/// The opened stores, and who works on them.
#[derive(Debug)]
pub struct Session {
    /// Everything that a use case needs.
    pub app: App,
    /// What is set by the environment and the file.
    pub settings: Settings,
    /// Where the stores are.
    pub stores: StoreConfig,
    /// What is said if a signal stops the command.
    pub doing: Doing,
    timeout: Duration,
}

/// Returns the settings, and where the flags and they say that the stores are.
///
/// # Errors
/// A flag or setting that can't be used.
pub fn configured(desk: &Desk) -> Result<(Settings, StoreConfig), Failure> {
    if let Some(served) = desk.server() {
        return Ok((served.settings.clone(), served.stores.clone()));
    }
    let flags = desk.globals.store();
    let settings = Settings::load()?;
    let url = flags.database_url.map(crate::globals::Secret::expose);
    let stores = settings.stores(flags.data_dir, url)?;
    Ok((settings, stores))
}

/// The payment provider that commands know of, by the word that payments are kept with. They never ask it.
///
/// # Errors
/// A word that names none.
fn provider(settings: &Settings) -> Result<&'static str, Failure> {
    let word = settings.get("PAYMENT_PROVIDER");
    let word = word.as_deref().map(str::trim).filter(|word| !word.is_empty()).unwrap_or(PROVIDERS[0]);
    PROVIDERS.into_iter().find(|known| *known == word).ok_or_else(|| {
        let shown = ticketing_core::text::quoted(word);
        Failure::usage(format!(
            "PAYMENT_PROVIDER is {shown}, which is no provider: {}.",
            PROVIDERS.join(", ")
        ))
        .code("CONFIG")
    })
}

/// Opens the stores, runs a command on them, and closes them again, however it ends.
///
/// # Errors
/// Fails as the stores do, or the command, or with the signal that stopped it.
pub fn run(
    desk: &Desk,
    printer: &mut Printer,
    opening: Opening,
    command: impl AsyncFnOnce(&Session, &mut Printer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let timeout = desk.globals.timeout;
    let (settings, mut config) = configured(desk)?;
    if let Some(served) = desk.server() {
        // What the server has open is as every opening would have made it.
        let (app, doing) = (served.app.clone(), Doing::default());
        let session = Session { app, settings, stores: config.clone(), doing: doing.clone(), timeout };
        let outcome = signals::run_served(served, &doing, async {
            session.with_near_ids(command(&session, printer).await).await
        });
        return outcome.map_err(|failure| placed(failure, &config));
    }
    let is_missing = matches!(config.write_address(), Address::File(file) if !file.exists());
    let (opening, _scratch) = match opening {
        Opening::AsIfMade if is_missing => {
            let scratch = scratch()?;
            scratch.path().clone_into(&mut config.data_dir);
            (Opening::MakeAndMigrate, Some(scratch))
        }
        Opening::AsIfMade => (Opening::AsTheyAre, None),
        Opening::AsTheyAre | Opening::MakeAndMigrate => (opening, None),
    };
    let doing = Doing::default();
    let outcome = signals::run(&doing, async {
        let clock = Clock::system();
        let open = async {
            match opening {
                Opening::AsTheyAre | Opening::AsIfMade => Stores::open(&config).await,
                Opening::MakeAndMigrate => Stores::open_and_migrate(&config, clock.now()).await,
            }
        };
        let stores = within(timeout, open).await??;
        let engine = EngineConfig { provider: provider(&settings)?, ..EngineConfig::default() };
        let (app, engine) = App::start(stores.clone(), clock, engine, |_| ());
        let session = Session { app, settings, stores: config.clone(), doing: doing.clone(), timeout };
        let outcome = session.with_near_ids(command(&session, printer).await).await;
        drop(session);
        engine.finished().await;
        stores.close().await;
        outcome
    });
    outcome.map_err(|failure| placed(failure, &config))
}

/// Waits for the stores, but not for ever.
///
/// # Errors
/// Unreachable, after `timeout`.
pub async fn within<T>(timeout: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(timeout, work).await.map_err(|_| errors::timed_out(timeout))
}

/// Returns the failure with what is known of where the stores are.
pub fn placed(failure: Failure, config: &StoreConfig) -> Failure {
    if config.is_embedded() {
        errors::on_embedded(failure)
    } else {
        errors::on_server(failure, &config.write_address().redacted())
    }
}

impl Session {
    /// Names what was probably meant, where something was named that is not there.
    async fn with_near_ids(&self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let Err(failure) = outcome else { return Ok(()) };
        let Some(unknown) = failure.unknown.clone().filter(|_| failure.why.is_none()) else {
            return Err(failure);
        };
        let looking = near::ids(&self.app, unknown.what, &unknown.id);
        // The failure is told, whatever becomes of this.
        let near = match tokio::time::timeout(NEAR_TIMEOUT.min(self.timeout), looking).await {
            Ok(Ok(near)) => near.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        match near.as_slice() {
            [] => Err(failure),
            near => Err(failure.why(format!("Did you mean {}?", near.join(", or ")))),
        }
    }

    /// Waits for a change of one thing, but not for ever.
    ///
    /// # Errors
    /// As the change fails; where its answer did not come, that it may have happened.
    pub async fn changed<T, E>(
        &self,
        key: Option<&str>,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let Ok(outcome) = tokio::time::timeout(self.timeout, change).await else {
            let seconds = self.timeout.as_secs_f32();
            return Err(errors::answer_lost(&format!("No answer came within {seconds} s."), key));
        };
        outcome.map_err(|error| {
            let failure = Failure::from(error);
            if failure.exit == crate::failure::Exit::Unreachable && !self.stores.is_embedded() {
                let lost = errors::answer_lost(&failure.message, key);
                return match failure.why {
                    Some(why) => lost.why(format!("{why} The change may have happened.")),
                    None => lost,
                };
            }
            failure
        })
    }

    /// Brings the read store to where the log is now.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        let head = lists::head(&self.app).await?;
        Ok(Projector::default().reach(&self.app, head).await?)
    }

    /// Brings the read store to a position, so that whoever looks next finds the change.
    ///
    /// The change is made, whatever becomes of this: a failure is a warning.
    pub async fn reach(&self, printer: &mut Printer, position: i64) {
        if let Err(error) = Projector::default().reach(&self.app, position).await {
            printer.warn(&format!(
                "The change is made, but the read store has not got it yet: {error}. It will be folded by the \
                 next change, or when a server runs."
            ));
        }
    }

    /// Does the same for a long way, and shows how far it has come.
    pub async fn reach_with(&self, printer: &mut Printer, progress: &mut Progress, position: i64) {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let folding = self.reach(printer, position);
        tokio::pin!(folding);
        let begin = self.app.read.known();
        loop {
            tokio::select! {
                () = &mut folding => return,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    let total = u64::try_from(position - begin).unwrap_or(0);
                    let done = u64::try_from(self.app.read.known() - begin).unwrap_or(0);
                    progress.report("projecting", done.min(total), Some(total));
                }
            }
        }
    }

    /// Names the read store's lag, where it is behind.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn warn_of_lag(&self, printer: &mut Printer) -> Result<(), Failure> {
        let lag = lists::lag(&self.app).await?;
        if lag > 0 {
            let count = grouped(lag.unsigned_abs());
            let noun = if lag == 1 { "event" } else { "events" };
            printer.warn(&format!("The read store is {count} {noun} behind; the list is as of then."));
        }
        Ok(())
    }
}

/// Returns who makes the change, and why.
///
/// # Errors
/// A usage error for a name or reason that can't be kept.
pub fn actor(desk: &Desk, change: &ChangeArgs) -> Result<Actor, Failure> {
    let name = desk.actor();
    check_text(&name, len_max::ID).map_err(|why| Failure::usage(format!("--as {why}.")).hint("--as NAME"))?;
    if let Some(reason) = &change.reason {
        check_text(reason, len_max::REASON)
            .map_err(|why| Failure::usage(format!("--reason {why}.")).hint("--reason TEXT"))?;
    }
    Ok(Actor { name, reason: change.reason.clone(), correlation_id: desk.correlation_id() })
}

/// A session on the demo city in a folder of its own, at a fixed time: 2026-11-20, noon.
#[cfg(test)]
pub mod testing {
    use super::Session;
    use crate::signals::Doing;
    use std::time::Duration;
    use ticketing_core::adapters::seed_file::demo_city;
    use ticketing_core::app::config::Settings;
    use ticketing_core::app::{App, StoreConfig, Stores};
    use ticketing_core::clock::Clock;
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::engine::EngineConfig;
    use ticketing_core::ops::{audit::Actor, seed};

    /// Returns who works in the tests.
    pub fn tester() -> Actor {
        Actor { name: "tester".into(), reason: None, correlation_id: None }
    }

    /// Opens the stores in `folder`, with Riverton in them.
    pub async fn riverton(folder: &tempfile::TempDir) -> Session {
        let data_dir = folder.path().to_path_buf();
        let stores = StoreConfig { data_dir, database_url: None, read_database_url: None };
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let opened = Stores::open_and_migrate(&stores, now).await.unwrap();
        let (app, _) = App::start(opened, Clock::manual(now), EngineConfig::default(), |_| ());
        let planned = seed::plan(&app, "seed demo", demo_city(now)).await.unwrap();
        seed::execute(&app, planned, &tester(), &mut |_, _| ()).await.unwrap();
        let (settings, doing) = (Settings::default(), Doing::default());
        let session = Session { app, settings, stores, doing, timeout: Duration::from_secs(30) };
        session.catch_up().await.unwrap();
        session
    }
}
