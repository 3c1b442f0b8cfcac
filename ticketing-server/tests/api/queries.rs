//! Routes, departures, seat maps, tickets: what is shown, page by page.

use crate::commands::state_of;
use crate::support::{City, hold_of};
use serde_json::{Value, json};
use std::time::Instant;
use ticketing_server::auth::Role;

#[tokio::test]
async fn the_network_is_open_to_everybody() {
    let city = City::start().await;
    let routes = city.get("/api/routes", None, "Page_Route").await;
    let found = routes.data().as_array().unwrap().clone();
    assert!(found.len() >= 4, "{}", routes.text);
    assert_eq!(routes.json()["pagination"]["total"], found.len());
    let names: Vec<&str> = found.iter().map(|route| route["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let coach = found.iter().find(|route| route["shortName"] == "X90").unwrap();
    for id in [coach["id"].as_str().unwrap(), coach["externalId"].as_str().unwrap()] {
        let one = city.get(&format!("/api/routes/{id}"), None, "Success_Route").await;
        assert_eq!(one.data(), *coach);
        assert!(one.text.contains(r#""price":25.00"#), "{}", one.text);
    }

    let all = city.schedules("X90").await;
    let times: Vec<&str> = all.iter().map(|s| s["departureTime"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    let one = &all[0];
    let path = format!("/api/routes/X90/schedules?date={}", one["serviceDate"].as_str().unwrap());
    let day = city.get(&path, None, "Page_Schedule").await.data();
    assert!(day.as_array().unwrap().iter().all(|s| s["serviceDate"] == one["serviceDate"]));
    assert!(day.as_array().unwrap().contains(one));
    let path = format!("/api/schedules/{}", one["id"].as_str().unwrap());
    assert_eq!(city.get(&path, None, "Success_Schedule").await.data(), *one);
    let dated = format!("{}%2F{}", one["externalId"].as_str().unwrap(), one["serviceDate"].as_str().unwrap());
    let by_external = city.get(&format!("/api/schedules/{dated}"), None, "Success_Schedule").await;
    assert_eq!(by_external.data(), *one);
    let empty = city.get("/api/routes/X90/schedules?date=2001-01-01", None, "Page_Schedule").await;
    assert_eq!((empty.status, empty.data()), (200, json!([])));
}

#[tokio::test]
async fn a_seat_map_shows_the_strongest_state_on_the_legs_asked_for() {
    let city = City::start().await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let bus = city.schedules("4").await.remove(0);
    let stop = |n: usize| bus["stops"][n]["externalId"].clone();
    // A2 is sold on the first leg and held on the last one.
    let first = json!({"seatNumber": "A2", "toStop": stop(1)});
    let id = city.command("book", &ada, &hold_of(&bus, first)).await.id();
    let paid = city.command("confirm", &service, &json!({"bookingId": id, "paymentId": "p"})).await;
    assert_eq!(paid.status, 200, "{}", paid.text);
    let last = json!({"seatNumber": "A2", "fromStop": stop(4)});
    let held = city.command("book", &ada, &hold_of(&bus, last)).await;
    assert_eq!(held.status, 201, "{}", held.text);

    let text = |n: usize| stop(n).as_str().unwrap().to_owned();
    let rows = [
        (String::new(), "sold"),
        (format!("&toStop={}", text(1)), "sold"),
        (format!("&fromStop={}&toStop={}", text(1), text(4)), "free"),
        (format!("&fromStop={}", text(4)), "held"),
        (format!("&fromStop={}", text(2)), "held"),
    ];
    let path = format!("/api/schedules/{}/seats?{}", bus["id"].as_str().unwrap(), City::after(&held));
    for (legs, state) in rows {
        let map = city.get(&format!("{path}{legs}"), None, "Success_SeatMap").await.data();
        assert_eq!(state_of(&map, "A2"), state, "{legs}");
        assert_eq!(state_of(&map, "A1"), "blocked");
        assert_eq!(state_of(&map, "D4"), "free");
    }
    city.get(&format!("{path}&toStop=nowhere"), None, "").await.is(422, "UNKNOWN_STOP");
    let backwards = format!("{path}&fromStop={}&toStop={}", text(3), text(2));
    city.get(&backwards, None, "").await.is(422, "STOP_ORDER");
}

#[tokio::test]
async fn a_buyer_sees_own_tickets_newest_first_by_state_and_page() {
    let city = City::start().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let coach = city.coach().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.insert(0, city.command("book", &ada, &hold_of(&coach, json!({}))).await.id());
    }
    let last = city.command("cancel", &ada, &json!({"bookingId": ids[3]})).await;
    let mine = async |query: &str| {
        let path = format!("/api/tickets/queries/my-tickets?{query}");
        city.get(&path, Some(&ada), "Page_Ticket").await
    };
    let seen = |reply: &crate::support::Reply| -> Vec<String> {
        let data = reply.data();
        data.as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = mine(&City::after(&last)).await;
    assert_eq!(seen(&first), ids[..10]);
    assert_eq!(first.json()["pagination"], json!({"page": 1, "limit": 10, "total": 12, "totalPages": 2}));
    assert_eq!(seen(&mine("page=2").await), ids[10..]);
    assert_eq!(seen(&mine("limit=5&page=3").await), ids[10..]);
    assert_eq!(seen(&mine("status=CANCELLED").await), ids[3..4]);
    assert_eq!(mine("status=PENDING").await.json()["pagination"]["total"], 11);
    assert_eq!(seen(&mine("status=CONFIRMED").await), Vec::<String>::new());
    let ticket = &first.data()[0];
    assert_eq!(ticket["originStop"], coach["stops"][0]["name"]);
    assert_eq!(ticket["departureTime"], coach["departureTime"]);
    for past in ["page=3", "page=4294967296", "page=999999999999"] {
        let reply = mine(past).await;
        assert_eq!((reply.data(), &reply.json()["pagination"]["total"]), (json!([]), &json!(12)), "{past}");
        assert_eq!(past, format!("page={}", reply.json()["pagination"]["page"]));
    }
    let none = city.get("/api/tickets/queries/my-tickets", Some(&bob), "Page_Ticket").await;
    assert_eq!((none.data(), &none.json()["pagination"]["total"]), (json!([]), &json!(0)));
}

#[tokio::test]
async fn a_ticket_tells_its_whole_story() {
    let city = City::start().await;
    let (ada, service) = (city.token("ada"), city.token_as("payments", Role::Service));
    let coach = city.coach().await;
    let body = hold_of(&coach, json!({"passengerPhone": "+1 423 555 0100"}));
    let id = city.command("book", &ada, &body).await.id();
    let paid = city.command("confirm", &service, &json!({"bookingId": id, "paymentId": "pay_9"})).await;
    let path = format!("/api/tickets/queries/{id}?{}", City::after(&paid));
    let shown = city.get(&path, Some(&ada), "Success_TicketDetails").await.data();
    let passenger = json!({"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+1 423 555 0100"});
    assert_eq!(shown["passenger"], passenger);
    assert_eq!((&shown["payment"]["id"], &shown["payment"]["amount"]), (&json!("pay_9"), &coach["price"]));
    let story: Vec<(&Value, &Value)> =
        shown["history"].as_array().unwrap().iter().map(|h| (&h["type"], &h["actor"])).collect();
    let (booked, confirmed) = (json!("TicketBooked"), json!("TicketConfirmed"));
    assert_eq!(story, [(&booked, &json!("ada")), (&confirmed, &json!("payments"))]);
    assert_eq!(shown["history"][1]["position"], paid.json()["meta"]["position"]);
}

#[tokio::test]
async fn what_was_just_written_can_be_read_and_what_never_will_be_is_not_waited_for_long() {
    let city = City::start().await;
    let ada = city.token("ada");
    let coach = city.coach().await;
    for total in 1..=20 {
        let booked = city.command("book", &ada, &hold_of(&coach, json!({}))).await;
        let path = format!("/api/tickets/queries/my-tickets?{}", City::after(&booked));
        let mine = city.get(&path, Some(&ada), "Page_Ticket").await;
        assert_eq!(mine.json()["pagination"]["total"], total);
        assert_eq!(mine.data()[0]["id"], booked.id());
    }
    for path in [
        "/api/tickets/queries/my-tickets?minPosition=999999999999".to_owned(),
        format!("/api/schedules/{}?minPosition=18446744073709551615", coach["id"].as_str().unwrap()),
    ] {
        let began = Instant::now();
        let behind = city.get(&path, Some(&ada), "").await;
        behind.is(503, "READ_MODEL_BEHIND");
        assert_eq!(behind.headers["retry-after"], "1");
        assert!((1.9..4.0).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
    }
}
