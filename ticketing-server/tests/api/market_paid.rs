//! Orders paid by an outside provider over real HTTP: one that succeeds, declines, is slow, loses its answers, and is
//! asked twice. What was charged is read from the provider's own books.

use crate::postgres::database;
use crate::scripted_provider::{Fault, Moved, On, ScriptedProvider};
use crate::support::{City, Reply};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ticketing_core::adapters::payments::{ProviderConfig, StripeConfig};
use ticketing_server::ServerConfig;

/// What every ticket here costs, as the provider counts it.
const CENTS: i64 = 2_500;
/// How long anything that goes on by itself may take.
const IN_TIME: Duration = Duration::from_secs(20);

fn paid_at(config: &mut ServerConfig, url: &str) {
    config.payments = ProviderConfig::Stripe(StripeConfig {
        key: "sk_test_123".into(),
        api_base: url.to_owned(),
        webhook_secret: None,
    });
    config.engine.provider = "stripe";
}

/// A city that is paid by a provider that does as the test says.
async fn city() -> (City, ScriptedProvider) {
    let provider = ScriptedProvider::start().await;
    let city = City::start_with(|config| paid_at(config, provider.url())).await;
    (city, provider)
}

async fn post(city: &City, path: &str, user: &str, key: Option<&str>, body: Value, shape: &str) -> Reply {
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    let reply = city.send("POST", path, Some(&city.token(user)), &headers, Some(body.to_string())).await;
    if reply.status < 400 {
        city.assert_fits(&reply, shape);
    }
    reply
}

/// Sells a ticket of Sam's to Ben; returns the order's id.
async fn ordered(city: &City) -> String {
    let body = json!({"title": "Jazz", "price": "25.00"});
    let ticket = post(city, "/api/tickets", "sam", None, body, "Success_Listing").await.id();
    let body = json!({"ticketId": ticket});
    post(city, "/api/orders", "ben", None, body, "Success_ListingOrder").await.id()
}

async fn pay(city: &City, order: &str, card: &str, key: Option<&str>) -> Reply {
    let body = json!({"orderId": order, "token": card});
    post(city, "/api/payments", "ben", key, body, "Success_OrderPayment").await
}

/// Looks at the order until it is so.
async fn until(city: &City, order: &str, status: &str) -> Value {
    let (path, began) = (format!("/api/orders/{order}"), Instant::now());
    loop {
        let shown = city.get(&path, Some(&city.token("ben")), "Success_ListingOrder").await;
        if shown.status == 200 && shown.data()["status"] == status {
            return shown.data();
        }
        assert!(began.elapsed() < IN_TIME, "waiting for {status}: {}", shown.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the provider moved for an order: how often it charged, what it captured and gave back.
fn moved(provider: &ScriptedProvider, order: &str) -> (u32, i64, i64) {
    let ledger = provider.ledger();
    let of = ledger.values().filter(|moved| moved.booking_id.as_deref() == Some(order));
    let add = |all: (u32, i64, i64), m: &Moved| (all.0 + m.charges, all.1 + m.captured, all.2 + m.refunded);
    of.fold((0, 0, 0), add)
}

#[tokio::test]
async fn an_order_is_declined_and_then_paid_by_an_outside_provider() {
    let (city, provider) = city().await;
    a_sale(&city, &provider).await;
    city.running.stop().await;
}

#[tokio::test]
async fn an_order_is_declined_and_then_paid_by_an_outside_provider_on_postgres() {
    let Some(database) = database().await else { return };
    let provider = ScriptedProvider::start().await;
    let city = City::start_with(|config| {
        config.stores.database_url = Some(database.url());
        paid_at(config, provider.url());
    })
    .await;
    a_sale(&city, &provider).await;
    city.running.stop().await;
}

async fn a_sale(city: &City, provider: &ScriptedProvider) {
    let order = ordered(city).await;
    let refused = pay(city, &order, "tok_chargeDeclined", None).await;
    assert_eq!((refused.status, &refused.data()["status"]), (201, &json!("FAILED")), "{}", refused.text);
    assert!(refused.data()["failure"].as_str().unwrap().contains("declined"), "{}", refused.text);
    assert_eq!(refused.data()["order"]["status"], "created", "another card can be tried");
    assert_eq!(moved(provider, &order), (0, 0, 0));
    let paid = pay(city, &order, "tok_visa", Some("k")).await;
    assert_eq!((paid.status, &paid.data()["status"]), (201, &json!("SUCCESS")), "{}", paid.text);
    assert_eq!(paid.data()["order"]["status"], "complete");
    assert_eq!(moved(provider, &order), (1, CENTS, 0));
    // The same request is the same answer, and asks the provider nothing.
    let asked = provider.seen().len();
    let again = pay(city, &order, "tok_visa", Some("k")).await;
    assert_eq!((again.status, again.data_text()), (201, paid.data_text()));
    pay(city, &order, "tok_visa", None).await.is(409, "INVALID_STATE");
    assert_eq!(provider.seen().len(), asked);
    // What is given up is given back.
    let path = format!("/api/orders/{order}");
    let back = city.send("DELETE", &path, Some(&city.token("ben")), &[], None).await;
    assert_eq!((back.status, &back.data()["status"]), (200, &json!("cancelled")), "{}", back.text);
    let began = Instant::now();
    while moved(provider, &order) != (1, CENTS, CENTS) {
        assert!(began.elapsed() < IN_TIME, "{:?}", moved(provider, &order));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_slow_provider_leaves_the_payment_under_way_and_charges_once() {
    let (city, provider) = city().await;
    let order = ordered(&city).await;
    provider.script(On::Confirm, [Fault::Late(Duration::from_secs(4))]);
    let began = Instant::now();
    let first = pay(&city, &order, "tok_visa", Some("k")).await;
    assert_eq!((first.status, &first.data()["status"]), (202, &json!("PENDING")), "{}", first.text);
    assert_eq!(first.data()["order"]["status"], "awaiting:payment");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "it does not wait for the provider: {:?}",
        began.elapsed()
    );
    for key in [None, Some("other")] {
        pay(&city, &order, "tok_visa", key).await.is(409, "PAYMENT_IN_PROGRESS");
    }
    let done = until(&city, &order, "complete").await;
    assert_eq!(done["paymentId"], first.data()["id"]);
    assert_eq!(moved(&provider, &order), (1, CENTS, 0));
    // What was answered stays the answer; the order tells how it went on.
    let again = pay(&city, &order, "tok_visa", Some("k")).await;
    assert_eq!((again.status, again.data_text()), (202, first.data_text()));
    city.running.stop().await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_the_provider_works_keeps_no_money() {
    let (city, provider) = city().await;
    let order = ordered(&city).await;
    provider.script(On::Confirm, [Fault::Late(Duration::from_secs(4))]);
    let first = pay(&city, &order, "tok_visa", None).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let path = format!("/api/orders/{order}");
    let back = city.send("DELETE", &path, Some(&city.token("ben")), &[], None).await;
    assert_eq!((back.status, &back.data()["status"]), (200, &json!("cancelled")), "{}", back.text);
    let began = Instant::now();
    // The charge may still have come through, or not: what was captured goes back, all of it.
    loop {
        let attempts = crate::payments::saga_of(&order);
        let db = &city.running.app().stores.write;
        let all = ticketing_core::store::payments::attempts_of_sagas(db, &[attempts]).await.unwrap();
        if all.iter().all(|attempt| !attempt.state.is_open()) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{all:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (charges, captured, refunded) = moved(&provider, &order);
    assert!(charges <= 1, "{charges}");
    assert_eq!(captured, refunded, "nothing is kept for a cancelled order");
    until(&city, &order, "cancelled").await;
    city.running.stop().await;
}

#[tokio::test]
async fn an_order_that_is_paid_twice_at_once_is_charged_once() {
    let (city, provider) = city().await;
    for round in 0..4 {
        let order = ordered(&city).await;
        if round == 3 {
            provider.script(On::Confirm, [Fault::Late(Duration::from_millis(300))]);
        }
        // With a key, the same request; with two, or without, another payment of the same order.
        let (one, other) = match round {
            0 => (None, None),
            1 => (Some("a1"), Some("b1")),
            _ => (Some("same"), Some("same")),
        };
        let (one, other) = (one.map(|k| format!("{k}{round}")), other.map(|k| format!("{k}{round}")));
        let (first, second) = tokio::join!(
            pay(&city, &order, "tok_visa", one.as_deref()),
            pay(&city, &order, "tok_visa", other.as_deref()),
        );
        let words = ["PAYMENT_IN_PROGRESS", "INVALID_STATE", "IDEMPOTENCY_IN_PROGRESS"];
        let mut taken = Vec::new();
        for reply in [&first, &second] {
            match reply.status {
                201 | 202 => taken.push(reply.data()["id"].clone()),
                409 => {
                    let code = reply.json()["error"]["code"].as_str().unwrap().to_owned();
                    assert!(words.contains(&code.as_str()), "{}", reply.text);
                }
                _ => panic!("round {round}: {}", reply.text),
            }
        }
        assert!(!taken.is_empty(), "round {round}: {} {}", first.text, second.text);
        assert!(taken.iter().all(|id| *id == taken[0]), "round {round}: one payment: {taken:?}");
        assert!(taken.len() == 1 || one == other, "round {round}: {taken:?}");
        until(&city, &order, "complete").await;
        assert_eq!(moved(&provider, &order), (1, CENTS, 0), "round {round}");
    }
    city.running.stop().await;
}

#[tokio::test]
async fn an_answer_of_the_provider_that_is_lost_is_found_out_and_charged_once() {
    let (city, provider) = city().await;
    for on in [On::Method, On::Create, On::Confirm] {
        for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::Status(503)] {
            let order = ordered(&city).await;
            provider.script(on, [fault]);
            let reply = pay(&city, &order, "tok_visa", None).await;
            assert!(matches!(reply.status, 201 | 202), "{on:?} {fault:?}: {}", reply.text);
            until(&city, &order, "complete").await;
            assert_eq!(moved(&provider, &order), (1, CENTS, 0), "{on:?} {fault:?}");
        }
    }
    city.running.stop().await;
}

/// Stripe's own mock, which checks requests against Stripe's published API; what it answers are samples.
#[tokio::test]
async fn stripes_own_mock_takes_the_payment_of_an_order() {
    let Some(url) = crate::stripe_mock::url() else { return };
    let city = City::start_with(|config| paid_at(config, &url)).await;
    let order = ordered(&city).await;
    let reply = pay(&city, &order, "pm_card_visa", None).await;
    assert!(matches!(reply.status, 201 | 202), "{}", reply.text);
    let failure = reply.data()["failure"].as_str().unwrap_or_default().to_owned();
    // A request that its API does not know is 400, and would be told as that.
    for word in ["invalid_request", "unknown parameter", "400"] {
        assert!(!failure.contains(word), "{}", reply.text);
    }
    // Its sample is a charge of another amount, if any: no order is complete by it.
    assert_ne!(reply.data()["order"]["status"], "complete", "{}", reply.text);
    city.running.stop().await;
}
