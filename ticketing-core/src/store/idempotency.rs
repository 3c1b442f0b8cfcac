//! The answers of commands that did something, kept for whoever asks again with the same key.

use super::db::{Column, Db, Tx};
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;

/// A stored answer.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredAnswer {
    /// Who asked: a key means nothing to anybody else.
    pub caller: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of method, path, query and body.
    pub request_hash: Vec<u8>,
    /// The HTTP status of the answer.
    pub status: i32,
    /// The answer's `data`, byte for byte.
    pub data: String,
    /// The answer's position.
    pub position: i64,
}

statements! {
    /// Leans on the primary key: `CROSS JOIN` keeps SQLite from scanning the table for each pair.
    FIND = "SELECT i.caller, i.key, i.request_hash, i.status, i.data, i.position
        FROM {rows caller text, key text} CROSS JOIN idempotency i
        WHERE i.caller = v.caller AND i.key = v.key";
    PUT = "INSERT INTO idempotency (caller, key, request_hash, status, data, position, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// Leans on the primary key.
    SETTLE = "UPDATE idempotency SET status = $4, data = $5, position = $6
        WHERE caller = $1 AND key = $2 AND data = $3";
    /// Leans on the primary key, which has the key first.
    BY_KEY = "SELECT caller, key, status, data, position, created_at FROM idempotency
        WHERE key = $1
        ORDER BY caller";
    /// Reads the whole table: an index on times would cost every booking, for a question that is rarely asked.
    AT_TIMES = "SELECT caller, key, status, data, position, created_at FROM idempotency
        WHERE created_at {any big}
        ORDER BY created_at, caller, key";
    /// Leans on the primary key, whose order it follows: an index on the age would cost every booking.
    FROM = "SELECT caller, key, created_at FROM idempotency
        WHERE (key, caller) > ($2, $1)
        ORDER BY key, caller
        LIMIT $3";
    /// Leans on the primary key.
    FORGET = "DELETE FROM idempotency WHERE (caller, key) IN (SELECT caller, key FROM {rows caller text, key text})";
}

/// Returns the stored answers to these (caller, key) pairs, those that exist.
///
/// # Errors
/// What the store says.
pub async fn find(db: &Db, callers: Vec<String>, keys: Vec<String>) -> Result<Vec<StoredAnswer>> {
    db.all(&FIND, args![vec![Column::Text(callers), Column::Text(keys)]]).await
}

/// Keeps an answer, in the transaction of what it is the answer to.
///
/// # Errors
/// [`super::error::StoreError::Conflict`] if the caller has used the key already; what else the store says.
pub async fn put(tx: &mut Tx, answer: StoredAnswer, now: Timestamp) -> Result<()> {
    let StoredAnswer { caller, key, request_hash, status, data, position } = answer;
    tx.run(&PUT, args![caller, key, request_hash, status, data, position, now.as_millis()]).await?;
    Ok(())
}

/// Keeps another answer than `from`, which nobody was sent yet: its status, data and position. False if somebody has
/// done so already, or the answer is forgotten.
///
/// # Errors
/// What the store says.
pub async fn settle(
    db: &Db,
    caller: &str,
    key: &str,
    from: &str,
    (status, data, position): (u16, &str, i64),
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let (caller, key, from, data) = (caller.to_owned(), key.to_owned(), from.to_owned(), data.to_owned());
    let changed = tx.run(&SETTLE, args![caller, key, from, i32::from(status), data, position]).await?;
    tx.commit().await?;
    Ok(changed > 0)
}

/// That a request was answered, and what.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Answered {
    /// Who asked.
    pub caller: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// The HTTP status of the answer.
    pub status: i32,
    /// The answer's `data`, byte for byte.
    pub data: String,
    /// The answer's position: what the log's last event was then, which may be about something else.
    pub position: i64,
    /// When, in milliseconds since the epoch.
    pub created_at: i64,
}

impl Answered {
    /// The id of the booking or payment that was answered with; `None` for an answer that has none.
    #[must_use]
    pub fn about(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Body {
            id: String,
        }
        serde_json::from_str::<Body>(&self.data).ok().map(|body| body.id)
    }
}

/// Returns what was answered to this key, whoever used it.
///
/// # Errors
/// What the store says.
pub async fn with_key(db: &Db, key: &str) -> Result<Vec<Answered>> {
    db.all(&BY_KEY, args![key]).await
}

/// Returns what was answered at one of these times, to anybody. Reads all stored answers.
///
/// # Errors
/// What the store says.
pub async fn at_times(db: &Db, times: Vec<i64>) -> Result<Vec<Answered>> {
    db.all(&AT_TIMES, args![Column::Big(times)]).await
}

/// Where a walk over the answers is: the caller and key it saw last. The default is the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(String, String);

/// What became of one page of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// How many answers were forgotten.
    pub count: usize,
    /// Where the walk goes on; `None` at its end.
    pub next: Option<Place>,
}

/// Looks at the `limit` answers after `from` and forgets those from before `before`.
///
/// # Errors
/// What the store says.
pub async fn forget(db: &Db, before: Timestamp, from: Place, limit: i64) -> Result<Forgotten> {
    let page: Vec<(String, String, i64)> = db.all(&FROM, args![from.0, from.1, limit]).await?;
    let is_last = i64::try_from(page.len()).is_ok_and(|len| len < limit);
    let next = page.last().filter(|_| !is_last).map(|(caller, key, _)| Place(caller.clone(), key.clone()));
    let old = page.into_iter().filter(|(_, _, created_at)| *created_at < before.as_millis());
    let (callers, keys): (Vec<String>, Vec<String>) = old.map(|(caller, key, _)| (caller, key)).unzip();
    let count = callers.len();
    if count > 0 {
        let mut tx = db.begin().await?;
        tx.run(&FORGET, args![vec![Column::Text(callers), Column::Text(keys)]]).await?;
        tx.commit().await?;
    }
    Ok(Forgotten { count, next })
}
