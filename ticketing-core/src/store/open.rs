//! How a database is opened: what each engine is told for its role, and how many connections it gets. Asks for nothing
//! that is kept in it.

use super::checkpoints::Checkpoints;
use super::error::{Result, StoreError};
use super::kept::Kept;
use sqlx::SqlitePool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// How a database is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The store of record: a commit is on disk before it is answered.
    Write,
    /// The read model: can be made again from the log, so a commit need not wait for the disk.
    Read,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// How long a connection may take to be had.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long SQLite waits for another process's write to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What PostgreSQL is told to wait at most: for a lock, for one statement (seeding writes many rows), and
/// for a process that went away in the middle of a transaction.
const LIMITS: [(&str, &str); 3] =
    [("lock_timeout", "5s"), ("statement_timeout", "60s"), ("idle_in_transaction_session_timeout", "60s")];
/// Prepared statements that a connection keeps: all of ours, those with rows in five sizes on SQLite. One that is not
/// kept costs PostgreSQL a round trip more.
const STATEMENTS_KEPT: usize = 400;
/// Pages of SQLite's write-ahead log at which a commit itself makes a checkpoint.
const WAL_PAGES_MAX: &str = "200000";
/// Readers beside the one writer of a SQLite file.
const SQLITE_READERS_MAX: u32 = 4;
/// Connections to one PostgreSQL.
const POSTGRES_CONNECTIONS_MAX: u32 = 12;

/// The connections of a SQLite file: one that writes, some that read, and the checkpoints beside them.
pub(super) type SqliteFile = (SqlitePool, SqlitePool, Checkpoints);

/// Opens a file; one that is missing is made only if `create`.
pub(super) async fn open_sqlite(path: &Path, role: Role, create: bool) -> Result<SqliteFile> {
    if !create && !path.exists() {
        return Err(StoreError::Missing { path: path.display().to_string() });
    }
    let synchronous = match role {
        Role::Write => SqliteSynchronous::Full,
        Role::Read => SqliteSynchronous::Normal,
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        // Only if the checkpoints beside the writer don't keep up.
        .pragma("wal_autocheckpoint", WAL_PAGES_MAX)
        .pragma("cache_size", "-131072")
        .pragma("temp_store", "memory");
    let open = |n: u32, options: SqliteConnectOptions| {
        SqlitePoolOptions::new().max_connections(n).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options)
    };
    let fault = |e: &sqlx::Error| match StoreError::from_sqlx(role.name(), e) {
        StoreError::NotADatabase { reason, .. } => {
            StoreError::NotADatabase { path: path.display().to_string(), reason }
        }
        // SQLite only says that it can't open the file; its folder says why.
        StoreError::Unavailable { reason, .. } => why_unwritable(path, role, reason),
        other => other,
    };
    let writer = open(1, options.clone()).await.map_err(|e| fault(&e))?;
    let readers =
        open(SQLITE_READERS_MAX, options.clone().create_if_missing(false)).await.map_err(|e| fault(&e))?;
    let checkpoints = Checkpoints::begin(options);
    Ok((writer, readers, checkpoints))
}

/// Says how a server is to be spoken to. Asks it nothing yet.
pub(super) fn open_postgres(url: &str, role: Role) -> Result<Kept> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        let reason = "it must begin with postgres://".into();
        return Err(StoreError::Address { store: role.name(), reason });
    }
    // Acknowledged bookings are on disk, whatever the server's default; the read model can be made again.
    let commit = match role {
        Role::Write => "on",
        Role::Read => "off",
    };
    // Every statement of ours goes by a key. A plan that was made while a table was empty, or before its
    // statistics were, must not become a scan that everybody waits for.
    let by_key = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"].map(|option| (option, "off"));
    let options = PgConnectOptions::from_str(url)
        .map_err(|e| StoreError::Address { store: role.name(), reason: e.to_string() })?
        .application_name("ticketing")
        .statement_cache_capacity(STATEMENTS_KEPT)
        .options([("synchronous_commit", commit)])
        .options(by_key)
        .options(LIMITS);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options);
    Ok(Kept::new(pool))
}

/// Returns why a file could not be opened, by trying to make another one beside it.
fn why_unwritable(path: &Path, role: Role, reason: String) -> StoreError {
    use std::io::ErrorKind;
    let store = role.name();
    let probe = path.with_extension("probe");
    let made = std::fs::File::create_new(&probe);
    if made.is_ok() {
        // An empty file that stays behind harms nobody.
        let _ = std::fs::remove_file(&probe);
    }
    match made.map_err(|e| e.kind()) {
        Err(ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => {
            StoreError::ReadOnly { store, reason: format!("{reason}: can't write in {}", folder(path)) }
        }
        Err(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => StoreError::Full { store, reason },
        _ => StoreError::Unavailable { store, reason },
    }
}

fn folder(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
