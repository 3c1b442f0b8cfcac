//! One booking is followed from its request through the log, the projector and the payment call to the mail, by a
//! collector that is sent OTLP over HTTP; and one that does not answer costs nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

#[path = "support/collector.rs"]
mod collector;
#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use collector::{Collector, text};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use support::Place;

/// All has come by then.
const COMES_WITHIN: Duration = Duration::from_secs(40);

/// A server on the folder of a place.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(place: &Place, endpoint: &str) -> (Server, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = place.command(&["up", "--port", &free.port().to_string()]);
    let child = command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(place.0.path().join("server.log")).unwrap())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(began.elapsed() < COMES_WITHIN, "the server answers");
        std::thread::sleep(Duration::from_millis(20));
    }
    (Server(child), free)
}

/// Books a seat and pays it at once, by one request.
fn book(place: &Place, at: SocketAddr, correlation: &str) -> (u64, Duration) {
    let schedule = place.run(&["schedule", "get", &place.schedule(), "-o", "json"]).ok().json();
    let token = place.run(&["user", "token", "ada"]).ok().out.trim().to_owned();
    let body = json!({
        "routeId": schedule["routeId"], "scheduleId": schedule["id"], "price": schedule["price"],
        "currency": schedule["currency"], "passengerName": "Ada", "passengerEmail": "ada@example.org",
        "paymentToken": "tok_visa",
    })
    .to_string();
    let began = Instant::now();
    let mut stream = TcpStream::connect(at).unwrap();
    let head = format!(
        "POST /api/tickets/commands/book HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {token}\r\n\
         x-correlation-id: {correlation}\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    assert_eq!(status, 201, "{answer}");
    (status, began.elapsed())
}

#[test]
fn a_booking_is_one_trace_from_its_request_to_its_mail() {
    let collector = Collector::start();
    let place = Place::seeded();
    let (_server, at) = serve(&place, &collector.endpoint);
    book(&place, at, "trace-me-1");
    let wanted = [
        "request",
        "append to the log",
        "fold into the read model",
        "ask the payment provider",
        "send a mail",
    ];
    let began = Instant::now();
    let spans = loop {
        let of_it = collector.spans_of("trace-me-1");
        if wanted.iter().all(|name| of_it.iter().any(|span| span.name == *name)) {
            break of_it;
        }
        let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
        let log = std::fs::read_to_string(place.0.path().join("server.log")).unwrap();
        assert!(began.elapsed() < COMES_WITHIN, "{names:?}\n{log}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let root = spans.iter().find(|span| span.name == "request").unwrap();
    assert!(root.parent_span_id.is_empty() && root.trace_id.len() == 16, "{root:?}");
    assert_eq!(text(root, "path").as_deref(), Some("/api/tickets/commands/book"));
    assert_eq!(text(root, "status").as_deref(), Some("201"));
    assert_eq!(root.links.len(), 1, "the caller's own trace is linked");
    assert!(root.start_time_unix_nano < root.end_time_unix_nano, "{root:?}");
    let mut ids: Vec<&[u8]> = spans.iter().map(|span| &span.span_id[..]).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), spans.len(), "each span has its own id");
    for span in &spans {
        assert_eq!(span.trace_id, root.trace_id, "{span:?}");
        assert!(
            span.span_id == root.span_id || ids.binary_search(&&span.parent_span_id[..]).is_ok(),
            "{span:?}"
        );
    }
    let folded: Vec<String> = spans.iter().filter_map(|span| text(span, "event")).collect();
    for event in ["TicketBooked", "PaymentCreated", "TicketConfirmed"] {
        assert!(folded.iter().any(|found| found == event), "{event} in {folded:?}");
    }
    let outcome = |name: &str| text(spans.iter().find(|span| span.name == name).unwrap(), "outcome");
    assert_eq!(outcome("ask the payment provider").as_deref(), Some("succeeded"));
    assert_eq!(outcome("send a mail").as_deref(), Some("sent"));
    let all = format!("{spans:?}");
    assert!(!all.contains("ada@example.org") && !all.contains("tok_visa"), "no address and no card: {all}");
    let log = std::fs::read_to_string(place.0.path().join("server.log")).unwrap();
    assert!(!log.contains("append to the log"), "parts of traces are no lines: {log}");
}

#[test]
fn a_collector_that_never_answers_costs_bookings_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::seeded();
    let (_server, at) = serve(&place, &format!("http://{}", silent.local_addr().unwrap()));
    for n in 0..5 {
        let (_, took) = book(&place, at, &format!("silent-{n}"));
        assert!(took < Duration::from_secs(4), "a booking took {took:?} beside a silent collector");
    }
    let bookings = place.run(&["booking", "list", "-o", "json"]).ok().json();
    assert_eq!(bookings.as_array().map(Vec::len), Some(5), "{bookings}");
}
