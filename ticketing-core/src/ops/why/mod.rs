//! Why something is as it is: one causal story, from whatever an operator has in hand.
//!
//! What is named is found first (`find`); then, for each booking or payment that it is about, everything that is
//! written down is brought together (`strand`) and put in the order in which it happened. Reads only, and from the
//! write store, but for who had a seat before.

mod find;
mod strand;
mod words;

pub use find::{EVENTS_LOOKED_AT_MAX, Progress};

use super::OpsError;
use super::sagas::{self, Timer};
use crate::app::App;
use crate::domain::catalog::{Offering, OfferingKind};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::time::Timestamp;
use crate::store::idempotency::Answered;
use crate::store::{bookings, offerings, views};
use find::Found;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use strand::Strand;
use uuid::Uuid;

/// The story tells of no more bookings and payments than this; those left out are counted.
pub const STRANDS_MAX: usize = 20;
/// So many tickets of a departure are looked at for those that had a seat.
const SEAT_TICKETS_MAX: i64 = 1_000;

/// One causal story.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// What was asked about: `booking`, `payment`, `saga`, `seat`, `schedule`, `event`, `correlation`,
    /// `key`.
    pub subject: &'static str,
    /// Its whole id.
    pub id: String,
    /// How it stands now, and why, in a sentence.
    pub summary: String,
    /// What happened, in order.
    pub story: Vec<Entry>,
    /// What happens next by itself, the soonest first.
    pub next: Vec<Timer>,
    /// Why it counts as stuck, if it does.
    pub stuck_reason: Option<String>,
    /// The one safe thing to do about that, as a command.
    pub safe_action: Option<String>,
    /// How many bookings and payments more it is about, which are not told of.
    pub left_out: usize,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// `command`, `event`, `call` (to a payment provider), `step` (of the saga), `audit`, `mail`, `key`,
    /// `letter` (what could not be handled).
    pub kind: &'static str,
    /// What, in words.
    pub what: String,
    /// Who; `system` when no person acted.
    pub actor: String,
    /// The place in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// The request that it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The facts.
    pub details: Box<RawValue>,
    /// What goes first of what has the same time.
    #[serde(skip)]
    pub(super) rank: (Rank, i64),
}

/// What goes first of what has the same time: causes before what they cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Audit,
    Command,
    CallEnded,
    Event,
    Step,
    CallBegan,
    Mail,
    Key,
    Letter,
}

/// Tells the story of whatever `id` names. `progress` is told how many events of how many were looked at, where the
/// log must be walked.
///
/// # Errors
/// [`OpsError::Unknown`] with all that was tried; [`crate::app::AppError::Ambiguous`]; what the stores say.
pub async fn tell(app: &App, id: &str, progress: &mut Progress<'_>) -> Result<Story, OpsError> {
    let found = find::find(app, id, progress).await?;
    match found {
        Found::Booking(booking) => {
            of_streams(app, "booking", booking.to_string(), vec![booking.0], None).await
        }
        Found::Saga(saga) => of_streams(app, "saga", saga.to_string(), vec![saga.0], None).await,
        Found::Payment(payment) => {
            let summary = words::payment(&payment);
            let id = payment.id.to_string();
            of_streams(app, "payment", id, vec![payment.saga_id.0], Some(summary)).await
        }
        Found::Event(entry) => {
            let summary = format!("Position {} is {}.", entry.position, words::named(&entry));
            of_streams(app, "event", entry.position.to_string(), vec![entry.stream_id], Some(summary)).await
        }
        Found::Offering(offering) => of_offering(app, &offering).await,
        Found::Seat { offering, label, seat } => of_seat(app, offering, &label, seat).await,
        Found::Correlation { id, streams, events } => {
            let summary = format!("The request led to {events} {}.", plural(events, "event"));
            of_streams(app, "correlation", id, streams, Some(summary)).await
        }
        Found::Key { key, answers } => {
            let mut streams = BTreeSet::new();
            for answer in &answers {
                streams.extend(stream_of(app, answer).await?);
            }
            let callers: Vec<&str> = answers.iter().map(|answer| answer.caller.as_str()).collect();
            let times = answers.len();
            let summary = format!(
                "The key was used by {}: {times} {} kept.",
                callers.join(", "),
                if times == 1 { "answer is" } else { "answers are" }
            );
            of_streams(app, "key", key, streams.into_iter().collect(), Some(summary)).await
        }
    }
}

/// The booking, or the saga of the payment, that an answer names; `None` for an answer about something else.
async fn stream_of(app: &App, answer: &Answered) -> Result<Option<Uuid>, OpsError> {
    let Some(id) = answer.about() else { return Ok(None) };
    if let Ok(uuid) = Uuid::parse_str(&id)
        && bookings::load(&app.stores.write, &[BookingId(uuid)]).await?.pop().is_some()
    {
        return Ok(Some(uuid));
    }
    Ok(crate::app::payments::find(app, &id).await?.map(|payment| payment.saga_id.0))
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// Tells of these streams together.
async fn of_streams(
    app: &App,
    subject: &'static str,
    id: String,
    mut streams: Vec<Uuid>,
    lead: Option<String>,
) -> Result<Story, OpsError> {
    let left_out = streams.len().saturating_sub(STRANDS_MAX);
    streams.truncate(STRANDS_MAX);
    let now = app.clock.now();
    let (mut story, mut next, mut sentences) = (Vec::new(), Vec::new(), Vec::from_iter(lead));
    let (mut stuck_reason, mut safe_action) = (None, None);
    let is_alone = streams.len() == 1;
    for stream in streams {
        let strand = Strand::load(app, stream, is_alone).await?;
        sentences.extend(words::stands(&strand, now));
        sentences.extend(words::letters(strand.open_letters()));
        if let Some(row) = &strand.row {
            let body = sagas::body(row, now);
            stuck_reason = stuck_reason.or(body.stuck_reason);
            safe_action = safe_action.or(body.safe_action);
            next.extend(sagas::timers(&row.case, now));
        } else if let Some(booking) = strand.booking.as_ref().filter(|b| b.state_at(now).is_hold()) {
            let what = "the hold ends, and its seats are free for others".to_owned();
            next.push(Timer { at: Some(booking.hold_expires_at), what });
        }
        if let Some(letter) = strand.open_letter() {
            safe_action = safe_action.or_else(|| Some(format!("ticketctl dlq show {letter}")));
        }
        story.extend(strand.entries(now));
    }
    story.sort_by_key(|entry: &Entry| (entry.at, entry.rank));
    next.sort_by_key(|timer| (timer.at.is_none(), timer.at));
    let summary = sentences.join(" ");
    Ok(Story { subject, id, summary, story, next, stuck_reason, safe_action, left_out })
}

/// Tells what became of a departure, an event or a listing, and how much of it is taken; of its bookings each is a story of its own.
async fn of_offering(app: &App, offering: &Offering) -> Result<Story, OpsError> {
    let id = offering.facts.id;
    let now = app.clock.now();
    let claims = offerings::claims(&app.stores.write, &[id]).await?.remove(&id).unwrap_or_default();
    let sold = claims.iter().filter(|(_, held)| held.hold_expires_at.is_none()).count();
    let held = claims.iter().filter(|(_, held)| held.hold_expires_at.is_some_and(|at| at > now)).count();
    let summary = words::offering(offering, sold, held, now);
    of_streams(app, offering.facts.kind.noun(), id.to_string(), vec![id.0], Some(summary)).await
}

/// Tells who has the seat now, and who had it.
async fn of_seat(
    app: &App,
    offering: OfferingId,
    label: &str,
    seat: crate::domain::seating::SeatNo,
) -> Result<Story, OpsError> {
    let now = app.clock.now();
    let claims =
        offerings::claims(&app.stores.write, &[offering]).await?.remove(&offering).unwrap_or_default();
    let has = |held: &&crate::domain::occupancy::Held| {
        held.seats.contains(&seat) && held.hold_expires_at.is_none_or(|at| at > now)
    };
    let mut owners: Vec<BookingId> = claims.iter().filter(|(_, held)| has(held)).map(|(id, _)| *id).collect();
    owners.sort_unstable();
    let mut streams: Vec<Uuid> = owners.iter().map(|id| id.0).collect();
    for id in views::tickets::of_seat(&app.stores.read, offering, label, SEAT_TICKETS_MAX).await? {
        if !streams.contains(&id.0) {
            streams.push(id.0);
        }
    }
    let found = offerings::with_seats(&app.stores.write, &[offering]).await?.pop();
    let (is_kept, kind) = found.map_or((false, OfferingKind::Departure), |(offering, _)| {
        (offering.is_blocked(seat), offering.facts.kind)
    });
    let summary = match owners.as_slice() {
        [] if is_kept => format!("Seat {label} is kept back from sale by the operator: nobody has it."),
        [] => match kind {
            OfferingKind::Departure => format!("Seat {label} is free on every leg."),
            OfferingKind::Event | OfferingKind::Listing => format!("Seat {label} is free."),
        },
        [one] => format!("Seat {label} is taken by booking {one}."),
        many => format!("Seat {label} is taken by {} bookings, on legs that don't overlap.", many.len()),
    };
    of_streams(app, "seat", format!("{offering}/{label}"), streams, Some(summary)).await
}
