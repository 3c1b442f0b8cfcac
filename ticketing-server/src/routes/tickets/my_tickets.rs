//! `GET /api/tickets/queries/my-tickets`: what the caller has booked.

use crate::answer::Answer;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::parameters::TicketsParameters;
use crate::openapi::responses::{QueryRefusals, TicketList, Unauthorized};
use crate::query::read_query;
use crate::requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::tickets;
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::store::views::tickets::UserQuery;

/// Lists the caller's tickets, newest first.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/api/tickets/queries/my-tickets",
    tag = "queries",
    params(TicketsParameters),
    responses(TicketList, Unauthorized, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn my_tickets(
    State(state): State<ServerState>,
    caller: Caller,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::tickets)?;
    let query = UserQuery {
        user_id: caller.user,
        kind: Some(OfferingKind::Departure),
        state: asked.status,
        page: core_page(asked.page),
        limit: asked.page.limit,
    };
    let page = tickets::my_tickets(&state.app, query, core_position(asked.min_position)).await?;
    Ok(listed(page, asked.page))
}
