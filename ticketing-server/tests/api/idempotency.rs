//! The same key with the same request: the same answer. With another one: a refusal.

use crate::support::{City, hold_of};
use serde_json::json;
use std::sync::Arc;
use ticketing_server::auth::Role;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_repeated_command_gives_its_first_answer_byte_for_byte() {
    let city = City::start().await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let coach = city.coach().await;
    let mut id = String::new();
    let bodies = [
        ("book", &ada, hold_of(&coach, json!({"seatNumber": "A1"}))),
        ("reserve", &ada, hold_of(&coach, json!({"routeId": "X90"}))),
        ("confirm", &service, json!({"paymentId": "p1"})),
        ("cancel", &ada, json!({"reason": "ill"})),
    ];
    for (name, token, mut body) in bodies {
        if body.get("scheduleId").is_none() {
            body["bookingId"] = json!(id);
        }
        let key = format!("key-{name}");
        let with = |correlation: &'static str| {
            [("idempotency-key", key.clone()), ("x-correlation-id", correlation.into())]
        };
        let send = async |correlation: &'static str, body: String| {
            let headers = with(correlation);
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            city.command_with(name, token, &headers, body).await
        };
        let first = send("first", body.to_string()).await;
        assert!(first.status < 300, "{name}: {}", first.text);
        assert!(!first.headers.contains_key("idempotent-replay"));
        let again = send("second", body.to_string()).await;
        assert_eq!((again.status, again.data_text()), (first.status, first.data_text()), "{name}");
        assert_eq!(again.headers["idempotent-replay"], "true");
        assert_eq!(again.json()["meta"]["position"], first.json()["meta"]["position"]);
        assert_eq!(again.headers["x-correlation-id"], "second");
        // One blank more is another request.
        send("third", format!("{body} ")).await.is(422, "IDEMPOTENCY_KEY_REUSED");
        if name == "book" {
            id = first.id();
        }
    }
    assert_eq!(city.metric("seat_reservations_total").await, 2.0, "a replay counts nothing");
    // The key means nothing to others, and a refusal does not use one up.
    let bob = city.token("bob");
    let taken = hold_of(&coach, json!({"seatNumber": "B1"}));
    city.command("book", &ada, &taken).await;
    let key = [("idempotency-key", "key-book")];
    city.command_with("book", &bob, &key, taken.to_string()).await.is(409, "SEAT_TAKEN");
    let free = hold_of(&coach, json!({"seatNumber": "B2"}));
    assert_eq!(city.command_with("book", &bob, &key, free.to_string()).await.status, 201);
}

#[tokio::test]
async fn a_first_answer_is_given_again_even_when_its_ids_lead_nowhere_any_more() {
    let city = City::start().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let dated =
        format!("{}/{}", coach["externalId"].as_str().unwrap(), coach["serviceDate"].as_str().unwrap());
    let body = hold_of(&coach, json!({"scheduleId": dated})).to_string();
    let key = [("idempotency-key", "k")];
    let first = city.command_with("book", &ada, &key, body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    // Without the read store an external id can't be looked up.
    city.running.app().stores.read.close().await;
    let again = city.command_with("book", &ada, &key, body.clone()).await;
    assert_eq!((again.status, again.data_text()), (201, first.data_text()));
    assert_eq!(again.headers["idempotent-replay"], "true");
    city.command_with("book", &ada, &[("idempotency-key", "l")], body).await.is(503, "UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_same_command_at_once_one_is_done() {
    let city = Arc::new(City::start().await);
    let ada = city.token("ada");
    let body = hold_of(&city.coach().await, json!({})).to_string();
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let (city, ada, body) = (Arc::clone(&city), ada.clone(), body.clone());
        tasks.spawn(async move { city.command_with("book", &ada, &[("idempotency-key", "k")], body).await });
    }
    let replies = tasks.join_all().await;
    let mut ids: Vec<String> = Vec::new();
    for reply in &replies {
        if reply.status == 201 {
            ids.push(reply.id());
        } else {
            reply.is(409, "IDEMPOTENCY_IN_PROGRESS");
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(city.metric("seat_reservations_total").await, 1.0);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let city = City::start().await;
    let ada = city.token("ada");
    let long = "k".repeat(256);
    for key in ["", "a b", &long] {
        let reply = city.command_with("book", &ada, &[("idempotency-key", key)], "{}".into()).await;
        reply.is(400, "IDEMPOTENCY_KEY_INVALID");
    }
}
