//! `GET /v1/venues`: the places where events are held.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::responses::QueryRefusals;
use crate::openapi::venue::{VenueList, VenuesParameters};
use crate::query::read_query;
use crate::requests::venue as requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::venues;

/// Lists venues by name, of one city or of all.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/v1/venues",
    tag = "venues",
    params(VenuesParameters),
    responses(VenueList, QueryRefusals)
)]
pub async fn list(State(state): State<ServerState>, uri: Uri) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::venues)?;
    let (page, limit) = (core_page(asked.page), asked.page.limit);
    let position = core_position(asked.min_position);
    let found = venues::list(&state.app, asked.city.as_deref(), page, limit, position).await?;
    Ok(listed(found, asked.page))
}
