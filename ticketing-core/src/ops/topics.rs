//! Publishing to the topics that are read from others, by an operator: for tests, rehearsals, and to make good what a
//! service could not tell.

use super::{Plan, PlanChange};
use crate::projection::bodies;
use serde_json::json;
use uuid::Uuid;

/// The largest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 256 << 10;
/// Messages of one command.
pub const MESSAGES_MAX: usize = 100_000;
/// The header that says what a message is known by, so that it counts once.
const ID: &str = "ce_id";
/// The header that says what it is.
const TYPE: &str = "ce_type";

/// A message that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Whose order is kept: a booking's id.
    pub key: Option<String>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, as it was given.
    pub body: String,
}

/// Makes a message with an id of its own. Without a `key` it is the `bookingId` of the body, if it names one.
#[must_use]
pub fn message(key: Option<String>, event_type: Option<String>, body: String) -> NewMessage {
    let named = || {
        let value: serde_json::Value = serde_json::from_str(&body).ok()?;
        let within = |value: &serde_json::Value| value.get("bookingId")?.as_str().map(str::to_owned);
        within(&value).or_else(|| value.get("data").and_then(within))
    };
    let key = key.or_else(named);
    let headers = [(ID, Some(Uuid::now_v7().to_string())), (TYPE, event_type)];
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    NewMessage { key, headers, body }
}

/// Plans to publish messages to a topic.
#[must_use]
pub fn plan(topic: &str, messages: &[NewMessage]) -> Plan {
    let change = |message: &NewMessage| {
        let text = json!({"topic": topic, "key": message.key, "body": message.body}).to_string();
        PlanChange { kind: "message".into(), id: None, before: None, after: Some(bodies::raw(text)) }
    };
    Plan::new("events publish", messages.iter().map(change).collect())
}
