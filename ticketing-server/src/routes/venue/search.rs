//! `GET /v1/events/search`: events by what they are, where and when.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::responses::QueryRefusals;
use crate::openapi::venue::{EventList, EventsParameters};
use crate::query::read_query;
use crate::requests::venue as requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::events::{self, EventsQuery};

/// Searches events; those that begin first come first.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/v1/events/search",
    tag = "events",
    params(EventsParameters),
    responses(EventList, QueryRefusals)
)]
pub async fn search(State(state): State<ServerState>, uri: Uri) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::events)?;
    let query = EventsQuery {
        text: asked.text,
        city: asked.city,
        event_type: asked.event_type,
        status: asked.status,
        day: asked.day,
        from: asked.from,
        to: asked.to,
        page: core_page(asked.page),
        limit: asked.page.limit,
    };
    let found = events::search(&state.app, &query, core_position(asked.min_position)).await?;
    Ok(listed(found, asked.page))
}
