//! Paying by `pay` and by `book`: who may, what each answers, and how money goes back.
//!
//! In most of these nobody asks a provider: the tests tell the sagas themselves what it answers.

use crate::postgres::database;
use crate::support::{City, Reply, hold_of};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ticketing_core::adapters::payments::ProviderConfig;
use ticketing_core::domain::id::{BookingId, PaymentId, SagaId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::payment::{Attempt, AttemptKind};
use ticketing_core::engine::{Meta, SagaAnswer, Work};
use ticketing_core::saga::{Answer, Input};
use ticketing_core::store::payments;
use ticketing_server::ServerConfig;
use ticketing_server::auth::Role;
use uuid::Uuid;

/// A city where nobody asks the payment provider.
pub async fn quiet_city() -> City {
    City::start_with(quiet).await
}

fn quiet(config: &mut ServerConfig) {
    config.roles.saga = false;
}

fn external(config: &mut ServerConfig) {
    config.engine.provider = "external";
    config.payments = ProviderConfig::External;
}

/// What is asked of the provider for a saga and is not answered yet.
async fn open_attempts(city: &City, saga: SagaId) -> Vec<Attempt> {
    let mut all = payments::attempts_of_sagas(&city.running.app().stores.write, &[saga]).await.unwrap();
    all.retain(|attempt| attempt.state.is_open());
    all
}

/// Has the provider answer the one open attempt of a saga, and returns the position of what came of it.
pub async fn answered(
    city: &City,
    saga: SagaId,
    kind: AttemptKind,
    answer: impl Fn(&Attempt) -> Answer,
) -> i64 {
    let open = open_attempts(city, saga).await;
    let [attempt] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!(attempt.kind, kind);
    let work = Work::Saga {
        saga_id: saga,
        input: Input::Answered { attempt_id: attempt.id, answer: answer(attempt) },
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Nothing,
    };
    city.running.app().engine.submit(work, Meta::system("provider".into())).await.unwrap().position
}

pub fn succeeded(attempt: &Attempt) -> Answer {
    Answer::Succeeded { provider_ref: format!("ch_{}", attempt.id), amount: attempt.amount }
}

pub fn declined(_: &Attempt) -> Answer {
    Answer::Declined { code: "card_declined".into(), message: "Your card was declined.".into() }
}

pub fn saga_of(booking: &str) -> SagaId {
    BookingId(Uuid::parse_str(booking).unwrap()).into()
}

pub fn saga_of_payment(payment: &Reply) -> SagaId {
    PaymentId(Uuid::parse_str(&payment.id()).unwrap()).into()
}

pub async fn details(city: &City, token: &str, id: &str, position: i64) -> Value {
    let path = format!("/api/tickets/queries/{id}?minPosition={position}");
    let reply = city.get(&path, Some(token), "Success_TicketDetails").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.data()
}

pub async fn v1(city: &City, name: &str, token: &str, key: Option<&str>, body: &Value) -> Reply {
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    let path = format!("/v1/{name}");
    let reply = city.send("POST", &path, Some(token), &headers, Some(body.to_string())).await;
    if reply.status < 400 {
        city.assert_fits(&reply, "Success_Charge");
        assert!(reply.json()["meta"]["position"].is_string(), "{}", reply.text);
    }
    reply
}

pub async fn payment(city: &City, token: &str, id: &str) -> Reply {
    city.get(&format!("/v1/payments/{id}"), Some(token), "Success_Charge").await
}

/// Cents of a price in dollars and cents.
pub fn cents(price: &Value) -> i64 {
    Money::parse(&price.to_string(), Currency::USD).unwrap().amount_minor
}

#[tokio::test]
async fn a_booking_is_paid_declined_paid_again_and_given_back() {
    a_journey(&quiet_city().await).await;
}

#[tokio::test]
async fn a_booking_is_paid_declined_paid_again_and_given_back_on_postgres() {
    let Some(database) = database().await else { return };
    let city = City::start_with(|config| {
        config.stores.database_url = Some(database.url());
        quiet(config);
    })
    .await;
    a_journey(&city).await;
    city.running.stop().await;
}

async fn a_journey(city: &City) {
    let ada = city.token("ada");
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({"seatNumber": "A1"}))).await;
    let (id, price) = (booked.id(), booked.data()["price"].clone());
    assert!(booked.data()["payment"].is_null());
    let pay = json!({"bookingId": id, "token": "tok_chargeDeclined"});
    let paying = city.command("pay", &ada, &pay).await;
    assert_eq!(paying.status, 202, "{}", paying.text);
    let (data, first) = (paying.data(), paying.data()["payment"]["id"].clone());
    assert_eq!((&data["status"], &data["id"]), (&json!("PENDING"), &json!(id)));
    assert_eq!(
        data["payment"],
        json!({"id": first, "status": "PENDING", "amount": price, "currency": "USD"})
    );
    assert!(!paying.text.contains("tok_"), "a token is never shown: {}", paying.text);
    let again = json!({"bookingId": id, "token": "tok_visa"});
    city.command("pay", &ada, &again).await.is(409, "PAYMENT_IN_PROGRESS");
    let confirm = json!({"bookingId": id, "paymentId": first});
    let early = city.command("confirm", &ada, &confirm).await;
    early.is(409, "PAYMENT_STATE");
    assert_eq!(early.detail()["state"], "PENDING");

    // A declined card leaves the booking as it was, and another one can be tried.
    let position = answered(city, saga_of(&id), AttemptKind::Charge, declined).await;
    let shown = details(city, &ada, &id, position).await;
    assert_eq!((&shown["status"], &shown["payment"]["status"]), (&json!("PENDING"), &json!("FAILED")));
    assert_eq!(shown["payment"]["failure"], "card_declined: Your card was declined.");
    city.command("confirm", &ada, &confirm).await.is(409, "PAYMENT_STATE");
    let paying = city.command("pay", &ada, &again).await;
    assert_eq!(paying.status, 202, "{}", paying.text);
    let second = paying.data()["payment"]["id"].as_str().unwrap().to_owned();
    assert_ne!(first, second.as_str());
    let position = answered(city, saga_of(&id), AttemptKind::Charge, succeeded).await;
    let shown = details(city, &ada, &id, position).await;
    assert_eq!(shown["status"], "CONFIRMED");
    assert_eq!(
        shown["payment"],
        json!({"id": second, "status": "SUCCESS", "amount": price, "currency": "USD"})
    );
    assert!(shown.get("refund").is_none());
    let charge = payment(city, &ada, &second).await.data();
    let cents = cents(&price);
    assert_eq!((&charge["amount_cents"], &charge["status"]), (&json!(cents), &json!("SUCCESS")));
    assert_eq!((&charge["merchant_order_id"], &charge["refunded_cents"]), (&json!(id), &json!(0)));

    // What is confirmed is confirmed: the same again, and nothing more to pay.
    let confirmed = city.command("confirm", &ada, &json!({"bookingId": id, "paymentId": second})).await;
    assert_eq!(
        (confirmed.status, &confirmed.data()["paymentId"]),
        (200, &json!(second)),
        "{}",
        confirmed.text
    );
    city.command("confirm", &ada, &confirm).await.is(409, "INVALID_STATE");
    city.command("pay", &ada, &again).await.is(409, "INVALID_STATE");

    let cancelled = city.command("cancel", &ada, &json!({"bookingId": id})).await;
    let refund = json!({"status": "PENDING", "amount": price, "currency": "USD"});
    assert_eq!((&cancelled.data()["status"], &cancelled.data()["refund"]), (&json!("CANCELLED"), &refund));
    let position = cancelled.json()["meta"]["position"].as_str().unwrap().parse().unwrap();
    let shown = details(city, &ada, &id, position).await;
    assert_eq!((&shown["status"], &shown["refund"]), (&json!("CANCELLED"), &refund));
    assert_eq!(shown["payment"]["status"], "SUCCESS");
    let position = answered(city, saga_of(&id), AttemptKind::Refund, succeeded).await;
    let shown = details(city, &ada, &id, position).await;
    let refund = json!({"status": "REFUNDED", "amount": price, "currency": "USD"});
    assert_eq!((&shown["status"], &shown["refund"]), (&json!("REFUNDED"), &refund));
    assert_eq!((&shown["payment"]["status"], &shown["payment"]["refunded"]), (&json!("REFUNDED"), &price));
    let charge = payment(city, &ada, &second).await.data();
    assert_eq!((&charge["status"], &charge["refunded_cents"]), (&json!("REFUNDED"), &json!(cents)));
    let story: Vec<&str> =
        shown["history"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "TicketBooked",
        "PaymentFailed",
        "PaymentCreated",
        "TicketConfirmed",
        "TicketCancelled",
        "RefundRequested",
        "PaymentRefunded",
        "TicketRefunded",
    ];
    assert_eq!(story, expected);
}

#[tokio::test]
async fn a_booking_with_a_token_is_charged_at_once_and_a_reservation_takes_none() {
    let city = quiet_city().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let body = hold_of(&coach, json!({"paymentToken": "tok_visa"})).to_string();
    let key = [("idempotency-key", "k")];
    let booked = city.command_with("book", &ada, &key, body.clone()).await;
    assert_eq!((booked.status, &booked.data()["status"]), (201, &json!("PENDING")), "{}", booked.text);
    let again = city.command_with("book", &ada, &key, body).await;
    assert_eq!((again.status, again.data_text()), (201, booked.data_text()));
    let open = open_attempts(&city, saga_of(&booked.id())).await;
    assert_eq!((open.len(), open[0].token.as_deref()), (1, Some("tok_visa")));
    let position = answered(&city, saga_of(&booked.id()), AttemptKind::Charge, succeeded).await;
    assert_eq!(details(&city, &ada, &booked.id(), position).await["status"], "CONFIRMED");

    let reply = city.command("reserve", &ada, &hold_of(&coach, json!({"paymentToken": "tok_visa"}))).await;
    reply.is(422, "VALIDATION_FAILED");
    assert_eq!(reply.detail()["field"], "paymentToken");
    for token in [json!(""), json!("tok visa"), json!(7), json!("t".repeat(256))] {
        let reply = city.command("book", &ada, &hold_of(&coach, json!({"paymentToken": token}))).await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.detail()["field"], "paymentToken");
    }
    // A reservation is paid by `pay`, as any hold.
    let held = city.command("reserve", &ada, &hold_of(&coach, json!({}))).await;
    let paying = city.command("pay", &ada, &json!({"bookingId": held.id(), "token": "tok_visa"})).await;
    assert_eq!((paying.status, &paying.data()["status"]), (202, &json!("RESERVED")), "{}", paying.text);
}

#[tokio::test]
async fn only_a_hold_is_paid_by_its_owner_or_by_staff() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    let pay = |id: &str| json!({"bookingId": id, "token": "tok_visa"});
    city.command("pay", &bob, &pay(&booked.id())).await.is(404, "BOOKING_NOT_FOUND");
    city.command("pay", &bob, &pay(&Uuid::now_v7().to_string())).await.is(404, "BOOKING_NOT_FOUND");
    for body in [json!({"bookingId": "x", "token": "t t"}), json!({})] {
        let reply = city.command("pay", &ada, &body).await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.json()["error"]["details"].as_array().unwrap().len(), 2, "{}", reply.text);
    }
    assert!(open_attempts(&city, saga_of(&booked.id())).await.is_empty());

    // The same request with its key is one charge.
    let key = [("idempotency-key", "pay-1")];
    let service = city.token_as("kiosk", Role::Service);
    let first = city.command_with("pay", &service, &key, pay(&booked.id()).to_string()).await;
    let again = city.command_with("pay", &service, &key, pay(&booked.id()).to_string()).await;
    assert_eq!((first.status, again.status, again.data_text()), (202, 202, first.data_text()));
    assert_eq!(again.headers["idempotent-replay"], "true");
    // Whoever paid it, it pays ada's booking, and is none of bob's business.
    let id = first.data()["payment"]["id"].as_str().unwrap().to_owned();
    assert_eq!(payment(&city, &ada, &id).await.status, 200);
    assert_eq!(payment(&city, &city.token_as("ops", Role::Operator), &id).await.status, 200);
    payment(&city, &bob, &id).await.is(404, "PAYMENT_NOT_FOUND");

    let other = city.command("book", &ada, &hold_of(&coach, json!({}))).await.id();
    city.command("cancel", &ada, &json!({"bookingId": other})).await;
    let late = city.command("pay", &ada, &pay(&other)).await;
    late.is(409, "INVALID_STATE");
    assert_eq!(late.detail()["state"], "CANCELLED");
}

#[tokio::test]
async fn a_hold_that_has_ended_is_not_paid() {
    let clock = ticketing_core::clock::Clock::manual(
        ticketing_core::domain::time::Timestamp::parse("2026-11-20T09:30:00Z").unwrap(),
    );
    let hands = clock.clone();
    let city = City::start_with(|config| config.clock = clock).await;
    let ada = city.token("ada");
    let body = hold_of(&city.coach().await, json!({"holdSeconds": 60}));
    let held = city.command("reserve", &ada, &body).await.id();
    hands.advance(60_000);
    let reply = city.command("pay", &ada, &json!({"bookingId": held, "token": "tok_visa"})).await;
    reply.is(409, "HOLD_EXPIRED");
}

#[tokio::test]
async fn a_buyer_confirms_only_what_a_payment_of_the_booking_covers() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    let confirm = |payment: &str| json!({"bookingId": booked.id(), "paymentId": payment});
    let reply = city.command("confirm", &ada, &confirm("pay_1")).await;
    reply.is(404, "PAYMENT_NOT_FOUND");
    assert_eq!(reply.detail()["field"], "paymentId");
    city.command("confirm", &bob, &confirm("pay_1")).await.is(404, "BOOKING_NOT_FOUND");
    // A payment of something else is none of this booking.
    let body =
        json!({"merchant_order_id": "o-1", "amount_cents": 5000, "currency": "USD", "token": "tok_visa"});
    let other = v1(&city, "charge", &ada, Some("o-1"), &body).await;
    answered(&city, saga_of_payment(&other), AttemptKind::Charge, succeeded).await;
    city.command("confirm", &ada, &confirm(&other.id())).await.is(404, "PAYMENT_NOT_FOUND");
    // Nor is one that captured too little, which goes back.
    let paying = city.command("pay", &ada, &json!({"bookingId": booked.id(), "token": "tok_visa"})).await;
    let little = paying.data()["payment"]["id"].as_str().unwrap().to_owned();
    let too_little = |attempt: &Attempt| Answer::Succeeded {
        provider_ref: "ch_1".into(),
        amount: Money { amount_minor: 1, ..attempt.amount },
    };
    let position = answered(&city, saga_of(&booked.id()), AttemptKind::Charge, too_little).await;
    for token in [&ada, &city.token_as("ops", Role::Operator)] {
        city.command("confirm", token, &confirm(&little)).await.is(422, "AMOUNT_MISMATCH");
    }
    let shown = details(&city, &ada, &booked.id(), position).await;
    assert_eq!((&shown["status"], &shown["payment"]["amount"]), (&json!("PENDING"), &json!(0.01)));
    assert_eq!(shown["refund"], json!({"status": "PENDING", "amount": 0.01, "currency": "USD"}));
    // A service's word stands for a payment that nobody here knows.
    let service = city.token_as("payments", Role::Service);
    let confirmed = city.command("confirm", &service, &confirm("pay_1")).await;
    assert_eq!((confirmed.status, &confirmed.data()["paymentId"]), (200, &json!("pay_1")));
    let charge = payment(&city, &ada, "pay_1").await.data();
    assert_eq!((&charge["id"], &charge["status"]), (&json!("pay_1"), &json!("SUCCESS")));
    payment(&city, &bob, "pay_1").await.is(404, "PAYMENT_NOT_FOUND");
}

#[tokio::test]
async fn with_an_outside_payment_service_a_buyer_never_confirms() {
    let city = City::start_with(external).await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let id = city.command("book", &ada, &hold_of(&coach, json!({}))).await.id();
    // Whatever the id, whatever else is in the body.
    for body in [
        json!({"bookingId": id, "paymentId": "p"}),
        json!({"bookingId": Uuid::nil(), "paymentId": "p"}),
        json!({"bookingId": "x"}),
    ] {
        city.command("confirm", &ada, &body).await.is(403, "CONFIRM_FORBIDDEN");
    }
    for (n, role) in [Role::Service, Role::Operator, Role::Admin].into_iter().enumerate() {
        let token = city.token_as("staff", role);
        let id = city.command("book", &ada, &hold_of(&coach, json!({}))).await.id();
        let paid = json!({"bookingId": id, "paymentId": format!("p{n}")});
        assert_eq!(city.command("confirm", &token, &paid).await.status, 200, "{role}");
    }
}

#[tokio::test]
async fn where_the_sagas_stand_is_measured() {
    let clock = ticketing_core::clock::Clock::manual(
        ticketing_core::domain::time::Timestamp::parse("2026-11-20T09:30:00Z").unwrap(),
    );
    let hands = clock.clone();
    let city = City::start_with(|config| {
        config.clock = clock;
        quiet(config);
    })
    .await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    city.command("book", &ada, &hold_of(&coach, json!({"paymentToken": "tok_visa"}))).await;
    hands.advance(120_000);
    assert_eq!(city.metric(r#"sagas{state="AWAITING_PAYMENT"}"#).await, 1.0);
    assert_eq!(city.metric(r#"sagas{state="CHARGING"}"#).await, 1.0);
    assert_eq!(city.metric(r#"saga_oldest_seconds{state="CHARGING"}"#).await, 120.0);
    // A charge should be over by then; a buyer may take the whole hold.
    assert_eq!(city.metric("sagas_stuck").await, 1.0);
    assert_eq!(city.metric(r#"sagas{state="PARKED"}"#).await, 0.0);
}

/// Asks for a ticket until it says so.
async fn until(city: &City, token: &str, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        // Not borrowed while waiting: the engine could not move its head.
        let position = *city.running.app().engine.head().borrow();
        let shown = details(city, token, id, position).await;
        if is_so(&shown) {
            return shown;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_simulated_provider_takes_money_and_gives_it_back_by_itself() {
    by_itself(&City::start().await).await;
}

#[tokio::test]
async fn the_simulated_provider_takes_money_and_gives_it_back_by_itself_on_postgres() {
    let Some(database) = database().await else { return };
    let city = City::start_with(|config| config.stores.database_url = Some(database.url())).await;
    by_itself(&city).await;
    city.running.stop().await;
}

async fn by_itself(city: &City) {
    let ada = city.token("ada");
    let coach = city.coach().await;
    let declined = hold_of(&coach, json!({"paymentToken": "tok_chargeDeclined"}));
    let id = city.command("book", &ada, &declined).await.id();
    let shown = until(city, &ada, &id, |shown| shown["payment"]["status"] == "FAILED").await;
    assert_eq!(shown["status"], "PENDING", "another card can be tried");
    assert!(shown["payment"]["failure"].as_str().unwrap().starts_with("card_declined"), "{shown}");
    let paying = city.command("pay", &ada, &json!({"bookingId": id, "token": "tok_visa"})).await;
    assert_eq!(paying.status, 202, "{}", paying.text);
    let shown = until(city, &ada, &id, |shown| shown["status"] == "CONFIRMED").await;
    assert_eq!(shown["payment"]["id"], paying.data()["payment"]["id"]);
    assert_eq!(city.command("cancel", &ada, &json!({"bookingId": id})).await.status, 200);
    let shown = until(city, &ada, &id, |shown| shown["status"] == "REFUNDED").await;
    assert_eq!(
        (&shown["payment"]["status"], &shown["refund"]["status"]),
        (&json!("REFUNDED"), &json!("REFUNDED"))
    );
    let outcomes = async |kind: &str, outcome: &str| {
        let labels = format!(r#"kind="{kind}",outcome="{outcome}",provider="simulated""#);
        city.metric(&format!("payment_outcomes_total{{{labels}}}")).await
    };
    assert_eq!((outcomes("charge", "declined").await, outcomes("charge", "succeeded").await), (1.0, 1.0));
    assert_eq!((outcomes("refund", "succeeded").await, outcomes("refund", "unclear").await), (1.0, 0.0));
    assert_eq!(city.metric(r#"payment_call_seconds_count{kind="charge",provider="simulated"}"#).await, 2.0);
    assert_eq!(city.metric("payment_breaker_open").await, 0.0);
}
