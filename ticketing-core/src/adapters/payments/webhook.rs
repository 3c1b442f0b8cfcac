//! What Stripe tells by webhooks: whether it is Stripe that tells, and what it means.
//!
//! Pure: the caller brings the time, remembers [`WebhookEvent::key`] so that nothing counts twice, and finds the
//! saga. An event is a hint that comes early: everything in it that we asked for is also found by asking.
//!
//! | event | what it is here |
//! | --- | --- |
//! | `payment_intent.succeeded` | the answer to our charge; without our attempt, money for a booking |
//! | `payment_intent.payment_failed` | the answer to our charge; without our attempt, nothing: the buyer may try again |
//! | `refund.created`, `refund.updated`, `refund.failed`, `charge.refund.updated` | the answer to our refund; without our attempt, money that somebody gave back at Stripe |
//! | `charge.refunded` | nothing: it says how much was given back in all, and each refund tells of itself. Counting both would count twice |
//! | any other | nothing |

use super::stripe::{Intent, RefundOf};
use crate::domain::id::{AttemptId, BookingId, PaymentId};
use crate::domain::time::Timestamp;
use crate::saga::{Answer, Notice};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use uuid::Uuid;

/// How far the signature's time may be from ours, either way, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;
/// How many signatures of one header are looked at. Stripe sends two while a secret is being changed.
const SIGNATURES_MAX: usize = 8;

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The header `Stripe-Signature` can't be read.
    #[error("the header Stripe-Signature has no time or no v1 signature")]
    Header,
    /// It was signed too long ago, or too far ahead.
    #[error("the signature's time is more than {TOLERANCE_SECONDS} s from now")]
    Time,
    /// Somebody without the secret sent it, or it was changed on its way.
    #[error("the signature is not Stripe's")]
    Signature,
    /// It is Stripe's, and can't be read.
    #[error("the event can't be read: {0}")]
    Body(String),
}

/// What Stripe tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Stripe's id of the event, for the log.
    pub id: String,
    /// What to remember, so that this counts once. Not always the event's id: several events can tell of one
    /// refund that was not ours.
    pub key: String,
    /// Stripe's name for the charge that it is about: the `provider_ref` of a payment.
    pub charge_ref: Option<String>,
    /// The payment, if we gave Stripe its id.
    pub payment_id: Option<PaymentId>,
    /// The booking, if Stripe was given its id.
    pub booking_id: Option<BookingId>,
    /// What happened.
    pub heard: Heard,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer to something that we asked for.
    Answered {
        /// What.
        attempt_id: AttemptId,
        /// The answer.
        answer: Answer,
    },
    /// Something that we did not ask for. Its `external_id` is [`WebhookEvent::charge_ref`]; where a payment of
    /// ours has that `provider_ref`, the caller puts the payment's id in its place.
    Told(Notice),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: &'a serde_json::value::RawValue,
}

/// Reads a webhook: checks its signature, then says what it means; `None` if nothing is to be done.
///
/// `header` is `Stripe-Signature`, `body` the bytes exactly as they came.
///
/// # Errors
/// Why it is not taken. Only [`WebhookError::Body`] is certainly Stripe's.
pub fn read(
    secret: &str,
    header: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<WebhookEvent>, WebhookError> {
    verify(secret, header, body, now)?;
    parse(body)
}

/// Checks the signature: HMAC-SHA256 of `time.body`, compared in constant time. One of several `v1` is enough;
/// other schemes (`v0` is Stripe's for tests) count for nothing.
///
/// # Errors
/// Why it is not taken.
pub fn verify(secret: &str, header: &str, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
    let pairs = || header.split(',').filter_map(|pair| pair.trim().split_once('='));
    let time = pairs().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(WebhookError::Header)?;
    let seconds: i64 = time.parse().map_err(|_| WebhookError::Header)?;
    let signatures: Vec<[u8; 32]> = pairs()
        .filter(|(name, _)| *name == "v1")
        .take(SIGNATURES_MAX)
        .filter_map(|(_, value)| from_hex(value))
        .collect();
    if signatures.is_empty() {
        return Err(WebhookError::Header);
    }
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| WebhookError::Signature)?;
    let mac = mac.chain_update(time.as_bytes()).chain_update(b".").chain_update(body);
    if !signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok()) {
        return Err(WebhookError::Signature);
    }
    // After the signature, so that only who has the secret learns what time it is here.
    let off = now.as_millis().div_euclid(1000).abs_diff(seconds);
    if off > TOLERANCE_SECONDS.unsigned_abs() { Err(WebhookError::Time) } else { Ok(()) }
}

/// Says what an event means; `None` if nothing is to be done.
///
/// # Errors
/// [`WebhookError::Body`].
pub fn parse(body: &[u8]) -> Result<Option<WebhookEvent>, WebhookError> {
    let event: Envelope<'_> = serde_json::from_slice(body).map_err(|e| WebhookError::Body(e.to_string()))?;
    match event.kind.as_str() {
        "payment_intent.succeeded" | "payment_intent.payment_failed" => {
            Ok(of_intent(&event, object(&event.data)?))
        }
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            Ok(of_refund(&event, object(&event.data)?))
        }
        _ => Ok(None),
    }
}

fn object<T: DeserializeOwned>(data: &Data<'_>) -> Result<T, WebhookError> {
    serde_json::from_str(data.object.get()).map_err(|e| WebhookError::Body(e.to_string()))
}

fn of_intent(event: &Envelope<'_>, intent: Intent) -> Option<WebhookEvent> {
    let id = |name: &str| intent.metadata.get(name).and_then(|value| Uuid::parse_str(value).ok());
    let heard = match (id("attempt_id"), intent.answer()) {
        (Some(attempt_id), answer @ (Answer::Succeeded { .. } | Answer::Declined { .. })) => {
            Heard::Answered { attempt_id: AttemptId(attempt_id), answer }
        }
        (None, Answer::Succeeded { amount, .. }) => {
            Heard::Told(Notice::Paid { external_id: intent.id.clone(), amount: Some(amount) })
        }
        (None, Answer::Declined { .. })
        | (_, Answer::Working | Answer::Unknown | Answer::Unclear { .. } | Answer::NotSent { .. }) => {
            return None;
        }
    };
    Some(WebhookEvent {
        id: event.id.clone(),
        key: event.id.clone(),
        payment_id: id("payment_id").map(PaymentId),
        booking_id: id("booking_id").map(BookingId),
        charge_ref: Some(intent.id),
        heard,
    })
}

fn of_refund(event: &Envelope<'_>, refund: RefundOf) -> Option<WebhookEvent> {
    let answer = refund.answer();
    let metadata = refund.metadata.unwrap_or_default();
    let id = |name: &str| metadata.get(name).and_then(|value| Uuid::parse_str(value).ok());
    let charge_ref = refund.payment_intent.or(refund.charge);
    let (key, heard) = match (id("attempt_id"), answer) {
        (Some(attempt_id), answer @ (Answer::Succeeded { .. } | Answer::Declined { .. })) => {
            (event.id.clone(), Heard::Answered { attempt_id: AttemptId(attempt_id), answer })
        }
        (None, Answer::Succeeded { amount, .. }) => {
            let notice = Notice::Refunded { external_id: charge_ref.clone(), amount: Some(amount) };
            (refund.id, Heard::Told(notice))
        }
        (None, Answer::Declined { .. })
        | (_, Answer::Working | Answer::Unknown | Answer::Unclear { .. } | Answer::NotSent { .. }) => {
            return None;
        }
    };
    Some(WebhookEvent {
        id: event.id.clone(),
        key,
        payment_id: id("payment_id").map(PaymentId),
        booking_id: id("booking_id").map(BookingId),
        charge_ref,
        heard,
    })
}

/// Reads 32 bytes in hexadecimal.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
