//! Reads a message of a payment or wallet service. Pure.
//!
//! The services are others', so their messages are read as they come: the type from a header or the body, the facts
//! flat or nested, names in either spelling, amounts as numbers or texts, in whole units or minor ones. Only what
//! can't be told is refused, with what is wrong.

use super::InboundMessage;
use crate::domain::money::{AMOUNT_MINOR_MAX, AmountError, Currency, Money};
use crate::domain::payment::canonical_id;
use crate::domain::rules::{check_text, len_max};
use crate::text::quoted;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 256 << 10;
/// The longest correlation id that is taken from others.
const CORRELATION_ID_LEN_MAX: usize = 128;

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Money was captured.
    Paid,
    /// A payment failed.
    Failed,
    /// Money was given back.
    Refunded,
}

/// The types that are known, as topics name them.
const TYPES: [(&str, Told); 6] = [
    ("PaymentSucceeded", Told::Paid),
    ("PaymentFailed", Told::Failed),
    ("PaymentRefunded", Told::Refunded),
    ("WalletDebited", Told::Paid),
    ("WalletDebitFailed", Told::Failed),
    ("WalletRefunded", Told::Refunded),
];

/// Where a booking's id may stand, the surest first; `metadata.bookingId` and the record's key come after these.
const BOOKING: [&str; 9] = [
    "bookingId",
    "booking_id",
    "orderId",
    "order_id",
    "reservationId",
    "reservation_id",
    "merchantOrderId",
    "merchant_order_id",
    "reference",
];
/// Where a payment's id stands.
const PAYMENT: [&str; 2] = ["paymentId", "payment_id"];
/// Where it may stand, too: of a refund, this may be the refund's own.
const TRANSACTION: [&str; 5] =
    ["transactionId", "transaction_id", "walletTransactionId", "wallet_transaction_id", "id"];
const MINOR: [&str; 4] = ["amountMinor", "amount_minor", "amount_cents", "amountCents"];
const REASON: [&str; 7] =
    ["reason", "failureReason", "failure_reason", "error", "errorMessage", "error_message", "message"];
const MESSAGE: [&str; 4] = ["eventId", "event_id", "messageId", "message_id"];
const CORRELATION: [&str; 2] = ["correlationId", "correlation_id"];

/// An amount as it was written; what it is depends on the currency, which may be the booking's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenAmount {
    /// A decimal in whole units.
    Decimal(String),
    /// A whole number of minor units.
    Minor(String),
}

/// What a message says, as far as it can be told without looking anything up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The type as it was written.
    pub event_type: Option<String>,
    /// What is told; or why that can't be said, as a code and a sentence.
    pub told: Result<Told, Unreadable>,
    /// The ids that may be the booking's, the surest first.
    pub bookings: Vec<Uuid>,
    /// The first thing that is called so and is no id of ours.
    pub unknown_booking: Option<String>,
    /// The payment's id in the service's words.
    pub payment_id: Option<String>,
    /// Whether that may as well be the refund's own id.
    pub is_any_transaction: bool,
    /// How much.
    pub amount: Option<WrittenAmount>,
    /// Of what.
    pub currency: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What the message is known by.
    pub message_id: String,
    /// The request that it follows from; `None` if it does not say.
    pub correlation_id: Option<String>,
}

/// Why a message can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// `BAD_JSON`, `UNKNOWN_TYPE`, `TOO_LARGE`, `BAD_AMOUNT`.
    pub code: &'static str,
    /// A sentence.
    pub reason: String,
}

impl Unreadable {
    pub(super) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// The body's objects, in the order in which a fact is looked for in them.
struct Body<'a> {
    /// The facts: the nested object, if there is one, else the whole.
    facts: Fields<'a>,
    /// What is around a nested object.
    around: Option<Fields<'a>>,
    metadata: Fields<'a>,
}

impl<'a> Body<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let outer: Fields<'a> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let object = |fields: &Fields<'a>, name: &str| -> Option<Fields<'a>> {
            fields.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
        };
        let nested = object(&outer, "data").or_else(|| object(&outer, "payload"));
        let (facts, around) = match nested {
            Some(nested) => (nested, Some(outer)),
            None => (outer, None),
        };
        let metadata = object(&facts, "metadata").unwrap_or_default();
        Ok(Self { facts, around, metadata })
    }

    /// The first of these that is there and is a text or number. What surrounds the facts has an id of its own, which
    /// is none of theirs.
    fn fact(&self, names: &[&str]) -> Option<String> {
        let in_facts = names.iter().find_map(|name| scalar(&self.facts, name));
        let around = || {
            let fields = self.around.as_ref()?;
            names.iter().filter(|name| !name.eq(&&"id")).find_map(|name| scalar(fields, name))
        };
        in_facts.or_else(around)
    }

    /// The first of these in what surrounds the facts, or else among them.
    fn envelope(&self, names: &[&str]) -> Option<String> {
        let around = self.around.as_ref();
        let outer = around.and_then(|fields| names.iter().find_map(|name| scalar(fields, name)));
        outer.or_else(|| names.iter().find_map(|name| scalar(&self.facts, name)))
    }
}

/// A text or number, as text; `None` for what is not there, null, empty or anything else.
fn scalar(fields: &Fields<'_>, name: &str) -> Option<String> {
    let raw = fields.get(name)?.get();
    let text = match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw).ok()?.trim().to_owned(),
        b'-' | b'0'..=b'9' => raw.to_owned(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Reads a message.
#[must_use]
pub fn read(message: &InboundMessage) -> Reading {
    let key = message.key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    let in_header = |name: &str| message.header(name).map(str::trim).filter(|value| !value.is_empty());
    let place = format!("{}/{}/{}", message.source, message.partition, message.offset);
    let mut reading = Reading {
        event_type: in_header("ce_type").map(kept_text),
        told: Err(Unreadable::new("BAD_JSON", "")),
        bookings: key.and_then(|key| Uuid::parse_str(key).ok()).into_iter().collect(),
        unknown_booking: None,
        payment_id: None,
        is_any_transaction: false,
        amount: None,
        currency: None,
        reason: None,
        message_id: named_message(in_header("ce_source"), in_header("ce_id"))
            .unwrap_or_else(|| place.clone()),
        correlation_id: ["correlationId", "ce_correlationid", "x-correlation-id"]
            .into_iter()
            .filter_map(in_header)
            .find_map(correlation),
    };
    if message.body.len() > BODY_BYTES_MAX {
        let reason = format!("The body has {} bytes, more than {BODY_BYTES_MAX}.", message.body.len());
        reading.told = Err(Unreadable::new("TOO_LARGE", reason));
        return reading;
    }
    let body = match Body::read(&message.body) {
        Ok(body) => body,
        Err(error) => {
            reading.told = Err(Unreadable::new("BAD_JSON", format!("The body is no JSON object: {error}.")));
            return reading;
        }
    };
    if reading.event_type.is_none() {
        let named = ["type", "eventType", "event_type", "event"];
        reading.event_type = body.envelope(&named).map(|text| kept_text(&text));
    }
    reading.told = match &reading.event_type {
        None => {
            Err(Unreadable::new("UNKNOWN_TYPE", "Neither a ce_type header nor the body says what it is."))
        }
        Some(text) => told(text).ok_or_else(|| {
            let known = TYPES.map(|(name, _)| name).join(", ");
            Unreadable::new(
                "UNKNOWN_TYPE",
                format!("{} is no type that is read here: {known}.", quoted(text)),
            )
        }),
    };
    let mut named: Vec<String> = BOOKING.iter().filter_map(|name| body.fact(&[name])).collect();
    named.extend(
        ["bookingId", "booking_id", "orderId", "order_id"].iter().filter_map(|n| scalar(&body.metadata, n)),
    );
    let mut bookings: Vec<Uuid> = named.iter().filter_map(|text| Uuid::parse_str(text).ok()).collect();
    bookings.append(&mut reading.bookings);
    let mut seen = std::collections::HashSet::new();
    bookings.retain(|id| seen.insert(*id));
    reading.bookings = bookings;
    reading.unknown_booking =
        named.into_iter().find(|text| Uuid::parse_str(text).is_err()).map(|t| kept_text(&t));
    let payment =
        body.fact(&PAYMENT).or_else(|| body.fact(&["originalTransactionId", "original_transaction_id"]));
    reading.is_any_transaction = payment.is_none();
    reading.payment_id = payment
        .or_else(|| body.fact(&TRANSACTION))
        .filter(|id| check_text(id, len_max::ID).is_ok())
        .map(|id| canonical_id(&id));
    reading.amount = amount(&body);
    reading.currency = body.fact(&["currency", "currencyCode", "currency_code"]);
    reading.reason = reason(&body);
    if reading.message_id == place {
        let own = body.envelope(&MESSAGE).or_else(|| {
            // Of what surrounds the facts, the id is the message's.
            let around = body.around.as_ref()?;
            scalar(around, "id")
        });
        let source = body.around.as_ref().and_then(|around| scalar(around, "source"));
        if let Some(id) = named_message(source.as_deref(), own.as_deref()) {
            reading.message_id = id;
        }
    }
    if reading.correlation_id.is_none() {
        reading.correlation_id = body.envelope(&CORRELATION).and_then(|text| correlation(&text));
    }
    reading
}

/// What is told by a type: `PaymentSucceeded`, `payment.succeeded`, `com.example.PAYMENT_SUCCEEDED`.
fn told(event_type: &str) -> Option<Told> {
    let plain = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let parts: Vec<&str> =
        event_type.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()).collect();
    // The name itself, or the last words of a longer one.
    (0..parts.len()).find_map(|from| {
        let words = plain(&parts[from..].concat());
        TYPES.iter().find(|(name, _)| name.to_ascii_lowercase() == words).map(|(_, told)| *told)
    })
}

/// An id is unique for the source that gave it.
fn named_message(source: Option<&str>, id: Option<&str>) -> Option<String> {
    let id = id?;
    let named = match source {
        Some(source) => format!("{source} {id}"),
        None => id.to_owned(),
    };
    check_text(&named, len_max::ID).is_ok().then_some(named)
}

fn correlation(text: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    let fits = (1..=CORRELATION_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(allowed);
    fits.then(|| text.to_owned())
}

/// The text as it can be kept: without control characters, and not too long.
fn kept_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(len_max::ID).collect()
}

fn reason(body: &Body<'_>) -> Option<String> {
    let plain = body.fact(&REASON);
    // `error: {code, message}` is common, too.
    let nested = || {
        let error: Fields<'_> = serde_json::from_str(body.facts.get("error")?.get()).ok()?;
        scalar(&error, "message").or_else(|| scalar(&error, "code"))
    };
    let text: String =
        plain.or_else(nested)?.chars().filter(|c| !c.is_control()).take(len_max::REASON).collect();
    (!text.trim().is_empty()).then_some(text)
}

fn amount(body: &Body<'_>) -> Option<WrittenAmount> {
    // What is there and is no amount must not pass for one that is not said.
    let written = |names: &[&str]| {
        let value = names.iter().find_map(|name| {
            let raw = body.facts.get(*name).or_else(|| body.around.as_ref()?.get(*name))?;
            (raw.get() != "null").then(|| raw.get().to_owned())
        })?;
        Some(serde_json::from_str::<String>(&value).unwrap_or(value).trim().to_owned())
    };
    written(&MINOR).map(WrittenAmount::Minor).or_else(|| written(&["amount"]).map(WrittenAmount::Decimal))
}

/// Returns how much a message says; `None` if it does not. Without a currency it is the booking's own.
///
/// # Errors
/// What is written is no amount of money.
pub fn money(reading: &Reading, own: Currency) -> Result<Option<Money>, Unreadable> {
    let Some(amount) = &reading.amount else { return Ok(None) };
    let bad = |reason: String| Unreadable::new("BAD_AMOUNT", reason);
    let currency = match &reading.currency {
        None => own,
        Some(code) => Currency::parse(&code.to_ascii_uppercase())
            .ok_or_else(|| bad(format!("The currency {} is none of ISO 4217.", quoted(code))))?,
    };
    match amount {
        WrittenAmount::Decimal(text) => Money::parse(text, currency)
            .map(Some)
            .map_err(|error: AmountError| bad(format!("The amount {} {error}.", quoted(text)))),
        WrittenAmount::Minor(text) => {
            let amount = text.parse::<i64>().ok().filter(|n| (0..=AMOUNT_MINOR_MAX).contains(n));
            let amount_minor = amount
                .ok_or_else(|| bad(format!("The amount {} is no number of minor units.", quoted(text))))?;
            Ok(Some(Money { amount_minor, currency }))
        }
    }
}
