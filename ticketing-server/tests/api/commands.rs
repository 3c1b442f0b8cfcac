//! Book, reserve, confirm, cancel: what they answer, and to whom.

use crate::support::{City, hold_of};
use serde_json::json;
use ticketing_server::auth::Role;
use uuid::Uuid;

#[tokio::test]
async fn a_seat_is_booked_confirmed_and_cancelled() {
    // Nobody gives the money back meanwhile.
    let city = City::start_with(|config| config.roles.saga = false).await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let coach = city.coach().await;

    let booked = city.command("book", &ada, &hold_of(&coach, json!({"seatNumber": "A1"}))).await;
    assert_eq!(booked.status, 201, "{}", booked.text);
    let data = booked.data();
    assert_eq!((&data["status"], &data["seatNumber"]), (&json!("PENDING"), &json!("A1")));
    assert_eq!((&data["userId"], &data["scheduleId"]), (&json!("ada"), &coach["id"]));
    assert!(booked.text.contains(r#""price":25.00,"#) || booked.text.contains(r#""price":17.50,"#));
    assert!(!booked.headers.contains_key("idempotent-replay"));

    let id = booked.id();
    let paid = json!({"bookingId": id, "paymentId": "pay_1"});
    let confirmed = city.command("confirm", &service, &paid).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let data = confirmed.data();
    assert_eq!((&data["status"], &data["paymentId"]), (&json!("CONFIRMED"), &json!("pay_1")));
    assert!(data["confirmedAt"].is_string());
    let again = city.command("confirm", &service, &paid).await;
    assert_eq!((again.status, again.data_text()), (200, confirmed.data_text()));

    let cancel = json!({"bookingId": id, "reason": "ill"});
    let cancelled = city.command("cancel", &ada, &cancel).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    let data = cancelled.data();
    assert_eq!((&data["status"], &data["reason"]), (&json!("CANCELLED"), &json!("ill")));
    assert_eq!(data["refund"]["amount"], data["price"]);
    let path = format!("/api/tickets/queries/{id}?{}", City::after(&cancelled));
    let shown = city.get(&path, Some(&ada), "Success_TicketDetails").await.data();
    let history: Vec<&str> =
        shown["history"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(history, ["TicketBooked", "TicketConfirmed", "TicketCancelled", "RefundRequested"]);
    let refused = city.command("cancel", &ada, &cancel).await;
    refused.is(409, "INVALID_STATE");
    assert_eq!(
        (&refused.detail()["field"], &refused.detail()["state"]),
        (&json!("status"), &json!("CANCELLED"))
    );
    city.command("confirm", &service, &paid).await.is(409, "INVALID_STATE");

    // Its seat is free at once.
    let next = city.command("book", &city.token("bob"), &hold_of(&coach, json!({"seatNumber": "A1"}))).await;
    assert_eq!(next.status, 201, "{}", next.text);
    city.running.stop().await;
}

#[tokio::test]
async fn a_reservation_lasts_as_long_as_it_says_and_any_seat_will_do() {
    let city = City::start_with(|config| config.hold_seconds = 600).await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let seconds = |data: &serde_json::Value| {
        let at = |name: &str| {
            let text = data[name].as_str().unwrap();
            ticketing_core::domain::time::Timestamp::parse(text).unwrap().as_millis()
        };
        (at("holdExpiresAt") - at("createdAt")) / 1000
    };
    let held = city.command("reserve", &ada, &hold_of(&coach, json!({"holdSeconds": 60}))).await;
    assert_eq!((held.status, &held.data()["status"]), (201, &json!("RESERVED")));
    assert_eq!(seconds(&held.data()), 60);
    for name in ["book", "reserve"] {
        assert_eq!(seconds(&city.command(name, &ada, &hold_of(&coach, json!({}))).await.data()), 600);
    }
}

#[tokio::test]
async fn what_came_with_an_id_of_its_own_is_found_by_it() {
    let city = City::start().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    let dated =
        format!("{}/{}", coach["externalId"].as_str().unwrap(), coach["serviceDate"].as_str().unwrap());
    let rows = [
        json!({"routeId": "X90"}),
        json!({"scheduleId": dated}),
        json!({"routeId": "X90", "scheduleId": dated, "price": coach["price"].to_string(), "currency": null}),
    ];
    for row in rows {
        let booked = city.command("book", &ada, &hold_of(&coach, row.clone())).await;
        assert_eq!(booked.status, 201, "{row}: {}", booked.text);
        assert_eq!(booked.data()["scheduleId"], coach["id"]);
    }
    let ambiguous = hold_of(&coach, json!({"scheduleId": coach["externalId"]}));
    let reply = city.command("book", &ada, &ambiguous).await;
    reply.is(422, "AMBIGUOUS_ID");
    assert_eq!(reply.detail()["field"], "scheduleId");
}

#[tokio::test]
async fn two_passengers_share_a_seat_on_legs_that_do_not_overlap() {
    let city = City::start().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let coach = city.coach().await;
    let stop = |n: usize| coach["stops"][n]["id"].clone();
    let first = json!({"seatNumber": "B2", "toStop": stop(1)});
    let sequence = coach["stops"][1]["sequence"].as_u64().unwrap();
    let rest = json!({"seatNumber": "B2", "fromStop": format!("#{sequence}")});
    assert_eq!(city.command("book", &ada, &hold_of(&coach, first.clone())).await.status, 201);
    let second = city.command("book", &bob, &hold_of(&coach, rest)).await;
    assert_eq!(second.status, 201, "{}", second.text);
    city.command("book", &bob, &hold_of(&coach, first)).await.is(409, "SEAT_TAKEN");
    let whole = city.command("book", &bob, &hold_of(&coach, json!({"seatNumber": "B2"}))).await;
    whole.is(409, "SEAT_TAKEN");
    assert_eq!(whole.detail()["seat"], "B2");

    let path = |query: &str| format!("/api/schedules/{}/seats?{query}", coach["id"].as_str().unwrap());
    let query = City::after(&second);
    let map = city.get(&path(&query), None, "Success_SeatMap").await.data();
    assert_eq!(state_of(&map, "B2"), "held");
    assert_eq!(state_of(&map, "A1"), "free");
    assert_eq!(map["seats"].as_array().unwrap().len(), 52);
    let path = format!("/api/schedules/{}", coach["id"].as_str().unwrap());
    let listed = city.get(&path, None, "Success_Schedule").await.data();
    assert_eq!((&listed["seatsTotal"], &listed["seatsLeft"]), (&json!(52), &json!(51)));
}

pub fn state_of(map: &serde_json::Value, label: &str) -> String {
    let seats = map["seats"].as_array().unwrap();
    let seat = seats.iter().find(|seat| seat["seatNumber"] == label).unwrap();
    seat["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_buyer_touches_nothing_of_others() {
    let city = City::start().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let coach = city.coach().await;
    let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
    let id = booked.id();
    let confirm = json!({"bookingId": id, "paymentId": "p"});
    city.command("confirm", &bob, &confirm).await.is(404, "BOOKING_NOT_FOUND");
    city.command("cancel", &bob, &json!({"bookingId": id})).await.is(404, "BOOKING_NOT_FOUND");
    let path = format!("/api/tickets/queries/{id}?{}", City::after(&booked));
    city.get(&path, Some(&bob), "Success_TicketDetails").await.is(404, "BOOKING_NOT_FOUND");
    // The same words as for a booking that never was.
    let nobody = format!("/api/tickets/queries/{}", Uuid::nil());
    city.get(&nobody, Some(&bob), "Success_TicketDetails").await.is(404, "BOOKING_NOT_FOUND");
    for role in [Role::Service, Role::Operator, Role::Admin] {
        let token = city.token_as("staff", role);
        assert_eq!(city.get(&path, Some(&token), "Success_TicketDetails").await.status, 200, "{role}");
    }
    for (n, role) in [Role::Service, Role::Operator, Role::Admin].into_iter().enumerate() {
        let token = city.token_as("staff", role);
        let id = city.command("book", &ada, &hold_of(&coach, json!({}))).await.id();
        let paid = json!({"bookingId": id, "paymentId": format!("pay_{n}")});
        assert_eq!(city.command("confirm", &token, &paid).await.status, 200, "{role}");
        let cancelled = city.command("cancel", &token, &json!({"bookingId": id})).await;
        assert_eq!(cancelled.data()["status"], "CANCELLED", "{role}");
    }
}
