//! The seat is sold once, and the hold ends on time.

use crate::commands::state_of;
use crate::support::{City, Reply, hold_of};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::domain::time::Timestamp;
use ticketing_server::auth::Role;
use tokio::task::JoinSet;

/// Has so many buyers send the same booking at once.
async fn rush(city: &Arc<City>, buyers: usize, body: &Value) -> Vec<Reply> {
    let mut tasks = JoinSet::new();
    for n in 0..buyers {
        let (city, body) = (Arc::clone(city), body.clone());
        let token = city.token(&format!("buyer-{n}"));
        tasks.spawn(async move { city.command("book", &token, &body).await });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_buyers_of_the_last_seat_one_gets_it() {
    let city = Arc::new(City::start().await);
    let bus = city.schedules("4").await.remove(0);
    let total = bus["seatsTotal"].as_u64().unwrap();
    let ada = city.token("ada");
    for _ in 1..total {
        assert_eq!(city.command("book", &ada, &hold_of(&bus, json!({}))).await.status, 201);
    }
    let replies = rush(&city, 200, &hold_of(&bus, json!({}))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 199));
    lost.iter().for_each(|reply| reply.is(409, "SOLD_OUT"));

    let coach = city.coach().await;
    let replies = rush(&city, 200, &hold_of(&coach, json!({"seatNumber": "C7"}))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 199));
    lost.iter().for_each(|reply| reply.is(409, "SEAT_TAKEN"));

    assert_eq!(city.metric("seat_reservations_total").await, total as f64 + 1.0);
    assert_eq!(city.metric("seat_reservations_failed").await, 398.0);
    assert_eq!(city.metric("holds_open").await, total as f64 + 1.0);
    assert!(city.metric("engine_batch_commands_count").await >= 1.0);
    assert!(city.metric("engine_commit_seconds_count").await >= 1.0);
    let lag = Instant::now();
    while city.metric("projection_lag_events").await > 0.0 {
        assert!(lag.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(city.metric("projection_lag_seconds").await, 0.0);
}

#[tokio::test]
async fn a_hold_is_over_exactly_at_its_time_and_its_event_follows_within_a_second() {
    let city = City::start().await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let coach = city.coach().await;
    let body = hold_of(&coach, json!({"seatNumber": "A1", "holdSeconds": 1}));
    let held = city.command("reserve", &ada, &body).await;
    assert_eq!(held.status, 201, "{}", held.text);
    let (id, expires) =
        (held.id(), Timestamp::parse(held.data()["holdExpiresAt"].as_str().unwrap()).unwrap());
    let path = format!("/api/tickets/queries/{id}?{}", City::after(&held));

    // Until then it is held, and from then on it is not: the clock is the same on both sides.
    let mine = format!("/api/tickets/queries/my-tickets?{}", City::after(&held));
    loop {
        let before = Timestamp::parse(&now()).unwrap();
        let shown = city.get(&path, Some(&ada), "Success_TicketDetails").await.data()["status"].clone();
        let listed = city.get(&mine, Some(&ada), "Page_Ticket").await.data()[0]["status"].clone();
        let after = Timestamp::parse(&now()).unwrap();
        if after < expires {
            assert_eq!((shown, listed), (json!("RESERVED"), json!("RESERVED")));
        } else if before >= expires {
            assert_eq!((shown, listed), (json!("EXPIRED"), json!("EXPIRED")));
            break;
        }
    }
    for (name, token, body) in [
        ("confirm", &service, json!({"bookingId": id, "paymentId": "late"})),
        ("cancel", &ada, json!({"bookingId": id})),
    ] {
        let refused = city.command(name, token, &body).await;
        refused.is(409, "HOLD_EXPIRED");
        assert_eq!(
            (&refused.detail()["field"], &refused.detail()["state"]),
            (&json!("status"), &json!("EXPIRED"))
        );
    }
    let seats = format!("/api/schedules/{}/seats", coach["id"].as_str().unwrap());
    assert_eq!(state_of(&city.get(&seats, None, "Success_SeatMap").await.data(), "A1"), "free");
    let mine = city.get("/api/tickets/queries/my-tickets?status=EXPIRED", Some(&ada), "Page_Ticket").await;
    assert_eq!(mine.data()[0]["id"], id);

    let event = loop {
        let shown = city.get(&path, Some(&ada), "Success_TicketDetails").await.data();
        if let Some(event) = shown["history"].as_array().unwrap().get(1) {
            break event.clone();
        }
        let late_ms = Timestamp::parse(&now()).unwrap().as_millis() - expires.as_millis();
        assert!(late_ms < 5_000, "no event: {shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&event["type"], &event["actor"]), (&json!("TicketExpired"), &json!("system")));
    let written = Timestamp::parse(event["time"].as_str().unwrap()).unwrap();
    assert!((0..1000).contains(&(written.as_millis() - expires.as_millis())), "{event}");
    assert_eq!(city.metric("expired_reservations_released").await, 1.0);

    let next = city.command("book", &city.token("bob"), &hold_of(&coach, json!({"seatNumber": "A1"}))).await;
    assert_eq!(next.status, 201);
}

fn now() -> String {
    ticketing_core::clock::Clock::system().now().to_string()
}
