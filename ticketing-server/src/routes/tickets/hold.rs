//! What `book` and `reserve` have in common: all but the state that the hold begins with.
//!
//! Ids that are UUIDs go to the engine as they are, without a look into a store. Only what came with an id
//! of its own, or was refused, is looked up.

use super::{answer, meta};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::requests::{self, HoldFields};
use crate::state::ServerState;
use axum::http::StatusCode;
use ticketing_core::app::queries::network::find_offering;
use ticketing_core::app::{AppError, commands};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::domain::id::{OfferingId, RouteId};
use ticketing_core::engine::{CommandError, Done};
use uuid::Uuid;

/// What a hold is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    offering: OfferingId,
    route: RouteId,
}

/// Answers `book` or `reserve`.
pub(super) async fn hold(
    kind: HoldKind,
    state: &ServerState,
    request: &CommandRequest,
) -> Result<Answer, ApiError> {
    let fields = request.fields(|f| requests::hold(kind, f))?;
    let done = match named(state, &fields).await {
        Ok(target) => match submit(kind, state, request, fields, target).await {
            Err(AppError::Command(CommandError::Rejected(refusal))) if is_of_ids(&refusal) => {
                look_again(kind, state, request, target, refusal).await?
            }
            other => other?,
        },
        Err(error) => stored(kind, state, request, fields, error).await?,
    };
    Ok(answer(done, StatusCode::CREATED))
}

/// The ids as they were written: UUIDs are taken at their word.
async fn named(state: &ServerState, fields: &HoldFields) -> Result<Target, AppError> {
    let offering = match Uuid::parse_str(&fields.schedule) {
        Ok(id) => OfferingId(id),
        Err(_) => find_offering(&state.app, &fields.schedule).await?.facts.id,
    };
    let route = match Uuid::parse_str(&fields.route) {
        Ok(id) => RouteId(id),
        Err(_) => state.known_routes.find(&state.app, &fields.route).await?,
    };
    Ok(Target { offering, route })
}

async fn submit(
    kind: HoldKind,
    state: &ServerState,
    request: &CommandRequest,
    fields: HoldFields,
    target: Target,
) -> Result<Done, AppError> {
    let command = Reserve {
        booking_id: commands::new_booking_id(),
        offering_id: target.offering,
        route_id: Some(target.route),
        user_id: request.caller.user.clone(),
        seats: match fields.seat {
            Some(label) => SeatChoice::Named(vec![label]),
            None => SeatChoice::Any(1),
        },
        from_stop: fields.from_stop,
        to_stop: fields.to_stop,
        expected_price: Some(fields.price),
        hold_seconds: fields.hold_seconds.unwrap_or(state.hold_seconds),
        kind,
    };
    let passenger = Passenger {
        name: fields.passenger.name,
        email: fields.passenger.email,
        phone: fields.passenger.phone,
    };
    let meta = meta(request, StatusCode::CREATED);
    commands::reserve_and_pay(&state.app, command, passenger, fields.payment_token, meta).await
}

const fn is_of_ids(refusal: &Rejection) -> bool {
    matches!(refusal, Rejection::UnknownOffering { .. } | Rejection::RouteMismatch)
}

/// Looks the ids up after a refusal: a UUID may be what a thing came with, a remembered route may be
/// another one now, and of a mismatch it may be the route that there is not.
async fn look_again(
    kind: HoldKind,
    state: &ServerState,
    request: &CommandRequest,
    tried: Target,
    refusal: Rejection,
) -> Result<Done, ApiError> {
    let fields = request.fields(|f| requests::hold(kind, f))?;
    let offering = match find_offering(&state.app, &fields.schedule).await {
        Ok(offering) => offering.facts.id,
        // The engine knows it, the read model not yet.
        Err(AppError::NotFound { .. }) if refusal == Rejection::RouteMismatch => tried.offering,
        Err(error) => return Err(error.into()),
    };
    let route = state.known_routes.find_anew(&state.app, &fields.route).await?;
    let found = Target { offering, route };
    if found == tried {
        return Err(refusal.into());
    }
    Ok(submit(kind, state, request, fields, found).await?)
}

/// The ids lead nowhere now. If the request has a key, they may have led somewhere when it came first; the
/// answer of that time is then given again.
async fn stored(
    kind: HoldKind,
    state: &ServerState,
    request: &CommandRequest,
    fields: HoldFields,
    error: AppError,
) -> Result<Done, AppError> {
    if request.idempotency.is_none() {
        return Err(error);
    }
    // No departure has this id, so the engine can only replay or refuse.
    let nothing = Target { offering: OfferingId(Uuid::nil()), route: RouteId(Uuid::nil()) };
    match submit(kind, state, request, fields, nothing).await {
        Err(AppError::Command(CommandError::Rejected(_))) => Err(error),
        other => other,
    }
}
