//! What can happen to a saga.

use crate::domain::id::UserId;
use crate::domain::id::{AttemptId, PaymentId};
use crate::domain::money::Money;

/// A charge that somebody asks for. Ids come from outside, so that deciding stays pure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCharge {
    /// The payment's id.
    pub payment_id: PaymentId,
    /// The attempt's id, which the provider is given as its key.
    pub attempt_id: AttemptId,
    /// What is charged.
    pub token: String,
    /// Which provider: `simulated`, `stripe`, `external`.
    pub provider: String,
    /// Who pays.
    pub user_id: UserId,
    /// What the caller calls the thing paid.
    pub reference: String,
    /// How much. For a booking it must be its price.
    pub amount: Option<Money>,
}

/// A provider's answer to a charge, a refund, or a question about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Succeeded {
        /// The provider's own name for it.
        provider_ref: String,
        /// How much was moved.
        amount: Money,
    },
    /// It is refused for good; nothing was moved.
    Declined {
        /// The provider's word.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// The provider has it and is not done yet.
    Working,
    /// The provider does not know of it. Only to a question; it may still be on its way.
    Unknown,
    /// The provider does not know of it, and nothing will happen under its key any more. Only to a question about
    /// a charge that is not wanted any more.
    Closed,
    /// No answer, or none that says what happened.
    Unclear {
        /// What happened instead.
        error: String,
    },
    /// It was certainly not sent: too many are under way, or the provider is known to be down.
    NotSent {
        /// Why.
        error: String,
    },
}

/// What an outside payment service tells, by a topic or a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A payment for the booking was captured.
    Paid {
        /// Its id for the payment.
        external_id: String,
        /// How much; `None` if it does not say, which stands for the booking's price.
        amount: Option<Money>,
    },
    /// The payment failed: the booking is given up, unless it was a charge that we sent, which a buyer may try
    /// with another card.
    Failed {
        /// Its id for the payment, if it has one.
        external_id: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// The money was given back.
    Refunded {
        /// Its id for the payment, if it says.
        external_id: Option<String>,
        /// How much; `None` for all.
        amount: Option<Money>,
    },
}

/// What an operator can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorMove {
    /// Ask the provider again, from the first try on; also about what was abandoned.
    Retry,
    /// Give the seats back and the money too.
    Compensate,
    /// Close it as it is: nothing more will happen by itself.
    Abandon,
}

impl OperatorMove {
    /// The verb of `ticketctl saga`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Compensate => "compensate",
            Self::Abandon => "abandon",
        }
    }
}

/// What can happen to a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A booking was made that waits for its payment; perhaps it is paid at once.
    Booked {
        /// The charge, if the buyer gave a token.
        charge: Option<NewCharge>,
    },
    /// Somebody pays.
    Pay(NewCharge),
    /// The provider answered.
    Answered {
        /// Which attempt.
        attempt_id: AttemptId,
        /// What it said.
        answer: Answer,
    },
    /// An outside service tells something.
    Told {
        /// Which provider: `external`, `stripe`.
        provider: String,
        /// What.
        notice: Notice,
    },
    /// A service, or an operator, gives its word that the booking is paid.
    Vouched {
        /// The payment's id, in its words.
        payment_id: String,
        /// Which provider is asked when the money is to go back.
        provider: String,
        /// Who paid.
        user_id: UserId,
    },
    /// The booking was confirmed with a payment that the saga knows.
    Confirmed,
    /// The booking is over: cancelled, or its hold ended.
    Ended,
    /// Some or all of a captured payment is to be given back.
    Refund {
        /// Which.
        payment_id: PaymentId,
        /// The refund's id.
        attempt_id: AttemptId,
        /// How much, in minor units; `None` for what is left.
        amount_minor: Option<i64>,
        /// Why.
        reason: Option<String>,
    },
    /// An operator acts.
    Operator {
        /// How.
        action: OperatorMove,
        /// Why.
        reason: String,
    },
}
