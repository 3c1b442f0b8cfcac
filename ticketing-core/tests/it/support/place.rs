//! A pair of stores for one test, on either engine, and any number of programs on it.

use super::postgres::{self, TestDatabase};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use ticketing_core::app::{App, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::engine::{BatchReport, EngineConfig};
use ticketing_core::store::db::{Arg, Db, Record};
use ticketing_core::store::error::StoreError;
use ticketing_core::store::sql::Sql;

/// When every test begins: 2026-11-20T09:00:00Z.
pub const BEGIN: Timestamp = Timestamp::from_millis(1_795_165_200_000);

/// Stores that go with this value.
pub struct Place {
    pub config: StoreConfig,
    _kept: Kept,
}

enum Kept {
    Folder(#[allow(dead_code, reason = "removed when dropped")] TempDir),
    Database(#[allow(dead_code, reason = "dropped when dropped")] TestDatabase),
}

impl Place {
    /// A fresh folder.
    pub fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let data_dir = folder.path().join("data");
        let config = StoreConfig { data_dir, database_url: None, read_database_url: None };
        Self { config, _kept: Kept::Folder(folder) }
    }

    /// A fresh database; `None` if there is no server and the test is to be left out.
    pub async fn postgres() -> Option<Self> {
        let database = postgres::database().await?;
        let config = StoreConfig {
            data_dir: PathBuf::from("unused"),
            database_url: Some(database.url()),
            read_database_url: None,
        };
        Some(Self { config, _kept: Kept::Database(database) })
    }

    pub fn is_sqlite(&self) -> bool {
        self.config.is_embedded()
    }

    /// Opens the stores, as one more program does.
    pub async fn stores(&self) -> Stores {
        Stores::open_and_migrate(&self.config, BEGIN).await.unwrap()
    }

    /// Starts one more program on the stores: an engine with its own memory and connections.
    pub async fn program(&self, clock: &Clock) -> App {
        self.watched_program(clock, EngineConfig::default()).await.0
    }

    /// The same with the reports of its batches.
    pub async fn watched_program(&self, clock: &Clock, config: EngineConfig) -> (App, Reports) {
        let reports = Reports::default();
        let told = reports.clone();
        let (app, _task) = App::start(self.stores().await, clock.clone(), config, move |report| {
            told.0.lock().unwrap().push(*report);
        });
        (app, reports)
    }
}

/// What an engine reported of its batches.
#[derive(Clone, Default)]
pub struct Reports(Arc<Mutex<Vec<BatchReport>>>);

impl Reports {
    /// Returns the reports since the last call.
    pub fn take(&self) -> Vec<BatchReport> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A clock that stands at [`BEGIN`].
pub fn clock() -> Clock {
    Clock::manual(BEGIN)
}

/// A statement of a test, spelled for both engines.
pub fn sql(text: &str) -> &'static Sql {
    Box::leak(Box::new(Sql::common("test", text)))
}

/// Runs a query of a test.
pub async fn rows<R: Record>(db: &Db, text: &str, args: Vec<Arg>) -> Vec<R> {
    db.all(sql(text), args).await.unwrap()
}

/// Counts what a query finds: `count(&db, "claims")`, `count(&db, "claims WHERE leg = 0")`.
pub async fn count(db: &Db, from: &str) -> i64 {
    rows::<(i64,)>(db, &format!("SELECT COUNT(*) AS n FROM {from}"), vec![]).await[0].0
}

/// Runs one change of a test, past all rules.
pub async fn by_hand(db: &Db, text: &str, args: Vec<Arg>) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let changed = tx.run(sql(text), args).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Declares each of these functions of a [`Place`] as a test on SQLite and as one on PostgreSQL.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            use crate::support::place::Place;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(Place::sqlite()).await;
                }
            )+
        }

        mod postgres {
            use crate::support::place::Place;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(place) = Place::postgres().await {
                        super::$name(place).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use on_both_engines;
