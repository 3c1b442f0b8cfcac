//! Servers that share a Redis, and a server whose Redis is away. Left out without `TEST_REDIS_URL`.

use crate::postgres::database;
use crate::redis::{self, Line, Way};
use crate::support::{City, Reply, config, hold_of};
use serde_json::json;
use std::time::{Duration, Instant};
use ticketing_server::limits::RateLimit;
use ticketing_server::start;

/// Asks for anything that is counted; returns the status and what is left.
async fn ask(city: &City) -> (u16, Option<String>, Reply) {
    let reply = city.get("/api/routes", None, "Page_Route").await;
    let left = reply.headers.get("ratelimit-remaining").map(|left| left.to_str().unwrap().to_owned());
    (reply.status, left, reply)
}

async fn until_ready(city: &City, ready: bool) -> Reply {
    let began = Instant::now();
    loop {
        let shape = if ready { "Success_Readiness" } else { "" };
        let reply = city.get("/api/health/ready", None, shape).await;
        if (reply.status == 200) == ready {
            return reply;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{}", reply.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn servers_count_a_client_together_and_show_what_the_other_one_sold() {
    let Some(at) = redis::config() else { return };
    let Some(database) = database().await else { return };
    let limit = RateLimit::parse("50/1h").unwrap();
    let one = City::start_with(|config| {
        config.stores.database_url = Some(database.url());
        config.redis = Some(at.clone());
        config.jwt_secret = Some("0123456789abcdef-for-tests-only-0123456789".into());
        config.http.rate_limit = limit;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut of_other = config(&folder);
    of_other.stores.database_url = Some(database.url());
    of_other.redis = Some(at);
    of_other.jwt_secret = Some("0123456789abcdef-for-tests-only-0123456789".into());
    of_other.http.rate_limit = limit;
    of_other.roles.projector = false;
    let other = City::of(start(of_other).await.unwrap(), folder);
    for city in [&one, &other] {
        assert_eq!(until_ready(city, true).await.data()["parts"][4]["kind"], "redis");
    }

    let ada = one.token("ada");
    let coach = one.coach().await;
    let mine = async |city: &City, after: &Reply| {
        let path = format!("/api/tickets/queries/my-tickets?{}", City::after(after));
        let reply = city.get(&path, Some(&ada), "Page_Ticket").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.data().as_array().unwrap().len()
    };
    for n in 1..=3 {
        let booked = one.command("book", &ada, &hold_of(&coach, json!({}))).await;
        assert_eq!(booked.status, 201, "{}", booked.text);
        assert_eq!((mine(&other, &booked).await, mine(&one, &booked).await), (n, n));
    }

    let (status, left, _) = ask(&one).await;
    let left: u32 = left.unwrap().parse().unwrap();
    assert_eq!((status, left < 49), (200, true), "what both were asked before counts");
    for n in 1..=left {
        let city = if n % 2 == 0 { &one } else { &other };
        let (status, now_left, _) = ask(city).await;
        assert_eq!((status, now_left), (200, Some((left - n).to_string())));
    }
    for city in [&one, &other] {
        let (status, _, reply) = ask(city).await;
        assert_eq!(status, 429, "{}", reply.text);
        let wait: u32 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=72).contains(&wait), "{wait}");
    }
    other.running.stop().await;
    one.running.stop().await;
}

#[tokio::test]
async fn without_its_redis_a_server_sells_and_limits_as_before_and_says_that_it_is_away() {
    let Some(line) = Line::to_redis(Way::Open).await else { return };
    let city = City::start_with(|config| {
        config.redis = Some(line.config());
        config.http.rate_limit = RateLimit::parse("30/1h").unwrap();
    })
    .await;
    until_ready(&city, true).await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let (_, left, _) = ask(&city).await;
    let left: u32 = left.unwrap().parse().unwrap();
    assert!(left > 10, "{left}");

    line.set(Way::Cut);
    let ready = until_ready(&city, false).await;
    ready.is(503, "NOT_READY");
    assert_eq!((&ready.detail()["field"], &ready.detail()["kind"]), (&json!("cache"), &json!("redis")));
    assert_eq!(city.get("/api/health/live", None, "Success_Liveness").await.status, 200);
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let path = format!("/api/tickets/queries/my-tickets?{}", City::after(&booked));
    assert_eq!(city.get(&path, Some(&ada), "Page_Ticket").await.data().as_array().unwrap().len(), 1);
    // It counted for itself all the time, so that nobody has a whole burst anew.
    for n in (0..left - 2).rev() {
        let (status, now_left, _) = ask(&city).await;
        assert_eq!((status, now_left), (200, Some(n.to_string())));
    }
    let (status, _, reply) = ask(&city).await;
    assert_eq!(status, 429, "{}", reply.text);

    line.set(Way::Open);
    until_ready(&city, true).await;
    city.running.stop().await;
}

#[tokio::test]
async fn a_server_starts_without_its_redis_and_uses_it_when_it_comes() {
    let Some(line) = Line::to_redis(Way::Still).await else { return };
    let city = City::start_with(|config| config.redis = Some(line.config())).await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    until_ready(&city, false).await.is(503, "NOT_READY");
    line.set(Way::Open);
    assert_eq!(until_ready(&city, true).await.data()["parts"][4]["kind"], "redis");
    city.running.stop().await;
}
