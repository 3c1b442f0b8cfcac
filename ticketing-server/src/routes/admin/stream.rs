//! `GET /api/admin/stream`: every event of the log, as it happens.

use crate::auth::Caller;
use crate::error::ApiError;
use crate::feed::Wanted;
use crate::feed::stream::{self, Sieve};
use crate::openapi::parameters::{LastEventHeader, StreamParameters};
use crate::openapi::responses::{EventStream, OperatorsOnly, QueryRefusals, Unauthorized};
use crate::query::read_query;
use crate::requests;
use crate::routes::resumed;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

/// Streams every event of the log as it happens, as Server-Sent Events.
///
/// Only for the roles `operator` and `admin`. Each message is an event as `ticketctl events tail -o jsonl` prints it, its
/// `id` the position. It begins with `event: open`, and after 15 s in which nothing happens comes `event: beat`, each
/// with the position that was reached. It ends with `event: end`, which says why (`TOO_SLOW`, `SHUTTING_DOWN`,
/// `UNAUTHORIZED`, `UNAVAILABLE`) and `resumeFrom`. Whoever comes back with `Last-Event-ID`, or with `from`, misses
/// nothing and hears nothing twice, at whichever server.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/api/admin/stream",
    tag = "operators",
    params(StreamParameters, LastEventHeader),
    responses(EventStream, Unauthorized, OperatorsOnly, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn stream(
    State(state): State<ServerState>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !caller.role.is_operator() {
        return Err(ApiError::forbidden(
            "Only operators and admins hear every event. Yours are at /api/tickets/stream.",
        ));
    }
    let asked = read_query(&uri, requests::stream)?;
    let (from, until) = resumed(&state, &headers, asked.from)?;
    let seat = state.feed.seat(Wanted::Everything).await?;
    let sieve = Sieve { types: asked.types, filter: asked.filter };
    stream::open(&state.app, seat, from, sieve, until).await
}
