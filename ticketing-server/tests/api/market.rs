//! The marketplace: tickets are put up, edited, found, ordered, paid and given back; and who may do what.

use crate::payments::{declined, quiet_city};
use crate::postgres::database;
use crate::support::{City, Reply};
use serde_json::{Value, json};
use ticketing_core::clock::Clock;
use ticketing_core::domain::time::Timestamp;
use ticketing_server::auth::Role;
use uuid::Uuid;

async fn post(city: &City, path: &str, token: &str, body: &Value, shape: &str) -> Reply {
    send(city, "POST", path, token, &[], Some(body), shape).await
}

async fn send(
    city: &City,
    method: &str,
    path: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
    shape: &str,
) -> Reply {
    let reply = city.send(method, path, Some(token), headers, body.map(Value::to_string)).await;
    if reply.status < 400 {
        city.assert_fits(&reply, shape);
        assert!(reply.json()["meta"]["position"].is_string(), "{}", reply.text);
    }
    reply
}

async fn sell(city: &City, token: &str, title: &str, price: &str) -> Reply {
    let body = json!({"title": title, "price": price});
    post(city, "/api/tickets", token, &body, "Success_Listing").await
}

async fn order(city: &City, token: &str, ticket: &str) -> Reply {
    post(city, "/api/orders", token, &json!({"ticketId": ticket}), "Success_ListingOrder").await
}

async fn pay(city: &City, token: &str, order: &str, card: &str) -> Reply {
    let body = json!({"orderId": order, "token": card});
    post(city, "/api/payments", token, &body, "Success_OrderPayment").await
}

async fn shown(city: &City, path: &str, after: &Reply, token: Option<&str>, shape: &str) -> Value {
    let join = if path.contains('?') { '&' } else { '?' };
    let reply = city.get(&format!("{path}{join}{}", City::after(after)), token, shape).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.data()
}

#[tokio::test]
async fn a_ticket_is_listed_found_ordered_and_paid() {
    a_sale(&City::start().await).await;
}

#[tokio::test]
async fn a_ticket_is_listed_found_ordered_and_paid_on_postgres() {
    let Some(database) = database().await else { return };
    let city = City::start_with(|config| config.stores.database_url = Some(database.url())).await;
    a_sale(&city).await;
    city.running.stop().await;
}

async fn a_sale(city: &City) {
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let listed = sell(city, &ada, "Two nights of jazz", "25").await;
    assert_eq!(listed.status, 201, "{}", listed.text);
    let data = listed.data();
    assert_eq!((&data["price"], &data["status"]), (&json!("25.00"), &json!("open")));
    assert_eq!((&data["userId"], &data["version"]), (&json!("ada"), &json!(1)));
    let ticket = listed.id();
    let one = format!("/api/tickets/{ticket}");
    // What everybody reads is what its seller was answered, to the millisecond.
    assert_eq!(shown(city, &one, &listed, None, "Success_Listing").await, data);
    assert_eq!(shown(city, "/api/tickets?text=JAZ", &listed, None, "Page_Listing").await, json!([data]));

    let ordered = order(city, &bob, &ticket).await;
    assert_eq!(ordered.status, 201, "{}", ordered.text);
    let data = ordered.data();
    assert_eq!((&data["status"], &data["ticket"]["id"]), (&json!("created"), &json!(ticket)));
    assert_eq!(data["ticket"]["title"], "Two nights of jazz");
    assert_eq!(shown(city, &one, &ordered, None, "Success_Listing").await["status"], "reserved");
    assert_eq!(shown(city, "/api/tickets", &ordered, None, "Page_Listing").await, json!([]));
    let path = format!("/api/orders/{}", ordered.id());
    assert_eq!(shown(city, &path, &ordered, Some(&bob), "Success_ListingOrder").await, data);
    let own = shown(city, "/api/orders", &ordered, Some(&bob), "Page_ListingOrder").await;
    assert_eq!(own, json!([data]));

    let refused = pay(city, &bob, &ordered.id(), "tok_chargeDeclined").await;
    assert_eq!((refused.status, &refused.data()["status"]), (201, &json!("FAILED")), "{}", refused.text);
    assert!(refused.data()["failure"].as_str().unwrap().starts_with("card_declined"));
    assert_eq!(refused.data()["order"]["status"], "created", "another card can be tried");
    let paid = pay(city, &bob, &ordered.id(), "tok_visa").await;
    assert_eq!((paid.status, &paid.data()["status"]), (201, &json!("SUCCESS")), "{}", paid.text);
    let data = paid.data();
    assert_eq!((&data["amount"], &data["orderId"]), (&json!("25.00"), &json!(ordered.id())));
    assert_eq!(data["order"]["status"], "complete");
    assert_eq!(data["order"]["paymentId"], data["id"]);
    assert_eq!(shown(city, &path, &paid, Some(&bob), "Success_ListingOrder").await, data["order"]);
    assert_eq!(shown(city, &one, &paid, None, "Success_Listing").await["status"], "sold");
    let sold = shown(city, "/api/tickets?status=sold&seller=ada", &paid, None, "Page_Listing").await;
    assert_eq!(sold[0]["id"], json!(ticket));
    order(city, &city.token("eve"), &ticket).await.is(409, "SOLD_OUT");
    pay(city, &bob, &ordered.id(), "tok_visa").await.is(409, "INVALID_STATE");

    let back = send(city, "DELETE", &path, &bob, &[], None, "Success_ListingOrder").await;
    assert_eq!((back.status, &back.data()["status"]), (200, &json!("cancelled")), "{}", back.text);
    assert_eq!(back.data()["refund"], json!({"status": "PENDING", "amount": "25.00", "currency": "USD"}));
    assert_eq!(shown(city, &one, &back, None, "Success_Listing").await["status"], "open");
}

#[tokio::test]
async fn only_its_seller_edits_a_listing_and_nobody_a_held_one() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let ticket = sell(&city, &ada, "Jazz", "25.00").await.id();
    let path = format!("/api/tickets/{ticket}");
    let edit = async |token: &str, headers: &[(&str, &str)], body: Value| {
        send(&city, "PUT", &path, token, headers, Some(&body), "Success_Listing").await
    };
    // Another's is unknown, whoever asks.
    let body = json!({"title": "Mine", "price": "1"});
    edit(&bob, &[], body.clone()).await.is(404, "TICKET_NOT_FOUND");
    edit(&city.token_as("olga", Role::Operator), &[], body.clone()).await.is(404, "TICKET_NOT_FOUND");
    let nobodys = format!("/api/tickets/{}", Uuid::now_v7());
    for path in [nobodys.as_str(), "/api/tickets/none"] {
        send(&city, "PUT", path, &ada, &[], Some(&body), "").await.is(404, "TICKET_NOT_FOUND");
    }
    // A departure is no listing.
    let coach = city.coach().await["id"].as_str().unwrap().to_owned();
    let departure = format!("/api/tickets/{coach}");
    send(&city, "PUT", &departure, &ada, &[], Some(&body), "").await.is(404, "TICKET_NOT_FOUND");
    city.get(&departure, None, "").await.is(404, "TICKET_NOT_FOUND");
    order(&city, &bob, &coach).await.is(404, "TICKET_NOT_FOUND");

    let edited = edit(&ada, &[("if-match", "\"1\"")], json!({"title": "Jazz!", "price": 30})).await;
    assert_eq!((edited.status, &edited.data()["version"]), (200, &json!(2)), "{}", edited.text);
    assert_eq!((&edited.data()["price"], &edited.data()["title"]), (&json!("30.00"), &json!("Jazz!")));
    assert_eq!(shown(&city, &path, &edited, None, "Success_Listing").await, edited.data());
    for (headers, body) in [
        (vec![("if-match", "\"1\"")], json!({"title": "x", "price": "1"})),
        (vec![], json!({"title": "x", "price": "1", "version": 1})),
    ] {
        let reply = edit(&ada, &headers, body).await;
        reply.is(409, "VERSION_CONFLICT");
        assert_eq!(reply.detail()["version"], 2);
    }
    edit(&ada, &[("if-match", "x")], json!({"title": "x", "price": "1"})).await.is(422, "VALIDATION_FAILED");
    edit(&ada, &[], json!({"title": "x", "price": "1.005"})).await.is(422, "VALIDATION_FAILED");

    // An order keeps its price, and the listing is locked while it holds it.
    let ordered = order(&city, &bob, &ticket).await;
    edit(&ada, &[], json!({"title": "x", "price": "99"})).await.is(409, "TICKET_LOCKED");
    let cancel = format!("/api/orders/{}", ordered.id());
    send(&city, "DELETE", &cancel, &bob, &[], None, "Success_ListingOrder").await;
    let dearer = edit(&ada, &[], json!({"title": "x", "price": "99"})).await;
    assert_eq!(dearer.status, 200, "{}", dearer.text);
    let order_path = format!("/api/orders/{}", ordered.id());
    let order = shown(&city, &order_path, &dearer, Some(&bob), "Success_ListingOrder").await;
    assert_eq!((&order["price"], &order["ticket"]["price"]), (&json!("30.00"), &json!("30.00")));
}

#[tokio::test]
async fn anothers_order_is_unknown_and_nobody_orders_their_own() {
    let city = quiet_city().await;
    let (ada, bob, eve) = (city.token("ada"), city.token("bob"), city.token("eve"));
    let ticket = sell(&city, &ada, "Jazz", "25.00").await.id();
    order(&city, &ada, &ticket).await.is(422, "OWN_LISTING");
    order(&city, &bob, &Uuid::now_v7().to_string()).await.is(404, "TICKET_NOT_FOUND");
    let ordered = order(&city, &bob, &ticket).await;
    order(&city, &eve, &ticket).await.is(409, "SOLD_OUT");
    order(&city, &bob, &ticket).await.is(409, "SOLD_OUT");
    let path = format!("/api/orders/{}", ordered.id());
    let other = format!("/api/orders/{}", Uuid::now_v7());
    let after = City::after(&ordered);
    for who in [&eve, &ada, &city.token_as("olga", Role::Operator)] {
        for path in [&path, &other] {
            city.get(&format!("{path}?{after}"), Some(who), "").await.is(404, "ORDER_NOT_FOUND");
            send(&city, "DELETE", path, who, &[], None, "").await.is(404, "ORDER_NOT_FOUND");
        }
        pay(&city, who, &ordered.id(), "tok_visa").await.is(404, "ORDER_NOT_FOUND");
        let own = city.get(&format!("/api/orders?{after}"), Some(who), "Page_ListingOrder").await;
        assert_eq!(own.data(), json!([]));
    }
    // A ticket of a bus is no order.
    let coach = city.coach().await;
    let bus = city.command("book", &bob, &crate::support::hold_of(&coach, json!({}))).await;
    let bus_path = format!("/api/orders/{}", bus.id());
    city.get(&format!("{bus_path}?{}", City::after(&bus)), Some(&bob), "").await.is(404, "ORDER_NOT_FOUND");
    send(&city, "DELETE", &bus_path, &bob, &[], None, "").await.is(404, "ORDER_NOT_FOUND");
    pay(&city, &bob, &bus.id(), "tok_visa").await.is(404, "ORDER_NOT_FOUND");
    // Nor is an order a ticket of a bus.
    let tickets = format!("/api/tickets/queries/my-tickets?{}", City::after(&bus));
    let mine = city.get(&tickets, Some(&bob), "Page_Ticket").await.data();
    assert_eq!(mine.as_array().unwrap().len(), 1);

    for path in ["/api/orders", path.as_str()] {
        city.send("GET", path, None, &[], None).await.is(401, "UNAUTHORIZED");
    }
    for (method, path) in [
        ("POST", "/api/tickets"),
        ("PUT", "/api/tickets/x"),
        ("POST", "/api/orders"),
        ("DELETE", "/api/orders/x"),
        ("POST", "/api/payments"),
    ] {
        city.send(method, path, None, &[], Some("{}".into())).await.is(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named_field_by_field() {
    let city = quiet_city().await;
    let ada = city.token("ada");
    let rows: [(&str, Value, &[&str]); 7] = [
        ("/api/tickets", json!({}), &["title", "price"]),
        (
            "/api/tickets",
            json!({"title": "", "price": "0", "currency": "X"}),
            &["title", "currency", "price"],
        ),
        ("/api/tickets", json!({"title": 1, "price": "1.001", "more": 1}), &["title", "price", "more"]),
        ("/api/orders", json!({}), &["ticketId"]),
        ("/api/orders", json!({"ticketId": "x", "price": 1}), &["ticketId", "price"]),
        ("/api/payments", json!({}), &["orderId", "token"]),
        ("/api/payments", json!({"orderId": "x", "token": "a b"}), &["orderId", "token"]),
    ];
    for (path, body, fields) in rows {
        let reply = post(&city, path, &ada, &body, "").await;
        reply.is(422, "VALIDATION_FAILED");
        let details = reply.json()["error"]["details"].as_array().unwrap().clone();
        let named: Vec<&str> = details.iter().map(|d| d["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{path} {body}");
    }
    for query in ["status=gone", "order=x", "minPrice=x", "limit=0", "what=1"] {
        city.get(&format!("/api/tickets?{query}"), None, "").await.is(422, "VALIDATION_FAILED");
    }
    city.get("/api/tickets/none", None, "").await.is(404, "TICKET_NOT_FOUND");
    // The transit calls beside them are as they were.
    city.get("/api/tickets/commands", None, "").await.is(404, "TICKET_NOT_FOUND");
    city.send("GET", "/api/tickets/commands/book", None, &[], None).await.is(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn the_same_request_with_its_key_is_done_once() {
    let city = City::start().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let twice = async |method: &str, path: &str, token: &str, key: &str, body: Option<Value>, shape: &str| {
        let key = [("idempotency-key", key)];
        let first = send(&city, method, path, token, &key, body.as_ref(), shape).await;
        assert!(first.status < 300, "{}", first.text);
        let again = send(&city, method, path, token, &key, body.as_ref(), shape).await;
        assert_eq!((again.status, again.data_text()), (first.status, first.data_text()), "{method} {path}");
        assert_eq!(again.json()["meta"]["position"], first.json()["meta"]["position"]);
        assert_eq!(again.headers["idempotent-replay"], "true");
        first
    };
    let body = json!({"title": "Jazz", "price": "25.00"});
    let ticket = twice("POST", "/api/tickets", &ada, "k-1", Some(body), "Success_Listing").await.id();
    let path = format!("/api/tickets/{ticket}");
    let body = json!({"title": "Jazz!", "price": "26.00", "version": 1});
    twice("PUT", &path, &ada, "k-2", Some(body), "Success_Listing").await;
    let body = json!({"ticketId": ticket});
    let order = twice("POST", "/api/orders", &bob, "k-3", Some(body), "Success_ListingOrder").await.id();
    let body = json!({"orderId": order, "token": "tok_chargeDeclined"});
    let failed = twice("POST", "/api/payments", &bob, "k-4", Some(body), "Success_OrderPayment").await;
    assert_eq!(failed.data()["status"], "FAILED");
    let body = json!({"orderId": order, "token": "tok_visa"});
    let paid = twice("POST", "/api/payments", &bob, "k-5", Some(body), "Success_OrderPayment").await;
    assert_eq!(paid.data()["status"], "SUCCESS");
    let path = format!("/api/orders/{order}");
    let back = twice("DELETE", &path, &bob, "k-6", None, "Success_ListingOrder").await;
    let other = [("idempotency-key", "k-1")];
    let body = json!({"title": "Rock", "price": "1"});
    let reused = send(&city, "POST", "/api/tickets", &ada, &other, Some(&body), "").await;
    reused.is(422, "IDEMPOTENCY_KEY_REUSED");
    let all = shown(&city, "/api/tickets?seller=ada", &back, None, "Page_Listing").await;
    assert_eq!(all.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_leaves_the_payment_under_way() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let ticket = sell(&city, &ada, "Jazz", "25.00").await.id();
    let ordered = order(&city, &bob, &ticket).await;
    let key = [("idempotency-key", "k")];
    let body = json!({"orderId": ordered.id(), "token": "tok_visa"});
    let first = send(&city, "POST", "/api/payments", &bob, &key, Some(&body), "Success_OrderPayment").await;
    assert_eq!((first.status, &first.data()["status"]), (202, &json!("PENDING")), "{}", first.text);
    assert_eq!(first.data()["order"]["status"], "awaiting:payment");
    pay(&city, &bob, &ordered.id(), "tok_visa").await.is(409, "PAYMENT_IN_PROGRESS");
    let path = format!("/api/orders/{}", ordered.id());
    let order = shown(&city, &path, &first, Some(&bob), "Success_ListingOrder").await;
    assert_eq!(order["status"], "awaiting:payment");
    // What was answered is answered again, also when it is over.
    let saga = crate::payments::saga_of(&ordered.id());
    let kind = ticketing_core::domain::payment::AttemptKind::Charge;
    crate::payments::answered(&city, saga, kind, declined).await;
    let again = send(&city, "POST", "/api/payments", &bob, &key, Some(&body), "Success_OrderPayment").await;
    assert_eq!((again.status, again.data_text()), (202, first.data_text()));
    assert!(!again.text.contains("tok_"), "a token is never shown");
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_frees_its_ticket() {
    let clock = Clock::manual(Timestamp::parse("2026-11-20T09:30:00Z").unwrap());
    let hands = clock.clone();
    let city = City::start_with(|config| {
        config.clock = clock;
        config.order_seconds = 60;
    })
    .await;
    let (ada, bob, eve) = (city.token("ada"), city.token("bob"), city.token("eve"));
    let ticket = sell(&city, &ada, "Jazz", "25.00").await.id();
    let ordered = order(&city, &bob, &ticket).await;
    assert_eq!(ordered.data()["expiresAt"], "2026-11-20T09:31:00.000Z");
    hands.advance(60_000);
    pay(&city, &bob, &ordered.id(), "tok_visa").await.is(409, "HOLD_EXPIRED");
    let path = format!("/api/orders/{}", ordered.id());
    assert_eq!(
        shown(&city, &path, &ordered, Some(&bob), "Success_ListingOrder").await["status"],
        "cancelled"
    );
    assert_eq!(order(&city, &eve, &ticket).await.status, 201);
}

#[tokio::test]
async fn listings_are_found_by_words_prices_sellers_and_in_their_order() {
    let city = quiet_city().await;
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    for (token, title, price) in
        [(&ada, "Jazz night", "30"), (&bob, "Jazz brunch", "10"), (&ada, "Rock night", "20")]
    {
        assert_eq!(sell(&city, token, title, price).await.status, 201);
    }
    let body = json!({"title": "Kabuki", "price": 2500, "currency": "JPY"});
    let last = post(&city, "/api/tickets", &ada, &body, "Success_Listing").await;
    assert_eq!(last.data()["price"], "2500");
    let titles = async |query: &str| -> Vec<String> {
        let found = shown(&city, &format!("/api/tickets?{query}"), &last, None, "Page_Listing").await;
        found.as_array().unwrap().iter().map(|l| l["title"].as_str().unwrap().to_owned()).collect()
    };
    let rows: [(&str, &[&str]); 11] = [
        ("", &["Kabuki", "Rock night", "Jazz brunch", "Jazz night"]),
        ("limit=2&page=2", &["Jazz brunch", "Jazz night"]),
        ("page=9", &[]),
        ("text=NIGHT", &["Rock night", "Jazz night"]),
        ("text=jaz+ni", &["Jazz night"]),
        ("text=-", &[]),
        ("seller=bob", &["Jazz brunch"]),
        ("order=price&currency=USD", &["Jazz brunch", "Rock night", "Jazz night"]),
        ("order=-price&minPrice=20", &["Jazz night", "Rock night"]),
        ("maxPrice=3000&currency=JPY", &["Kabuki"]),
        ("status=cancelled", &[]),
    ];
    for (query, expected) in rows {
        assert_eq!(titles(query).await, expected, "{query}");
    }
    let page = city.get(&format!("/api/tickets?limit=2&{}", City::after(&last)), None, "Page_Listing").await;
    let pagination = page.json()["pagination"].clone();
    assert_eq!(pagination, json!({"page": 1, "limit": 2, "total": 4, "totalPages": 2}));
}
