//! The marketplace as somebody else reads it from a broker: listed, edited, ordered, paid, given up, run out, taken
//! down; by the names and subjects that were promised, each stream in its order and with its versions.

use crate::rig::broker::{Published, Wire};
use crate::rig::platform::Platform;
use crate::rig::service::{address, client, left_out};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The broker has all by then.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);
/// An order that nobody pays ends after so long.
const ORDER_SECONDS: &str = "4";

/// Who calls the marketplace.
struct Caller {
    door: String,
    token: String,
}

impl Caller {
    fn of(platform: &Platform, user: &str) -> Self {
        let token = platform.run(&["user", "token", user]).ok().out.trim().to_owned();
        Self { door: platform.doors.read().unwrap()[0].clone(), token }
    }

    /// Sends a request that succeeds, and returns what is answered.
    async fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = client().build().unwrap().request(method, format!("{}{path}", self.door));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str::<Value>(&text).unwrap()["data"].clone()
    }

    async fn list(&self, title: &str, price: &str) -> String {
        let body = json!({"title": title, "price": price});
        id(&self.send("POST", "/api/tickets", body).await)
    }

    async fn order(&self, ticket: &str) -> String {
        id(&self.send("POST", "/api/orders", json!({"ticketId": ticket})).await)
    }
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// All of a stream as it was published, each version once, in the order of the wire.
fn story<'a>(records: &'a [Published], key: &str) -> Vec<(&'a str, i64, &'a Published)> {
    let mut found: Vec<(&str, i64, &Published)> = Vec::new();
    for record in records.iter().filter(|record| record.key == key) {
        let version: i64 = record.headers["streamVersion"].parse().unwrap();
        if found.last().is_none_or(|(_, last, _)| *last < version) {
            found.push((record.headers["ce_type"].as_str(), version, record));
        }
    }
    found
}

fn names<'a>(story: &[(&'a str, i64, &Published)]) -> Vec<&'a str> {
    let versions: Vec<i64> = story.iter().map(|(_, version, _)| *version).collect();
    let gapless: Vec<i64> = (1..).take(versions.len()).collect();
    assert_eq!(versions, gapless, "{story:?}");
    story.iter().map(|(name, ..)| *name).collect()
}

async fn a_sale_is_told_to_others(carrier: (&str, &str), wire: impl FnOnce(String) -> Wire) {
    let prefix = format!("m{}-", Uuid::new_v4().simple());
    let platform = Platform::new(&[
        carrier,
        ("TOPIC_PREFIX", prefix.as_str()),
        ("PAYMENT_PROVIDER", "simulated"),
        ("ORDER_SECONDS", ORDER_SECONDS),
    ]);
    platform.start("api,relay,projector,saga,expiry");
    let (sam, ben) = (Caller::of(&platform, "sam"), Caller::of(&platform, "ben"));

    let ticket = sam.list("Jazz", "25.00").await;
    let edit = json!({"title": "Jazz, row 5", "price": "30.00", "version": 1});
    sam.send("PUT", &format!("/api/tickets/{ticket}"), edit).await;
    let bought = ben.order(&ticket).await;
    let paid = ben.send("POST", "/api/payments", json!({"orderId": bought, "token": "tok_visa"})).await;
    assert_eq!(paid["status"], "SUCCESS", "{paid}");

    let other = sam.list("Rock", "10.00").await;
    let given_up = ben.order(&other).await;
    ben.send("DELETE", &format!("/api/orders/{given_up}"), json!({})).await;
    let forgotten = ben.order(&other).await;

    let down = sam.list("Polka", "5.00").await;
    sam.send("DELETE", &format!("/api/tickets/{down}"), json!({})).await;
    // An operator's way to the same end.
    let forged = sam.list("A forgery", "7.00").await;
    let began = Instant::now();
    // It is looked up in the read model, which over a broker is a moment behind.
    while platform.run(&["listing", "get", &forged]).code != 0 {
        assert!(began.elapsed() < PUBLISHED_WITHIN, "{}", platform.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    platform.run(&["listing", "cancel", &forged, "--reason", "a forgery", "--yes"]).ok();

    let began = Instant::now();
    loop {
        let status = platform.status();
        let order = platform.run(&["order", "get", &forgotten, "-o", "json"]).ok().json();
        if order["status"] == "cancelled" && status["lag"] == 0 && status["carriers"][0]["lag"] == 0 {
            break;
        }
        assert!(began.elapsed() < PUBLISHED_WITHIN, "{status:#}\n{}", platform.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let wire = wire(prefix);
    let is_nats = matches!(wire, Wire::Nats { .. });
    let records = wire.published().await.unwrap();

    let of_ticket = story(&records, &ticket);
    assert_eq!(names(&of_ticket), ["TicketCreated", "TicketUpdated"]);
    let (created, updated) = (&of_ticket[0].2.body, &of_ticket[1].2.body);
    let told = |body: &Value| {
        (
            body["id"].clone(),
            body["title"].clone(),
            body["fare"]["amountMinor"].clone(),
            body["sellerId"].clone(),
        )
    };
    assert_eq!(told(created), (json!(ticket), json!("Jazz"), json!(2_500), json!("sam")));
    assert_eq!(told(updated), (json!(ticket), json!("Jazz, row 5"), json!(3_000), json!("sam")));

    let of_order = story(&records, &bought);
    assert_eq!(names(&of_order), ["OrderCreated", "PaymentCreated", "OrderComplete"]);
    let made = &of_order[0].2.body;
    assert_eq!((&made["bookingId"], &made["offeringId"]), (&json!(bought), &json!(ticket)));
    assert_eq!(made["price"], json!({"amountMinor": 3_000, "currency": "USD"}), "as it was edited: {made}");
    assert_eq!(of_order[2].2.body["paymentId"], paid["id"]);
    assert_eq!(names(&story(&records, &given_up)), ["OrderCreated", "OrderCancelled"]);
    assert_eq!(names(&story(&records, &forgotten)), ["OrderCreated", "ExpirationComplete"]);
    for (withdrawn, reason) in [(&down, Value::Null), (&forged, json!("a forgery"))] {
        let of_down = story(&records, withdrawn);
        assert_eq!(names(&of_down), ["TicketCreated", "TicketUpdated"]);
        let (before, after) = (&of_down[0].2.body, &of_down[1].2.body);
        assert_eq!((&before["status"], &after["status"]), (&json!("open"), &json!("cancelled")));
        assert_eq!(after.get("reason").cloned().unwrap_or_default(), reason);
    }

    // By the log's positions, what happened to a ticket and to its orders is one story.
    let mut all: Vec<(i64, &str)> = [&ticket, &bought]
        .iter()
        .flat_map(|key| story(&records, key))
        .map(|(name, _, record)| (record.headers["position"].parse().unwrap(), name))
        .collect();
    all.sort_unstable();
    let all: Vec<&str> = all.into_iter().map(|(_, name)| name).collect();
    assert_eq!(all, ["TicketCreated", "TicketUpdated", "OrderCreated", "PaymentCreated", "OrderComplete"]);

    let subjects = [
        ("TicketCreated", "ticket:created"),
        ("TicketUpdated", "ticket:updated"),
        ("OrderCreated", "order:created"),
        ("OrderCancelled", "order:cancelled"),
        ("OrderComplete", "order:complete"),
        ("ExpirationComplete", "expiration:complete"),
        ("PaymentCreated", "payment:created"),
    ];
    for (name, subject) in subjects {
        let of_name: Vec<&Published> =
            records.iter().filter(|record| record.headers["ce_type"] == name).collect();
        assert!(!of_name.is_empty(), "{name}");
        for record in of_name {
            assert_eq!(record.topic, "ticket-events");
            let expected = if is_nats { subject } else { "ticket-events" };
            assert_eq!(record.subject, expected, "{record:?}");
            assert_eq!(record.headers["ce_subject"], record.key);
            assert_eq!(
                record.headers["ce_id"],
                format!("{}:{}", record.key, record.headers["streamVersion"])
            );
        }
    }
    if is_nats {
        // One stream has all: the order of the wire is the order of the log.
        let positions: Vec<i64> =
            records.iter().map(|record| record.headers["position"].parse().unwrap()).collect();
        let mut once = positions.clone();
        once.dedup();
        assert!(once.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
    }
    platform.run(&["verify"]).ok();
    platform.assert_all_well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_the_marketplace_is_read_from_kafka_by_a_client_that_is_not_ours() {
    let untested = "the marketplace on Kafka";
    let Some(brokers) = address("TEST_KAFKA_BROKERS", untested) else { return };
    if Command::new("kcat").arg("-V").output().is_err() {
        return left_out(untested, "there is no kcat, the client that is not ours");
    }
    let of = brokers.clone();
    a_sale_is_told_to_others(("KAFKA_BROKERS", &brokers), |prefix| Wire::Kafka { brokers: of, prefix }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_the_marketplace_is_read_from_nats_by_its_subjects() {
    let Some(url) = address("TEST_NATS_URL", "the marketplace on NATS") else { return };
    let of = url.clone();
    a_sale_is_told_to_others(("NATS_URL", &url), |prefix| Wire::Nats { url: of, prefix }).await;
}
