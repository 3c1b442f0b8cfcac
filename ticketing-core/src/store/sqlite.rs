//! What SQLite needs that PostgreSQL does itself: statements with rows are run part by part, and a writer whose
//! transaction the engine has undone is given up.

use super::bind::{Column, bind_sqlite_rows};
use super::sql::Sql;
use sqlx::{Sqlite, SqlitePool};

/// Returns all rows of a query on SQLite, of each part of its `{rows …}` where it has such. The caller names the type of
/// a row `R`.
macro_rules! sqlite_all {
    ($sql:expr, $args:expr, $executor:expr) => {{
        let (sql, args) = ($sql, $args);
        match args.as_slice() {
            [$crate::store::bind::Arg::Rows(columns)] => {
                let mut found = Vec::new();
                let mut failed = None;
                let total = columns.first().map_or(0, $crate::store::bind::Column::len);
                let mut start = 0;
                while start < total && failed.is_none() {
                    let (text, count) = sql.sqlite_part(total - start);
                    let query = sqlx::query_as::<Sqlite, R>(text);
                    let query = $crate::store::bind::bind_sqlite_rows!(query, columns, start, count);
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
            _ => {
                let query = sqlx::query_as::<Sqlite, R>(sql.sqlite);
                $crate::store::bind::bind_sqlite!(query, args).fetch_all($executor).await
            }
        }
    }};
}

pub(super) use sqlite_all;

/// Begins on the one connection that writes.
///
/// SQLite undoes a transaction by itself when the disk is full. The driver then still counts it, for ever: such
/// a connection is given up for a new one.
pub(super) async fn begin_sqlite(writer: &SqlitePool) -> sqlx::Result<sqlx::Transaction<'static, Sqlite>> {
    match writer.begin_with("BEGIN IMMEDIATE").await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            writer.acquire().await?.close_on_drop();
            writer.begin_with("BEGIN IMMEDIATE").await
        }
        begun => begun,
    }
}

/// Runs a statement with `{rows …}` on SQLite, part by part, and returns how many rows it changed.
pub(super) async fn run_parts(
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
