//! Parts that are away: 503 with the time to come back, and the part named; never a 500.

use crate::support::{City, hold_of};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::engine::EngineConfig;
use tokio::task::JoinSet;

#[tokio::test]
async fn without_its_write_store_the_server_says_so_and_lives() {
    let city = City::start().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let ready = city.get("/api/health/ready", None, "Success_Readiness").await;
    assert_eq!((ready.status, &ready.data()["status"]), (200, &json!("ready")));
    city.running.app().stores.write.close().await;

    let refused = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    refused.is(503, "UNAVAILABLE");
    assert_eq!(refused.headers["retry-after"], "2");
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("Idempotency-Key") && !message.contains("pool"), "{message}");
    for path in ["/api/health/ready", "/api/health", "/health"] {
        let began = Instant::now();
        let reply = city.get(path, None, "").await;
        reply.is(503, "NOT_READY");
        assert!(began.elapsed() < Duration::from_secs(2));
        let down = reply.json()["error"]["details"].clone();
        let names: Vec<&str> =
            down.as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
        assert_eq!(names, ["writeStore", "bus"]);
    }
    assert_eq!(city.get("/api/health/live", None, "Success_Liveness").await.status, 200);
    // What needs only the read store goes on, and the metrics show what was known last.
    assert_eq!(city.get("/api/routes", None, "Page_Route").await.status, 200);
    assert!(city.metric("projection_lag_events").await >= 0.0);
}

#[tokio::test]
async fn without_its_read_store_the_server_still_sells() {
    let city = City::start().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    city.running.app().stores.read.close().await;
    assert_eq!(city.command("book", &ada, &hold_of(&coach, json!({}))).await.status, 201);
    for path in ["/api/routes", "/api/tickets/queries/my-tickets", "/api/schedules/x/seats"] {
        let reply = city.get(path, Some(&ada), "").await;
        reply.is(503, "UNAVAILABLE");
        assert!(reply.headers.contains_key("retry-after"));
    }
    let ready = city.get("/api/health/ready", None, "").await;
    ready.is(503, "NOT_READY");
    assert_eq!(ready.detail()["field"], "readStore");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_commands_than_may_wait_are_refused_and_none_is_lost() {
    let small = EngineConfig { batch_max: 1, queue_max: 1, ..EngineConfig::default() };
    let city = Arc::new(City::start_with(|config| config.engine = small).await);
    let coach = city.coach().await;
    let mut tasks = JoinSet::new();
    for n in 0..200 {
        let city = Arc::clone(&city);
        let (token, body) = (city.token(&format!("buyer-{n}")), hold_of(&coach, json!({})));
        tasks.spawn(async move { city.command("book", &token, &body).await });
    }
    let (mut done, mut refused) = (0, 0);
    for reply in tasks.join_all().await {
        match reply.status {
            201 => done += 1,
            409 => reply.is(409, "SOLD_OUT"),
            _ => {
                reply.is(503, "OVERLOADED");
                assert_eq!(reply.headers["retry-after"], "1");
                refused += 1;
            }
        }
    }
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
    assert_eq!(city.metric("seat_reservations_total").await, f64::from(done));
}
