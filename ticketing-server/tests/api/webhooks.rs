//! What Stripe tells: only what it signed, once, and about what is ours.

use crate::support::{City, Reply, hold_of};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write as _;
use ticketing_core::adapters::payments::{ProviderConfig, StripeConfig};
use ticketing_core::domain::payment::Attempt;
use ticketing_core::store::payments;
use ticketing_server::limits::RateLimit;
use uuid::Uuid;

const SECRET: &str = "whsec_test";
const PATH: &str = "/v1/webhooks/stripe";

/// A city that is paid by Stripe, which is never asked: it only tells.
async fn city() -> City {
    City::start_with(|config| {
        config.payments = ProviderConfig::Stripe(StripeConfig {
            key: "sk_test_1".into(),
            api_base: "http://127.0.0.1:1".into(),
            webhook_secret: Some(SECRET.into()),
        });
        config.engine.provider = "stripe";
        config.roles.saga = false;
    })
    .await
}

fn signature(city: &City, secret: &str, body: &str, seconds_ago: i64) -> String {
    let time = city.running.app().clock.now().as_millis() / 1000 - seconds_ago;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    let mut header = format!("t={time},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(header, "{byte:02x}").unwrap();
    }
    header
}

async fn tell(city: &City, event: &Value) -> Reply {
    let body = event.to_string();
    let signed = signature(city, SECRET, &body, 0);
    let reply = city.send("POST", PATH, None, &[("stripe-signature", &signed)], Some(body)).await;
    if reply.status < 400 {
        city.assert_fits(&reply, "Success_Received");
    }
    reply
}

fn event(id: &str, kind: &str, object: Value) -> Value {
    json!({"id": id, "object": "event", "type": kind, "data": {"object": object}})
}

fn intent(id: &str, cents: i64, metadata: Value) -> Value {
    json!({
        "id": id, "object": "payment_intent", "status": "succeeded", "amount": cents, "amount_received": cents,
        "currency": "usd", "metadata": metadata,
    })
}

async fn attempts(city: &City, booking: &str) -> Vec<Attempt> {
    let saga = ticketing_core::domain::id::BookingId(Uuid::parse_str(booking).unwrap()).into();
    payments::attempts_of_sagas(&city.running.app().stores.write, &[saga]).await.unwrap()
}

/// A ticket, once the read model has all that was written.
async fn ticket(city: &City, token: &str, id: &str) -> Value {
    let position = *city.running.app().engine.head().borrow();
    let path = format!("/api/tickets/queries/{id}?minPosition={position}");
    city.get(&path, Some(token), "Success_TicketDetails").await.data()
}

fn cents(price: &Value) -> i64 {
    (price.as_f64().unwrap() * 100.0).round() as i64
}

#[tokio::test]
async fn what_stripe_tells_of_our_charges_and_refunds_is_done_once() {
    let city = city().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let body = hold_of(&coach, json!({"paymentToken": "tok_visa"}));
    let booked = city.command("book", &ada, &body).await;
    let (id, price) = (booked.id(), cents(&booked.data()["price"]));
    let charge = attempts(&city, &id).await.remove(0);
    let ours = json!({
        "attempt_id": charge.id.to_string(), "payment_id": charge.payment_id.to_string(), "booking_id": id,
    });
    let paid = event("evt_1", "payment_intent.succeeded", intent("pi_1", price, ours));
    for _ in 0..3 {
        assert_eq!(tell(&city, &paid).await.status, 200);
    }
    let shown = ticket(&city, &ada, &id).await;
    assert_eq!((&shown["status"], &shown["payment"]["status"]), (&json!("CONFIRMED"), &json!("SUCCESS")));
    assert_eq!(shown["history"].as_array().unwrap().len(), 3, "{shown}");

    // Somebody gives some of it back at Stripe: known there by the charge only.
    let refund = |id: &str, cents: i64| {
        json!({
            "id": id, "object": "refund", "status": "succeeded", "amount": cents, "currency": "usd",
            "payment_intent": "pi_1", "metadata": {},
        })
    };
    // Two events tell of the one refund.
    for (id, kind) in [("evt_2", "refund.created"), ("evt_3", "refund.updated")] {
        assert_eq!(tell(&city, &event(id, kind, refund("re_1", 100))).await.status, 200);
    }
    let shown = ticket(&city, &ada, &id).await;
    assert_eq!((&shown["status"], cents(&shown["payment"]["refunded"])), (&json!("CONFIRMED"), 100));
    // And then the rest: the seat can't stay sold.
    assert_eq!(tell(&city, &event("evt_4", "refund.created", refund("re_2", price - 100))).await.status, 200);
    let shown = ticket(&city, &ada, &id).await;
    assert_eq!((&shown["status"], &shown["refund"]["status"]), (&json!("REFUNDED"), &json!("REFUNDED")));
    assert_eq!(cents(&shown["refund"]["amount"]), price);
    assert!(attempts(&city, &id).await.iter().all(|attempt| !attempt.state.is_open()));
}

#[tokio::test]
async fn money_that_stripe_took_for_a_booking_without_us_confirms_it() {
    let city = city().await;
    let ada = city.token("ada");
    let booked = city.command("book", &ada, &hold_of(&city.coach().await, json!({}))).await;
    let (id, price) = (booked.id(), cents(&booked.data()["price"]));
    let paid = event("evt_1", "payment_intent.succeeded", intent("pi_7", price, json!({"booking_id": id})));
    assert_eq!(tell(&city, &paid).await.status, 200);
    let shown = ticket(&city, &ada, &id).await;
    assert_eq!((&shown["status"], &shown["payment"]["id"]), (&json!("CONFIRMED"), &json!("pi_7")), "{shown}");
}

#[tokio::test]
async fn what_is_of_no_concern_is_taken_all_the_same() {
    let city = city().await;
    let nobody = Uuid::now_v7().to_string();
    for (n, (kind, object)) in [
        ("customer.created", json!({"id": "cus_1"})),
        ("payment_intent.succeeded", intent("pi_1", 100, json!({}))),
        ("payment_intent.succeeded", intent("pi_1", 100, json!({"attempt_id": nobody}))),
        ("payment_intent.succeeded", intent("pi_1", 100, json!({"booking_id": nobody}))),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = tell(&city, &event(&format!("evt_{n}"), kind, object)).await;
        assert_eq!((reply.status, reply.data()), (200, json!({"received": true})), "{kind}: {}", reply.text);
    }
    assert_eq!(city.metric(r#"sagas{state="AWAITING_PAYMENT"}"#).await, 0.0);
}

#[tokio::test]
async fn only_what_stripe_signed_just_now_is_read() {
    let city = city().await;
    let body = event("evt_1", "customer.created", json!({})).to_string();
    let send = async |signed: Option<String>, body: &str| {
        let headers: Vec<(&str, &str)> =
            signed.as_deref().map(|s| ("stripe-signature", s)).into_iter().collect();
        city.send("POST", PATH, None, &headers, Some(body.to_owned())).await
    };
    assert_eq!(send(Some(signature(&city, SECRET, &body, 0)), &body).await.status, 200);
    let rows = [
        None,
        Some(String::new()),
        Some("t=1,v1=00".into()),
        Some(signature(&city, "whsec_other", &body, 0)),
        Some(signature(&city, SECRET, &format!("{body} "), 0)),
        Some(signature(&city, SECRET, &body, 400)),
    ];
    for signed in rows {
        send(signed, &body).await.is(400, "WEBHOOK_SIGNATURE_INVALID");
    }
    send(Some(signature(&city, SECRET, "{}", 0)), "{}").await.is(400, "WEBHOOK_UNREADABLE");
    let large = "x".repeat(300_000);
    send(Some(signature(&city, SECRET, &large, 0)), &large).await.is(413, "PAYLOAD_TOO_LARGE");
    city.get(PATH, None, "").await.is(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn without_a_secret_no_webhook_is_taken() {
    let city = City::start().await;
    let body = event("evt_1", "customer.created", json!({})).to_string();
    let signed = signature(&city, "", &body, 0);
    let reply = city.send("POST", PATH, None, &[("stripe-signature", &signed)], Some(body)).await;
    reply.is(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_can_not_be_kept_is_told_again_and_many_tell_from_one_address() {
    let city = City::start_with(|config| {
        config.payments = ProviderConfig::Stripe(StripeConfig {
            key: "sk_test_1".into(),
            api_base: "http://127.0.0.1:1".into(),
            webhook_secret: Some(SECRET.into()),
        });
        config.http.rate_limit = RateLimit::parse("2/1h").unwrap();
    })
    .await;
    let other = event("evt_1", "customer.created", json!({}));
    for _ in 0..5 {
        assert_eq!(tell(&city, &other).await.status, 200);
    }
    city.running.app().stores.write.close().await;
    let ids = json!({"attempt_id": Uuid::now_v7().to_string()});
    let reply = tell(&city, &event("evt_2", "payment_intent.succeeded", intent("pi_1", 100, ids))).await;
    reply.is(503, "UNAVAILABLE");
    assert!(reply.headers.contains_key("retry-after"));
}
