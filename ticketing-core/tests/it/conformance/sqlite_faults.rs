//! A SQLite store that can't be written: read-only, or on a full disk.

use crate::support::check::check;
use crate::support::city::{ask, hold, reserve, seed_line};
use crate::support::place::{BEGIN, Place, clock, rows};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use ticketing_core::app::{App, AppError, StoreConfig, Stores};
use ticketing_core::domain::id::OfferingId;
use ticketing_core::engine::CommandError;
use ticketing_core::store::db::Role;
use ticketing_core::store::error::StoreError;
use ticketing_core::store::migrate;

/// Sets something on the one connection that writes.
async fn pragma(app: &App, text: &str) {
    let sql = crate::support::place::sql(text);
    app.stores.write.write::<(i64,)>(sql, vec![]).await.unwrap();
}

async fn store_error(app: &App, bus: OfferingId) -> Option<StoreError> {
    match reserve(app, ask(bus)).await {
        Ok(_) => None,
        Err(AppError::Command(CommandError::Store(error))) => {
            Some(std::sync::Arc::try_unwrap(error).unwrap())
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_write_to_a_read_only_store_is_refused_as_such_and_works_again_later() {
    let place = Place::sqlite();
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "ABC", 2, 1).await[0];
    hold(&app, ask(bus)).await;
    pragma(&app, "PRAGMA query_only = 1").await;
    for _ in 0..3 {
        let error = store_error(&app, bus).await.unwrap();
        assert!(matches!(error, StoreError::ReadOnly { store: "write", .. }), "{error:?}");
    }
    pragma(&app, "PRAGMA query_only = 0").await;
    hold(&app, ask(bus)).await;
    assert_eq!(check(&app).await.bookings.len(), 2);
}

#[tokio::test]
async fn a_store_that_may_not_grow_is_full_and_works_again_later() {
    let place = Place::sqlite();
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1_000, "ABCD", 2, 1).await[0];
    let mut booked = 0;
    pragma(&app, "PRAGMA max_page_count = 1").await; // As it is now: it never shrinks below.
    let error = loop {
        match store_error(&app, bus).await {
            None => booked += 1,
            Some(error) => break error,
        }
        assert!(booked < 4_000, "the store never filled up");
    };
    assert!(matches!(error, StoreError::Full { store: "write", .. }), "{error:?}");
    assert!(matches!(store_error(&app, bus).await, Some(StoreError::Full { .. })));
    assert_eq!(check(&app).await.bookings.len(), booked);
    pragma(&app, "PRAGMA max_page_count = 1000000").await;
    hold(&app, ask(bus)).await;
    assert_eq!(check(&app).await.bookings.len(), booked + 1);
}

/// A file system of a few megabytes; `None` where nobody may mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let options = format!("size={size}");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], folder.path()).then(|| Self(folder))
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], self.0.path()), "remount {options}");
    }

    fn config(&self) -> StoreConfig {
        StoreConfig { data_dir: self.0.path().join("data"), database_url: None, read_database_url: None }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the store's files may still be open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(args: &[&str], folder: &Path) -> bool {
    let status = Command::new("mount").args(args).arg(folder).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

async fn program(config: &StoreConfig) -> App {
    let stores = Stores::open_and_migrate(config, BEGIN).await.unwrap();
    App::start(stores, clock(), ticketing_core::engine::EngineConfig::default(), |_| {}).0
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_when_there_is_room_the_work_goes_on() {
    let Some(disk) = SmallDisk::new("2m") else { return };
    let app = program(&disk.config()).await;
    let bus = seed_line(&app, 1_000, "ABCD", 2, 1).await[0];
    let mut booked = 0;
    let error = loop {
        match store_error(&app, bus).await {
            None => booked += 1,
            Some(error) => break error,
        }
        assert!(booked < 4_000, "the disk never filled up");
    };
    assert!(matches!(error, StoreError::Full { store: "write", .. }), "{error:?}");
    assert!(matches!(store_error(&app, bus).await, Some(StoreError::Full { .. })));
    disk.remount("size=64m");
    hold(&app, ask(bus)).await;
    assert_eq!(check(&app).await.bookings.len(), booked + 1);
    let intact = rows::<(String,)>(&app.stores.write, "PRAGMA integrity_check", vec![]).await;
    assert_eq!(intact, [("ok".to_owned(),)]);
}

#[tokio::test]
async fn a_read_only_data_folder_is_named_as_such_and_keeps_what_it_has() {
    let Some(disk) = SmallDisk::new("16m") else { return };
    let app = program(&disk.config()).await;
    let bus = seed_line(&app, 1, "ABC", 2, 1).await[0];
    hold(&app, ask(bus)).await;
    app.stores.close().await;
    disk.remount("ro");
    let error = Stores::open_and_migrate(&disk.config(), BEGIN).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    disk.remount("rw");
    let app = program(&disk.config()).await;
    assert!(migrate::check(&app.stores.write, Role::Write).await.is_ok());
    hold(&app, ask(bus)).await;
    assert_eq!(check(&app).await.bookings.len(), 2);
}
