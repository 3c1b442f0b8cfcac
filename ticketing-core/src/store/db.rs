//! A database: SQLite or PostgreSQL behind one face. The only file that names both.

pub use super::address::Address;
pub use super::bind::{Arg, Column};
use super::bind::{bind_postgres, bind_sqlite, bind_sqlite_rows};
use super::checkpoints::Checkpoints;
use super::error::{Result, StoreError};
use super::kept::{Kept, PgTx};
use super::moment::Moment;
use super::sql::Sql;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite, SqlitePool};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// A row type that both engines can fill; `derive(sqlx::FromRow)` makes one.
pub trait Record:
    for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

/// Returns all rows of a query on SQLite, of each part of its `{rows …}` where it has such.
macro_rules! sqlite_all {
    ($sql:expr, $args:expr, $executor:expr) => {{
        let (sql, args) = ($sql, $args);
        match args.as_slice() {
            [Arg::Rows(columns)] => {
                let mut found = Vec::new();
                let mut failed = None;
                let total = columns.first().map_or(0, Column::len);
                let mut start = 0;
                while start < total && failed.is_none() {
                    let (text, count) = sql.sqlite_part(total - start);
                    let query = bind_sqlite_rows!(sqlx::query_as::<Sqlite, R>(text), columns, start, count);
                    match query.fetch_all($executor).await {
                        Ok(rows) => found.extend(rows),
                        Err(error) => failed = Some(error),
                    }
                    start += count;
                }
                match failed {
                    None => Ok(found),
                    Some(error) => Err(error),
                }
            }
            _ => bind_sqlite!(sqlx::query_as::<Sqlite, R>(sql.sqlite), args).fetch_all($executor).await,
        }
    }};
}

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgres,
}

/// How a database is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The store of record: a commit is on disk before it is answered.
    Write,
    /// The read model: can be made again from the log, so a commit need not wait for the disk.
    Read,
}

impl Role {
    const fn name(self) -> &'static str {
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

/// A database with its connections.
#[derive(Clone, Debug)]
pub struct Db {
    pools: Pools,
    role: Role,
    address: Address,
}

#[derive(Clone, Debug)]
enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool, checkpoints: Checkpoints },
    Postgres(Kept),
    Moment(Moment),
}

impl Db {
    /// Opens a database. A file that is missing is made only if `create`; a server is not asked yet.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Address`], or what the engine says of the file.
    pub async fn open(address: Address, role: Role, create: bool) -> Result<Self> {
        let pools = match &address {
            Address::File(path) => Self::open_file(path, role, create).await?,
            Address::Url(url) => Self::open_url(url, role)?,
        };
        Ok(Self { pools, role, address })
    }

    async fn open_file(path: &Path, role: Role, create: bool) -> Result<Pools> {
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
        let readers = open(SQLITE_READERS_MAX, options.clone().create_if_missing(false))
            .await
            .map_err(|e| fault(&e))?;
        let checkpoints = Checkpoints::begin(options);
        Ok(Pools::Sqlite { writer, readers, checkpoints })
    }

    fn open_url(url: &str, role: Role) -> Result<Pools> {
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
        Ok(Pools::Postgres(Kept::new(pool)))
    }

    /// Which engine it runs on.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match &self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
            Pools::Moment(moment) => moment.engine(),
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// `write` or `read`, for messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.role.name()
    }

    fn fault(&self, error: &sqlx::Error) -> StoreError {
        StoreError::from_sqlx(self.role.name(), error)
    }

    /// Returns all rows of a query.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn all<R: Record>(&self, sql: &'static Sql, args: Vec<Arg>) -> Result<Vec<R>> {
        let rows = match &self.pools {
            Pools::Sqlite { readers, .. } => {
                sqlite_all!(sql, args, readers)
            }
            Pools::Postgres(kept) => kept.all(sql, args).await,
            Pools::Moment(moment) => return moment.all(sql, args).await,
        };
        rows.map_err(|e| self.fault(&e))
    }

    /// Returns the first row of a query.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn first<R: Record>(&self, sql: &'static Sql, args: Vec<Arg>) -> Result<Option<R>> {
        Ok(self.all(sql, args).await?.into_iter().next())
    }

    /// Returns the database as it is at this moment, for reading alone: all that is asked of it sees the same
    /// commits. It keeps a connection, and old rows from being cleared away, until it is closed: keep it short.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn moment(&self) -> Result<Self> {
        let inner = match &self.pools {
            Pools::Sqlite { readers, .. } => readers.begin().await.map(TxInner::Sqlite),
            Pools::Postgres(kept) => kept.begin().await.map(TxInner::Postgres),
            Pools::Moment(_) => return Ok(self.clone()),
        };
        let mut tx = Tx { inner: inner.map_err(|e| self.fault(&e))?, store: self.role.name() };
        if tx.engine() == Engine::Postgres {
            tx.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY".into()).await?;
        }
        let pools = Pools::Moment(Moment::new(tx));
        Ok(Self { pools, role: self.role, address: self.address.clone() })
    }

    fn only_reads(&self) -> StoreError {
        StoreError::Refused { store: self.role.name(), reason: "a moment of it is only read".into() }
    }

    /// Begins a transaction that writes. On SQLite it takes the file's one write lock at once, so that it
    /// never fails half way for another's.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn begin(&self) -> Result<Tx> {
        let inner = match &self.pools {
            Pools::Sqlite { writer, checkpoints, .. } => {
                checkpoints.written();
                begin_sqlite(writer).await.map(TxInner::Sqlite)
            }
            Pools::Postgres(kept) => kept.begin().await.map(TxInner::Postgres),
            Pools::Moment(_) => return Err(self.only_reads()),
        };
        Ok(Tx { inner: inner.map_err(|e| self.fault(&e))?, store: self.role.name() })
    }

    /// Begins a transaction that writes with a first statement without parameters, in one round trip where the engine
    /// can; returns how many rows it changed.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn begin_with(&self, statement: String) -> Result<(Tx, u64)> {
        match &self.pools {
            Pools::Postgres(kept) => {
                let (tx, changed) = kept.begin_with(&statement).await.map_err(|e| self.fault(&e))?;
                Ok((Tx { inner: TxInner::Postgres(tx), store: self.role.name() }, changed))
            }
            Pools::Sqlite { .. } | Pools::Moment(_) => {
                let mut tx = self.begin().await?;
                let changed = tx.script(statement).await?;
                Ok((tx, changed))
            }
        }
    }

    /// Runs one statement that commits by itself, and returns its rows.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn write<R: Record>(&self, sql: &'static Sql, args: Vec<Arg>) -> Result<Vec<R>> {
        let rows = match &self.pools {
            Pools::Sqlite { writer, checkpoints, .. } => {
                checkpoints.written();
                sqlite_all!(sql, args, writer)
            }
            Pools::Postgres(kept) => kept.all(sql, args).await,
            Pools::Moment(_) => return Err(self.only_reads()),
        };
        rows.map_err(|e| self.fault(&e))
    }

    /// Prepares a statement without running it. For the test that every statement fits both engines.
    ///
    /// # Errors
    /// What the engine says of the statement.
    pub async fn prepare(&self, sql: &'static Sql) -> Result<()> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        let done = match &self.pools {
            Pools::Sqlite { .. } if sql.sqlite.is_empty() => Ok(()),
            Pools::Postgres(_) if sql.postgres.is_empty() => Ok(()),
            Pools::Sqlite { readers, .. } => readers.prepare(sql.sqlite.into_sql_str()).await.map(|_| ()),
            Pools::Postgres(kept) => kept.prepare(sql).await,
            Pools::Moment(_) => return Err(self.only_reads()),
        };
        done.map_err(|e| self.fault(&e))
    }

    /// Closes all connections. On SQLite this folds the write-ahead log back into the file. A moment ends.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, checkpoints } => {
                checkpoints.end().await;
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(kept) => kept.close().await,
            Pools::Moment(moment) => moment.end().await,
        }
    }
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

/// Begins on the one connection that writes.
///
/// SQLite undoes a transaction by itself when the disk is full. The driver then still counts it, for ever: such
/// a connection is given up for a new one.
async fn begin_sqlite(writer: &SqlitePool) -> sqlx::Result<sqlx::Transaction<'static, Sqlite>> {
    match writer.begin_with("BEGIN IMMEDIATE").await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            writer.acquire().await?.close_on_drop();
            writer.begin_with("BEGIN IMMEDIATE").await
        }
        begun => begun,
    }
}

/// Runs a statement with `{rows …}` on SQLite, part by part, and returns how many rows it changed.
async fn run_parts(
    tx: &mut sqlx::Transaction<'static, Sqlite>,
    sql: &'static Sql,
    columns: &[Column],
) -> sqlx::Result<u64> {
    let total = columns.first().map_or(0, Column::len);
    let (mut start, mut changed) = (0, 0);
    while start < total {
        let (text, count) = sql.sqlite_part(total - start);
        let query = bind_sqlite_rows!(sqlx::query::<Sqlite>(text), columns, start, count);
        changed += query.execute(&mut **tx).await?.rows_affected();
        start += count;
    }
    Ok(changed)
}

/// A transaction. Dropped without [`Tx::commit`], it did nothing.
#[derive(Debug)]
pub struct Tx {
    inner: TxInner,
    store: &'static str,
}

#[derive(Debug)]
enum TxInner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(PgTx),
}

impl Tx {
    fn fault(&self, error: &sqlx::Error) -> StoreError {
        StoreError::from_sqlx(self.store, error)
    }

    /// Which engine it runs on.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self.inner {
            TxInner::Sqlite(_) => Engine::Sqlite,
            TxInner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Returns all rows of a query.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn all<R: Record>(&mut self, sql: &'static Sql, args: Vec<Arg>) -> Result<Vec<R>> {
        let rows = match &mut self.inner {
            TxInner::Sqlite(tx) => {
                sqlite_all!(sql, args, &mut **tx)
            }
            TxInner::Postgres(tx) => {
                let query = bind_postgres!(sqlx::query_as::<Postgres, R>(sql.postgres), args);
                query.fetch_all(tx.connection()).await
            }
        };
        rows.map_err(|e| self.fault(&e))
    }

    /// Returns the first row of a query.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn first<R: Record>(&mut self, sql: &'static Sql, args: Vec<Arg>) -> Result<Option<R>> {
        Ok(self.all(sql, args).await?.into_iter().next())
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn run(&mut self, sql: &'static Sql, args: Vec<Arg>) -> Result<u64> {
        let done = match &mut self.inner {
            TxInner::Sqlite(tx) => match args.as_slice() {
                [Arg::Rows(columns)] => run_parts(tx, sql, columns).await,
                _ => bind_sqlite!(sqlx::query::<Sqlite>(sql.sqlite), args)
                    .execute(&mut **tx)
                    .await
                    .map(|done| done.rows_affected()),
            },
            TxInner::Postgres(tx) => bind_postgres!(sqlx::query::<Postgres>(sql.postgres), args)
                .execute(tx.connection())
                .await
                .map(|done| done.rows_affected()),
        };
        done.map_err(|e| self.fault(&e))
    }

    /// Runs statements of which none needs what another has done, in one round trip where the engine can; returns how
    /// many rows each changed.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn run_together(&mut self, parts: Vec<(&'static Sql, Vec<Arg>)>) -> Result<Vec<u64>> {
        if let TxInner::Postgres(tx) = &mut self.inner {
            let counts = tx.run_together(parts).await;
            return counts.map_err(|e| self.fault(&e));
        }
        let mut counts = Vec::with_capacity(parts.len());
        for (sql, args) in parts {
            counts.push(self.run(sql, args).await?);
        }
        Ok(counts)
    }

    /// Runs a script of several statements without parameters, as of a migration; returns how many rows it changed.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn script(&mut self, text: String) -> Result<u64> {
        let script = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        let done = match &mut self.inner {
            TxInner::Sqlite(tx) => script.execute(&mut **tx).await.map(|done| done.rows_affected()),
            TxInner::Postgres(tx) => script.execute(tx.connection()).await.map(|done| done.rows_affected()),
        };
        done.map_err(|e| self.fault(&e))
    }

    /// Runs a last statement without parameters and commits, in one round trip where the engine can.
    ///
    /// # Errors
    /// What the engine says; then nothing was committed, unless it is [`StoreError::Unavailable`].
    pub async fn script_and_commit(mut self, statement: String) -> Result<()> {
        let store = self.store;
        match self.inner {
            TxInner::Postgres(tx) => {
                tx.commit_after(statement).await.map_err(|e| StoreError::from_sqlx(store, &e))
            }
            TxInner::Sqlite(_) => {
                self.script(statement).await?;
                self.commit().await
            }
        }
    }

    /// Makes it so. After this returns, a write store has it on disk.
    ///
    /// # Errors
    /// What the engine says; whether it was committed is then unknown.
    pub async fn commit(self) -> Result<()> {
        let store = self.store;
        let done = match self.inner {
            TxInner::Sqlite(tx) => tx.commit().await,
            TxInner::Postgres(tx) => tx.commit().await,
        };
        done.map_err(|e| StoreError::from_sqlx(store, &e))
    }

    /// Undoes it.
    ///
    /// # Errors
    /// What the engine says; it is undone all the same.
    pub async fn rollback(self) -> Result<()> {
        let store = self.store;
        let done = match self.inner {
            TxInner::Sqlite(tx) => tx.rollback().await,
            TxInner::Postgres(tx) => tx.rollback().await,
        };
        done.map_err(|e| StoreError::from_sqlx(store, &e))
    }
}
