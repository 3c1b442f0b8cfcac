//! The checker: whatever happened, these things are so.

use super::place::{count, rows};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use ticketing_core::app::App;
use ticketing_core::domain::booking::event::BookingEvent;
use ticketing_core::domain::booking::state::{Booking, BookingState, evolve};
use ticketing_core::domain::event::Event;
use ticketing_core::domain::id::{BookingId, SagaId};
use ticketing_core::domain::payment::{Attempt, AttemptKind, Payment};
use ticketing_core::ops::verify::{Check, Finding, Told, verify};
use ticketing_core::store::events::LogEntry;
use ticketing_core::store::{bookings, events, passengers, sagas, views};
use ticketing_core::worker::projector::Projector;
use uuid::Uuid;

/// The log of a store, folded.
pub struct Fold {
    pub entries: Vec<LogEntry>,
    pub bookings: BTreeMap<BookingId, Booking>,
}

impl Fold {
    /// The types of a booking's events, in order.
    pub fn story(&self, id: BookingId) -> Vec<&'static str> {
        self.entries.iter().filter(|e| e.stream_id == id.0).map(|e| e.event.type_name()).collect()
    }
}

/// Checks everything that must hold of the stores and returns the fold of the log:
/// positions 1 to head, stream versions without gaps, booking rows, claims, passengers and payments as the
/// events say, and, once projected, the tickets too.
pub async fn check(app: &App) -> Fold {
    let fold = check_bookings(app).await;
    assert_eq!(findings(app).await, [], "verification finds nothing");
    fold
}

/// The same but for what `verify` looks at besides: for logs in which events of the catalogue have no rows.
pub async fn check_bookings(app: &App) -> Fold {
    let fold = check_write(app).await;
    project(app).await;
    check_read(app, &fold).await;
    fold
}

/// What verification finds; a hold or a call that is overdue is left out, since these tests stop the clock's hands
/// where they like.
pub async fn findings(app: &App) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tell = |told| match told {
        Told::Found(finding) if !finding.command.starts_with("ticketctl serve") => found.push(finding),
        Told::Found(_) | Told::Progress { .. } => {}
    };
    verify(app, &Check::ALL, &mut tell).await.unwrap();
    found
}

/// Folds the read model up to the log's head.
pub async fn project(app: &App) {
    let head = events::head(&app.stores.write).await.unwrap();
    Projector::default().reach(app, head).await.unwrap();
}

async fn check_write(app: &App) -> Fold {
    let db = &app.stores.write;
    let entries = events::after(db, 0, i64::MAX).await.unwrap();
    let positions: Vec<i64> = entries.iter().map(|e| e.position).collect();
    let head = events::head(db).await.unwrap();
    assert_eq!(positions, (1..=head).collect::<Vec<_>>(), "positions have no gaps");

    let mut versions: HashMap<Uuid, i32> = HashMap::new();
    let mut folded: BTreeMap<BookingId, Booking> = BTreeMap::new();
    let mut owners: BTreeMap<(Uuid, i32, i32), BookingId> = BTreeMap::new();
    for entry in &entries {
        let version = versions.entry(entry.stream_id).or_default();
        *version += 1;
        assert_eq!(entry.stream_version, *version, "stream {} has no gaps", entry.stream_id);
        let id = BookingId(entry.stream_id);
        if let Event::Payment(event) = &entry.event
            && let Some(booking) = event.facts().booking_id.and_then(|id| folded.get_mut(&id))
        {
            booking.version += 1;
        }
        let Event::Booking(event) = &entry.event else { continue };
        let before = folded.remove(&id);
        let after = evolve(before.clone(), id, event, entry.recorded_at).unwrap();
        track_owners(&mut owners, before.as_ref(), &after, event);
        folded.insert(id, after);
    }

    let ids: Vec<BookingId> = folded.keys().copied().collect();
    let stored = bookings::load(db, &ids).await.unwrap();
    let stored: BTreeMap<BookingId, Booking> = stored.into_iter().map(|b| (b.id, b)).collect();
    assert_eq!(stored, folded, "booking rows are the fold of their events");
    assert_eq!(count(db, "bookings").await, ids.len() as i64);
    let people = passengers::load(db, &ids).await.unwrap();
    assert_eq!(people.len(), ids.len(), "each booking has its passenger");

    let claims: Vec<(Uuid, i32, i32, Uuid)> =
        rows(db, "SELECT offering_id, seat_no, leg, booking_id FROM claims", vec![]).await;
    let claims: BTreeMap<_, _> = claims.into_iter().map(|(o, s, l, b)| ((o, s, l), BookingId(b))).collect();
    assert_eq!(claims, owners, "claims are those of the bookings that have seats");

    let payments: Vec<&String> = folded.values().filter_map(|b| b.payment_id.as_ref()).collect();
    assert_eq!(payments.len(), payments.iter().collect::<BTreeSet<_>>().len(), "a payment confirms once");
    check_money(app, &folded).await;
    Fold { entries, bookings: folded }
}

/// Each saga's steps have no gaps, and what we have of its money confirms a booking or is on its way back.
async fn check_money(app: &App, bookings: &BTreeMap<BookingId, Booking>) {
    let db = &app.stores.write;
    let ids: Vec<(Uuid,)> = rows(db, "SELECT id FROM sagas", vec![]).await;
    let ids: Vec<SagaId> = ids.into_iter().map(|(id,)| SagaId(id)).collect();
    let steps: Vec<(Uuid, i32)> =
        rows(db, "SELECT saga_id, no FROM saga_steps ORDER BY saga_id, no", vec![]).await;
    for case in sagas::cases(db, &ids).await.unwrap() {
        let id = case.saga.id;
        let numbers: Vec<i32> = steps.iter().filter(|(saga, _)| *saga == id.0).map(|(_, no)| *no).collect();
        let from = numbers.first().copied().unwrap_or(case.saga.version as i32 + 1);
        assert!(from <= 2, "the steps of {id} begin with {from}");
        assert_eq!(numbers, (from..=case.saga.version as i32).collect::<Vec<_>>(), "steps of {id}");
        let Some(booking) = bookings.get(&BookingId(id.0)) else { continue };
        let kept: i64 = case.payments.iter().map(Payment::kept_minor).sum();
        let owed = |a: &&Attempt| a.kind == AttemptKind::Refund && a.state.is_open();
        let on_its_way: i64 = case.attempts.iter().filter(owed).map(|a| a.amount.amount_minor).sum();
        if booking.state == BookingState::Confirmed {
            assert!(kept <= booking.price.amount_minor, "more than its price is kept of {id}: {case:?}");
        } else if case.saga.park.is_none() {
            assert_eq!(kept, on_its_way, "what is kept of {id} is on its way back: {case:?}");
        }
    }
}

/// Follows who has which seat and leg; two owners at one time are a double sale.
fn track_owners(
    owners: &mut BTreeMap<(Uuid, i32, i32), BookingId>,
    before: Option<&Booking>,
    after: &Booking,
    event: &BookingEvent,
) {
    let had = before.is_some_and(|b| b.state.has_seats());
    for seat in &after.seats {
        for leg in after.legs.legs() {
            let place = (after.offering_id.0, seat.no.0 as i32, i32::from(leg));
            if !had && after.state.has_seats() {
                let other = owners.insert(place, after.id);
                assert_eq!(other, None, "{} was sold twice by {event:?}", seat.label);
            } else if had && !after.state.has_seats() {
                owners.remove(&place);
            }
        }
    }
}

async fn check_read(app: &App, fold: &Fold) {
    let read = &app.stores.read;
    let tickets = views::tickets::all_before(read, BookingId(Uuid::max()), i64::MAX).await.unwrap();
    let tickets: BTreeMap<BookingId, Booking> =
        tickets.into_iter().map(|t| (t.booking.id, t.booking)).collect();
    for (id, booking) in &fold.bookings {
        assert_eq!(tickets.get(id), Some(booking), "a ticket is the fold of its events");
    }
    assert_eq!(tickets.len(), fold.bookings.len(), "there is no other ticket");
    assert_eq!(views::fold::cursor(read).await.unwrap(), fold.entries.len() as i64);
}
