//! Taking people and secrets out of what is sent to others. Pure.
//!
//! What may stand is said; all else goes: a value that nobody thought of is hidden, not shown.

use ticketing_core::domain::time::Timestamp;
use uuid::Uuid;

/// What stands for what was taken out.
pub const HIDDEN: &str = "…";

/// Returns an id that tells nothing of a person: a UUID or a count of things; else nothing of it.
pub fn id(text: &str) -> String {
    let is_count = text.split_once(' ').is_some_and(|(count, what)| {
        count.bytes().all(|b| b.is_ascii_digit()) && what.bytes().all(|b| b.is_ascii_lowercase())
    });
    if is_count || text == "nothing" || Uuid::parse_str(text).is_ok() {
        text.to_owned()
    } else {
        HIDDEN.to_owned()
    }
}

/// Returns the first word of an outcome: `failed: no seat for Ada` is `failed`.
pub fn outcome(text: &str) -> String {
    text.split([':', ' ']).next().unwrap_or_default().to_owned()
}

/// Returns an address without user, password and what follows the path.
pub fn address(text: &str) -> String {
    let one = |text: &str| {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
    };
    text.split(',').map(one).collect::<Vec<_>>().join(",")
}

/// Returns a line of a log: its time, level and place, the words of its message that begin small, and the values that
/// are numbers, times, ids or known words.
pub fn log_line(line: &str) -> String {
    if let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(line) {
        let hidden: serde_json::Map<String, serde_json::Value> =
            fields.into_iter().map(|(name, value)| (name.clone(), json(&name, value))).collect();
        return serde_json::Value::Object(hidden).to_string();
    }
    // What is quoted is somebody's text, however many words it has.
    let mut out = String::new();
    for (n, part) in line.split('"').enumerate() {
        out.push_str(&if n % 2 == 1 { format!("\"{HIDDEN}\"") } else { words(part) });
    }
    out
}

fn json(name: &str, value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) if name == "message" => Value::String(words(&text)),
        Value::String(text) => Value::String(word(&text, true)),
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, value)| (name.clone(), json(&name, value))).collect(),
        ),
        Value::Array(_) => Value::String(HIDDEN.into()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn words(text: &str) -> String {
    text.split(' ').map(|word| self::word(word, false)).collect::<Vec<_>>().join(" ")
}

/// Levels of logs, in capitals as names are not.
const LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/// A word of a message stands if it begins small and has nothing but letters; a value only if it is no text.
fn word(text: &str, is_value: bool) -> String {
    if let Some((name, value)) = text.split_once('=') {
        return format!("{}={}", word(name, false), word(value, true));
    }
    let bare = text.trim_matches(|c: char| ",.;:()[]{}".contains(c));
    let is_known = bare.is_empty()
        || LEVELS.contains(&bare)
        || matches!(bare, "true" | "false")
        || Uuid::parse_str(bare).is_ok()
        || Timestamp::parse(bare).is_some()
        || is_measure(bare)
        || bare.split("::").next().is_some_and(|root| root.starts_with("ticketing_") || root == "ticketctl");
    let is_plain = !is_value
        && bare.chars().next().is_some_and(|c| c.is_ascii_lowercase())
        && bare.chars().all(|c| c.is_ascii_lowercase() || "-_'".contains(c));
    if is_known || is_plain { text.to_owned() } else { text.replace(bare, HIDDEN) }
}

/// `17`, `1.5ms`, `-3`, `404`.
fn is_measure(text: &str) -> bool {
    let unit = text.trim_start_matches('-').trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < text.len() && matches!(unit, "" | "s" | "ms" | "µs" | "ns" | "m" | "h" | "%")
}

#[cfg(test)]
mod tests {
    use super::{address, id, log_line, outcome};

    #[test]
    fn what_may_tell_of_somebody_is_taken_out() {
        let uuid = "0192a8c4-0000-7000-8000-000000000001";
        let rows = [
            (id(uuid), uuid),
            (id("17 bookings"), "17 bookings"),
            (id("ada"), "…"),
            (id("user ada"), "…"),
            (outcome("failed: no such user ada@example.org"), "failed"),
            (outcome("done"), "done"),
            (address("postgres://ada:hunter2@db:5432/t?password=x"), "postgres://db:5432/t"),
            (address("redis://:hunter2@h"), "redis://h"),
            (address("a:9092,b:9092"), "a:9092,b:9092"),
        ];
        for (found, expected) in rows {
            assert_eq!(found, expected);
        }
        let rows = [
            (
                "2026-11-20T12:00:00.000Z  INFO ticketing_core::engine: booking made for Ada Lovelace seat=4A n=3 took=1.5ms",
                "2026-11-20T12:00:00.000Z  INFO ticketing_core::engine: booking made for … … seat=… n=3 took=1.5ms",
            ),
            (
                r#"WARN token Bearer eyJhbGci.x.y of ada@example.org refused user="ada lovelace" ok=true"#,
                r#"WARN token … … of … refused user="…" ok=true"#,
            ),
            (
                r#"{"level":"INFO","message":"paid by Ada","fields":{"email":"a@b.c","ms":3},"list":["Ada"]}"#,
                r#"{"fields":{"email":"…","ms":3},"level":"INFO","list":"…","message":"paid by …"}"#,
            ),
        ];
        for (line, expected) in rows {
            assert_eq!(log_line(line), expected);
        }
    }
}
