//! `/v1`: charges for bookings and for anything else, payments, refunds; and that nobody gets in who may not.

use crate::payments::{
    answered, cents, declined, details, payment, quiet_city, saga_of, saga_of_payment, succeeded, v1,
};
use crate::support::hold_of;
use serde_json::{Value, json};
use ticketing_core::domain::payment::AttemptKind;
use ticketing_server::auth::Role;
use uuid::Uuid;

#[tokio::test]
async fn a_charge_is_for_a_booking_at_its_price_or_for_anything_else() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    let price = cents(&booked.data()["price"]);
    let charge = |amount: i64, currency: &str| json!({"merchant_order_id": booked.id(), "amount_cents": amount, "currency": currency, "token": "tok_visa"});
    let right = charge(price, "USD");
    v1(&city, "charge", &ada, None, &right).await.is(400, "IDEMPOTENCY_KEY_REQUIRED");
    v1(&city, "charge", &ada, Some("a b"), &right).await.is(400, "IDEMPOTENCY_KEY_INVALID");
    for wrong in [charge(price + 1, "USD"), charge(price, "EUR")] {
        let reply = v1(&city, "charge", &ada, Some("c"), &wrong).await;
        reply.is(422, "AMOUNT_MISMATCH");
        let facts = (&reply.detail()["field"], &reply.detail()["amount_cents"], &reply.detail()["currency"]);
        assert_eq!(
            (facts.0, facts.1.clone(), facts.2),
            (&json!("amount_cents"), json!(price), &json!("USD"))
        );
    }
    let reply = v1(&city, "charge", &bob, Some("c"), &right).await;
    reply.is(404, "BOOKING_NOT_FOUND");
    assert_eq!(reply.detail()["field"], "merchant_order_id");
    // A refusal used no key up.
    let made = v1(&city, "charge", &ada, Some("c"), &right).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let data = made.data();
    let id = made.id();
    assert_eq!((&data["merchant_order_id"], &data["amount_cents"]), (&json!(booked.id()), &json!(price)));
    assert_eq!((&data["status"], &data["refunded_cents"]), (&json!("PENDING"), &json!(0)));
    let again = v1(&city, "charge", &ada, Some("c"), &right).await;
    assert_eq!((again.status, again.data_text()), (201, made.data_text()));
    assert_eq!(again.headers["idempotent-replay"], "true");
    v1(&city, "charge", &ada, Some("c"), &charge(price + 1, "USD")).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    v1(&city, "charge", &ada, Some("d"), &right).await.is(409, "PAYMENT_IN_PROGRESS");
    let position = answered(&city, saga_of(&booked.id()), AttemptKind::Charge, succeeded).await;
    assert_eq!(details(&city, &ada, &booked.id(), position).await["status"], "CONFIRMED");
    assert_eq!(payment(&city, &ada, &id).await.data()["status"], "SUCCESS");

    let body = json!({"merchant_order_id": "order 7", "amount_cents": 250, "currency": "JPY"});
    let other = v1(&city, "charge", &ada, Some("e"), &body).await;
    assert_eq!((other.status, &other.data()["currency"]), (201, &json!("JPY")), "{}", other.text);
    answered(&city, saga_of_payment(&other), AttemptKind::Charge, declined).await;
    let shown = payment(&city, &ada, &other.id()).await.data();
    assert_eq!((&shown["status"], &shown["merchant_order_id"]), (&json!("FAILED"), &json!("order 7")));
    payment(&city, &bob, &other.id()).await.is(404, "PAYMENT_NOT_FOUND");
    payment(&city, &ada, &Uuid::now_v7().to_string()).await.is(404, "PAYMENT_NOT_FOUND");
    let ghost = payment(&city, &ada, "nowhere").await;
    ghost.is(404, "PAYMENT_NOT_FOUND");
    assert_eq!(ghost.detail()["field"], "id");
    city.get("/v1/payments/x?minPosition=1", Some(&ada), "").await.is(422, "VALIDATION_FAILED");
}

#[tokio::test]
async fn v1_is_guarded_like_everything_else() {
    let city = quiet_city().await;
    let ada = city.token("ada");
    for path in ["/v1/charge", "/v1/refund"] {
        let key = [("idempotency-key", "k")];
        city.send("POST", path, None, &key, Some("{}".into())).await.is(401, "UNAUTHORIZED");
        let send = async |body: String| city.send("POST", path, Some(&ada), &key, Some(body)).await;
        send("x".repeat(300_000)).await.is(413, "PAYLOAD_TOO_LARGE");
        send("[]".into()).await.is(400, "INVALID_JSON");
        let reply = send(r#"{"stranger":1}"#.into()).await;
        reply.is(422, "VALIDATION_FAILED");
        let text = reply.json()["error"]["details"].to_string();
        assert!(text.contains("stranger"), "{text}");
    }
    city.send("GET", "/v1/payments/x", None, &[], None).await.is(401, "UNAUTHORIZED");
    let most = 1_000_000_000_000_i64;
    let good =
        json!({"merchant_order_id": "o", "amount_cents": most, "currency": "USD", "token": "tok_visa"});
    let rows: [(&str, Value); 9] = [
        ("amount_cents", json!(0)),
        ("amount_cents", json!(1.5)),
        ("amount_cents", json!("100")),
        ("amount_cents", json!(most + 1)),
        ("currency", json!("usd")),
        ("currency", json!(null)),
        ("merchant_order_id", json!("x".repeat(256))),
        ("merchant_order_id", json!(7)),
        ("token", json!("tok visa")),
    ];
    for (n, (field, value)) in rows.into_iter().enumerate() {
        let mut body = good.clone();
        body[field] = value;
        let reply = v1(&city, "charge", &ada, Some(&format!("k{n}")), &body).await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.detail()["field"], field, "{}", reply.text);
    }
    assert_eq!(v1(&city, "charge", &ada, Some("most"), &good).await.status, 201);
}

#[tokio::test]
async fn a_payment_is_refunded_by_staff_in_part_and_whole_and_never_beyond() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let service = city.token_as("desk", Role::Service);
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    let paying = city.command("pay", &ada, &json!({"bookingId": booked.id(), "token": "tok_visa"})).await;
    let (saga, price) = (saga_of(&booked.id()), cents(&booked.data()["price"]));
    let id = paying.data()["payment"]["id"].as_str().unwrap().to_owned();
    let whole = json!({"payment_id": id});
    let early = v1(&city, "refund", &service, None, &whole).await;
    early.is(409, "PAYMENT_STATE");
    assert_eq!(early.detail()["state"], "PENDING");
    answered(&city, saga, AttemptKind::Charge, succeeded).await;

    v1(&city, "refund", &ada, None, &whole).await.is(403, "REFUND_FORBIDDEN");
    for (token, payment) in [(&bob, id.as_str()), (&bob, "nowhere"), (&service, "nowhere")] {
        let reply = v1(&city, "refund", token, None, &json!({"payment_id": payment})).await;
        reply.is(404, "PAYMENT_NOT_FOUND");
        assert_eq!(reply.detail()["field"], "payment_id");
    }
    let part = |cents: i64| json!({"payment_id": id, "amount_cents": cents});
    let much = v1(&city, "refund", &service, None, &part(price + 1)).await;
    much.is(422, "REFUND_TOO_MUCH");
    assert_eq!(much.detail()["amount_cents"], price);
    let begun = v1(&city, "refund", &service, Some("r"), &part(100)).await;
    assert_eq!((begun.status, &begun.data()["refunded_cents"]), (200, &json!(0)), "{}", begun.text);
    let again = v1(&city, "refund", &service, Some("r"), &part(100)).await;
    assert_eq!((again.status, again.data_text()), (200, begun.data_text()));
    // What is on its way back is gone.
    v1(&city, "refund", &service, None, &part(price - 99)).await.is(422, "REFUND_TOO_MUCH");
    let position = answered(&city, saga, AttemptKind::Refund, succeeded).await;
    let shown = payment(&city, &ada, &id).await.data();
    assert_eq!((&shown["status"], &shown["refunded_cents"]), (&json!("SUCCESS"), &json!(100)));
    // Some of the money back leaves the seat with its buyer; all of it does not.
    let ticket = details(&city, &ada, &booked.id(), position).await;
    assert_eq!((&ticket["status"], &ticket["payment"]["refunded"]), (&json!("CONFIRMED"), &json!(1.0)));
    assert!(ticket.get("refund").is_none());
    let rest = v1(&city, "refund", &city.token_as("ops", Role::Operator), None, &whole).await;
    assert_eq!(rest.status, 200, "{}", rest.text);
    let position = rest.json()["meta"]["position"].as_str().unwrap().parse().unwrap();
    let ticket = details(&city, &ada, &booked.id(), position).await;
    assert_eq!(ticket["status"], "CANCELLED");
    assert_eq!(cents(&ticket["refund"]["amount"]), price - 100);
    let position = answered(&city, saga, AttemptKind::Refund, succeeded).await;
    assert_eq!(details(&city, &ada, &booked.id(), position).await["status"], "REFUNDED");
    v1(&city, "refund", &service, None, &whole).await.is(409, "PAYMENT_STATE");
    assert_eq!(payment(&city, &ada, &id).await.data()["refunded_cents"], price);
}
