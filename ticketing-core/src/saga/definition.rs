//! What a saga is: its states, its limits, and what it writes down of each step.

use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId};
use crate::domain::time::Timestamp;

/// Where a saga stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SagaState {
    /// The seats are held; nobody has paid yet.
    AwaitingPayment,
    /// A charge is under way.
    Charging,
    /// Paid, and the seats are sold. A charge for no booking: captured.
    Confirmed,
    /// The seats are free again, and a charge whose outcome is not known is still to be settled.
    Releasing,
    /// Money is on its way back.
    Refunding,
    /// Over: given up without money. A charge for no booking: it failed.
    Cancelled,
    /// Over: the hold ended without money.
    Expired,
    /// Over: what was captured was given back.
    Refunded,
    /// A person must decide; see [`Park`].
    Parked,
}

impl SagaState {
    /// All, in the order of a saga's life.
    pub const ALL: [Self; 9] = [
        Self::AwaitingPayment,
        Self::Charging,
        Self::Confirmed,
        Self::Releasing,
        Self::Refunding,
        Self::Cancelled,
        Self::Expired,
        Self::Refunded,
        Self::Parked,
    ];

    /// The word of the store, the tools and the metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "AWAITING_PAYMENT",
            Self::Charging => "CHARGING",
            Self::Confirmed => "CONFIRMED",
            Self::Releasing => "RELEASING",
            Self::Refunding => "REFUNDING",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Refunded => "REFUNDED",
            Self::Parked => "PARKED",
        }
    }

    /// Returns the state with this word, in capitals.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Whether something is still to happen by itself or by a person.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::AwaitingPayment | Self::Charging | Self::Releasing | Self::Refunding | Self::Parked => true,
            Self::Confirmed | Self::Cancelled | Self::Expired | Self::Refunded => false,
        }
    }

    /// How long a saga may stand here without progress before it counts as stuck, in milliseconds. `None`
    /// where waiting is right: for a buyer until the hold ends, or for nothing.
    #[must_use]
    pub const fn limit_ms(self) -> Option<i64> {
        match self {
            Self::Charging | Self::Releasing => Some(2 * 60_000),
            Self::Refunding => Some(10 * 60_000),
            Self::Parked => Some(0),
            Self::AwaitingPayment | Self::Confirmed | Self::Cancelled | Self::Expired | Self::Refunded => {
                None
            }
        }
    }
}

/// Why a person must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Park {
    /// The provider gave no clear answer to a charge, after all tries.
    ChargeUnclear,
    /// The provider gave no clear answer to a refund, after all tries.
    RefundUnclear,
    /// The provider refuses to give the money back.
    RefundRefused,
    /// An operator closed it as it was.
    Abandoned,
}

impl Park {
    /// All.
    pub const ALL: [Self; 4] =
        [Self::ChargeUnclear, Self::RefundUnclear, Self::RefundRefused, Self::Abandoned];

    /// The word of the store and the tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ChargeUnclear => "CHARGE_UNCLEAR",
            Self::RefundUnclear => "REFUND_UNCLEAR",
            Self::RefundRefused => "REFUND_REFUSED",
            Self::Abandoned => "ABANDONED",
        }
    }

    /// Returns the reason with this word, in capitals.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word() == word)
    }

    /// What happened, as a sentence for an operator.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::ChargeUnclear => {
                "The provider gave no clear answer to the charge, so it may have taken the money."
            }
            Self::RefundUnclear => {
                "The provider gave no clear answer to the refund, so it may not have paid it."
            }
            Self::RefundRefused => "The provider refuses to give the money back.",
            Self::Abandoned => "An operator closed it as it was.",
        }
    }

    /// The one safe thing to do about it, as the verb of `ticketctl saga`.
    #[must_use]
    pub const fn safe_action(self) -> &'static str {
        match self {
            // Asking again never charges or refunds twice: the provider knows the attempt by its id.
            Self::ChargeUnclear | Self::RefundUnclear | Self::RefundRefused | Self::Abandoned => "retry",
        }
    }
}

/// A saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saga {
    /// Its id: its booking's, or its payment's where that is for no booking.
    pub id: SagaId,
    /// The booking; `None` for a charge for something else.
    pub booking_id: Option<BookingId>,
    /// Where it stands.
    pub state: SagaState,
    /// Why a person must decide, when it is parked.
    pub park: Option<Park>,
    /// The payment at hand.
    pub payment_id: Option<PaymentId>,
    /// How many charges were tried.
    pub attempts: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When something is due by itself: the hold's end, the next try. `None` when nothing is.
    pub next_at: Option<Timestamp>,
    /// The request that it follows from.
    pub correlation_id: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last got on: changed its state, or began or ended a charge or a refund.
    pub moved_at: Timestamp,
    /// How many events its own stream has; none where it has a booking, whose stream they are in.
    pub events: u32,
    /// How often it changed; the number of its last step.
    pub version: u32,
}

impl Saga {
    /// Begins a saga, before anybody pays.
    #[must_use]
    pub const fn new(
        id: SagaId,
        booking_id: Option<BookingId>,
        correlation_id: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            booking_id,
            state: SagaState::AwaitingPayment,
            park: None,
            payment_id: None,
            attempts: 0,
            last_error: None,
            next_at: None,
            correlation_id,
            created_at: now,
            moved_at: now,
            events: 0,
            version: 0,
        }
    }

    /// Whether it makes no progress where it should: for longer than its state's limit.
    #[must_use]
    pub fn is_stuck(&self, now: Timestamp) -> bool {
        let since = now.as_millis() - self.moved_at.as_millis();
        self.state.limit_ms().is_some_and(|limit| since >= limit)
    }
}

/// What is written down of one step, for whoever asks why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// The saga.
    pub saga_id: SagaId,
    /// Its number in the saga, from 1.
    pub no: u32,
    /// When.
    pub at: Timestamp,
    /// What came in: `pay`, `charge succeeded`, `hold ended`, …
    pub input: String,
    /// Where the saga stood after it.
    pub state: SagaState,
    /// The attempt that it is about.
    pub attempt_id: Option<AttemptId>,
    /// What there is to say: a decline's words, an operator's reason.
    pub note: Option<String>,
    /// Who acted; `system` when no person did.
    pub actor: String,
    /// The request that it follows from.
    pub correlation_id: String,
}

/// How often an unclear answer is asked about before a person must look.
pub const TRIES_MAX: u32 = 10;
/// The pause before the second try, in milliseconds; it doubles each time.
pub const BACKOFF_MS: i64 = 500;
/// The longest pause between two tries, in milliseconds.
pub const BACKOFF_MS_MAX: i64 = 30_000;
/// How long a provider that says "not done yet" is left alone at first, in milliseconds; longer as time goes by.
pub const POLL_MS: i64 = 2_000;
/// The longest that it is left alone, in milliseconds.
pub const POLL_MS_MAX: i64 = 10 * 60_000;
/// How long a charge that nobody wants any more has to arrive before it is asked about, in milliseconds: longer
/// than one call to a provider takes, since it may be under way just then.
pub const LET_GO_MS: i64 = 30_000;
/// How many charges a booking may try.
pub const CHARGES_MAX: u32 = 20;

/// When to try again after `tries` unclear answers: exponential, and spread by the attempt's id, so that what
/// failed together does not come back together.
#[must_use]
pub fn backoff(tries: u32, attempt: AttemptId, now: Timestamp) -> Timestamp {
    let pause = BACKOFF_MS.saturating_mul(1 << tries.clamp(1, 16).saturating_sub(1)).min(BACKOFF_MS_MAX);
    let spread = (attempt.0.as_u128() as u64 ^ u64::from(tries).wrapping_mul(0x9e37_79b9_7f4a_7c15)) % 512;
    // Between three quarters and five quarters of the pause.
    let pause = pause * 3 / 4 + pause * spread as i64 / 1024;
    Timestamp::from_millis(now.as_millis() + pause)
}

/// When to ask again about what a provider works on: after a quarter of the time that it took so far. So what
/// takes a second is known in seconds, and what takes a day leaves no thousands of steps.
#[must_use]
pub fn poll_at(since: Timestamp, now: Timestamp) -> Timestamp {
    let age = now.as_millis().saturating_sub(since.as_millis());
    Timestamp::from_millis(now.as_millis() + (age / 4).clamp(POLL_MS, POLL_MS_MAX))
}

/// When to try again what could not even be sent. It is no try, so it never runs out of them.
#[must_use]
pub fn not_sent_at(tries: u32, attempt: AttemptId, since: Timestamp, now: Timestamp) -> Timestamp {
    let age = now.as_millis().saturating_sub(since.as_millis());
    let later = Timestamp::from_millis(now.as_millis() + (age / 4).min(BACKOFF_MS_MAX));
    backoff(tries.saturating_add(2), attempt, now).max(later)
}
