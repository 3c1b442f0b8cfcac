//! Identifiers. Each is a newtype, so that a booking's id can't be passed where an offering's is meant.
//!
//! Ids are UUIDs: v7 (RFC 9562, time-ordered) where the server makes them, v5 (derived from a name)
//! for seeded things, so that seeding twice names the same thing.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

uuid_id!(
    /// A booking, and the stream of its events.
    BookingId
);
uuid_id!(
    /// Something with seats that can be booked: a departure, an event, a listing.
    OfferingId
);
uuid_id!(
    /// A line of a network, with its ordered stops.
    RouteId
);
uuid_id!(
    /// A place where events are held.
    VenueId
);
uuid_id!(
    /// The calls and running times that many departures share.
    PatternId
);
uuid_id!(
    /// The seats of a vehicle or hall.
    LayoutId
);
uuid_id!(
    /// A place where a route calls.
    StopId
);

uuid_id!(
    /// A payment. A second try after a decline is another payment.
    PaymentId
);
uuid_id!(
    /// One thing asked of a payment provider: a charge or a refund. The provider is given it as its
    /// idempotency key, so that asking again never charges again.
    AttemptId
);
uuid_id!(
    /// A saga. It has the id of its booking, or of its payment where that is for no booking.
    SagaId
);

impl VenueId {
    /// The id of a venue that came with one.
    #[must_use]
    pub fn of_external(external_id: &str) -> Self {
        Self(derived("venue", external_id))
    }
}

impl From<BookingId> for SagaId {
    fn from(id: BookingId) -> Self {
        Self(id.0)
    }
}

impl From<PaymentId> for SagaId {
    fn from(id: PaymentId) -> Self {
        Self(id.0)
    }
}

/// The namespace of every derived (v5) id of this product.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0c_5d0e_8a57_5b6e_9d3c_2f1e_4b7a_9c11);

/// Returns the id that `kind` and `key` always have, for seeded things.
///
/// `kind` keeps apart things of different sorts that happen to have one key.
#[must_use]
pub fn derived(kind: &str, key: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{kind}\u{1f}{key}").as_bytes())
}

/// The person or service that acts: the `sub` of its token. At most 255 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub String);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
