//! `GET /api/routes/{id}/schedules`: the departures of a line.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::{RoutePath, SchedulesParameters};
use crate::openapi::responses::{NotFound, QueryRefusals, ScheduleList};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::network;

/// Lists a route's departures with their seats left, of one service day or of all, by departure.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/routes/{id}/schedules",
    tag = "network",
    params(RoutePath, SchedulesParameters),
    responses(ScheduleList, NotFound, QueryRefusals)
)]
pub async fn schedules(
    State(state): State<ServerState>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::schedules)?;
    let (page, limit) = (core_page(asked.page), asked.page.limit);
    let position = core_position(asked.min_position);
    let found = network::schedules(&state.app, &id, asked.date.as_deref(), page, limit, position).await?;
    Ok(listed(found, asked.page))
}
