//! The connections to a broker, a cache or PostgreSQL get slow, are cut, or fall silent without a word.

use crate::rig::broker::Wire;
use crate::rig::buyers::Buyers;
use crate::rig::own::OwnServices;
use crate::rig::plan::Item;
use crate::rig::postgres::database;
use crate::rig::service::address;
use crate::rig::toxiproxy::Proxy;
use crate::{ALONE, Noticed, Place, while_they_book};
use std::net::TcpListener;
use std::time::Duration;

const BOOKINGS: usize = 1_000;
/// How long each kind of trouble lasts.
const TROUBLE: Duration = Duration::from_secs(5);
/// What a slow connection adds, in milliseconds.
const LATENCY_MS: u64 = 300;
/// Bookings in each kind of trouble, at the least.
const BOOKED: usize = 75;
/// What a slow connection to PostgreSQL adds to each of the ten and more round trips that a booking needs, in
/// milliseconds.
const STORE_LATENCY_MS: u64 = 100;
/// So many at the least while PostgreSQL is slow.
const BOOKED_SLOWLY: usize = 3;
/// They are booked by then, however slow the machine is besides.
const BOOKED_SLOWLY_WITHIN: Duration = Duration::from_secs(30);

/// Slow, cut, half open; each time all is well again in between.
async fn troubles(proxy: &Proxy, buyers: &Buyers, items: &[Item], least: usize) {
    buyers.begun(items, 10).await;
    while_they_book(buyers, least, async || {
        proxy.slow(LATENCY_MS).await;
        tokio::time::sleep(TROUBLE).await;
    })
    .await;
    proxy.heal().await;
    buyers.begun(items, 40).await;
    while_they_book(buyers, least, async || {
        proxy.cut().await;
        tokio::time::sleep(TROUBLE).await;
    })
    .await;
    proxy.heal().await;
    buyers.begun(items, 70).await;
    while_they_book(buyers, least, async || {
        proxy.half_open().await;
        tokio::time::sleep(TROUBLE).await;
    })
    .await;
    proxy.heal().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn people_book_on_while_the_connection_to_nats_is_slow_cut_or_silent() {
    let untested = "NATS on a bad connection";
    let (Some(api), Some(url)) =
        (address("TEST_TOXIPROXY_URL", untested), address("TEST_NATS_URL", untested))
    else {
        return;
    };
    let Some(db) = database().await else { return };
    let _alone = ALONE.lock().await;
    let proxy = Proxy::open(&api, 0, url.trim_start_matches("nats://")).await;
    let place = Place::new(db, &[("NATS_URL", &format!("nats://{}", proxy.address))]);
    let wire = Wire::Nats { url, prefix: place.prefix.clone() };
    place
        .books_through(wire, BOOKINGS, Noticed::ByNobody, async |buyers, items| {
            troubles(&proxy, buyers, items, BOOKED).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn people_book_on_while_the_connection_to_kafka_is_slow_cut_or_silent() {
    let untested = "Kafka on a bad connection";
    let (Some(api), Some(_)) =
        (address("TEST_TOXIPROXY_URL", untested), address("TEST_KAFKA_BROKERS", untested))
    else {
        return;
    };
    let Some(db) = database().await else { return };
    let _alone = ALONE.lock().await;
    // The broker must say where its proxy is, so it is one of our own.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = [("TICKETING_KAFKA_PROXY_PORT", port.to_string())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let Some(own) = OwnServices::start(&["kafka"], &settings) else { return };
    let proxy = Proxy::open(&api, port, &own.set["TEST_KAFKA_BEHIND_PROXY"]).await;
    let place = Place::new(db, &[("KAFKA_BROKERS", &own.set["TEST_KAFKA_PROXIED_BROKERS"])]);
    let wire = Wire::Kafka { brokers: own.set["TEST_KAFKA_BROKERS"].clone(), prefix: place.prefix.clone() };
    place
        .books_through(wire, BOOKINGS, Noticed::ByNobody, async |buyers, items| {
            troubles(&proxy, buyers, items, BOOKED).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn people_book_on_while_the_connection_to_redis_is_slow_cut_or_silent() {
    let untested = "Redis on a bad connection";
    let all = ["TEST_TOXIPROXY_URL", "TEST_REDIS_URL", "TEST_NATS_URL"].map(|name| address(name, untested));
    let [Some(api), Some(redis), Some(nats)] = all else { return };
    let Some(db) = database().await else { return };
    let _alone = ALONE.lock().await;
    let proxy = Proxy::open(&api, 0, redis.trim_start_matches("redis://")).await;
    let redis = format!("redis://{}", proxy.address);
    let place = Place::new(db, &[("REDIS_URL", &redis), ("NATS_URL", &nats)]);
    let wire = Wire::Nats { url: nats, prefix: place.prefix.clone() };
    place
        .books_through(wire, BOOKINGS, Noticed::ByNobody, async |buyers, items| {
            troubles(&proxy, buyers, items, BOOKED).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn whoever_books_is_answered_while_the_connection_to_postgres_is_slow_cut_or_silent() {
    let untested = "PostgreSQL on a bad connection";
    let all = ["TEST_TOXIPROXY_URL", "TEST_NATS_URL"].map(|name| address(name, untested));
    let [Some(api), Some(nats)] = all else { return };
    let Some(db) = database().await else { return };
    let _alone = ALONE.lock().await;
    let url = db.url();
    let (login, rest) = url.split_once('@').unwrap();
    let (upstream, name) = rest.split_once('/').unwrap();
    let proxy = Proxy::open(&api, 0, upstream).await;
    let proxied = format!("{login}@{}/{name}", proxy.address);
    // The servers go through the proxy; the commands that look at the end, too, when all is well again.
    let place = Place::new(db, &[("DATABASE_URL", &proxied), ("NATS_URL", &nats)]);
    let wire = Wire::Nats { url: nats, prefix: place.prefix.clone() };
    place
        .books_through(wire, BOOKINGS, Noticed::ByAll, async |buyers, items| {
            buyers.begun(items, 10).await;
            while_they_book(buyers, BOOKED_SLOWLY, async || {
                proxy.slow(STORE_LATENCY_MS).await;
                tokio::time::sleep(TROUBLE).await;
                buyers.more(BOOKED_SLOWLY, BOOKED_SLOWLY_WITHIN).await;
            })
            .await;
            proxy.heal().await;
            buyers.begun(items, 40).await;
            proxy.cut().await;
            tokio::time::sleep(TROUBLE).await;
            proxy.heal().await;
            buyers.begun(items, 70).await;
            proxy.half_open().await;
            tokio::time::sleep(TROUBLE).await;
            proxy.heal().await;
        })
        .await;
}
