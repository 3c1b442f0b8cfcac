//! What one look at the stores saw, ready to be drawn: no text in it can drive a terminal.

use crate::rate::Sample;
use crate::text::{harmless, harmless_up_to};
use std::sync::Arc;
use ticketing_core::app::{App, AppError};
use ticketing_core::domain::booking::event::BookingEvent;
use ticketing_core::domain::event::Event;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::payment::PaymentEvent;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::status::{self, Status};
use ticketing_core::ops::{OpsError, lists, lookup};
use ticketing_core::projection::TicketRow;
use ticketing_core::store::error::StoreError;
use ticketing_core::store::events::LogEntry;

/// So many of the latest events are looked at: more than a terminal has lines.
pub(crate) const EVENTS_MAX: i64 = 100;
/// So many of the next holds to end are kept.
pub(crate) const HOLDS_MAX: usize = 100;
/// No error is longer on the screen.
const ERROR_CHARS_MAX: usize = 300;
/// No shown id is shorter, so that few looks change its length.
const ID_LEN_MIN: usize = 13;

/// How a thing stands, as far as its colour goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Under way.
    Waiting,
    /// Over, or beside the point.
    Faint,
    /// Nothing to say about it.
    Plain,
}

/// An event of the log, as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventLine {
    pub position: i64,
    pub at: Timestamp,
    pub kind: &'static str,
    pub tone: Tone,
    /// The whole id of the booking, or of the thing of the catalogue.
    pub id: String,
    pub actor: String,
}

/// An open hold, as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HoldLine {
    pub ends_at: Timestamp,
    pub id: String,
    pub seats: String,
    pub route: String,
    pub user: String,
}

/// Lines of one table, or why there are none. One table that can't be read takes nothing from the others.
pub(crate) type Lines<T> = Result<Arc<[T]>, String>;

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub status: Status,
    /// The latest events, newest first.
    pub events: Lines<EventLine>,
    /// The holds that end next, in that order.
    pub holds: Lines<HoldLine>,
    /// So many characters tell the shown ids from all other bookings.
    pub id_len: usize,
}

impl Picture {
    /// Returns the figures that rates are made from.
    pub(crate) const fn sample(&self) -> Sample {
        Sample { at: self.status.at, head: self.status.head, bookings: self.status.tickets }
    }

    /// Looks at the stores; what can't have changed since `last` is not read again.
    ///
    /// # Errors
    /// What the stores say, if they can't be read at all.
    pub(crate) async fn take(app: &App, last: Option<&Self>) -> Result<Self, OpsError> {
        let status = status::status(app).await?;
        let same_log = last.filter(|last| last.status.head == status.head && last.events.is_ok());
        let same_holds = last.filter(|last| {
            let ended = |lines: &Arc<[HoldLine]>| lines.first().is_some_and(|hold| hold.ends_at <= status.at);
            last.status.read_position == status.read_position
                && last.holds.as_ref().is_ok_and(|it| !ended(it))
        });
        if let (Some(last), Some(_)) = (same_log, same_holds) {
            return Ok(Self { status, ..last.clone() });
        }
        let events = match same_log {
            Some(last) => last.events.clone(),
            None => {
                let found = readable(lists::events(app, (status.head - EVENTS_MAX).max(0)).await)?;
                // What came after the head was read belongs to the next picture.
                found.map(|mut entries| {
                    entries.retain(|entry| entry.position <= status.head);
                    entries.into_iter().rev().map(event_line).collect()
                })
            }
        };
        let holds = match same_holds {
            Some(last) => last.holds.clone(),
            None => readable(lists::holds(app, None).await)?
                .map(|rows| rows.into_iter().take(HOLDS_MAX).map(hold_line).collect()),
        };
        let id_len = id_len(app, &events, &holds).await?;
        Ok(Self { status, events, holds, id_len })
    }
}

/// Takes a corrupt row for a part that can't be shown, and any other error for a failed look.
fn readable<T>(read: Result<T, OpsError>) -> Result<Result<T, String>, OpsError> {
    match read {
        Ok(found) => Ok(Ok(found)),
        Err(OpsError::App(AppError::Store(error))) if matches!(*error, StoreError::Corrupt { .. }) => {
            Ok(Err(why(&*error)))
        }
        Err(error) => Err(error),
    }
}

/// Returns an error as one harmless line.
pub(crate) fn why(error: &dyn std::fmt::Display) -> String {
    harmless_up_to(&error.to_string(), ERROR_CHARS_MAX)
}

async fn id_len(app: &App, events: &Lines<EventLine>, holds: &Lines<HoldLine>) -> Result<usize, OpsError> {
    let events = events.iter().flat_map(|lines| lines.iter().map(|line| &line.id));
    let holds = holds.iter().flat_map(|lines| lines.iter().map(|line| &line.id));
    let mut ids: Vec<BookingId> =
        events.chain(holds).filter_map(|id| id.parse().ok().map(BookingId)).collect();
    ids.sort_unstable();
    ids.dedup();
    let len = lookup::booking_prefix_len(app, &ids).await?.max(ID_LEN_MIN);
    // A beginning that ends in a hyphen looks cut by mistake.
    Ok(if [14, 19, 24].contains(&len) { len + 1 } else { len })
}

fn event_line(entry: LogEntry) -> EventLine {
    EventLine {
        position: entry.position,
        at: entry.recorded_at,
        kind: entry.event.type_name(),
        tone: tone(&entry.event),
        id: entry.stream_id.to_string(),
        actor: harmless(&entry.actor),
    }
}

const fn tone(event: &Event) -> Tone {
    match event {
        Event::Booking(BookingEvent::TicketBooked(_) | BookingEvent::TicketReserved(_)) => Tone::Waiting,
        Event::Booking(BookingEvent::TicketConfirmed(_)) => Tone::Good,
        Event::Booking(
            BookingEvent::TicketCancelled(_)
            | BookingEvent::TicketExpired(_)
            | BookingEvent::RefundRequested(_)
            | BookingEvent::TicketRefunded(_),
        ) => Tone::Faint,
        Event::Payment(PaymentEvent::PaymentRequested(_)) => Tone::Waiting,
        Event::Payment(PaymentEvent::PaymentCreated(_)) => Tone::Good,
        Event::Payment(PaymentEvent::PaymentFailed(_) | PaymentEvent::PaymentRefunded(_)) => Tone::Faint,
        Event::Catalog(_) => Tone::Plain,
    }
}

fn hold_line(row: TicketRow) -> HoldLine {
    let seats: Vec<&str> = row.booking.seats.iter().map(|seat| seat.label.as_str()).collect();
    HoldLine {
        ends_at: row.booking.hold_expires_at,
        id: row.booking.id.to_string(),
        seats: harmless(&seats.join(", ")),
        route: harmless(&row.route_name),
        user: harmless(&row.booking.user_id.0),
    }
}
