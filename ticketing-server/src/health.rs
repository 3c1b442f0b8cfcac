//! Whether the parts that the server needs answer, within a bounded time.

use crate::state::ServerState;
use serde::Serialize;
use std::time::Duration;
use ticketing_core::adapters::redis::Redis;
use ticketing_core::private;
use ticketing_core::store::db::{Address, Db, Engine};
use ticketing_core::store::{events, views};

/// How long a part may take to answer.
pub const CHECK_TIMEOUT: Duration = Duration::from_millis(1500);

/// One part, as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `writeStore`, `readStore`, `engine`, `bus` or `cache`.
    pub name: &'static str,
    /// What it is here: `sqlite`, `postgres`, `embedded`, `kafka`, `nats`, `in-process`, `redis`.
    pub kind: &'static str,
    /// `up` or `down`.
    pub status: Status,
}

/// Whether a part answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does.
    Up,
    /// It does not.
    Down,
}

/// Asks each part in use.
pub async fn check(state: &ServerState) -> Vec<Part> {
    let stores = &state.app.stores;
    let carried = async {
        match &state.carrier {
            Some(carrier) => Some((carrier.word(), answers(carrier.ping(CHECK_TIMEOUT)).await)),
            None => None,
        }
    };
    let (write, read, carried, cache) = tokio::join!(
        answers(writable(&stores.write)),
        answers(views::fold::cursor(&stores.read)),
        carried,
        cache(state.redis.as_deref()),
    );
    // The embedded bus is the log itself.
    let (bus, bus_status) = carried.unwrap_or(("embedded", write));
    // The engine's end of this channel is dropped when its task ends, which it does not while we serve.
    let engine = if state.app.engine.head().has_changed().is_ok() { Status::Up } else { Status::Down };
    vec![
        Part { name: "writeStore", kind: kind(&stores.write), status: write },
        Part { name: "readStore", kind: kind(&stores.read), status: read },
        Part { name: "engine", kind: "in-process", status: engine },
        Part { name: "bus", kind: bus, status: bus_status },
        cache,
    ]
}

/// Reads the write store, and looks whether an embedded one could be written: a full disk answers reads as ever.
async fn writable(db: &Db) -> Result<(), String> {
    events::head(db).await.map_err(|error| error.to_string())?;
    let Address::File(file) = db.address().clone() else { return Ok(()) };
    let tried = tokio::task::spawn_blocking(move || private::try_beside(&file)).await;
    tried.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Without Redis everything works, but slower, and clients are counted by each process alone: whoever set it wants
/// to know.
async fn cache(redis: Option<&Redis>) -> Part {
    let Some(redis) = redis else {
        return Part { name: "cache", kind: "in-process", status: Status::Up };
    };
    let answers = tokio::time::timeout(CHECK_TIMEOUT, redis.answers()).await;
    let status = if answers == Ok(true) { Status::Up } else { Status::Down };
    Part { name: "cache", kind: "redis", status }
}

async fn answers<T, E: std::fmt::Display>(question: impl Future<Output = Result<T, E>>) -> Status {
    match tokio::time::timeout(CHECK_TIMEOUT, question).await {
        Ok(Ok(_)) => Status::Up,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a health check failed");
            Status::Down
        }
        Err(_) => Status::Down,
    }
}

const fn kind(db: &Db) -> &'static str {
    match db.engine() {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}
