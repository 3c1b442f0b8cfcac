//! The services that these tests need, and what happens without them.

use std::io::Write as _;

/// The value of a variable; an empty one counts as none.
pub fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A whole number of the environment, or else this one.
pub fn number(name: &str, default: usize) -> usize {
    set(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// Where a service is; `None` if the test is to be left out, which is said.
///
/// # Panics
/// If there is none although all are required.
pub fn address(variable: &str, untested: &str) -> Option<String> {
    let found = set(variable);
    if found.is_none() {
        left_out(untested, &format!("set {variable}, or start one: eval \"$(scripts/services up)\""));
    }
    found
}

/// Says that a test is left out.
///
/// # Panics
/// If nothing may be left out.
pub fn left_out(untested: &str, why: &str) {
    assert!(
        set("TICKETING_REQUIRE_SERVICES").as_deref() != Some("1"),
        "TICKETING_REQUIRE_SERVICES=1, but {untested} can't be tested: {why}"
    );
    say(&format!("left out: {untested}; {why}"));
}

/// Writes past the test harness, which keeps what passing tests print to itself.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A client to be built: TLS must be chosen before, though none is spoken.
pub fn client() -> reqwest::ClientBuilder {
    ticketing_core::adapters::tls::use_ring();
    reqwest::Client::builder()
}
