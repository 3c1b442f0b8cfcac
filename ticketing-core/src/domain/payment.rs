//! Payments: what was asked for, what was captured, what was given back. Records that are never deleted.
//!
//! Whether money moves is the saga's decision (`crate::saga`); this is only how it is written down.

use super::id::{AttemptId, BookingId, PaymentId, SagaId, UserId};
use super::money::Money;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentStatus {
    /// Asked for; the outcome is not known yet.
    Pending,
    /// The money was captured.
    Success,
    /// It was declined, or never reached the provider. Nothing was captured.
    Failed,
    /// All that was captured was given back.
    Refunded,
}

impl PaymentStatus {
    /// All, in the order of a payment's life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Success, Self::Failed, Self::Refunded];

    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Refunded => "REFUNDED",
        }
    }

    /// Returns the status with this word, in capitals.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// The saga that it belongs to.
    pub saga_id: SagaId,
    /// The booking that it pays; `None` for a charge for something else.
    pub booking_id: Option<BookingId>,
    /// What the caller calls the thing paid: a booking's id, or any other reference.
    pub reference: String,
    /// Who pays.
    pub user_id: UserId,
    /// The id that an outside payment service gave it, if one did.
    pub external_id: Option<String>,
    /// What was asked for.
    pub amount: Money,
    /// What was captured, in minor units of the amount's currency.
    pub captured_minor: i64,
    /// What was given back of it, in minor units.
    pub refunded_minor: i64,
    /// What became of it.
    pub status: PaymentStatus,
    /// Which provider: `simulated`, `stripe`, `external`.
    pub provider: String,
    /// The provider's own name for the charge, which a refund needs.
    pub provider_ref: Option<String>,
    /// Why it failed, in the provider's words.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How often it changed.
    pub version: u32,
}

impl Payment {
    /// What is left of what was captured.
    #[must_use]
    pub const fn kept_minor(&self) -> i64 {
        self.captured_minor - self.refunded_minor
    }

    /// The id by which users know it: an outside service's own, else ours.
    #[must_use]
    pub fn public_id(&self) -> String {
        self.external_id.clone().unwrap_or_else(|| self.id.to_string())
    }
}

/// Returns a payment's id in the one spelling in which it is kept: a UUID in small letters with hyphens, anything
/// else as it is.
#[must_use]
pub fn canonical_id(id: &str) -> String {
    uuid::Uuid::parse_str(id).map_or_else(|_| id.to_owned(), |uuid| uuid.to_string())
}

/// Which way the money of an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptKind {
    /// From the buyer to us.
    Charge,
    /// Back to the buyer.
    Refund,
}

impl AttemptKind {
    /// The word of the store and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
        }
    }

    /// Returns the kind with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Charge, Self::Refund].into_iter().find(|k| k.word() == word)
    }
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptState {
    /// To be sent, or to be asked about, at its time.
    Due,
    /// An outside service does it by itself and will tell.
    Awaited,
    /// Done.
    Succeeded,
    /// Refused for good.
    Declined,
    /// Given up: before the provider had it, or by a person.
    Dropped,
    /// No clear answer after all tries: a person must look.
    Unclear,
}

impl AttemptState {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Due, Self::Awaited, Self::Succeeded, Self::Declined, Self::Dropped, Self::Unclear];

    /// The word of the store and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Awaited => "awaited",
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::Dropped => "dropped",
            Self::Unclear => "unclear",
        }
    }

    /// Returns the state with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Whether its outcome is still to come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Due | Self::Awaited | Self::Unclear)
    }
}

/// One charge or refund that is asked of a provider: the effect of a saga's step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its id, and the provider's idempotency key.
    pub id: AttemptId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The saga.
    pub saga_id: SagaId,
    /// Charge or refund.
    pub kind: AttemptKind,
    /// How much.
    pub amount: Money,
    /// What is charged: the buyer's token. `None` for a refund.
    pub token: Option<String>,
    /// Where it stands.
    pub state: AttemptState,
    /// How often the provider gave no clear answer.
    pub tries: u32,
    /// Whether the provider may have it already: then it is asked about before it is sent again.
    pub in_doubt: bool,
    /// When it is due; `None` when it is not.
    pub next_at: Option<Timestamp>,
    /// The provider's own name for it.
    pub provider_ref: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Why, for a refund: in somebody's words.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
}

/// An event about a payment. It is in the stream of its booking, or, where it is for none, in its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentEvent {
    /// An outside service is asked to collect the money.
    PaymentRequested(PaymentFacts),
    /// The money was captured.
    PaymentCreated(PaymentFacts),
    /// It was not.
    PaymentFailed(PaymentFacts),
    /// Some or all of it was given back.
    PaymentRefunded(PaymentFacts),
}

/// What an event says of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentFacts {
    /// The payment, by the id that users know.
    pub payment_id: String,
    /// The booking that it pays, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
    /// What the caller calls the thing paid.
    pub reference: String,
    /// Who pays.
    pub user_id: UserId,
    /// How much the event is about: asked for, captured, not captured, given back.
    pub amount: Money,
    /// Why: a decline's words, a refund's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PaymentEvent {
    /// What the event says.
    #[must_use]
    pub const fn facts(&self) -> &PaymentFacts {
        match self {
            Self::PaymentRequested(f)
            | Self::PaymentCreated(f)
            | Self::PaymentFailed(f)
            | Self::PaymentRefunded(f) => f,
        }
    }
}
