//! A database, and a transaction of it: SQLite or PostgreSQL behind one face. How they are opened, given their
//! parameters and kept is beside it.

pub use super::address::Address;
pub use super::bind::{Arg, Column};
use super::bind::{bind_postgres, bind_sqlite};
use super::checkpoints::Checkpoints;
use super::error::{Result, StoreError};
use super::kept::{Kept, PgTx};
use super::moment::Moment;
pub use super::open::Role;
use super::open::{open_postgres, open_sqlite};
use super::sql::Sql;
use super::sqlite::{begin_sqlite, run_parts, sqlite_all};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Postgres, Sqlite, SqlitePool};

/// A row type that both engines can fill; `derive(sqlx::FromRow)` makes one.
pub trait Record:
    for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgres,
}

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
            Address::File(path) => {
                let (writer, readers, checkpoints) = open_sqlite(path, role, create).await?;
                Pools::Sqlite { writer, readers, checkpoints }
            }
            Address::Url(url) => Pools::Postgres(open_postgres(url, role)?),
        };
        Ok(Self { pools, role, address })
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

    /// Undoes it after a failure: what the store says of the undoing matters less than why. It is undone all the same.
    pub(crate) async fn undo(self) {
        if let Err(error) = self.rollback().await {
            tracing::debug!(%error, "a rollback ended without an answer");
        }
    }
}
