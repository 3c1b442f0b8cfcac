//! Migrations: numbered, the same numbers and names on both engines, harmless to run twice or at once.
//!
//! A migration is one text with tokens for the few types that the engines name differently. Ours rather
//! than sqlx's migrator, which takes no lock on SQLite, where two processes may start at once.

use super::db::{Address, Db, Engine, Role, Tx};
use super::error::{Result, StoreError};
use super::sql::statements;
use super::views::Target;
use crate::args;
use crate::domain::time::Timestamp;
use std::path::Path;

/// One migration.
#[derive(Debug)]
pub struct Migration {
    /// Its number, from 1.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    text: &'static str,
}

const WRITE: &[Migration] = &[
    Migration { version: 1, name: "begin", text: include_str!("migrations/write_0001_begin.sql") },
    Migration { version: 2, name: "payments", text: include_str!("migrations/write_0002_payments.sql") },
    Migration { version: 3, name: "drills", text: include_str!("migrations/write_0003_drills.sql") },
    Migration { version: 4, name: "carriers", text: include_str!("migrations/write_0004_carriers.sql") },
    Migration { version: 5, name: "jobs", text: include_str!("migrations/write_0005_jobs.sql") },
    Migration { version: 6, name: "trouble", text: include_str!("migrations/write_0006_trouble.sql") },
    Migration { version: 7, name: "accounts", text: include_str!("migrations/write_0007_accounts.sql") },
    Migration { version: 8, name: "mail", text: include_str!("migrations/write_0008_mail.sql") },
    Migration { version: 9, name: "offerings", text: include_str!("migrations/write_0009_offerings.sql") },
];
const READ: &[Migration] = &[
    Migration { version: 1, name: "begin", text: include_str!("migrations/read_0001_begin.sql") },
    Migration { version: 2, name: "carriers", text: include_str!("migrations/read_0002_carriers.sql") },
    Migration { version: 3, name: "identity", text: include_str!("migrations/read_0003_identity.sql") },
    Migration { version: 4, name: "sales", text: include_str!("migrations/read_0004_sales.sql") },
    Migration { version: 5, name: "days", text: include_str!("migrations/read_0005_days.sql") },
    Migration { version: 6, name: "kinds", text: include_str!("migrations/read_0006_kinds.sql") },
];

/// Returns the migrations of a store, in order.
#[must_use]
pub const fn all(role: Role) -> &'static [Migration] {
    match role {
        Role::Write => WRITE,
        Role::Read => READ,
    }
}

/// One migration and whether a store has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// `write` or `read`.
    pub store: &'static str,
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// When it was applied; `None` if it was not.
    pub applied_at: Option<Timestamp>,
}

statements! {
    MAKE_TABLE = "CREATE TABLE IF NOT EXISTS schema_migrations (
        store TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL,
        PRIMARY KEY (store, version))";
    /// One migrator at a time; SQLite's write transaction is that already.
    LOCK = sqlite "SELECT 1 WHERE $1 IS NOT NULL" postgres "SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) l";
    TABLE_EXISTS = sqlite "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
        postgres "SELECT 'schema_migrations' AS name WHERE to_regclass('schema_migrations') IS NOT NULL";
    APPLIED = "SELECT version, applied_at FROM schema_migrations WHERE store = $1 ORDER BY version";
    RECORD = "INSERT INTO schema_migrations (store, version, name, applied_at) VALUES ($1, $2, $3, $4)";
}

/// The advisory lock's number; any constant that nobody else uses.
const LOCK_KEY: i64 = 0x7469_636b_6574;

#[derive(sqlx::FromRow)]
struct AppliedRow {
    version: i64,
    applied_at: i64,
}

#[derive(sqlx::FromRow)]
struct NameRow {
    #[allow(dead_code, reason = "only its presence counts")]
    name: String,
}

/// Spells a migration for an engine.
fn spell(text: &str, engine: Engine) -> String {
    let tokens = match engine {
        Engine::Sqlite => [
            ("{uuid}", "BLOB"),
            ("{bytes}", "BLOB"),
            ("{int}", "INTEGER"),
            ("{position}", "INTEGER"),
            ("{key}", "TEXT"),
            ("{without_rowid}", "WITHOUT ROWID"),
        ],
        Engine::Postgres => [
            ("{uuid}", "UUID"),
            ("{bytes}", "BYTEA"),
            ("{int}", "INT"),
            ("{position}", "BIGINT"),
            // Compared byte by byte, as SQLite does: the same order on both, and no locale's cost.
            ("{key}", "TEXT COLLATE \"C\""),
            ("{without_rowid}", ""),
        ],
    };
    tokens.into_iter().fold(text.to_owned(), |text, (token, word)| text.replace(token, word))
}

/// Returns every statement of a store's migrations, in order, spelled for an engine: what the schema is made by.
pub(super) fn script(role: Role, engine: Engine) -> Vec<String> {
    let text: Vec<String> = all(role).iter().map(|migration| spell(migration.text, engine)).collect();
    let lines = text.iter().flat_map(|text| text.lines()).filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// Brings a store up to this program's schema and returns the versions that were applied.
///
/// # Errors
/// [`StoreError::SchemaNewer`] if a newer program was here; else what the engine says.
pub async fn up(db: &Db, role: Role, now: Timestamp) -> Result<Vec<i64>> {
    let mut tx = begin_alone(db).await?;
    tx.run(&MAKE_TABLE, args![]).await?;
    let mut done = Vec::new();
    let found = applied_in(&mut tx, role).await?;
    refuse_newer(&found, role)?;
    for migration in all(role) {
        if found.iter().any(|row| row.version == migration.version) {
            continue;
        }
        tx.script(spell(migration.text, tx.engine())).await?;
        let row = args![db.name(), migration.version, migration.name, now.as_millis()];
        tx.run(&RECORD, row).await?;
        done.push(migration.version);
    }
    if role == Role::Read && !done.is_empty() {
        // What stands beside the live tables has the schema of before.
        super::views::rebuild::drop_in(&mut tx, Target::Next).await?;
        super::views::rebuild::drop_in(&mut tx, Target::Before).await?;
    }
    tx.commit().await?;
    Ok(done)
}

/// How often a migrator waits for another one, a quarter of a second each time.
const LOCK_TRIES: u32 = 120;

/// Begins a transaction that no other migrator runs beside.
async fn begin_alone(db: &Db) -> Result<Tx> {
    let mut tries = 0;
    loop {
        let mut tx = db.begin().await?;
        match tx.all::<(i32,)>(&LOCK, args![LOCK_KEY]).await {
            Ok(_) => return Ok(tx),
            Err(StoreError::Conflict { .. }) if tries < LOCK_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn applied_in(tx: &mut Tx, role: Role) -> Result<Vec<AppliedRow>> {
    let store = match role {
        Role::Write => "write",
        Role::Read => "read",
    };
    tx.all(&APPLIED, args![store]).await
}

fn refuse_newer(found: &[AppliedRow], role: Role) -> Result<()> {
    let known = all(role).last().map_or(0, |m| m.version);
    let store = match role {
        Role::Write => "write",
        Role::Read => "read",
    };
    match found.last() {
        Some(row) if row.version > known => Err(StoreError::SchemaNewer { store, found: row.version, known }),
        _ => Ok(()),
    }
}

/// Returns every migration of this program, and whether the store has it. Writes nothing.
///
/// # Errors
/// [`StoreError::SchemaNewer`] if a newer program was here; else what the engine says.
pub async fn status(db: &Db, role: Role) -> Result<Vec<Applied>> {
    let exists = db.first::<NameRow>(&TABLE_EXISTS, args![]).await?.is_some();
    let found: Vec<AppliedRow> = if exists { db.all(&APPLIED, args![db.name()]).await? } else { Vec::new() };
    refuse_newer(&found, role)?;
    Ok(all(role)
        .iter()
        .map(|m| Applied {
            store: db.name(),
            version: m.version,
            name: m.name,
            applied_at: found
                .iter()
                .find(|row| row.version == m.version)
                .map(|row| Timestamp::from_millis(row.applied_at)),
        })
        .collect())
}

/// Refuses a store whose schema is not exactly this program's.
///
/// # Errors
/// [`StoreError::SchemaNewer`] or [`StoreError::SchemaOlder`], naming both versions.
pub async fn check(db: &Db, role: Role) -> Result<()> {
    let status = status(db, role).await?;
    let found = status.iter().filter(|m| m.applied_at.is_some()).map(|m| m.version).max().unwrap_or(0);
    let known = all(role).last().map_or(0, |m| m.version);
    if found < known {
        return Err(StoreError::SchemaOlder { store: db.name(), found, known });
    }
    Ok(())
}

/// The file of a store inside a data folder.
#[must_use]
pub fn file_in(data_dir: &Path, role: Role) -> Address {
    Address::File(data_dir.join(match role {
        Role::Write => "write.db",
        Role::Read => "read.db",
    }))
}
