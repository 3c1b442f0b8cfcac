//! Every event of the log: of bookings and of the catalogue, with their names and their JSON.

use super::booking::event::BookingEvent;
use super::catalog::{OfferingFacts, Pattern, Route, Venue};
use super::id::{LayoutId, OfferingId};
use super::layout::LayoutSpec;
use super::payment::PaymentEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of a booking's stream.
    Booking(BookingEvent),
    /// Of a payment, in the stream of its booking or, where it is for none, in its own.
    Payment(PaymentEvent),
    /// Of the stream of something that is sold.
    Catalog(CatalogEvent),
}

/// What happened to the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogEvent {
    /// A layout came or changed.
    LayoutDefined(LayoutDefined),
    /// A route came or changed.
    RouteDefined(Route),
    /// A venue came or changed.
    VenueDefined(Venue),
    /// A venue was closed: as it is from then on, with the reason.
    VenueClosed(Venue),
    /// A pattern came. It never changes: its id is derived from what it holds.
    PatternDefined(Pattern),
    /// An offering came or changed.
    OfferingDefined(Box<OfferingFacts>),
    /// An offering was withdrawn.
    OfferingCancelled(OfferingCancelled),
}

/// See [`CatalogEvent::LayoutDefined`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutDefined {
    /// Its id.
    pub id: LayoutId,
    /// Its description.
    pub spec: LayoutSpec,
}

/// See [`CatalogEvent::OfferingCancelled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferingCancelled {
    /// Its id.
    pub id: OfferingId,
    /// Why.
    pub reason: String,
}

/// Why a stored event can't be read.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A newer version wrote it, or the row is corrupt.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// Its data is not what its type says.
    #[error("data of {event_type} can't be read: {source}")]
    Data {
        /// The type.
        event_type: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

macro_rules! named_events {
    ($($group:ident :: $enum:ident { $($name:ident),+ $(,)? })+) => {
        $(impl $enum {
            /// The names of its types.
            pub const TYPES: &'static [&'static str] = &[$(stringify!($name)),+];
        })+

        impl Event {
            /// The names of all event types.
            pub const TYPES: &'static [&'static str] = &[$($(stringify!($name)),+),+];

            /// The event's type, as the log and the topics name it.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $($(Self::$group($enum::$name(_)) => stringify!($name),)+)+
                }
            }

            /// The event's data as JSON.
            #[must_use]
            #[allow(clippy::expect_used, reason = "these types hold only strings, numbers and lists")]
            pub fn data(&self) -> String {
                match self {
                    $($(Self::$group($enum::$name(e)) => serde_json::to_string(e),)+)+
                }
                .expect("an event's data is plain JSON")
            }

            /// Reads an event back from its type and data.
            ///
            /// # Errors
            /// Says which of the two can't be understood.
            pub fn parse(event_type: &str, data: &str) -> Result<Self, EventError> {
                let fail = |source| EventError::Data { event_type: event_type.to_owned(), source };
                match event_type {
                    $($(stringify!($name) => {
                        serde_json::from_str(data).map(|e| Self::$group($enum::$name(e))).map_err(fail)
                    })+)+
                    _ => Err(EventError::UnknownType(event_type.to_owned())),
                }
            }
        }
    };
}

named_events! {
    Booking::BookingEvent {
        TicketBooked, TicketReserved, TicketConfirmed, TicketCancelled, TicketExpired, RefundRequested,
        TicketRefunded,
    }
    Payment::PaymentEvent {
        PaymentRequested, PaymentCreated, PaymentFailed, PaymentRefunded,
    }
    Catalog::CatalogEvent {
        LayoutDefined, RouteDefined, VenueDefined, VenueClosed, PatternDefined, OfferingDefined, OfferingCancelled,
    }
}

impl CatalogEvent {
    /// The stream that the event belongs to: the id of what it is about.
    #[must_use]
    pub const fn stream_id(&self) -> Uuid {
        match self {
            Self::LayoutDefined(e) => e.id.0,
            Self::RouteDefined(e) => e.id.0,
            Self::VenueDefined(e) | Self::VenueClosed(e) => e.id.0,
            Self::PatternDefined(e) => e.id.0,
            Self::OfferingDefined(e) => e.id.0,
            Self::OfferingCancelled(e) => e.id.0,
        }
    }
}
