//! What can be asked of a booking. Already parsed: only the decision is left.

use crate::domain::id::{BookingId, OfferingId, RouteId, UserId};
use crate::domain::money::Money;
use serde::{Deserialize, Serialize};

/// Which of the two holds a booking begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldKind {
    /// Booked, waiting for its payment: state `PENDING`.
    Book,
    /// Held as a step of somebody's saga: state `RESERVED`.
    Reserve,
}

/// Which seats are wanted. All or none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatChoice {
    /// These, by label.
    Named(Vec<String>),
    /// Any so many, the best fitting.
    Any(usize),
    /// Any so many of a part of a hall, or next to each other.
    Best(Best),
}

/// Seats that are wanted without being named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Best {
    /// How many.
    pub count: usize,
    /// Only of this section.
    pub section: Option<String>,
    /// Only of sections that are priced as this.
    pub category: Option<String>,
    /// Next to each other: where nothing is numbered, any are.
    pub together: bool,
}

impl SeatChoice {
    /// How many seats are wanted.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::Named(labels) => labels.len(),
            Self::Any(count) => *count,
            Self::Best(best) => best.count,
        }
    }
}

/// Holds seats of one offering for a buyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// The id the booking will have.
    pub booking_id: BookingId,
    /// What is booked.
    pub offering_id: OfferingId,
    /// The route the buyer believes it to be of; checked if given.
    pub route_id: Option<RouteId>,
    /// Whose booking it will be.
    pub user_id: UserId,
    /// Which seats.
    pub seats: SeatChoice,
    /// Where the journey begins: a stop's id, external id or `#sequence`; the first stop if `None`.
    pub from_stop: Option<String>,
    /// Where it ends; the last stop if `None`.
    pub to_stop: Option<String>,
    /// What the buyer expects to pay in all; checked if given.
    pub expected_price: Option<Money>,
    /// How long the hold lasts, in seconds, by the server's clock.
    pub hold_seconds: u32,
    /// Book or reserve.
    pub kind: HoldKind,
}

/// What can be asked of a booking that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its payment is there.
    Confirm {
        /// The payment that confirms it; one payment confirms one booking.
        payment_id: String,
    },
    /// Give its seats back.
    Cancel {
        /// Why, for the history.
        reason: Option<String>,
    },
    /// Its hold has ended: write that down.
    Expire,
    /// End its hold before its time, by an operator.
    ForceExpire {
        /// Why, for the history.
        reason: String,
    },
}
