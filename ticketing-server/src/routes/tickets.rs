//! `/api/tickets`: commands of a buyer, and questions about tickets.

pub mod book;
pub mod cancel;
pub mod confirm;
pub mod details;
mod hold;
pub mod my_tickets;
pub mod pay;
pub mod reserve;
pub mod stream;

use crate::answer::Answer;
use crate::auth::Caller;
use crate::command::CommandRequest;
use axum::http::StatusCode;
use ticketing_core::domain::id::UserId;
use ticketing_core::engine::{Done, IdempotencyKey, Meta};

/// What the core is told about who asks; `status` is that of a success.
pub(super) fn meta(request: &CommandRequest, status: StatusCode) -> Meta {
    let user = &request.caller.user.0;
    Meta {
        actor: user.clone(),
        correlation_id: request.correlation.as_str().to_owned(),
        idempotency: request.idempotency.as_ref().map(|found| IdempotencyKey {
            caller: user.clone(),
            key: found.key.clone(),
            request_hash: found.request_hash,
            status: status.as_u16(),
        }),
    }
}

/// The caller, if it may only touch its own; others' things are then unknown to it.
pub(super) fn owner(caller: &Caller) -> Option<UserId> {
    (!caller.role.is_trusted()).then(|| caller.user.clone())
}

/// Answers with what the command made, or with the first answer again.
pub(super) fn answer(done: Done, status: StatusCode) -> Answer {
    // A stored status is one that was sent before.
    let stored = || StatusCode::from_u16(done.status).unwrap_or(status);
    let status = if done.replayed { stored() } else { status };
    let replayed = done.replayed;
    let answer = Answer::new(status, done.body).at(done.position.unsigned_abs());
    if replayed { answer.replayed() } else { answer }
}
