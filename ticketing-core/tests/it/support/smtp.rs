//! The mail server of the tests, and what arrived at it.
//!
//! It is the one of `TEST_SMTP_URL`, which `eval "$(scripts/services up)"` starts and sets. Without it its tests are left
//! out, with one line that says so; with `TICKETING_REQUIRE_SERVICES=1`, as in `.ci/run`, they fail.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Once;
use std::time::{Duration, Instant};

/// How long a test waits for its mails.
const ARRIVED_WITHIN: Duration = Duration::from_secs(20);

/// The mail server.
pub struct Smtp {
    /// `smtp://127.0.0.1:25`.
    pub url: String,
    folder: PathBuf,
}

/// A mail as the server took it, its lines whole again (quoted-printable, RFC 2045, breaks long ones).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived(pub String);

impl Arrived {
    /// A header's value, with folded lines put together; empty if it is missing.
    pub fn header(&self, name: &str) -> String {
        let head = self.0.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
        let begins = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&begins)).unwrap_or_default().to_owned()
    }
}

/// The mail server; `None` if there is none and the test is to be left out.
///
/// # Panics
/// If there is none although one is required.
pub fn smtp() -> Option<Smtp> {
    static SAID: Once = Once::new();
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(url), Some(folder)) = (set("TEST_SMTP_URL"), set("TEST_SMTP_FOLDER")) {
        return Some(Smtp { url, folder: folder.into() });
    }
    let start = "set TEST_SMTP_URL and TEST_SMTP_FOLDER, or start one: eval \"$(scripts/services up)\"";
    assert!(
        set("TICKETING_REQUIRE_SERVICES").as_deref() != Some("1"),
        "TICKETING_REQUIRE_SERVICES=1, but there is no mail server; {start}"
    );
    // Past the test harness, which keeps what passing tests print to itself.
    SAID.call_once(|| drop(writeln!(std::io::stderr(), "tests of mail left out: {start}")));
    None
}

impl Smtp {
    /// Returns all mails that arrived for an address, in no order.
    pub fn arrived(&self, address: &str) -> Vec<Arrived> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("mails/new")) else { return Vec::new() };
        let read =
            |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.unwrap().path()).ok();
        let all = entries.filter_map(read).map(|text| Arrived(text.replace("\r\n", "\n").replace("=\n", "")));
        all.filter(|mail| mail.header("X-RcptTo") == address).collect()
    }

    /// Waits until at least `count` mails have arrived for an address, and returns them.
    ///
    /// # Panics
    /// If fewer have after 20 s.
    pub async fn wait_for(&self, address: &str, count: usize) -> Vec<Arrived> {
        let until = Instant::now() + ARRIVED_WITHIN;
        loop {
            let arrived = self.arrived(address);
            if arrived.len() >= count {
                return arrived;
            }
            assert!(Instant::now() < until, "{} of {count} mails for {address} arrived", arrived.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
