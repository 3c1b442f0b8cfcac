//! Everything that is answered with a refusal: each with its status, its code and its facts.

use crate::support::{City, hold_of};
use serde_json::{Value, json};
use ticketing_core::app::queries::network::find_offering;
use ticketing_core::clock::Clock;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::schedules::{execute_cancel, plan_cancel};
use ticketing_server::auth::Role;
use ticketing_server::limits::RateLimit;
use uuid::Uuid;

const COMMANDS: [&str; 5] = ["book", "reserve", "confirm", "pay", "cancel"];

#[tokio::test]
async fn only_who_may_gets_in() {
    let city = City::start().await;
    let details = format!("/api/tickets/queries/{}", Uuid::nil());
    let closed_queries = ["/api/tickets/queries/my-tickets", details.as_str()];
    let mut rows: Vec<(&str, String)> = closed_queries.iter().map(|p| ("GET", (*p).to_owned())).collect();
    rows.extend(COMMANDS.iter().map(|c| ("POST", format!("/api/tickets/commands/{c}"))));
    for (method, path) in rows {
        for token in [None, Some("nonsense"), Some("a.b.c")] {
            let reply = city.send(method, &path, token, &[], Some("{}".into())).await;
            reply.is(401, "UNAUTHORIZED");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
        let cookie = format!("session={}", city.token("ada"));
        let reply = city.send(method, &path, None, &[("cookie", &cookie)], Some("{}".into())).await;
        reply.is(401, "UNAUTHORIZED");
    }
    for path in ["/api/routes", "/api/health", "/health", "/api/health/live", "/metrics", "/api/openapi.json"]
    {
        assert_eq!(city.send("GET", path, None, &[], None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_body_is_refused_with_everything_that_is_wrong_with_it() {
    let city = City::start().await;
    let token = city.token_as("ops", Role::Operator);
    let coach = city.coach().await;
    for command in COMMANDS {
        let send = async |body: String| city.command_with(command, &token, &[], body).await;
        send("x".repeat(300_000)).await.is(413, "PAYLOAD_TOO_LARGE");
        for bad in ["", "{", "[]", "null", "\"x\"", "{\"a\":1,}"] {
            send(bad.to_owned()).await.is(400, "INVALID_JSON");
        }
        let reply = send(r#"{"stranger":1}"#.to_owned()).await;
        reply.is(422, "VALIDATION_FAILED");
        let fields: Vec<Value> =
            reply.json()["error"]["details"].as_array().unwrap().iter().map(|d| d["field"].clone()).collect();
        assert!(fields.contains(&json!("stranger")) && fields.len() >= 2, "{fields:?}");
    }
    let rows: Vec<(Value, &[&str])> = vec![
        (json!({"passengerName": null}), &["passengerName"]),
        (
            json!({"passengerName": "x".repeat(201), "passengerEmail": "ada"}),
            &["passengerName", "passengerEmail"],
        ),
        (json!({"price": 25.001}), &["price"]),
        (json!({"price": -1, "currency": "XXY"}), &["currency", "price"]),
        (json!({"seatNumber": 7, "color": "red"}), &["seatNumber", "color"]),
        (json!({"holdSeconds": 60}), &["holdSeconds"]),
    ];
    for (change, expected) in rows {
        let reply = city.command("book", &token, &hold_of(&coach, change)).await;
        reply.is(422, "VALIDATION_FAILED");
        let details = reply.json()["error"]["details"].clone();
        let mut named: Vec<&str> =
            details.as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
        let mut expected = expected.to_vec();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected);
    }
    for seconds in [json!(0), json!(3601), json!("60")] {
        let body = hold_of(&coach, json!({"holdSeconds": seconds}));
        city.command("reserve", &token, &body).await.is(422, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn ids_that_lead_nowhere_are_404_and_ids_that_do_not_belong_together_422() {
    let city = City::start().await;
    let ada = city.token_as("ops", Role::Operator);
    let coach = city.coach().await;
    let loop_bus = city.schedules("4").await.remove(0);
    let nowhere = Uuid::now_v7().to_string();
    let rows = [
        (json!({"scheduleId": nowhere}), 404, "SCHEDULE_NOT_FOUND"),
        (json!({"scheduleId": "no-such-trip"}), 404, "SCHEDULE_NOT_FOUND"),
        (json!({"routeId": nowhere}), 404, "ROUTE_NOT_FOUND"),
        (json!({"routeId": "no-such-route"}), 404, "ROUTE_NOT_FOUND"),
        (json!({"routeId": loop_bus["routeId"]}), 422, "ROUTE_MISMATCH"),
        (json!({"routeId": "4"}), 422, "ROUTE_MISMATCH"),
        (json!({"seatNumber": "Z99"}), 422, "UNKNOWN_SEAT"),
        (json!({"fromStop": "nowhere"}), 422, "UNKNOWN_STOP"),
        (json!({"fromStop": "#99"}), 422, "UNKNOWN_STOP"),
        (json!({"toStop": coach["stops"][0]["id"]}), 422, "STOP_ORDER"),
    ];
    for (change, status, code) in rows {
        city.command("book", &ada, &hold_of(&coach, change)).await.is(status, code);
    }
    let ghost = json!({"bookingId": nowhere, "paymentId": "p"});
    city.command("confirm", &ada, &ghost).await.is(404, "BOOKING_NOT_FOUND");
    city.command("cancel", &ada, &json!({"bookingId": nowhere})).await.is(404, "BOOKING_NOT_FOUND");
    for (path, code) in [
        (format!("/api/routes/{nowhere}"), "ROUTE_NOT_FOUND"),
        ("/api/routes/nowhere/schedules".into(), "ROUTE_NOT_FOUND"),
        (format!("/api/schedules/{nowhere}"), "SCHEDULE_NOT_FOUND"),
        ("/api/schedules/nowhere/seats".into(), "SCHEDULE_NOT_FOUND"),
        ("/api/tickets/queries/nowhere".into(), "BOOKING_NOT_FOUND"),
        ("/api/nowhere".into(), "NOT_FOUND"),
    ] {
        city.get(&path, Some(&ada), "").await.is(404, code);
    }
    city.send("DELETE", "/api/routes", None, &[], None).await.is(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn the_world_not_being_as_needed_is_409_with_the_facts() {
    let city = City::start().await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let coach = city.coach().await;
    for (price, currency) in [(json!(1), "USD"), (json!("24.99"), "USD"), (coach["price"].clone(), "EUR")] {
        let body = hold_of(&coach, json!({"price": price, "currency": currency}));
        let reply = city.command("book", &ada, &body).await;
        reply.is(409, "PRICE_MISMATCH");
        assert_eq!((&reply.detail()["field"], &reply.detail()["currency"]), (&json!("price"), &json!("USD")));
        assert_eq!(reply.detail()["fare"], coach["price"]);
        let exact = [r#""fare":25.00,"#, r#""fare":17.50,"#];
        assert!(exact.iter().any(|fare| reply.text.contains(fare)), "{}", reply.text);
    }
    let seat = hold_of(&coach, json!({"seatNumber": "A1"}));
    let id = city.command("book", &ada, &seat).await.id();
    // One's own seat, too: no hold is doubled.
    let taken = city.command("book", &ada, &seat).await;
    taken.is(409, "SEAT_TAKEN");
    assert_eq!((&taken.detail()["field"], &taken.detail()["seat"]), (&json!("seatNumber"), &json!("A1")));
    let other = city.command("book", &ada, &hold_of(&coach, json!({}))).await.id();
    let pay = |id: &str, payment: &str| json!({"bookingId": id, "paymentId": payment});
    assert_eq!(city.command("confirm", &service, &pay(&id, "p1")).await.status, 200);
    city.command("confirm", &service, &pay(&other, "p1")).await.is(409, "PAYMENT_USED");
    let twice = city.command("confirm", &service, &pay(&id, "p2")).await;
    twice.is(409, "INVALID_STATE");
    assert_eq!(twice.detail()["state"], "CONFIRMED");

    let app = city.running.app();
    let offering = find_offering(app, coach["id"].as_str().unwrap()).await.unwrap();
    let actor = Actor { name: "ops".into(), reason: Some("snow".into()), correlation_id: None };
    let plan = plan_cancel(app, offering, "snow").await.unwrap();
    execute_cancel(app, plan, &actor, &mut |_, _| {}).await.unwrap();
    let reply = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    reply.is(409, "OFFERING_CANCELLED");
}

#[tokio::test]
async fn a_departure_is_on_sale_until_it_leaves() {
    let clock = Clock::manual(Timestamp::parse("2026-11-20T09:30:00Z").unwrap());
    let hands = clock.clone();
    let city = City::start_with(|config| config.clock = clock).await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let departure = Timestamp::parse(coach["departureTime"].as_str().unwrap()).unwrap();
    hands.advance(departure.as_millis() - hands.now().as_millis() - 1);
    assert_eq!(city.command("book", &ada, &hold_of(&coach, json!({}))).await.status, 201);
    hands.advance(1);
    let late = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    late.is(409, "DEPARTED");
    assert_eq!(late.detail()["departureTime"], coach["departureTime"]);
    // From a stop that it has not reached yet it can still be booked.
    let on_the_way = json!({"fromStop": coach["stops"][1]["id"]});
    assert_eq!(city.command("book", &ada, &hold_of(&coach, on_the_way)).await.status, 201);
    let path = format!("/api/schedules/{}", coach["id"].as_str().unwrap());
    assert_eq!(city.get(&path, None, "Success_Schedule").await.data()["status"], "DEPARTED");
}

#[tokio::test]
async fn a_question_that_is_wrong_is_422_and_names_its_parameters() {
    let city = City::start().await;
    let ada = city.token("ada");
    let rows = [
        ("/api/tickets/queries/my-tickets?page=0", "page"),
        ("/api/tickets/queries/my-tickets?limit=101", "limit"),
        ("/api/tickets/queries/my-tickets?limit=0", "limit"),
        ("/api/tickets/queries/my-tickets?status=pending", "status"),
        ("/api/tickets/queries/my-tickets?user=bob", "user"),
        ("/api/tickets/queries/my-tickets?minPosition=x", "minPosition"),
        ("/api/tickets/queries/00000000-0000-0000-0000-000000000000?x=1", "x"),
        ("/api/routes?limit=1000", "limit"),
        ("/api/routes/X90?full=1", "full"),
        ("/api/routes/X90/schedules?date=tomorrow", "date"),
        ("/api/schedules/x?date=2026-11-20", "date"),
        ("/api/schedules/x/seats?from=1", "from"),
    ];
    for (path, field) in rows {
        let reply = city.get(path, Some(&ada), "").await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.detail()["field"], field, "{path}");
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let city = City::start_with(|config| config.http.rate_limit = RateLimit::parse("3/1h").unwrap()).await;
    for _ in 0..3 {
        assert_eq!(city.get("/api/routes", None, "Page_Route").await.status, 200);
    }
    let reply = city.get("/api/routes", None, "").await;
    reply.is(429, "RATE_LIMITED");
    assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(city.get("/api/health/ready", None, "Success_Readiness").await.status, 200);
}
