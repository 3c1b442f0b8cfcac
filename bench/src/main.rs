//! Measures the figures of the README side by side, in one run, and prints them as a table.
//!
//! `cargo build --release && cargo run --release -p bench` takes about five minutes. It needs
//! `TEST_POSTGRES_URL` for the figures on PostgreSQL (`eval "$(scripts/services up)"` gives one) and
//! `pgbench` beside the server's programs; without them it measures SQLite alone. It makes databases and
//! folders of its own and removes them. All load goes to this machine and ends by itself.
//!
//! `cargo run --release -p bench -- engine` measures only the engine against `pgbench`; `-- http` what goes over
//! HTTP, `-- paid` what is paid, `-- past` the stores with a past, each with what it is compared with. `-- cached` a
//! buyer's tickets from memory, from the Redis of `TEST_REDIS_URL` and from the store. `-- sale` sells arenas and shows
//! their maps, `-- listings` searches a hundred thousand, `-- logins` signs people in beside bookings. `-- rebuild N` measures how fast
//! N events (a million, unless told otherwise) become the read model, `-- relay` how fast events come to the brokers of
//! `TEST_KAFKA_BROKERS` and `TEST_NATS_URL`; these two are not part of all. `-- holds FOLDER N` only makes an embedded store
//! with N open holds, for `scripts/list-memory`.

mod cached;
mod city;
mod fill;
mod holds;
mod http;
mod listings;
mod load;
mod logins;
mod paid;
mod pgbench;
mod program;
mod rebuild;
mod relay;
mod sale;
mod tickets;

use load::Rate;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use ticketing_core::app::{App, StoreConfig, queries};
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::db::Engine;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seconds of each measurement.
const SECONDS: u64 = 5;
/// Callers or connections of each loaded measurement.
const CALLERS: usize = 256;
/// Departures of the uniform load, of 4,000 seats each.
const OFFERINGS: usize = 1_000;
const ROWS: u32 = 200;
/// Rows of 20 seats of the hot departure.
const HOT_ROWS: u32 = 10_000;
/// Bookings that are paid end to end.
const PAID: u64 = 30_000;
/// Sagas that wait for somebody to pay.
const WAITING: u64 = 100_000;
/// Bookings of the store with a past.
const PAST: usize = 1_000_000;

#[tokio::main]
async fn main() {
    let part = match std::env::args().nth(1).as_deref() {
        None => Part::All,
        Some("cached") => Part::Cached,
        Some("engine") => Part::Engine,
        Some("http") => Part::Http,
        Some("listings") => Part::Listings,
        Some("logins") => Part::Logins,
        Some("paid") => Part::Paid,
        Some("past") => Part::Past,
        Some("rebuild") => return rebuilds(std::env::args().nth(2)).await,
        Some("relay") => return relays().await,
        Some("sale") => Part::Sale,
        Some("holds") => {
            let [folder, count] = [2, 3].map(|n| std::env::args().nth(n).unwrap_or_default());
            return holds::make(&folder, &count).await;
        }
        Some(other) => {
            println!(
                "there is no part {other}: cached, engine, holds, http, listings, logins, paid, past, rebuild, relay or \
                 sale, or none for all"
            );
            return;
        }
    };
    println!("{:<62}{:>13}{:>10}  wanted", "", "per second", "ratio");
    match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) => match postgres(&url, part).await {
            Ok(()) => {}
            Err(why) => println!("PostgreSQL: {why}"),
        },
        Err(_) => println!("PostgreSQL left out: TEST_POSTGRES_URL is not set"),
    }
    if matches!(part, Part::Cached | Part::Sale | Part::Logins) {
        return;
    }
    let folder = std::env::temp_dir().join(format!("ticketing-bench-{}", std::process::id()));
    sqlite(&folder, part).await;
    if part == Part::All {
        programs(&folder.join("many"));
    }
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        println!("{} could not be removed: {error}", folder.display());
    }
}

/// The log copied to each broker that is there.
async fn relays() {
    println!("{:<62}{:>13}", "", "per second");
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        println!("left out: TEST_POSTGRES_URL is not set");
        return;
    };
    for carrier in relay::carriers() {
        match pgbench::fresh(&url, &format!("bench_relay_{}", carrier.word())) {
            Ok(db) => relay::measure(&on_server(db), &carrier).await,
            Err(why) => println!("PostgreSQL: {why}"),
        }
    }
}

/// The read model made from a history of so many events, on both engines.
async fn rebuilds(count: Option<String>) {
    let Ok(count) = count.map_or(Ok(rebuild::EVENTS), |text| text.parse()) else {
        println!("how many events is a whole number");
        return;
    };
    println!("{:<62}{:>13}", "", "events/s");
    match std::env::var("TEST_POSTGRES_URL").map(|url| pgbench::fresh(&url, "bench_rebuild")) {
        Ok(Ok(db)) => rebuild::measure(&on_server(db), "PostgreSQL", count).await,
        Ok(Err(why)) => println!("PostgreSQL: {why}"),
        Err(_) => println!("PostgreSQL left out: TEST_POSTGRES_URL is not set"),
    }
    let folder = std::env::temp_dir().join(format!("ticketing-bench-{}", std::process::id()));
    rebuild::measure(&in_folder(folder.clone()), "SQLite", count).await;
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        println!("{} could not be removed: {error}", folder.display());
    }
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// Two servers, a buyer's tickets, and the Redis of `TEST_REDIS_URL` if there is one. Not among all.
    Cached,
    Engine,
    Http,
    Listings,
    Logins,
    Paid,
    Past,
    Sale,
}

impl Part {
    fn has(self, part: Self) -> bool {
        self == Self::All || self == part
    }
}

fn line(what: &str, rate: &Rate, against: Option<(f64, &str)>) {
    let ratio = against.map_or(String::new(), |(base, _)| format!("{:.2}", rate.per_second / base));
    let wanted = against.map_or("", |(_, wanted)| wanted);
    let failed = if rate.failed > 0 { format!("  ({} failed)", rate.failed) } else { String::new() };
    let latency = format!("p50 {:.1} ms, p99 {:.1} ms", millis(rate.p50), millis(rate.p99));
    println!("{what:<62}{:>13.0}{ratio:>10}  {wanted:<6} {latency}{failed}", rate.per_second);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn on_server(url: String) -> StoreConfig {
    StoreConfig { data_dir: PathBuf::new(), database_url: Some(url), read_database_url: None }
}

fn in_folder(data_dir: PathBuf) -> StoreConfig {
    StoreConfig { data_dir, database_url: None, read_database_url: None }
}

async fn postgres(url: &str, part: Part) -> Result<(), String> {
    if part == Part::Cached {
        for redis in [None, std::env::var("TEST_REDIS_URL").ok()] {
            println!("{}", if redis.is_some() { "with Redis" } else { "without Redis" });
            cached::measure(&on_server(pgbench::fresh(url, "bench_cached")?), redis.as_deref(), SECONDS)
                .await;
        }
        return Ok(());
    }
    if part.has(Part::Sale) {
        sale::measure(&on_server(pgbench::fresh(url, "bench_sale")?), CALLERS, SECONDS).await;
    }
    if part.has(Part::Listings) {
        listings::measure(&on_server(pgbench::fresh(url, "bench_listings")?), "PostgreSQL").await;
    }
    if part.has(Part::Logins) {
        logins::measure(&on_server(pgbench::fresh(url, "bench_logins")?), CALLERS, SECONDS).await;
    }
    if matches!(part, Part::Sale | Part::Listings | Part::Logins) {
        return Ok(());
    }
    let engine = EngineConfig::default();
    let db = pgbench::fresh(url, "bench_pgbench")?;
    let (app, _task) = city::open(&on_server(db.clone()), engine, city::catalog(1, 1)).await;
    app.stores.close().await;
    let (usual, clients) = pgbench::best(&db, SECONDS)?;
    println!(
        "{:<62}{usual:>13.0}",
        format!("pgbench, one statement a booking, {clients} clients (the best count)")
    );

    let db = pgbench::fresh(url, "bench_uniform")?;
    let (app, _task) = city::open(&on_server(db.clone()), engine, city::catalog(OFFERINGS, ROWS)).await;
    pgbench::settle(&db)?;
    load::reserves(&app, CALLERS, 2, OFFERINGS).await;
    let uniform = load::reserves(&app, CALLERS, SECONDS, OFFERINGS).await;
    line("engine, PostgreSQL, 256 callers", &uniform, Some((usual, ">= 3")));
    let commit = pgbench::bare_commit(&db, SECONDS)?;
    app.stores.close().await;
    drop(app);

    if part.has(Part::Engine) {
        let hot_db = pgbench::fresh(url, "bench_hot")?;
        let (app, _task) = city::open(&on_server(hot_db), engine, city::catalog(1, HOT_ROWS)).await;
        load::reserves(&app, CALLERS, 1, 1).await;
        let hot = load::reserves(&app, CALLERS, SECONDS.min(4), 1).await;
        line(
            "engine, PostgreSQL, one departure of 200,000 seats",
            &hot,
            Some((uniform.per_second, ">= 0.8")),
        );
        app.stores.close().await;
    }
    if part.has(Part::Http) {
        pgbench::settle(url)?;
        over_http(&on_server(pgbench::fresh(url, "bench_http")?), usual, commit).await;
    }
    if part.has(Part::Paid) {
        paid_end_to_end(&on_server(pgbench::fresh(url, "bench_paid")?), "PostgreSQL").await;
    }
    if part.has(Part::Past) {
        past(&on_server(pgbench::fresh(url, "bench_past")?), "PostgreSQL", uniform.per_second).await;
    }
    Ok(())
}

async fn over_http(stores: &StoreConfig, usual: f64, commit: Duration) {
    let (app, _task) = city::open(stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    app.stores.close().await;
    drop(app);
    let server = http::serve(stores.clone()).await;
    let lone = http::reserves(&server, 1, SECONDS, OFFERINGS).await;
    let over_http = http::reserves(&server, CALLERS, SECONDS, OFFERINGS).await;
    line("HTTP, PostgreSQL, 256 connections, JWT, read model running", &over_http, Some((usual, ">= 2")));
    line("HTTP, PostgreSQL, one connection", &lone, None);
    println!(
        "{:<62}{:>13}{:>10.2}  <= 2   bare commit mean {:.2} ms, request p50 {:.2} ms",
        "a lone request against a bare durable commit",
        "",
        lone.p50.as_secs_f64() / commit.as_secs_f64(),
        millis(commit),
        millis(lone.p50),
    );
    let behind = caught_up(server.app()).await;
    println!("{:<62}{:>13}{behind:>10.1}         s until the read model had it all", "after the load", "");
    cached(server.app(), "PostgreSQL").await;
    server.stop().await;
}

/// Bookings from the request to the confirmation, against holds that a service confirms; and with many sagas that
/// wait.
async fn paid_end_to_end(stores: &StoreConfig, name: &str) {
    let (app, _task) = city::open(stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    let workers = paid::asking(&app);
    load::reserves(&app, CALLERS, 1, OFFERINGS).await;
    let vouched = paid::vouched(&app, CALLERS, PAID, OFFERINGS).await;
    line(&format!("reserve and confirm, {name}, 256 callers"), &vouched, None);
    let paid = paid::paid(&app, CALLERS, PAID, OFFERINGS).await;
    let what = format!("book, charge (simulated) and confirm, {name}");
    line(&what, &paid, Some((vouched.per_second, ">= 0.5")));
    let before = paid::look(&app).await;
    paid::waiting(&app, CALLERS, WAITING, OFFERINGS).await;
    let after = paid::look(&app).await;
    println!(
        "{:<62}{:>13}{:>10.2}         {:.2} ms, {:.2} ms before",
        format!("a look for due payments beside {WAITING} open sagas, {name}"),
        "",
        after.as_secs_f64() / before.as_secs_f64(),
        millis(after),
        millis(before),
    );
    let beside = paid::paid(&app, CALLERS, PAID, OFFERINGS).await;
    line(&format!("book, charge and confirm beside them, {name}"), &beside, Some((paid.per_second, "")));
    workers.stop().await;
    app.stores.close().await;
}

async fn sqlite(folder: &Path, part: Part) {
    if part.has(Part::Listings) {
        listings::measure(&in_folder(folder.join("listings")), "SQLite").await;
    }
    if part == Part::Listings {
        return;
    }
    let one = EngineConfig { batch_max: 1, ..EngineConfig::default() };
    let (app, _task) = city::open(&in_folder(folder.join("one")), one, city::catalog(OFFERINGS, ROWS)).await;
    let single = load::reserves(&app, CALLERS, SECONDS, OFFERINGS).await;
    line("engine, SQLite (synchronous=FULL), one a transaction", &single, None);
    app.stores.close().await;
    drop(app);

    let stores = in_folder(folder.join("many"));
    let (app, _task) = city::open(&stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    let grouped = load::reserves(&app, CALLERS, SECONDS, OFFERINGS).await;
    line("engine, SQLite (synchronous=FULL), 256 callers", &grouped, Some((single.per_second, ">= 7")));
    app.stores.close().await;
    drop(app);
    if part.has(Part::Paid) {
        paid_end_to_end(&in_folder(folder.join("paid")), "SQLite").await;
    }
    if part.has(Part::Past) {
        past(&in_folder(folder.join("past")), "SQLite", grouped.per_second).await;
    }
}

/// The rate on a store that has a million bookings and a hundred thousand open holds.
async fn past(stores: &StoreConfig, name: &str, empty: f64) {
    let (app, _task) = city::open(stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    fill::fill(&app, PAST, OFFERINGS).await;
    if app.stores.write.engine() == Engine::Postgres {
        // What the server's own housekeeping would have done by the time there are a million.
        pgbench::analyze(stores.database_url.as_deref().unwrap_or_default()).expect("statistics");
    }
    load::reserves(&app, CALLERS, 2, OFFERINGS).await;
    let rate = load::reserves(&app, CALLERS, SECONDS, OFFERINGS).await;
    let what = format!("engine, {name}, beside 1,000,000 bookings, 100,000 open holds");
    line(&what, &rate, Some((empty, ">= 0.8")));
    app.stores.close().await;
}

/// Waits until the read model has all of the log; returns the seconds that it took.
async fn caught_up(app: &App) -> f64 {
    let began = Instant::now();
    let head = *app.engine.head().borrow();
    while queries::wait_for(app, Some(head)).await.is_err() && began.elapsed() < Duration::from_secs(120) {}
    began.elapsed().as_secs_f64()
}

async fn cached(app: &App, name: &str) {
    let Some(user) = busiest(app).await else { return };
    let straight = tickets::asked(app, &user, SECONDS.min(3), false).await;
    let cached = tickets::asked(app, &user, SECONDS.min(3), true).await;
    line(&format!("my-tickets, 50 rows, {name}, from the read model"), &straight, None);
    line(&format!("my-tickets, 50 rows, {name}, cached"), &cached, Some((straight.per_second, ">= 5")));
}

/// A buyer of the last run, who has many tickets.
async fn busiest(app: &App) -> Option<String> {
    let newest = ticketing_core::ops::lists::bookings(app, None).await.ok()?;
    newest.first().map(|ticket| ticket.booking.user_id.0.clone())
}

fn programs(data_dir: &Path) {
    let Some(ticketctl) = program::ticketctl() else {
        println!("ticketctl left out: run `cargo build --release` first");
        return;
    };
    let help = program::help(&ticketctl);
    println!("{:<62}{:>13}{:>10.1}  < 15   ms", "ticketctl --help", "", millis(help));
    let up = program::up(&ticketctl, data_dir, 23_997);
    println!(
        "{:<62}{:>13}{:>10.0}  < 300  ms",
        "ticketctl up on an existing folder, to good health",
        "",
        millis(up)
    );
}
