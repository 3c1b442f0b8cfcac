//! One booking is one trace, though another process has the broker, the read model, the payment and the mail.

use crate::collector::{Collector, text};
use crate::rig::feed;
use crate::rig::platform::Platform;
use crate::rig::postgres;
use crate::rig::service::{address, client};
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// All has come by then.
const COMES_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_is_one_trace_over_two_processes_and_a_broker() {
    let Some(url) = address("TEST_NATS_URL", "traces over NATS") else { return };
    let Some(database) = postgres::database().await else { return };
    let collector = Collector::start();
    let prefix = format!("t{}-", Uuid::new_v4().simple());
    let platform = Platform::new(&[
        ("DATABASE_URL", &database.url()),
        ("NATS_URL", &url),
        ("TOPIC_PREFIX", &prefix),
        ("PAYMENT_PROVIDER", "simulated"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint),
    ]);
    platform.run(&["migrate", "up"]).ok();
    let schedule = feed::seed(&platform).remove(0);
    platform.start("api");
    platform.start("relay,projector,saga,expiry");
    let token = platform.run(&["user", "token", "ada"]).ok().out.trim().to_owned();
    let door = platform.doors.read().unwrap()[0].clone();
    let correlation = format!("trace-{prefix}1");
    let answer = client()
        .build()
        .unwrap()
        .post(format!("{door}/api/tickets/commands/book"))
        .bearer_auth(token)
        .header("x-correlation-id", &correlation)
        .json(&json!({
            "routeId": schedule["routeId"], "scheduleId": schedule["id"], "price": schedule["price"],
            "currency": schedule["currency"], "passengerName": "Ada", "passengerEmail": "ada@example.org",
            "paymentToken": "tok_visa",
        }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let began = Instant::now();
    let spans = loop {
        let spans = collector.spans_of(&correlation);
        let wanted = [
            "request",
            "append to the log",
            "publish to the carrier",
            "fold into the read model",
            "ask the payment provider",
            "send a mail",
        ];
        if wanted.iter().all(|name| spans.iter().any(|span| span.name == *name)) {
            break spans;
        }
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert!(began.elapsed() < COMES_WITHIN, "{names:?}\n{}", platform.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let root = spans.iter().find(|span| span.name == "request").unwrap();
    assert!(spans.iter().all(|span| span.trace_id == root.trace_id), "{spans:#?}");
    let published = spans.iter().find(|span| span.name == "publish to the carrier").unwrap();
    assert_eq!(published.parent_span_id, root.span_id, "another process knows whose child it is");
    assert_eq!(text(published, "carrier").as_deref(), Some("nats"));
    platform.assert_all_well();
}
