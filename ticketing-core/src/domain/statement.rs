//! What a payment provider says that it did: one row of its statement.

use super::id::{AttemptId, PaymentId};
use super::money::Money;
use super::payment::AttemptKind;
use super::time::Timestamp;
use uuid::Uuid;

/// What a provider says became of a charge or refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementStatus {
    /// It is done.
    Succeeded,
    /// It was refused; no money was moved.
    Failed,
    /// It is not settled yet.
    Pending,
}

impl StatementStatus {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

/// One row of a statement. It names what it is about by at least one of its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// Where it stands in the file, from 1; the head line is line 1.
    pub line: u64,
    /// Our id of the charge or refund, which the provider was given as its key.
    pub attempt_id: Option<AttemptId>,
    /// Our id of the payment.
    pub payment_id: Option<PaymentId>,
    /// One of our ids; the file does not say of what.
    pub either_id: Option<Uuid>,
    /// The provider's own name for it.
    pub provider_ref: Option<String>,
    /// Charge or refund.
    pub kind: AttemptKind,
    /// How much was moved; never below zero.
    pub amount: Money,
    /// What became of it.
    pub status: StatementStatus,
    /// When, if the file says.
    pub created: Option<Timestamp>,
}
