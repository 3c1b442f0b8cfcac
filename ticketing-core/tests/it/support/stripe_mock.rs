//! Stripe's own mock, which checks requests against Stripe's published API.
//!
//! It is the one of `TEST_STRIPE_URL`, which `eval "$(scripts/services up)"` starts and sets. Without it its test
//! is left out, with one line that says so; with `TICKETING_REQUIRE_SERVICES=1`, as in `.ci/run`, it fails.

use super::scripted_provider::Wire;
use std::io::Write;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where it is; `None` if there is none and the test is to be left out.
///
/// # Panics
/// If there is none although it is required.
pub fn url() -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = set("TEST_STRIPE_URL") {
        return Some(url);
    }
    let start = "set TEST_STRIPE_URL, or start one: eval \"$(scripts/services up)\"";
    assert!(
        set("TICKETING_REQUIRE_SERVICES").as_deref() != Some("1"),
        "TICKETING_REQUIRE_SERVICES=1, but there is no stripe-mock; {start}"
    );
    // Past the test harness, which keeps what passing tests print to itself.
    let _ = writeln!(std::io::stderr(), "the test against stripe-mock is left out: {start}");
    None
}

/// Sends a request as it was sent to the scripted provider; returns the status and the whole answer.
pub async fn send(url: &str, (method, target, body): &Wire) -> (u16, String) {
    let address = url.strip_prefix("http://").expect("TEST_STRIPE_URL begins with http://");
    let mut socket = TcpStream::connect(address.trim_end_matches('/')).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: stripe\r\nauthorization: Bearer sk_test_123\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap();
    (status, answer)
}
