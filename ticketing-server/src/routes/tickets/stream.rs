//! `GET /api/tickets/stream`: what happens to the caller's own bookings.

use crate::auth::Caller;
use crate::error::ApiError;
use crate::feed::Wanted;
use crate::feed::stream::{self, Sieve};
use crate::openapi::parameters::{LastEventHeader, OwnStreamParameters};
use crate::openapi::responses::{EventStream, QueryRefusals, Unauthorized};
use crate::query::read_query;
use crate::requests;
use crate::routes::resumed;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

/// Streams what happens to the caller's bookings, as Server-Sent Events.
///
/// Whatever the role, only the caller's own bookings are heard of. Each message is an event, its `id` the position. It
/// begins with `event: open`, and after 15 s in which nothing happens comes `event: beat`, each with the position that
/// was reached. It ends with `event: end`, which says why (`TOO_SLOW`, `SHUTTING_DOWN`, `UNAUTHORIZED`, `UNAVAILABLE`)
/// and `resumeFrom`. Whoever comes back with `Last-Event-ID`, or with `from`, misses nothing and hears nothing twice, at
/// whichever server.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/api/tickets/stream",
    tag = "queries",
    params(OwnStreamParameters, LastEventHeader),
    responses(EventStream, Unauthorized, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn stream(
    State(state): State<ServerState>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = read_query(&uri, requests::own_stream)?;
    let (from, until) = resumed(&state, &headers, asked)?;
    let seat = state.feed.seat(Wanted::Own(caller.user)).await?;
    stream::open(&state.app, seat, from, Sieve::default(), until).await
}
