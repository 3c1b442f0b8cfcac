//! The stores, looked at: whether they open, are whole and have this program's schema, and what waits in them.

use super::Checked;
use crate::desk::Desk;
use crate::errors::sentence;
use crate::failure::{Exit, Failure};
use crate::output::grouped;
use crate::session::{self, within};
use std::time::Duration;
use ticketing_core::app::{App, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::status::{self, Services};
use ticketing_core::ops::{OpsError, lists, mails};
use ticketing_core::store::db::{Address, Db, Engine, Role};
use ticketing_core::store::error::StoreError;
use ticketing_core::store::{integrity, leases, migrate};

/// So far ahead of the clock the log may be, in milliseconds: servers' clocks differ a little.
const AHEAD_MS_MAX: i64 = 2_000;
/// So many events may wait to be copied or folded before somebody should look.
const LAG_MAX: i64 = 1_000;

/// Makes all checks of the stores. What can't be looked at is a check that fails, never an error.
pub async fn check(desk: &Desk) -> Vec<Checked> {
    let limit = desk.globals.timeout;
    if let Some(served) = desk.server() {
        let mut all = Vec::new();
        let stores = &served.app.stores;
        for (name, db, role) in
            [("write store", &stores.write, Role::Write), ("read store", &stores.read, Role::Read)]
        {
            all.push(schema(name, db, role, limit).await);
        }
        inside(&served.app, limit, &mut all).await;
        return all;
    }
    let config = match session::configured(desk) {
        Ok((_, config)) => config,
        Err(failure) => return vec![Checked::failed("write store", &failure)],
    };
    let mut all = Vec::new();
    let write = open("write store", config.write_address(), Role::Write, &config, limit, &mut all).await;
    // Of a store that was never made there is no more to say.
    if write.is_none() && !is_there(&config) {
        return all;
    }
    let read = open("read store", config.read_address(), Role::Read, &config, limit, &mut all).await;
    match (write, read) {
        (Some(write), Some(read)) => {
            let stores = Stores { write, read };
            let (app, engine) = App::start(stores.clone(), Clock::system(), EngineConfig::default(), |_| ());
            inside(&app, limit, &mut all).await;
            drop(app);
            // A check that was broken off may hold the file: the process ends without waiting for it.
            let closing = async {
                engine.finished().await;
                stores.close().await;
            };
            let _ = tokio::time::timeout(limit, closing).await;
        }
        (one, other) => {
            for db in one.into_iter().chain(other) {
                all.push(whole(&db, limit).await);
                let _ = tokio::time::timeout(limit, db.close()).await;
            }
        }
    }
    all
}

fn is_there(config: &StoreConfig) -> bool {
    match config.write_address() {
        Address::File(path) => path.exists(),
        Address::Url(_) => true,
    }
}

async fn open(
    name: &str,
    address: Address,
    role: Role,
    config: &StoreConfig,
    limit: Duration,
    all: &mut Vec<Checked>,
) -> Option<Db> {
    let opened = within(limit, Db::open(address, role, false)).await;
    match opened.and_then(|opened| opened.map_err(failure_of)) {
        Ok(db) => {
            let checked = schema(name, &db, role, limit).await;
            let is_usable = checked.state == super::State::Ok;
            all.push(checked);
            if is_usable {
                return Some(db);
            }
            let _ = tokio::time::timeout(limit, db.close()).await;
            None
        }
        Err(failure) if failure.exit == Exit::NotFound => {
            let fix = match role {
                Role::Write => "ticketctl up --demo",
                Role::Read => "ticketctl up",
            };
            all.push(Checked::warn(name, failure.message, fix));
            None
        }
        Err(failure) => {
            all.push(Checked::failed(name, &session::placed(failure, config)));
            None
        }
    }
}

fn failure_of(error: StoreError) -> Failure {
    Failure::from(error)
}

/// Whether a store has this program's schema.
async fn schema(name: &str, db: &Db, role: Role, limit: Duration) -> Checked {
    let outcome = within(limit, migrate::check(db, role)).await;
    match outcome.and_then(|checked| checked.map_err(failure_of)) {
        Ok(()) => {
            let version = migrate::all(role).last().map_or(0, |last| last.version);
            Checked::ok(name, format!("{}, schema version {version}.", db.address().redacted()))
        }
        Err(failure) => Checked::failed(name, &failure),
    }
}

/// Whether a store's file is whole.
async fn whole(db: &Db, limit: Duration) -> Checked {
    let name = format!("{} integrity", db.name());
    match tokio::time::timeout(limit, integrity::first_fault(db)).await {
        Err(_) => Checked::warn(
            &name,
            format!("It took longer than {} s to read, and was broken off.", limit.as_secs_f32()),
            "ticketctl doctor --timeout 10m",
        ),
        Ok(Err(error)) => Checked::failed(&name, &failure_of(error)),
        Ok(Ok(None)) => match db.engine() {
            Engine::Sqlite => Checked::ok(&name, "The file is whole."),
            Engine::Postgres => Checked::ok(&name, "PostgreSQL answers; it checks its own files."),
        },
        Ok(Ok(Some(fault))) => Checked::fail(
            &name,
            format!("The file is damaged: {}", sentence(&fault)),
            match db.name() {
                "read" => "move read.db away, then ticketctl up: it is made again from the log",
                _ => "stop the server, and restore a backup",
            },
        ),
    }
}

/// What is in the stores.
async fn inside(app: &App, limit: Duration, all: &mut Vec<Checked>) {
    all.push(whole(&app.stores.write, limit).await);
    all.push(whole(&app.stores.read, limit).await);
    all.push(bounded("log clock", limit, clock(app)).await);
    all.push(bounded("read lag", limit, lag(app)).await);
    all.push(bounded("processes", limit, processes(app)).await);
    all.push(bounded("leases", limit, held(app)).await);
    all.push(bounded("carriers", limit, carriers(app)).await);
    all.push(bounded("dead letters", limit, dead_letters(app)).await);
    all.push(bounded("stuck payments", limit, stuck(app)).await);
    all.push(bounded("overdue payments", limit, overdue(app)).await);
    all.push(bounded("waiting mails", limit, waiting_mails(app)).await);
}

async fn bounded(
    name: &str,
    limit: Duration,
    work: impl Future<Output = Result<Checked, OpsError>>,
) -> Checked {
    match within(limit, work).await {
        Ok(Ok(checked)) => checked,
        Ok(Err(error)) => Checked::failed(name, &Failure::from(error)),
        Err(failure) => Checked::failed(name, &failure),
    }
}

async fn clock(app: &App) -> Result<Checked, OpsError> {
    let head = lists::head(app).await?;
    let last = lists::events(app, (head - 1).max(0)).await?.pop();
    let now = app.clock.now();
    Ok(match last {
        Some(last) if last.recorded_at.as_millis() - now.as_millis() > AHEAD_MS_MAX => Checked::fail(
            "log clock",
            format!(
                "The clock says {now}, and the log's last event is of {}: holds would end too late.",
                last.recorded_at
            ),
            "timedatectl set-ntp true",
        ),
        Some(_) => Checked::ok("log clock", "It is not behind the log's last event."),
        None => Checked::ok("log clock", "The log is empty."),
    })
}

async fn lag(app: &App) -> Result<Checked, OpsError> {
    let lag = lists::lag(app).await?;
    let events = grouped(lag.unsigned_abs());
    Ok(match lag {
        0 => Checked::ok("read lag", "The read store is at the log's head."),
        lag if lag <= LAG_MAX => Checked::warn(
            "read lag",
            format!("The read store is {events} events behind."),
            "ticketctl status",
        ),
        _ => Checked::warn(
            "read lag",
            format!("The read store is {events} events behind: nobody folds them, or not fast enough."),
            "ticketctl serve --roles projector",
        ),
    })
}

async fn services(app: &App) -> Result<Services, OpsError> {
    status::services(app).await
}

async fn processes(app: &App) -> Result<Checked, OpsError> {
    let all = services(app).await?.processes;
    let silent: Vec<String> = all
        .iter()
        .filter(|process| process.state != "up")
        .map(|process| format!("{} on {}", process.pid, process.host))
        .collect();
    Ok(match (all.len(), silent.is_empty()) {
        (0, _) => Checked::ok("processes", "None shares the stores with others."),
        (n, true) => Checked::ok("processes", format!("{n} serve, and all are heard of.")),
        (_, false) => Checked::warn(
            "processes",
            format!("Not heard of for {} s: {}.", status::SILENT_MS / 1_000, silent.join(", ")),
            "ticketctl status",
        ),
    })
}

/// A lease whose holder is silent is stale: what only it does is done by nobody until another takes it.
async fn held(app: &App) -> Result<Checked, OpsError> {
    let db = &app.stores.write;
    let processes = services(app).await?.processes;
    let is_up = |id| processes.iter().any(|process| process.id == id && process.state == "up");
    let held = leases::all(db).await?;
    let stale: Vec<&str> = held
        .iter()
        .filter(|lease| lease.owner.is_some_and(|owner| !is_up(owner)))
        .map(|lease| lease.name.as_str())
        .collect();
    if stale.is_empty() {
        let count = held.iter().filter(|lease| lease.owner.is_some()).count();
        return Ok(Checked::ok("leases", format!("{count} held, each by a process that is heard of.")));
    }
    let role = match stale[0] {
        role @ ("relay" | "projector" | "saga" | "expiry") => role,
        _ => "relay,projector,saga,expiry",
    };
    Ok(Checked::warn(
        "leases",
        format!("Held by a process that is not heard of: {}.", stale.join(", ")),
        format!("ticketctl serve --roles {role}"),
    ))
}

async fn carriers(app: &App) -> Result<Checked, OpsError> {
    let all = services(app).await?.carriers;
    let behind: Vec<String> = all
        .iter()
        .filter(|carrier| carrier.lag > LAG_MAX)
        .map(|carrier| format!("{} by {} events", carrier.carrier, grouped(carrier.lag.unsigned_abs())))
        .collect();
    Ok(match (all.is_empty(), behind.is_empty()) {
        (true, _) => Checked::ok("carriers", "The embedded bus carries the events."),
        (false, true) => Checked::ok("carriers", "What was committed has been carried."),
        (false, false) => {
            Checked::warn("carriers", format!("Behind: {}.", behind.join(", ")), "ticketctl outbox status")
        }
    })
}

async fn dead_letters(app: &App) -> Result<Checked, OpsError> {
    Ok(match services(app).await?.dead_letters {
        0 => Checked::ok("dead letters", "There are none."),
        1 => Checked::warn("dead letters", "1 message or event waits for an operator.", "ticketctl dlq list"),
        n => {
            let n = grouped(n.unsigned_abs());
            Checked::warn(
                "dead letters",
                format!("{n} messages or events wait for an operator."),
                "ticketctl dlq list",
            )
        }
    })
}

async fn stuck(app: &App) -> Result<Checked, OpsError> {
    Ok(match status::payments(app).await?.stuck {
        0 => Checked::ok("stuck payments", "No saga stands for longer than it should."),
        n => {
            let noun = if n == 1 { "saga stands" } else { "sagas stand" };
            Checked::warn("stuck payments", format!("{n} {noun} still."), "ticketctl saga list --stuck")
        }
    })
}

async fn overdue(app: &App) -> Result<Checked, OpsError> {
    let found = status::payments(app).await?;
    Ok(match found.overdue {
        0 => Checked::ok("overdue payments", "No call to the payment provider is overdue."),
        n => Checked::fail(
            "overdue payments",
            format!(
                "{n} of the calls to the payment provider are overdue by more than {} s: no saga worker seems to run.",
                status::OVERDUE_MS / 1_000
            ),
            "ticketctl serve --roles saga",
        ),
    })
}

/// Mails that an operator must look at, or that wait for too long.
async fn waiting_mails(app: &App) -> Result<Checked, OpsError> {
    let found = mails::status(app).await?;
    Ok(match (found.warning, found.failed) {
        (Some(warning), _) => {
            Checked::warn("waiting mails", warning, "ticketctl mail list --query 'state=queued'")
        }
        (None, 0) => Checked::ok("waiting mails", format!("{} queued, none failed.", found.queued)),
        (None, n) => {
            let noun = if n == 1 { "mail" } else { "mails" };
            let n = grouped(n.unsigned_abs());
            Checked::warn(
                "waiting mails",
                format!("{n} {noun} could not be sent."),
                "ticketctl mail list --query 'state=failed'",
            )
        }
    })
}
