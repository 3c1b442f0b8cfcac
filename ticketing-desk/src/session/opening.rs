//! The stores, opened for one command and closed behind it, or open for many, with the engine that changes them.
//!
//! Reading makes nothing: a folder that is not there stays so. Only what seeds or migrates makes stores.

use super::Session;
use crate::desk::{Desk, Scratch};
use crate::errors;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::remote::Backend;
use crate::signals::{self, Doing};
use std::time::Duration;
use ticketing_core::adapters::payments::PROVIDERS;
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, EngineTask, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::db::Address;

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

/// Stores that are open for many commands, one after another or at once.
#[derive(Debug)]
pub struct Opened {
    /// What the commands run on.
    pub backend: Backend,
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
        Ok(Self { backend: Backend::of_process(app, settings, config, desk.signer()), engine })
    }

    /// Closes them once every command has ended.
    pub async fn close(self) {
        let stores = self.backend.app.stores.clone();
        drop(self.backend);
        self.engine.finished().await;
        stores.close().await;
    }
}
