//! Finding things by what an operator types: a whole id, a unique beginning of one, or an external id.

use super::OpsError;
use crate::app::queries::network;
use crate::app::{App, AppError, venues};
use crate::domain::catalog::{Offering, OfferingKind, Route, Venue};
use crate::domain::id::{AttemptId, BookingId, OfferingId, PaymentId, SagaId};
use crate::domain::payment::Payment;
use crate::store::{payments, sagas, views};
use uuid::Uuid;

/// The shortest beginning of an id that is looked up.
pub const PREFIX_MIN: usize = 4;

/// Says whether it looks like the beginning of an id, and is too short for one.
#[must_use]
pub fn is_too_short(prefix: &str) -> bool {
    let digits = prefix.bytes().filter(|byte| *byte != b'-');
    (1..PREFIX_MIN).contains(&digits.clone().count()) && digits.clone().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the lowest and highest id that begin so, `None` if nothing can.
pub(super) fn range(prefix: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = prefix.chars().filter(|c| *c != '-').collect();
    if digits.len() < PREFIX_MIN || digits.len() > 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let padded = |with: char| {
        let mut text = digits.clone();
        while text.len() < 32 {
            text.push(with);
        }
        Uuid::parse_str(&text).ok()
    };
    Some((padded('0')?, padded('f')?))
}

pub(super) fn unique(what: &'static str, id: &str, found: &[Uuid]) -> Result<Option<Uuid>, OpsError> {
    match found {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(AppError::Ambiguous { what, id: id.to_owned() }.into()),
    }
}

/// Returns the booking with this id or unique beginning of one. A whole id is taken as it is.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn booking(app: &App, id: &str) -> Result<BookingId, OpsError> {
    if let Ok(uuid) = Uuid::parse_str(id) {
        return Ok(BookingId(uuid));
    }
    let found = match range(id) {
        Some((low, high)) => views::tickets::with_id_between(&app.stores.read, low, high).await?,
        None => Vec::new(),
    };
    let not_found = || AppError::NotFound { what: "booking", id: id.to_owned() };
    Ok(BookingId(unique("booking", id, &found)?.ok_or_else(not_found)?))
}

/// Returns the departure with this id, unique beginning of one, external id, or `externalId/serviceDate`.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn offering(app: &App, id: &str) -> Result<Offering, OpsError> {
    match network::find_offering(app, id).await {
        Err(AppError::NotFound { .. }) => {}
        other => return Ok(other?),
    }
    let found = match range(id) {
        Some((low, high)) => views::network::departures_between(&app.stores.read, low, high).await?,
        None => Vec::new(),
    };
    let not_found = || AppError::NotFound { what: "schedule", id: id.to_owned() };
    let uuid = unique("schedule", id, &found)?.ok_or_else(not_found)?;
    Ok(network::find_offering(app, &uuid.to_string()).await?)
}

/// Returns the route with this id, unique beginning of one, or external id.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn route(app: &App, id: &str) -> Result<Route, OpsError> {
    match network::find_route(app, id).await {
        Err(AppError::NotFound { .. }) => {}
        other => return Ok(other?),
    }
    let found = match range(id) {
        Some((low, high)) => views::network::routes_between(&app.stores.read, low, high).await?,
        None => Vec::new(),
    };
    let not_found = || AppError::NotFound { what: "route", id: id.to_owned() };
    let uuid = unique("route", id, &found)?.ok_or_else(not_found)?;
    Ok(network::find_route(app, &uuid.to_string()).await?)
}

/// Returns the event with this id, unique beginning of one, external id, or `externalId/date`.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn event(app: &App, id: &str) -> Result<Offering, OpsError> {
    let not_found = || AppError::NotFound { what: "event", id: id.to_owned() };
    match offering(app, id).await {
        Ok(found) if found.facts.kind == OfferingKind::Event => Ok(found),
        Ok(_) | Err(OpsError::App(AppError::NotFound { .. })) => Err(not_found().into()),
        Err(OpsError::App(AppError::Ambiguous { id, .. })) => {
            Err(AppError::Ambiguous { what: "event", id }.into())
        }
        Err(error) => Err(error),
    }
}

/// Returns the venue with this id, unique beginning of one, or external id.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn venue(app: &App, id: &str) -> Result<Venue, OpsError> {
    match venues::find(app, id).await {
        Err(AppError::NotFound { .. }) => {}
        other => return Ok(other?),
    }
    let found = match range(id) {
        Some((low, high)) => views::venues::between(&app.stores.read, low, high).await?,
        None => Vec::new(),
    };
    let not_found = || AppError::NotFound { what: "venue", id: id.to_owned() };
    let uuid = unique("venue", id, &found)?.ok_or_else(not_found)?;
    Ok(venues::find(app, &uuid.to_string()).await?)
}

/// Returns how many characters of these bookings' ids tell each from every other booking.
///
/// # Errors
/// What the store says.
pub async fn booking_prefix_len(app: &App, ids: &[BookingId]) -> Result<usize, OpsError> {
    let ids = ids.iter().map(|id| id.0).collect();
    Ok(prefix_len(&views::tickets::neighbours(&app.stores.read, ids).await?))
}

/// Returns how many characters of these departures' ids tell each from every other departure.
///
/// # Errors
/// What the store says.
pub async fn schedule_prefix_len(app: &App, ids: &[OfferingId]) -> Result<usize, OpsError> {
    let ids = ids.iter().map(|id| id.0).collect();
    Ok(prefix_len(&views::network::departure_neighbours(&app.stores.read, ids).await?))
}

/// Returns the saga with this id or unique beginning of one; or of the payment, or provider's call, that is called so.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn saga(app: &App, id: &str) -> Result<SagaId, OpsError> {
    let db = &app.stores.write;
    let own = match Uuid::parse_str(id) {
        Ok(uuid) => sagas::cases(db, &[SagaId(uuid)]).await?.pop().map(|case| case.saga.id),
        Err(_) => match range(id) {
            Some((low, high)) => {
                unique("saga", id, &sagas::with_id_between(db, low, high).await?)?.map(SagaId)
            }
            None => None,
        },
    };
    let of_payment = match own {
        Some(id) => return Ok(id),
        None => find_payment(app, "saga", id).await?,
    };
    let not_found = || AppError::NotFound { what: "saga", id: id.to_owned() };
    Ok(of_payment.ok_or_else(not_found)?.saga_id)
}

/// Returns the payment with this id or unique beginning of one; with this id at an outside service; or whose charge or
/// refund has this id, or this name at its provider.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn payment(app: &App, id: &str) -> Result<PaymentId, OpsError> {
    let not_found = || AppError::NotFound { what: "payment", id: id.to_owned() };
    Ok(find_payment(app, "payment", id).await?.ok_or_else(not_found)?.id)
}

pub(super) async fn find_payment(
    app: &App,
    what: &'static str,
    id: &str,
) -> Result<Option<Payment>, OpsError> {
    let db = &app.stores.write;
    if let Some(found) = crate::app::payments::find(app, id).await? {
        return Ok(Some(found));
    }
    let mut found = match Uuid::parse_str(id) {
        Ok(uuid) => {
            let attempts = payments::attempts(db, &[AttemptId(uuid)]).await?;
            attempts.iter().map(|attempt| attempt.payment_id.0).collect()
        }
        Err(_) => match range(id) {
            Some((low, high)) => payments::with_id_between(db, low, high).await?,
            None => Vec::new(),
        },
    };
    if found.is_empty() {
        let attempts = payments::attempts_by_ref(db, vec![id.to_owned()]).await?;
        found = attempts.iter().map(|attempt| attempt.payment_id.0).collect();
        found.sort_unstable();
        found.dedup();
    }
    match unique(what, id, &found)? {
        Some(uuid) => Ok(payments::load(db, &[PaymentId(uuid)]).await?.pop()),
        None => Ok(None),
    }
}

/// An id shares its longest beginning with one of the two next to it.
pub(super) fn prefix_len(found: &[(Uuid, Option<Uuid>, Option<Uuid>)]) -> usize {
    let shared = |a: Uuid, b: Uuid| {
        let (a, b) = (a.to_string(), b.to_string());
        a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
    };
    let longest = |(id, below, above): &(Uuid, Option<Uuid>, Option<Uuid>)| {
        below.iter().chain(above).map(|other| shared(*id, *other) + 1).max().unwrap_or(0)
    };
    found.iter().map(longest).max().unwrap_or(0).max(PREFIX_MIN)
}
