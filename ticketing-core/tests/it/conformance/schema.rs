//! Statements and migrations.

use crate::support::place::{BEGIN, Place, by_hand, on_both_engines};
use ticketing_core::app::{StoreConfig, Stores};
use ticketing_core::store::db::{Db, Role};
use ticketing_core::store::error::StoreError;
use ticketing_core::store::{migrate, statements};

on_both_engines!(
    every_statement_of_the_program_can_be_prepared,
    migrating_twice_and_from_two_programs_at_once_is_harmless,
    a_store_of_a_newer_program_is_refused_with_both_versions,
    a_store_that_nobody_migrated_is_refused_with_both_versions,
);

async fn every_statement_of_the_program_can_be_prepared(place: Place) {
    let stores = place.stores().await;
    let all = statements();
    assert!(all.len() > 50, "only {} statements are listed", all.len());
    for (role, sql) in all {
        let db = match role {
            Role::Write => &stores.write,
            Role::Read => &stores.read,
        };
        if let Err(error) = db.prepare(sql).await {
            panic!("{}: {error}\n{}\n{}", sql.name, sql.sqlite, sql.postgres);
        }
    }
}

async fn opened(config: &StoreConfig, role: Role) -> Db {
    let address = match role {
        Role::Write => config.write_address(),
        Role::Read => config.read_address(),
    };
    Db::open(address, role, true).await.unwrap()
}

async fn migrating_twice_and_from_two_programs_at_once_is_harmless(place: Place) {
    if place.is_sqlite() {
        std::fs::create_dir_all(&place.config.data_dir).unwrap();
    }
    for role in [Role::Write, Role::Read] {
        let programs = (opened(&place.config, role).await, opened(&place.config, role).await);
        let (one, other) =
            tokio::join!(migrate::up(&programs.0, role, BEGIN), migrate::up(&programs.1, role, BEGIN));
        let mut applied = one.unwrap();
        applied.extend(other.unwrap());
        let known: Vec<i64> = migrate::all(role).iter().map(|m| m.version).collect();
        assert_eq!(applied, known, "each migration is applied by one of the two");
        assert_eq!(migrate::up(&programs.0, role, BEGIN).await.unwrap(), Vec::<i64>::new());
        assert!(migrate::check(&programs.1, role).await.is_ok());
    }
}

const NEWER: &str = "INSERT INTO schema_migrations (store, version, name, applied_at)
    VALUES ('write', 999, 'later', 0)";

async fn a_store_of_a_newer_program_is_refused_with_both_versions(place: Place) {
    let stores = place.stores().await;
    by_hand(&stores.write, NEWER, vec![]).await.unwrap();
    for outcome in [
        Stores::open(&place.config).await.map(|_| ()),
        Stores::open_and_migrate(&place.config, BEGIN).await.map(|_| ()),
    ] {
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, StoreError::SchemaNewer { store: "write", found: 999, known: 1.. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("999"), "{error}");
    }
}

async fn a_store_that_nobody_migrated_is_refused_with_both_versions(place: Place) {
    if place.is_sqlite() {
        let missing = Stores::open(&place.config).await.unwrap_err();
        assert!(matches!(missing, StoreError::Missing { .. }), "{missing:?}");
        assert!(!place.config.data_dir.exists(), "looking makes nothing");
        std::fs::create_dir_all(&place.config.data_dir).unwrap();
        for role in [Role::Write, Role::Read] {
            opened(&place.config, role).await.close().await;
        }
    }
    let error = Stores::open(&place.config).await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaOlder { found: 0, known: 1.., .. }), "{error:?}");
}
