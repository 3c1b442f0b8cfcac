//! Two thousand bookings with payments from a service of its own, on a GTFS feed, while each kind of process is killed
//! in turn. What comes of them is planned; each carrier must give just that, and so all give the same.

use crate::rig::broker::{PaymentService, Wire};
use crate::rig::buyers::Buyers;
use crate::rig::checks::{self, Bookings};
use crate::rig::feed;
use crate::rig::plan::{self, Item};
use crate::rig::platform::Platform;
use crate::rig::postgres::database;
use crate::rig::service::{address, left_out, number, say, set};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How many bookings; `TICKETING_SCENARIO_BOOKINGS` makes it another number.
const BOOKINGS: usize = 2_000;
/// One is begun so often.
const PACE: Duration = Duration::from_millis(20);
/// A killed process stays away for so long.
const AWAY: Duration = Duration::from_millis(500);
/// Another must have a dead one's lease by then.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(30);
/// All must be at rest so long after the last booking.
const AT_REST_WITHIN: Duration = Duration::from_secs(120);
/// One at a time: each has a whole platform of processes, and is measured.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn kill_and_start_again(platform: &Platform, number: usize) {
    platform.kill(number);
    tokio::time::sleep(AWAY).await;
    platform.start_again(number);
}

/// Kills whoever holds a lease; another must take it before the dead one is back.
async fn kill_the_holder(platform: &Platform, lease: &str) {
    let holder = platform.held(lease, TAKEN_OVER_WITHIN).await;
    platform.kill(holder);
    let other = platform.held(lease, TAKEN_OVER_WITHIN).await;
    assert_ne!(other, holder);
    platform.start_again(holder);
}

async fn live(
    platform: &Platform,
    wire: &Wire,
    kill: impl AsyncFn(&Buyers, &[Item]),
) -> (Vec<Item>, Bookings) {
    let schedules = feed::seed(platform);
    let items = plan::items(number("TICKETING_SCENARIO_BOOKINGS", BOOKINGS), &schedules);
    let buyers = Buyers::new(Arc::clone(&platform.doors), PaymentService::start(wire.clone()));
    let began = Instant::now();
    let (bookings, ()) = tokio::join!(buyers.live(&items, PACE), kill(&buyers, &items));
    let unanswered = buyers.unanswered.load(Ordering::SeqCst);
    let slowest_ms = buyers.slowest_ms.load(Ordering::SeqCst);
    let lived = began.elapsed();
    say(&format!("lived in {lived:?}; slowest answer {slowest_ms} ms; {unanswered} requests sent again"));
    checks::settled(platform, &items, &bookings, AT_REST_WITHIN).await;
    say(&format!("at rest {:?} later", began.elapsed() - lived));
    assert!(unanswered > 0, "the kills were noticed by nobody");
    assert_eq!(bookings.len(), items.iter().flat_map(Item::rows).count());
    (items, bookings)
}

async fn everything_holds(platform: &Platform, wire: &Wire, items: &[Item], bookings: &Bookings) {
    platform.assert_all_well();
    checks::no_seat_is_sold_twice(platform, items, bookings);
    checks::money_is_as_planned(platform, items);
    checks::letters_are_as_planned(platform, items);
    checks::is_sound(platform);
    checks::log_is_published(platform, wire).await;
}

/// PostgreSQL, a broker, two processes of each kind.
async fn on_postgres(carrier: (&str, &str), wire: impl FnOnce(String) -> Wire) {
    let (Some(database), Some(anew)) = (database().await, database().await) else { return };
    let _alone = ALONE.lock().await;
    let prefix = format!("s{}-", Uuid::new_v4().simple());
    let (url, redis) = (database.url(), set("TEST_REDIS_URL"));
    let mut settings = vec![
        ("DATABASE_URL", url.as_str()),
        carrier,
        ("TOPIC_PREFIX", prefix.as_str()),
        ("HOLD_SECONDS", "3600"),
    ];
    if carrier.0 == "KAFKA_BROKERS" {
        settings.extend(redis.as_ref().map(|redis| ("REDIS_URL", redis.as_str())));
    }
    let platform = Platform::new(&settings);
    platform.run(&["migrate", "up"]).ok();
    let api = [platform.start("api"), platform.start("api")];
    for roles in ["relay,projector", "saga,expiry"] {
        platform.start(roles);
        platform.start(roles);
    }
    for lease in ["relay", "projector", "inbound"] {
        platform.held(lease, TAKEN_OVER_WITHIN).await;
    }
    let wire = wire(prefix.clone());
    let (items, bookings) = live(&platform, &wire, async |buyers, items| {
        buyers.begun(items, 10).await;
        kill_and_start_again(&platform, api[0]).await;
        buyers.begun(items, 20).await;
        kill_the_holder(&platform, "relay").await;
        buyers.begun(items, 40).await;
        kill_the_holder(&platform, "inbound").await;
        buyers.begun(items, 60).await;
        kill_the_holder(&platform, "projector").await;
        buyers.begun(items, 80).await;
        kill_and_start_again(&platform, api[1]).await;
    })
    .await;
    everything_holds(&platform, &wire, &items, &bookings).await;
    checks::read_model_is_the_fold(&platform, &anew.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_thousand_bookings_on_embedded_stores_end_as_planned_whoever_is_killed() {
    let _alone = ALONE.lock().await;
    let platform = Arc::new(Platform::new(&[("HOLD_SECONDS", "3600")]));
    let server = platform.start("api,relay,projector,saga,expiry");
    let wire = Wire::Embedded(Arc::clone(&platform));
    let (items, bookings) = live(&platform, &wire, async |buyers, items| {
        for hundredths in [20, 40, 60, 80] {
            buyers.begun(items, hundredths).await;
            kill_and_start_again(&platform, server).await;
        }
    })
    .await;
    everything_holds(&platform, &wire, &items, &bookings).await;
    // The log folded anew: the read store is thrown away.
    let live = platform.run(&["booking", "list", "-o", "json", "--all"]).ok().json();
    platform.stop();
    for file in std::fs::read_dir(platform.folder.path().join("data")).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("read.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
    platform.start("api,relay,projector,saga,expiry");
    let began = Instant::now();
    while platform.status()["lag"] != 0 {
        assert!(began.elapsed() < AT_REST_WITHIN, "{:#}", platform.status());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(platform.run(&["booking", "list", "-o", "json", "--all"]).ok().json(), live, "folded anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_thousand_bookings_on_postgres_kafka_and_redis_end_as_planned_whoever_is_killed() {
    let untested = "the scenario on Kafka";
    let Some(brokers) = address("TEST_KAFKA_BROKERS", untested) else { return };
    if Command::new("kcat").arg("-V").output().is_err() {
        return left_out(untested, "there is no kcat, the client that is not ours");
    }
    let of = brokers.clone();
    on_postgres(("KAFKA_BROKERS", &brokers), |prefix| Wire::Kafka { brokers: of, prefix }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_thousand_bookings_on_postgres_and_nats_end_as_planned_whoever_is_killed() {
    let Some(url) = address("TEST_NATS_URL", "the scenario on NATS") else { return };
    let of = url.clone();
    on_postgres(("NATS_URL", &url), |prefix| Wire::Nats { url: of, prefix }).await;
}
