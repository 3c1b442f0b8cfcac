//! Connections to PostgreSQL that stay at hand between statements.
//!
//! sqlx's pool asks the server for a sign of life each time a connection comes back to it, and hands them out in
//! turn: a round trip more for each statement, and no connection's caches stay warm. So a few that have just done
//! their work are kept beside the pool, the last used first. One that failed in any way is never kept: it goes
//! back to the pool, which looks at it, or is closed if a transaction may be open on it.

use super::bind::{Arg, Column, bind_postgres};
use super::db::Record;
use super::sql::{Sql, together};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Row as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Connections kept at hand; fewer than the pool has, so that one that went bad there is noticed there.
const KEPT_MAX: usize = 6;

/// How long a connection may take to be had while the server is known to be away. One of those who ask takes the
/// full time and notices when it is back; the others are answered soon.
const WHILE_AWAY: Duration = Duration::from_millis(300);

/// A pool with the connections that are kept beside it. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pool: PgPool,
    idle: Arc<Mutex<Vec<PoolConnection<Postgres>>>>,
    /// Whether the server could not be reached at the last try.
    away: Arc<AtomicBool>,
    /// Whether somebody finds out whether it still can't, and takes the time for it.
    probing: Arc<AtomicBool>,
    /// How many wait for the pool: nothing is kept from them.
    waiting: Arc<AtomicUsize>,
}

impl Kept {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            idle: Arc::default(),
            away: Arc::default(),
            probing: Arc::default(),
            waiting: Arc::default(),
        }
    }

    async fn take(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some(connection) if !self.pool.is_closed() => Ok(connection),
            Some(_) | None => self.acquire().await,
        }
    }

    async fn acquire(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        let _waits = Counted::one_more(&self.waiting);
        let is_away = self.away.load(Ordering::Relaxed);
        let acquired = if is_away && self.probing.swap(true, Ordering::AcqRel) {
            let soon = tokio::time::timeout(WHILE_AWAY, self.pool.acquire());
            return soon.await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        } else {
            let _probes = is_away.then(|| Flag(&self.probing));
            self.pool.acquire().await
        };
        // A pool whose connections are all busy says the same as one that gets none.
        self.away.store(acquired.is_err() && self.pool.size() == 0, Ordering::Relaxed);
        acquired
    }

    /// Keeps a connection that did its work. Dropping one instead gives it to the pool.
    fn keep(&self, connection: PoolConnection<Postgres>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let is_waited_for = self.waiting.load(Ordering::Relaxed) > 0;
        if idle.len() < KEPT_MAX && !is_waited_for && !self.pool.is_closed() {
            idle.push(connection);
        }
    }

    /// After a failure that is not the statement's own fault, the others are likely to be broken too: the pool
    /// looks at each before it is used again.
    fn doubt(&self, error: &sqlx::Error) {
        if !matches!(error, sqlx::Error::Database(_) | sqlx::Error::RowNotFound) {
            let doubted = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
            drop(doubted);
        }
    }

    /// Returns all rows of a statement that is a transaction of its own.
    pub(super) async fn all<R: Record>(&self, sql: &'static Sql, args: Vec<Arg>) -> sqlx::Result<Vec<R>> {
        let mut connection = self.take().await?;
        let query = bind_postgres!(sqlx::query_as::<Postgres, R>(sql.postgres), args);
        let rows = query.fetch_all(&mut *connection).await;
        match &rows {
            Ok(_) => self.keep(connection),
            Err(error) if is_about_rows(error) => self.keep(connection),
            Err(error) => self.doubt(error),
        }
        rows
    }

    pub(super) async fn prepare(&self, sql: &'static Sql) -> sqlx::Result<()> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        self.pool.prepare(sql.postgres.into_sql_str()).await.map(|_| ())
    }

    pub(super) async fn begin(&self) -> sqlx::Result<PgTx> {
        self.begin_by("BEGIN".into()).await.map(|(tx, _)| tx)
    }

    /// Begins with a first statement, in one round trip; returns how many rows it changed.
    pub(super) async fn begin_with(&self, statement: &str) -> sqlx::Result<(PgTx, u64)> {
        self.begin_by(format!("BEGIN; {statement}")).await
    }

    async fn begin_by(&self, script: String) -> sqlx::Result<(PgTx, u64)> {
        let connection = self.take().await?;
        // From here on it is closed if it is dropped: a transaction may be open on it.
        let mut tx = PgTx { connection: Some(connection), kept: self.clone() };
        match sqlx::raw_sql(AssertSqlSafe(script)).execute(tx.connection()).await {
            Ok(done) => Ok((tx, done.rows_affected())),
            Err(error) => {
                self.doubt(&error);
                if matches!(error, sqlx::Error::Database(_)) {
                    // Why it failed matters more than what undoing it says.
                    let _ = tx.rollback().await;
                }
                Err(error)
            }
        }
    }

    pub(super) async fn close(&self) {
        drop(std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner)));
        self.pool.close().await;
    }
}

/// Whether the server refused a statement for what the rows are, or who has them: the connection is as good as before.
fn is_about_rows(error: &sqlx::Error) -> bool {
    // integrity_constraint_violation, transaction_rollback, object_not_in_prerequisite_state (a lock)
    let about_rows = ["23", "40", "55"];
    let code = error.as_database_error().and_then(|said| said.code());
    code.is_some_and(|code| about_rows.iter().any(|class| code.starts_with(class)))
}

/// Counts somebody for as long as this lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one_more(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes a flag down when this ends.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A transaction. Dropped, it closes its connection, and the server undoes what it did.
#[derive(Debug)]
pub(super) struct PgTx {
    connection: Option<PoolConnection<Postgres>>,
    kept: Kept,
}

impl PgTx {
    #[allow(clippy::expect_used, reason = "only the methods that consume the transaction take it out")]
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a transaction has its connection until it ends")
    }

    /// Runs statements as one; returns how many rows each changed.
    pub(super) async fn run_together(
        &mut self,
        parts: Vec<(&'static Sql, Vec<Arg>)>,
    ) -> sqlx::Result<Vec<u64>> {
        let texts: Vec<(&str, usize)> =
            parts.iter().map(|(sql, args)| (sql.postgres, args.iter().map(Arg::parameters).sum())).collect();
        let text = together(&texts);
        let args = parts.into_iter().flat_map(|(_, args)| args);
        let query = bind_postgres!(sqlx::query::<Postgres>(AssertSqlSafe(text)), args);
        let row = query.fetch_one(self.connection()).await?;
        (0..texts.len())
            .map(|n| row.try_get::<i64, usize>(n).map(i64::unsigned_abs))
            .collect::<sqlx::Result<Vec<u64>>>()
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        self.end("COMMIT".into()).await
    }

    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        self.end("ROLLBACK".into()).await
    }

    /// Runs a last statement and commits, in one round trip.
    pub(super) async fn commit_after(self, statement: String) -> sqlx::Result<()> {
        self.end(format!("{statement}; COMMIT")).await
    }

    async fn end(mut self, script: String) -> sqlx::Result<()> {
        let done = sqlx::raw_sql(AssertSqlSafe(script)).execute(self.connection()).await;
        match done {
            Ok(_) => {
                if let Some(connection) = self.connection.take() {
                    self.kept.keep(connection);
                }
                Ok(())
            }
            Err(error) => {
                self.kept.doubt(&error);
                // The server refused it and lives: the connection is as good as before.
                if matches!(error, sqlx::Error::Database(_))
                    && sqlx::raw_sql("ROLLBACK").execute(self.connection()).await.is_ok()
                    && let Some(connection) = self.connection.take()
                {
                    self.kept.keep(connection);
                }
                Err(error)
            }
        }
    }
}

impl Drop for PgTx {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
    }
}
