//! Events: announced at a venue, with seats kept back from sale; and reservations of their seats.
//!
//! A reservation is a booking like any other, and goes through the same engine.

use super::queries::events;
use super::{App, AppError, catalogue, commands, venues};
use crate::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::{OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::layout::Layout;
use crate::domain::occasion::{self, NewEvent};
use crate::domain::seating::SeatNo;
use crate::engine::{Done, Meta};
use crate::projection::venue as words;
use crate::store::catalog::{self as rows, Versioned};
use crate::store::error::StoreError;
use crate::store::{bookings, offerings};
use uuid::Uuid;

/// The most seats of one reservation.
pub const SEATS_MAX: usize = 10;
/// The most seats of one call that keeps some back, or gives some free.
pub const BLOCK_MAX: usize = 1_000;
/// For how long seats are reserved, in seconds, where nobody says otherwise.
pub const HOLD_SECONDS: u32 = 900;

/// Announces an event at a venue. The answer is the event.
///
/// # Errors
/// [`AppError::NotFound`] for the venue; [`Rejection::VenueClosed`]; [`AppError::Invalid`] names the field at fault; [`AppError::Exists`] if one
/// came with the same id that day; what the store says.
pub async fn create(app: &App, venue: &str, new: NewEvent, meta: Meta) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, &meta).await? {
        return Ok(first);
    }
    let (venue, layout) = venues::stored(app, venue).await?;
    if venue.closed.is_some() {
        return Err(Rejection::venue_closed(&venue).into());
    }
    let external_id = new.external_id.clone().unwrap_or_default();
    let (pattern, facts) = occasion::announce(&venue, &layout, new, Uuid::now_v7())
        .map_err(|(field, message)| AppError::Invalid { field, message })?;
    let id = facts.id;
    refuse_known(app, id, &external_id).await?;
    let body = words::event(&facts, 1, app.clock.now());
    let change = catalogue::Change {
        patterns: vec![pattern],
        offerings: vec![Versioned { value: facts, version: 1 }],
        noun: "event",
        ..catalogue::Change::default()
    };
    match catalogue::store(app, &meta, &change, &body).await {
        Err(AppError::VersionConflict { .. }) => Err(AppError::Exists { what: "event", id: external_id }),
        other => other,
    }
}

async fn refuse_known(app: &App, id: OfferingId, external_id: &str) -> Result<(), AppError> {
    if offerings::facts(&app.stores.write, &[id]).await?.is_empty() {
        return Ok(());
    }
    Err(AppError::Exists { what: "event", id: external_id.to_owned() })
}

/// The event with its hall and version, as it is stored now.
pub(crate) async fn stored(app: &App, id: &str) -> Result<(Versioned<OfferingFacts>, Layout), AppError> {
    let db = &app.stores.write;
    let not_found = || AppError::NotFound { what: "event", id: id.to_owned() };
    let own = match Uuid::parse_str(id) {
        Ok(uuid) => rows::offerings(db, &[OfferingId(uuid)]).await?.remove(&uuid),
        Err(_) => None,
    };
    let row = match own {
        Some(row) => row,
        None => {
            let id = events::find(app, id).await?.facts.id;
            rows::offerings(db, &[id]).await?.remove(&id.0).ok_or_else(not_found)?
        }
    };
    if row.value.kind != OfferingKind::Event {
        return Err(not_found());
    }
    let layout = offerings::layouts(db, &[row.value.layout_id]).await?.pop().ok_or_else(not_found)?;
    Ok((row, layout))
}

/// What is done with seats beside selling them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// They are kept back from sale.
    Back,
    /// They are sold again.
    Free,
}

/// Keeps seats of an event back from sale, or gives them free again. The answer is the event.
///
/// # Errors
/// [`AppError::NotFound`]; rejections: seats that the hall has not, that somebody has, or an event that is cancelled;
/// what the store says.
pub async fn keep(app: &App, id: &str, labels: &[String], keep: Keep, meta: Meta) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, &meta).await? {
        return Ok(first);
    }
    for round in 1.. {
        let Some(keeping) = plan_keep(app, id, labels, keep).await? else {
            // Nothing is left to be done: the event is so already.
            let (row, _) = stored(app, id).await?;
            return unchanged(app, &row).await;
        };
        let row = &keeping.change.offerings[0];
        let body = words::event(&row.value, row.version.unsigned_abs(), app.clock.now());
        match catalogue::store(app, &meta, &keeping.change, &body).await {
            // Another operator kept other seats back meanwhile.
            Err(AppError::VersionConflict { .. }) if round < ROUNDS_MAX => {}
            Err(AppError::Locked { .. }) => return Err(taken(app, &keeping).await?),
            other => return other,
        }
    }
    Err(AppError::NotFound { what: "event", id: id.to_owned() })
}

/// A change of which seats of an event are kept back.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    /// What is stored.
    pub change: catalogue::Change,
    /// The labels of the seats that are kept back, or given free, in seat order.
    pub seats: Vec<String>,
    layout: Layout,
}

/// Returns the change that keeps seats so, `None` if they are so already.
///
/// # Errors
/// As [`keep`].
pub(crate) async fn plan_keep(
    app: &App,
    id: &str,
    labels: &[String],
    keep: Keep,
) -> Result<Option<Keeping>, AppError> {
    let (row, layout) = stored(app, id).await?;
    keeping(row, layout, labels, keep)
}

/// How often a change of an event is tried that others change too.
const ROUNDS_MAX: u32 = 10;

fn keeping(
    row: Versioned<OfferingFacts>,
    layout: Layout,
    labels: &[String],
    keep: Keep,
) -> Result<Option<Keeping>, AppError> {
    if row.value.status == OfferingStatus::Cancelled {
        return Err(Rejection::OfferingCancelled { kind: OfferingKind::Event }.into());
    }
    let mut wanted: Vec<SeatNo> = Vec::with_capacity(labels.len());
    for label in labels {
        wanted.push(layout.seat(label).ok_or_else(|| Rejection::UnknownSeat { seat: label.clone() })?);
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut blocked: Vec<SeatNo> =
        row.value.particulars.blocked.iter().filter_map(|label| layout.seat(label)).collect();
    blocked.sort_unstable();
    let before = blocked.clone();
    match keep {
        Keep::Back => blocked.extend(wanted.iter().filter(|seat| !layout.is_blocked(**seat))),
        Keep::Free => blocked.retain(|seat| wanted.binary_search(seat).is_err()),
    }
    blocked.sort_unstable();
    blocked.dedup();
    if blocked == before {
        return Ok(None);
    }
    let of = |seats: &[SeatNo], other: &[SeatNo]| -> Vec<SeatNo> {
        seats.iter().copied().filter(|seat| other.binary_search(seat).is_err()).collect()
    };
    let (new, freed) = (of(&blocked, &before), of(&before, &blocked));
    let id = row.value.id;
    let mut value = row.value;
    value.particulars.blocked = blocked.into_iter().map(|seat| layout.label(seat)).collect();
    let seats = new.iter().chain(&freed).map(|seat| layout.label(*seat)).collect();
    let change = catalogue::Change {
        offerings: vec![Versioned { value, version: row.version + 1 }],
        free: (!new.is_empty()).then_some((id, Some(new))),
        noun: "event",
        ..catalogue::Change::default()
    };
    Ok(Some(Keeping { change, seats, layout }))
}

/// The answer to a change that changed nothing: as with all of them, its key may be used again.
async fn unchanged(app: &App, row: &Versioned<OfferingFacts>) -> Result<Done, AppError> {
    let position = crate::store::events::head(&app.stores.write).await?;
    let body = words::event(&row.value, row.version.unsigned_abs(), app.clock.now());
    Ok(Done {
        status: 200,
        body: body.into(),
        position,
        replayed: false,
        booking: None,
        case: None,
        changed: 0,
    })
}

/// The refusal that names the seat that somebody has.
///
/// # Errors
/// What the store says.
pub(crate) async fn taken(app: &App, keeping: &Keeping) -> Result<AppError, StoreError> {
    let Keeping { change, layout, .. } = keeping;
    let Some((id, Some(wanted))) = &change.free else {
        return Ok(Rejection::SoldOut { kind: OfferingKind::Event }.into());
    };
    let mut tx = app.stores.write.begin().await?;
    let seat = rows::taken_now(&mut tx, *id, Some(wanted), app.clock.now()).await;
    tx.rollback().await?;
    // It may be free again by now: then it was the first that was asked for, as likely as any.
    let seat = seat?.or_else(|| wanted.first().copied()).unwrap_or(SeatNo(0));
    Ok(Rejection::SeatTaken { seat: layout.label(seat) }.into())
}

/// Seats of an event that a buyer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The event, by its id or the one that it came with.
    pub event: String,
    /// Which seats.
    pub seats: SeatChoice,
    /// Whose they will be.
    pub user_id: UserId,
    /// For how long they are held, in seconds.
    pub hold_seconds: u32,
}

/// Holds seats of an event, all of them or none.
///
/// # Errors
/// The rule that forbids it; [`AppError::Invalid`] for more than [`SEATS_MAX`] seats; or that the engine or store can't
/// take it now.
pub async fn reserve(app: &App, wanted: Wanted, meta: Meta) -> Result<Done, AppError> {
    if wanted.seats.count() > SEATS_MAX {
        let message = format!("A reservation has at most {SEATS_MAX} seats.");
        return Err(AppError::Invalid { field: "seatIds", message });
    }
    let offering_id = match event_id(app, &wanted.event).await {
        Ok(id) => id,
        // It may have led somewhere when the same request came first.
        Err(error) => return catalogue::replayed(app, &meta).await?.ok_or(error),
    };
    let command = Reserve {
        booking_id: commands::new_booking_id(),
        offering_id,
        route_id: None,
        user_id: wanted.user_id.clone(),
        seats: wanted.seats,
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds: wanted.hold_seconds,
        kind: HoldKind::Reserve,
    };
    // Whoever reserves is known by an account; a reservation asks for no name.
    let person = Passenger { name: wanted.user_id.0, email: String::new(), phone: None };
    commands::reserve(app, command, person, meta).await
}

/// The id of an event, as the stores know it.
async fn event_id(app: &App, id: &str) -> Result<OfferingId, AppError> {
    let Ok(uuid) = Uuid::parse_str(id) else { return Ok(events::find(app, id).await?.facts.id) };
    let own = OfferingId(uuid);
    // An offering never becomes one of another kind.
    if app.halls.is_event(own) {
        return Ok(own);
    }
    match offerings::facts(&app.stores.write, &[own]).await?.pop() {
        Some(facts) if facts.kind == OfferingKind::Event => {
            app.halls.know_event(own);
            Ok(own)
        }
        Some(_) => Err(AppError::NotFound { what: "event", id: id.to_owned() }),
        None => Ok(events::find(app, id).await?.facts.id),
    }
}

/// Returns the reservation with this id. With an `owner`, another's is unknown.
///
/// # Errors
/// [`Rejection::UnknownBooking`] also for a booking of something that is no event; what the store says.
pub async fn own(app: &App, id: BookingId, owner: Option<&UserId>) -> Result<(), AppError> {
    let unknown = || AppError::from(Rejection::UnknownBooking { id: id.to_string() });
    let db = &app.stores.write;
    let booking = bookings::load(db, &[id]).await?.pop().ok_or_else(unknown)?;
    if owner.is_some_and(|owner| *owner != booking.user_id) {
        return Err(unknown());
    }
    if app.halls.is_event(booking.offering_id) {
        return Ok(());
    }
    let facts = offerings::facts(db, &[booking.offering_id]).await?.pop();
    match facts.map(|facts| facts.kind) {
        Some(OfferingKind::Event) => {
            app.halls.know_event(booking.offering_id);
            Ok(())
        }
        Some(OfferingKind::Departure | OfferingKind::Listing) | None => Err(unknown()),
    }
}
