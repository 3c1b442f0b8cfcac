//! Venues, events, seats and orders over HTTP: what each call answers, to whom, and what it refuses.

use crate::support::{City, Reply};
use serde_json::{Value, json};
use ticketing_server::auth::Role;

/// Sends a command; a success must fit the shape.
async fn post(city: &City, path: &str, token: &str, key: Option<&str>, body: &Value, shape: &str) -> Reply {
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    let reply = city.send("POST", path, Some(token), &headers, Some(body.to_string())).await;
    if reply.status < 400 {
        city.assert_fits(&reply, shape);
        assert!(reply.json()["meta"]["position"].is_string(), "{}", reply.text);
    }
    reply
}

fn venue() -> Value {
    json!({
        "name": "Opera House", "city": "Riverton", "address": "2 High Street", "timezone": "America/Chicago",
        "externalId": "opera",
        "layout": {"sections": [
            {"name": "STALLS", "rows": 3, "seats": 5, "category": "GOLD"},
            {"name": "GALLERY", "rows": 2, "seats": 5},
            {"name": "STANDING", "seats": 10},
        ]},
    })
}

fn event(change: Value) -> Value {
    let mut body = json!({
        "venueId": "opera", "title": "Tosca", "eventType": "Opera", "startTime": "2031-05-01T19:30:00Z",
        "endTime": "2031-05-01T22:00:00Z", "price": 20.00, "currency": "USD",
        "priceCategories": [{"category": "gold", "price": "65.50"}],
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
            value => body[name] = value.clone(),
        }
    }
    body
}

struct House {
    city: City,
    ops: String,
    event: String,
}

async fn house() -> House {
    let city = City::start_with(|config| config.roles.saga = false).await;
    let ops = city.token_as("ops", Role::Operator);
    post(&city, "/v1/venues", &ops, None, &venue(), "Success_Venue").await;
    let made = post(&city, "/v1/events", &ops, None, &event(json!({})), "Success_Event").await;
    assert_eq!(made.status, 201, "{}", made.text);
    let event = made.id();
    let shown = city.get(&format!("/v1/events/{event}?{}", City::after(&made)), None, "Success_Event").await;
    assert_eq!(shown.data_text(), made.data_text());
    House { city, ops, event }
}

impl House {
    async fn reserve(&self, token: &str, body: Value) -> Reply {
        let mut body = body;
        body["eventId"] = json!(self.event);
        post(&self.city, "/v1/seats/reserve", token, None, &body, "Success_Reservation").await
    }

    async fn seats(&self, after: &Reply) -> Value {
        let path = format!("/v1/seats/availability?eventId={}&{}", self.event, City::after(after));
        let body = self.city.get(&path, None, "Success_Availability").await.data();
        let sum: i64 = ["sold", "held", "blocked", "free"].iter().map(|n| body[n].as_i64().unwrap()).sum();
        assert_eq!((body["total"].as_i64().unwrap(), body["seats"].as_array().unwrap().len()), (sum, 35));
        body
    }
}

#[tokio::test]
async fn operators_make_venues_and_events_and_everybody_finds_them() {
    let House { city, ops, event: id } = house().await;
    let ada = city.token("ada");
    post(&city, "/v1/venues", &ada, None, &venue(), "").await.is(403, "FORBIDDEN");
    post(&city, "/v1/events", &ada, None, &event(json!({})), "").await.is(403, "FORBIDDEN");
    city.send("POST", "/v1/venues", None, &[], Some(venue().to_string())).await.is(401, "UNAUTHORIZED");
    post(&city, "/v1/venues", &ops, None, &venue(), "").await.is(409, "ALREADY_EXISTS");
    for (field, wrong) in [
        ("layout", json!({"sections": [{"name": "A", "rows": 1, "seats": 0}]})),
        ("layout", json!("nowhere")),
        ("timezone", json!("Mars/Olympus")),
        ("name", json!("")),
    ] {
        let mut body = venue();
        (body[field], body["externalId"]) = (wrong, json!("other"));
        let reply = post(&city, "/v1/venues", &ops, None, &body, "").await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.detail()["field"], field, "{}", reply.text);
    }
    let found = city.get("/v1/venues/opera", None, "Success_Venue").await.data();
    assert_eq!((&found["capacity"], &found["sections"][2]["generalAdmission"]), (&json!(35), &json!(true)));
    let listed = city.get("/v1/venues?city=RIVERTON&limit=1", None, "Page_Venue").await;
    assert_eq!(listed.json()["pagination"]["total"], 3, "the demo has two");
    assert_eq!((&found["status"], &found["reason"]), (&json!("OPEN"), &Value::Null));
    city.get("/v1/venues/nowhere", None, "").await.is(404, "VENUE_NOT_FOUND");
    city.get("/v1/venues?town=x", None, "").await.is(422, "VALIDATION_FAILED");

    let reply = post(&city, "/v1/events", &ops, None, &event(json!({"venueId": "nowhere"})), "").await;
    reply.is(404, "VENUE_NOT_FOUND");
    for (field, change) in [
        ("endTime", json!({"endTime": "2031-05-01T19:30:00Z"})),
        ("priceCategories", json!({"priceCategories": [{"category": "BOX", "price": 1}]})),
        ("price", json!({"price": "1.234"})),
        ("startTime", json!({"startTime": "tomorrow"})),
        ("title", json!({"title": null})),
    ] {
        let reply = post(&city, "/v1/events", &ops, None, &event(change), "").await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.detail()["field"], field, "{}", reply.text);
    }
    let named = event(json!({"externalId": "tosca-1"}));
    let first = post(&city, "/v1/events", &ops, Some("k"), &named, "Success_Event").await;
    let again = post(&city, "/v1/events", &ops, Some("k"), &named, "Success_Event").await;
    assert_eq!((again.status, again.data_text()), (201, first.data_text()));
    assert_eq!(again.headers["idempotent-replay"], "true");
    post(&city, "/v1/events", &ops, None, &named, "").await.is(409, "ALREADY_EXISTS");
    post(&city, "/v1/events", &ops, Some("k"), &event(json!({})), "").await.is(422, "IDEMPOTENCY_KEY_REUSED");

    let total = async |query: &str| {
        let path = format!("/v1/events/search?{query}&{}", City::after(&first));
        city.get(&path, None, "Page_Event").await.json()["pagination"]["total"].as_u64().unwrap()
    };
    assert_eq!(total("q=tos&city=riverton&event_type=OPERA&status=ON_SALE").await, 2);
    assert_eq!(total("q=tosca&date=2031-05-01").await, 2);
    assert_eq!(total("q=tosca&from=2031-05-02T00:00:00Z").await, 0);
    assert_eq!(total("q=tosca&status=CANCELLED").await, 0);
    assert_eq!(total("q=tosca&status=ENDED").await, 0);
    // Ten in the evening in Chicago is the next day in UTC.
    let late =
        json!({"title": "Aida", "startTime": "2031-05-03T03:00:00Z", "endTime": "2031-05-03T05:00:00Z"});
    let late = post(&city, "/v1/events", &ops, None, &event(late), "Success_Event").await;
    assert_eq!(late.data()["date"], "2031-05-02");
    for (date, count) in [("2031-05-02", 1), ("2031-05-03", 0)] {
        let path = format!("/v1/events/search?q=aida&date={date}&{}", City::after(&late));
        let found = city.get(&path, None, "Page_Event").await;
        assert_eq!(found.json()["pagination"]["total"], count, "{date}");
    }
    let both = "/v1/events/search?date=2031-05-02&from=2031-05-02T00:00:00Z";
    city.get(both, None, "").await.is(422, "VALIDATION_FAILED");
    city.get("/v1/events/search?status=open", None, "").await.is(422, "VALIDATION_FAILED");
    city.get("/v1/events/nowhere", None, "").await.is(404, "EVENT_NOT_FOUND");
    let coach = city.coach().await["id"].as_str().unwrap().to_owned();
    city.get(&format!("/v1/events/{coach}"), None, "").await.is(404, "EVENT_NOT_FOUND");
    city.get("/v1/seats/availability", None, "").await.is(422, "VALIDATION_FAILED");
    city.get(&format!("/v1/seats/availability?eventId={coach}"), None, "").await.is(404, "EVENT_NOT_FOUND");
    assert_eq!(
        city.get("/v1/events/tosca-1", None, "Success_Event").await.data()["priceCategories"][0]["price"],
        65.5
    );
    assert_ne!(first.id(), id);
}

#[tokio::test]
async fn seats_are_reserved_allocated_and_released_by_their_own_buyer() {
    let house = house().await;
    let city = &house.city;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let service = city.token_as("box-office", Role::Service);
    let pair = house.reserve(&ada, json!({"seatIds": ["STALLS-A1", "gallery-b5"], "userId": "ada"})).await;
    assert_eq!(pair.status, 201, "{}", pair.text);
    let data = pair.data();
    assert_eq!((&data["totalAmount"], &data["status"]), (&json!(85.5), &json!("RESERVED")));
    assert_eq!(data["seatIds"], json!(["STALLS-A1", "GALLERY-B5"]));

    let taken = house.reserve(&bob, json!({"seatIds": ["STALLS-A2", "STALLS-A1"]})).await;
    taken.is(409, "SEAT_TAKEN");
    assert_eq!((&taken.detail()["field"], &taken.detail()["seat"]), (&json!("seatIds"), &json!("STALLS-A1")));
    house.reserve(&bob, json!({"seatIds": ["BOX-A1"]})).await.is(422, "UNKNOWN_SEAT");
    house.reserve(&bob, json!({"quantity": 1, "section": "BOX"})).await.is(422, "UNKNOWN_SECTION");
    house
        .reserve(&bob, json!({"quantity": 6, "together": true, "section": "STALLS"}))
        .await
        .is(409, "NO_SEATS_TOGETHER");
    let sold_out = house.reserve(&bob, json!({"quantity": 10, "section": "GALLERY"})).await;
    sold_out.is(409, "SOLD_OUT");
    assert_eq!(sold_out.json()["error"]["message"], "Not as many seats are free.");
    let eleven: Vec<String> = (1..=11).map(|n| format!("STANDING-{n}")).collect();
    house.reserve(&bob, json!({"seatIds": eleven})).await.is(422, "VALIDATION_FAILED");
    house.reserve(&bob, json!({"seatIds": ["STALLS-A2"], "userId": "ada"})).await.is(403, "FORBIDDEN");
    let coach = city.coach().await["id"].clone();
    let body = json!({"eventId": coach, "seatIds": ["A1"]});
    let departure = post(city, "/v1/seats/reserve", &bob, None, &body, "").await;
    departure.is(404, "EVENT_NOT_FOUND");
    assert_eq!(departure.detail()["field"], "eventId");
    let four = house.reserve(&service, json!({"quantity": 4, "together": true, "userId": "bob"})).await;
    assert_eq!(four.data()["seatIds"], json!(["STALLS-A2", "STALLS-A3", "STALLS-A4", "STALLS-A5"]));
    assert_eq!(four.data()["userId"], "bob");
    let seats = house.seats(&four).await;
    assert_eq!((&seats["held"], &seats["sold"], &seats["free"]), (&json!(6), &json!(0), &json!(29)));

    // Another's is none at all.
    let (of_ada, of_bob) = (pair.id(), four.id());
    for path in ["/v1/seats/allocate", "/v1/seats/release"] {
        let body = match path.ends_with("allocate") {
            true => json!({"reservationId": of_bob, "paymentId": "p"}),
            false => json!({"reservationId": of_bob}),
        };
        let reply = post(city, path, &ada, None, &body, "").await;
        reply.is(404, "RESERVATION_NOT_FOUND");
        assert_eq!(reply.detail()["field"], "reservationId");
    }
    // A buyer needs a payment; a service's word stands for one.
    let allocate = json!({"reservationId": of_ada, "paymentId": "cash-1"});
    let early = post(city, "/v1/seats/allocate", &ada, None, &allocate, "").await;
    assert!(early.status >= 400 && early.status < 500, "{}", early.text);
    let sold = post(city, "/v1/seats/allocate", &service, Some("a"), &allocate, "Success_Reservation").await;
    assert_eq!((sold.status, &sold.data()["status"]), (200, &json!("CONFIRMED")), "{}", sold.text);
    let again = post(city, "/v1/seats/allocate", &service, Some("a"), &allocate, "Success_Reservation").await;
    assert_eq!(again.data_text(), sold.data_text());
    let used = json!({"reservationId": of_bob, "paymentId": "cash-1"});
    post(city, "/v1/seats/allocate", &service, None, &used, "").await.is(409, "PAYMENT_USED");
    let released =
        post(city, "/v1/seats/release", &bob, None, &json!({"reservationId": of_bob}), "Success_Reservation")
            .await;
    assert_eq!(released.data()["status"], "CANCELLED");
    let twice = post(city, "/v1/seats/release", &bob, None, &json!({"reservationId": of_bob}), "").await;
    twice.is(409, "INVALID_STATE");
    assert!(twice.json()["error"]["message"].as_str().unwrap().contains("reservation"), "{}", twice.text);
    let seats = house.seats(&released).await;
    assert_eq!((&seats["held"], &seats["sold"]), (&json!(0), &json!(2)));

    // Orders are the caller's own, with a ticket for each seat once they are sold.
    let path = format!("/v1/orders?{}", City::after(&released));
    let orders = city.get(&path, Some(&ada), "Page_Order").await;
    assert_eq!(orders.json()["pagination"]["total"], 1);
    assert_eq!(orders.data()[0]["tickets"][1]["seatId"], "GALLERY-B5");
    let one = city.get(&format!("/v1/orders/{of_ada}"), Some(&ada), "Success_Order").await.data();
    assert_eq!(one["tickets"][0]["status"], "ISSUED");
    let cancelled = city.get(&format!("/v1/orders/{of_bob}"), Some(&bob), "Success_Order").await.data();
    assert_eq!(cancelled["tickets"], json!([]));
    city.get(&format!("/v1/orders/{of_ada}"), Some(&bob), "").await.is(404, "ORDER_NOT_FOUND");
    city.get(&format!("/v1/orders/{of_ada}"), Some(&service), "Success_Order").await;
    city.get("/v1/orders/nothing", Some(&ada), "").await.is(404, "ORDER_NOT_FOUND");
    city.get("/v1/orders", None, "").await.is(401, "UNAUTHORIZED");
    city.get("/v1/orders?status=open", Some(&ada), "").await.is(422, "VALIDATION_FAILED");
}

#[tokio::test]
async fn operators_keep_seats_back_and_withdraw_events() {
    let house = house().await;
    let (city, ops) = (&house.city, &house.ops);
    let ada = city.token("ada");
    let path = |verb: &str| format!("/v1/events/{}/{verb}", house.event);
    let held = house.reserve(&ada, json!({"seatIds": ["STALLS-A1"]})).await;
    let seats = |labels: &[&str]| json!({"seatIds": labels});
    for verb in ["block", "unblock"] {
        post(city, &path(verb), &ada, None, &seats(&["STALLS-A2"]), "").await.is(403, "FORBIDDEN");
        post(city, &path(verb), ops, None, &seats(&["BOX-1"]), "").await.is(422, "UNKNOWN_SEAT");
        post(city, &path(verb), ops, None, &json!({}), "").await.is(422, "VALIDATION_FAILED");
    }
    let both = post(city, &path("block"), ops, None, &seats(&["STALLS-A2", "STALLS-A1"]), "").await;
    both.is(409, "SEAT_TAKEN");
    let kept =
        post(city, &path("block"), ops, None, &seats(&["STALLS-A2", "STANDING-3"]), "Success_Event").await;
    assert_eq!((kept.status, &kept.data()["version"]), (200, &json!(2)), "{}", kept.text);
    let refused = house.reserve(&ada, json!({"seatIds": ["STALLS-A2"]})).await;
    refused.is(409, "SEAT_TAKEN");
    let said = refused.json()["error"]["message"].clone();
    assert_eq!(said, "Seat STALLS-A2 is kept back by the operator.");
    assert_eq!(house.seats(&kept).await["blocked"], 2);
    let free = post(city, &path("unblock"), ops, None, &seats(&["STALLS-A2"]), "Success_Event").await;
    assert_eq!(house.seats(&free).await["blocked"], 1);
    let sold = json!({"reservationId": held.id(), "paymentId": "cash-1"});
    post(city, "/v1/seats/allocate", ops, None, &sold, "Success_Reservation").await;
    let open = house.reserve(&ada, json!({"seatIds": ["STALLS-A2"]})).await;

    let why = json!({"reason": "the tenor is ill"});
    post(city, &path("cancel"), &ada, None, &why, "").await.is(403, "FORBIDDEN");
    post(city, &path("cancel"), ops, None, &json!({}), "").await.is(422, "VALIDATION_FAILED");
    post(city, "/v1/events/nowhere/cancel", ops, None, &why, "").await.is(404, "EVENT_NOT_FOUND");
    let gone = post(city, &path("cancel"), ops, Some("w"), &why, "Success_Event").await;
    assert_eq!((gone.status, &gone.data()["status"]), (200, &json!("CANCELLED")), "{}", gone.text);
    let again = post(city, &path("cancel"), ops, Some("w"), &why, "Success_Event").await;
    assert_eq!(again.data_text(), gone.data_text());
    let late = house.reserve(&ada, json!({"seatIds": ["STALLS-B1"]})).await;
    late.is(409, "OFFERING_CANCELLED");
    assert_eq!(late.json()["error"]["message"], "The event is cancelled.");
    assert_eq!(late.detail()["field"], "eventId");
    post(city, &path("block"), ops, None, &seats(&["STALLS-B1"]), "").await.is(409, "OFFERING_CANCELLED");
    post(city, &path("cancel"), ops, None, &why, "").await.is(409, "OFFERING_CANCELLED");
    let service = city.token_as("box-office", Role::Service);
    let began = std::time::Instant::now();
    loop {
        let paid =
            city.get(&format!("/v1/orders/{}", held.id()), Some(&service), "Success_Order").await.data();
        let other =
            city.get(&format!("/v1/orders/{}", open.id()), Some(&service), "Success_Order").await.data();
        if paid["refund"]["status"] == "PENDING" && other["status"] == "CANCELLED" {
            assert_eq!((&paid["reason"], &other["reason"]), (&why["reason"], &why["reason"]));
            assert_eq!(paid["tickets"][0]["status"], "VOID");
            break;
        }
        assert!(began.elapsed().as_secs() < 20, "{paid} {other}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn at_a_venue_that_is_closed_no_event_is_announced() {
    let House { city, ops, event: id } = house().await;
    let close = async || {
        let args = json!(["venue", "cancel", "opera", "--reason", "the lease ended", "--yes"]);
        let body = Some(json!({"args": args}).to_string());
        city.send("POST", "/api/admin/commands", Some(&ops), &[], body).await
    };
    let early = close().await;
    early.is(409, "VENUE_IN_USE");
    assert!(early.text.contains(&format!("ticketctl event cancel {id}")), "{}", early.text);
    let why = json!({"reason": "the lease ended"});
    let path = format!("/v1/events/{id}/cancel");
    assert_eq!(post(&city, &path, &ops, None, &why, "Success_Event").await.status, 200);
    let closed = close().await.data();
    assert_eq!((&closed["status"], &closed["reason"]), (&json!("CLOSED"), &why["reason"]));
    assert_eq!(city.get("/v1/venues/opera", None, "Success_Venue").await.data(), closed);
    let refused = post(&city, "/v1/events", &ops, None, &event(json!({})), "").await;
    refused.is(409, "VENUE_CLOSED");
    assert_eq!(refused.detail()["field"], "venueId");
}
