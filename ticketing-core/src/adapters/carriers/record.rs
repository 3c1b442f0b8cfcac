//! What stands on a topic: a CloudEvent in binary mode (CloudEvents 1.0), our own facts in headers beside it, the
//! event's data as its body.

use super::{CATALOG_EVENTS, TICKET_EVENTS};
use crate::domain::booking::event::BookingEvent;
use crate::domain::catalog::OfferingKind;
use crate::domain::event::CatalogEvent;
use crate::domain::log::RawEntry;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// What `ce_source` says of our events.
pub const SOURCE: &str = "/ticketing";
/// The header that says by which job a record was published once more; without it, it is the first time.
pub const REPLAYED: &str = "replayed";

/// A record that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// Whose order is kept: the stream's id.
    pub key: String,
    /// What the broker may tell duplicates by, where it can (NATS).
    pub message_id: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key, if it has one that is text.
    pub key: Option<String>,
    /// Names and values; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, whatever it is.
    pub body: Vec<u8>,
    /// When the broker, or its producer, says it was written.
    pub at: Timestamp,
}

impl Message {
    /// Returns a header's value; names are the same whatever their case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The header with the type that an event has in the log, where it is published by another name.
pub const LOG_TYPE: &str = "logType";

/// The names of the marketplace that its events are published by.
pub const MARKET_TYPES: [&str; 6] = [
    "TicketCreated",
    "TicketUpdated",
    "OrderCreated",
    "OrderComplete",
    "OrderCancelled",
    "ExpirationComplete",
];

/// Returns the name by which an event of such an offering is published: those who buy and sell listings speak of
/// tickets and orders.
#[must_use]
pub fn published_as(event_type: &str, stream_version: i32, of: OfferingKind) -> &str {
    match of {
        OfferingKind::Departure | OfferingKind::Event => event_type,
        OfferingKind::Listing => match event_type {
            "OfferingDefined" if stream_version == 1 => "TicketCreated",
            "OfferingDefined" => "TicketUpdated",
            "TicketBooked" => "OrderCreated",
            "TicketConfirmed" => "OrderComplete",
            "TicketCancelled" => "OrderCancelled",
            "TicketExpired" => "ExpirationComplete",
            other => other,
        },
    }
}

/// Returns the topic that an event of this type is published to.
#[must_use]
pub fn topic_of(event_type: &str) -> &'static str {
    if CatalogEvent::TYPES.contains(&event_type) { CATALOG_EVENTS } else { TICKET_EVENTS }
}

/// Makes the record of an event of such an offering. `replayed_by` names the job that publishes it once more.
#[must_use]
pub fn outgoing(entry: &RawEntry, of: OfferingKind, replayed_by: Option<Uuid>) -> Outgoing {
    let name = published_as(&entry.event_type, entry.stream_version, of);
    let stream = entry.stream_id.to_string();
    let id = format!("{stream}:{}", entry.stream_version);
    let message_id = match replayed_by {
        Some(job) => format!("{id}:{job}"),
        None => id.clone(),
    };
    let mut headers = vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", id),
        ("ce_type", name.to_owned()),
        ("ce_source", SOURCE.to_owned()),
        ("ce_time", entry.recorded_at.to_string()),
        ("ce_subject", stream.clone()),
        ("content-type", "application/json".to_owned()),
        ("position", entry.position.to_string()),
        ("streamVersion", entry.stream_version.to_string()),
        ("actor", entry.actor.clone()),
        ("correlationId", entry.correlation_id.clone()),
    ];
    if let Some(causation_id) = &entry.causation_id {
        headers.push(("causationId", causation_id.clone()));
    }
    if name != entry.event_type {
        headers.push((LOG_TYPE, entry.event_type.clone()));
    }
    if let Some(job) = replayed_by {
        headers.push((REPLAYED, job.to_string()));
    }
    Outgoing { topic: topic_of(name).to_owned(), key: stream, message_id, headers, body: body(entry) }
}

/// The event's data; a booking's events say which booking, for whoever has only the body.
fn body(entry: &RawEntry) -> String {
    match entry.data.strip_prefix('{') {
        Some(rest) if BookingEvent::TYPES.contains(&entry.event_type.as_str()) => {
            format!("{{\"bookingId\":\"{}\",{rest}", entry.stream_id)
        }
        _ => entry.data.clone(),
    }
}

/// Reads one of our events back from its record.
///
/// # Errors
/// What is missing or wrong, as a sentence.
pub fn entry(message: Message) -> Result<RawEntry, String> {
    let text = |name: &str| message.header(name).ok_or_else(|| format!("the header {name} is missing"));
    let number = |name: &str| {
        let text = text(name)?;
        text.parse::<i64>().map_err(|_| format!("the header {name} is {text:?}, which is no number"))
    };
    let time = text("ce_time")?;
    let subject = text("ce_subject")?;
    let version = number("streamVersion")?;
    Ok(RawEntry {
        position: number("position")?,
        stream_id: Uuid::parse_str(subject).map_err(|_| format!("ce_subject {subject:?} is no id"))?,
        stream_version: i32::try_from(version)
            .map_err(|_| format!("streamVersion {version} is too large"))?,
        event_type: message.header(LOG_TYPE).map_or_else(|| text("ce_type"), Ok)?.to_owned(),
        recorded_at: Timestamp::parse(time).ok_or_else(|| format!("ce_time {time:?} is no time"))?,
        actor: message.header("actor").unwrap_or("system").to_owned(),
        correlation_id: text("correlationId")?.to_owned(),
        causation_id: message.header("causationId").map(str::to_owned),
        data: String::from_utf8(message.body).map_err(|_| "the body is no UTF-8".to_owned())?,
    })
}
