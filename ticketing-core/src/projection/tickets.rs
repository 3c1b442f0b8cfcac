//! A ticket as its owner reads it: the booking with the words of its journey beside it.

use super::bodies::Of;
use crate::domain::booking::event::{BookingEvent, HoldBegan, SeatRef};
use crate::domain::booking::state::{Booking, BookingState, evolve};
use crate::domain::catalog::Offering;
use crate::domain::id::BookingId;
use crate::domain::time::Timestamp;

/// A row of the ticket view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// The booking, as far as the row's version has folded it.
    pub booking: Booking,
    /// What it is of.
    pub of: Of,
    /// What the route was called when it was booked; what an event or a listing was called.
    pub route_name: String,
    /// When it leaves the passenger's first stop.
    pub departs_at: Timestamp,
    /// When it reaches the passenger's last stop.
    pub arrives_at: Timestamp,
    /// The name of the first stop.
    pub origin_stop: String,
    /// The name of the last stop.
    pub destination_stop: String,
}

/// What later events change of a row. A field that is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketChange {
    /// The row.
    pub booking_id: BookingId,
    /// Its state.
    pub state: Option<BookingState>,
    /// The payment that confirmed it.
    pub payment_id: Option<String>,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Its seats, when they were taken again.
    pub seats: Option<Vec<SeatRef>>,
    /// When its hold ends, when its seats were taken again.
    pub hold_expires_at: Option<Timestamp>,
    /// The stream version that it has then applied.
    pub version: u32,
}

/// Returns the row of a booking that begins with `event`, `None` if `event` begins none: it has seats taken again
/// for a booking that is there, or changes one.
#[must_use]
pub fn begin(
    id: BookingId,
    version: u32,
    event: &BookingEvent,
    at: Timestamp,
    offering: &Offering,
    route_name: &str,
) -> Option<TicketRow> {
    let booking = evolve(None, id, event, at).filter(|_| version == 1)?;
    let name = |stop: u16| offering.pattern.calls[usize::from(stop)].name.clone();
    Some(TicketRow {
        of: (&offering.facts).into(),
        route_name: route_name.to_owned(),
        departs_at: offering.departure_at(booking.legs.from()),
        arrives_at: offering.arrival_at(booking.legs.to()),
        origin_stop: name(booking.legs.from()),
        destination_stop: name(booking.legs.to()),
        booking,
    })
}

/// Returns what an event changes that only counts: the version.
#[must_use]
pub const fn counted(id: BookingId, version: u32) -> TicketChange {
    TicketChange {
        booking_id: id,
        state: None,
        payment_id: None,
        confirmed_at: None,
        cancel_reason: None,
        seats: None,
        hold_expires_at: None,
        version,
    }
}

/// Returns what a later event changes, at least the version; `None` for an event that begins a booking.
#[must_use]
pub fn change(id: BookingId, version: u32, event: &BookingEvent, at: Timestamp) -> Option<TicketChange> {
    let plain = |state| TicketChange { state, ..counted(id, version) };
    let again = |state, e: &HoldBegan| TicketChange {
        seats: Some(e.seats.clone()),
        hold_expires_at: Some(e.hold_expires_at),
        ..plain(Some(state))
    };
    match event {
        BookingEvent::TicketBooked(_) | BookingEvent::TicketReserved(_) if version == 1 => None,
        BookingEvent::TicketBooked(e) => Some(again(BookingState::Pending, e)),
        BookingEvent::TicketReserved(e) => Some(again(BookingState::Reserved, e)),
        BookingEvent::RefundRequested(_) => Some(plain(None)),
        BookingEvent::TicketConfirmed(e) => Some(TicketChange {
            payment_id: Some(e.payment_id.clone()),
            confirmed_at: Some(at),
            ..plain(Some(BookingState::Confirmed))
        }),
        BookingEvent::TicketCancelled(e) => {
            Some(TicketChange { cancel_reason: e.reason.clone(), ..plain(Some(BookingState::Cancelled)) })
        }
        BookingEvent::TicketExpired(e) => {
            Some(TicketChange { cancel_reason: e.reason.clone(), ..plain(Some(BookingState::Expired)) })
        }
        BookingEvent::TicketRefunded(_) => Some(plain(Some(BookingState::Refunded))),
    }
}

impl TicketChange {
    /// Returns this change followed by a later one.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            state: later.state.or(self.state),
            payment_id: later.payment_id.or(self.payment_id),
            confirmed_at: later.confirmed_at.or(self.confirmed_at),
            cancel_reason: later.cancel_reason.or(self.cancel_reason),
            seats: later.seats.or(self.seats),
            hold_expires_at: later.hold_expires_at.or(self.hold_expires_at),
            ..later
        }
    }

    /// Applies this change to a row that is not written yet.
    pub fn apply(self, row: &mut TicketRow) {
        let booking = &mut row.booking;
        booking.state = self.state.unwrap_or(booking.state);
        booking.version = self.version;
        booking.payment_id = self.payment_id.or(booking.payment_id.take());
        booking.confirmed_at = self.confirmed_at.or(booking.confirmed_at);
        booking.cancel_reason = self.cancel_reason.or(booking.cancel_reason.take());
        booking.hold_expires_at = self.hold_expires_at.unwrap_or(booking.hold_expires_at);
        if let Some(seats) = self.seats {
            booking.seats = seats;
        }
    }
}
