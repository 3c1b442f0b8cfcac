//! How fast the log is copied to a real broker: beside the engine at full load, and alone; and how fast the read model is
//! made from its topics.

use crate::{city, fill, load, pgbench};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{Carrier, CarrierConfig};
use ticketing_core::app::{App, StoreConfig};
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::leases::Process;
use ticketing_core::store::{events, outbox, views};
use ticketing_core::worker::{Roles, Workers};

/// Departures of the history, and rows of 20 seats of each.
const OFFERINGS: usize = 1_000;
const ROWS: u32 = 200;
/// Events that are copied, and read back, with nobody booking.
const EVENTS: usize = 300_000;
/// Callers of the engine.
const CALLERS: usize = 256;
/// For how long they book.
const SECONDS: u64 = 10;

/// The brokers that are there, each with topics of its own.
pub(crate) fn carriers() -> Vec<Carrier> {
    let prefix = format!("bench-{}-", city::now().as_millis());
    let read = |variable: &str, test: &str| {
        let address = std::env::var(test).ok()?;
        let get = |name: &str| match name {
            "TOPIC_PREFIX" => Some(prefix.clone()),
            name if name == variable => Some(address.clone()),
            _ => None,
        };
        CarrierConfig::read(get).ok().flatten().map(Carrier::new)
    };
    [read("KAFKA_BROKERS", "TEST_KAFKA_BROKERS"), read("NATS_URL", "TEST_NATS_URL")]
        .into_iter()
        .flatten()
        .collect()
}

fn roles(carrier: &Carrier, relay: bool, projector: bool) -> Roles {
    let process = Process {
        id: uuid::Uuid::now_v7(),
        host: "bench".into(),
        pid: 0,
        roles: "relay".into(),
        address: None,
        version: "bench".into(),
        started_at: city::now().as_millis(),
        seen_at: city::now().as_millis(),
    };
    Roles { relay, projector, carrier: Some(carrier.clone()), process: Some(process), ..Roles::default() }
}

async fn checkpoint(app: &App, carrier: &Carrier) -> i64 {
    let all = outbox::all(&app.stores.write).await.expect("checkpoints");
    all.iter().find(|c| c.carrier == carrier.word()).map_or(0, |c| c.position)
}

/// Measures one carrier on a fresh store.
pub(crate) async fn measure(stores: &StoreConfig, carrier: &Carrier) {
    let word = carrier.word();
    let (app, _task) = city::open(stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    fill::fill(&app, EVENTS * 10 / 19, OFFERINGS).await;
    pgbench::analyze(stores.database_url.as_deref().unwrap_or_default()).expect("statistics");
    let (from, to) =
        (checkpoint(&app, carrier).await, events::head(&app.stores.write).await.expect("a head"));
    let relay = Workers::start(&app, roles(carrier, true, false));
    while checkpoint(&app, carrier).await == from {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (begin, began) = (checkpoint(&app, carrier).await, Instant::now());
    reach(&app, carrier).await;
    line(&format!("relay alone, {word}"), to - begin, began);
    relay.stop().await;

    let projector = Workers::start(&app, roles(carrier, false, true));
    let cursor = async || views::fold::cursor(&app.stores.read).await.expect("a cursor");
    let first = cursor().await;
    while cursor().await == first {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (begin, began) = (cursor().await, Instant::now());
    while cursor().await < to {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    line(&format!("projector from the topics of {word}, PostgreSQL"), to - begin, began);
    projector.stop().await;

    load::reserves(&app, CALLERS, 2, OFFERINGS).await;
    let alone = load::reserves(&app, CALLERS, SECONDS, OFFERINGS).await;
    println!("{:<62}{:>13.0}", "engine, PostgreSQL, 256 callers, nobody relays", alone.per_second);

    let relay = Workers::start(&app, roles(carrier, true, false));
    reach(&app, carrier).await;
    let began = Instant::now();
    let lags = tokio::spawn(lags(app.clone(), carrier.clone()));
    let beside = load::reserves(&app, CALLERS, SECONDS, OFFERINGS).await;
    let lags = lags.await.expect("the lags");
    let shown: Vec<String> = lags.iter().map(ToString::to_string).collect();
    println!(
        "{:<62}{:>13.0}{:>10.2}  of that; lag in events each second: {}",
        format!("the same beside the relay to {word}"),
        beside.per_second,
        beside.per_second / alone.per_second,
        shown.join(" ")
    );
    let drained = Instant::now();
    reach(&app, carrier).await;
    let late = drained.elapsed().as_secs_f64();
    println!(
        "{:<62}{late:>13.2}  s after {:.0} s of load",
        "    until all of it was acknowledged",
        began.elapsed().as_secs_f64()
    );
    relay.stop().await;
    app.stores.close().await;
}

fn line(what: &str, events: i64, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what:<62}{:>13.0}  events/s, {events} events", events as f64 / seconds);
}

/// Waits until the carrier has all of the log.
async fn reach(app: &App, carrier: &Carrier) {
    let head = events::head(&app.stores.write).await.expect("a head");
    while checkpoint(app, carrier).await < head {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How far the carrier is behind, each second of the load.
async fn lags(app: App, carrier: Carrier) -> Vec<i64> {
    let mut lags = Vec::new();
    for _ in 0..SECONDS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let at = checkpoint(&app, &carrier).await;
        lags.push(events::head(&app.stores.write).await.expect("a head") - at);
    }
    lags
}
