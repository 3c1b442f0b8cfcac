//! From the core's failures to answers: the one place that knows both.
//!
//! What a client reads never tells where a store is or what its driver said; that is logged here, once,
//! inside the request's span and so under its correlation id.

use crate::error::{ApiError, Code};
use axum::http::StatusCode;
use serde_json::json;
use ticketing_core::app::AppError;
use ticketing_core::domain::account::AccountRefusal;
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::engine::CommandError;
use ticketing_core::ops::OpsError;
use ticketing_core::store::error::StoreError;

/// When to try again, in seconds: a store that is away may be back soon, a full disk is not.
const AWAY_RETRY_S: u32 = 2;
const UNWRITABLE_RETRY_S: u32 = 30;

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Command(error) => error.into(),
            AppError::NotFound { what, id } => not_found(what, id),
            AppError::Ambiguous { what, id } => ambiguous(what, &id),
            AppError::VersionConflict { current, .. } => {
                let message = error.to_string();
                let details = vec![json!({"field": "version", "message": message, "version": current})];
                Self::new(Code::VersionConflict, message).with_details(details)
            }
            AppError::Exists { ref id, .. } => {
                let message = error.to_string();
                let details = vec![json!({"field": "id", "message": message, "id": id})];
                Self::new(Code::AlreadyExists, message).with_details(details)
            }
            AppError::Locked { .. } => {
                let message = error.to_string();
                let details = vec![json!({"field": "id", "message": message})];
                Self::new(Code::TicketLocked, message).with_details(details)
            }
            AppError::Invalid { field, message } => {
                let details = vec![json!({"field": field, "message": message})];
                Self::new(Code::ValidationFailed, message).with_details(details)
            }
            AppError::ReadModelBehind { .. } => Self::read_model_behind(),
            AppError::Account(refusal) => refusal.into(),
            AppError::Store(error) => of_store(&error, Asked::Question),
        }
    }
}

impl From<AccountRefusal> for ApiError {
    fn from(refusal: AccountRefusal) -> Self {
        let (status, detail) = match &refusal {
            AccountRefusal::EmailTaken => (StatusCode::CONFLICT, Some(json!({"field": "email"}))),
            AccountRefusal::UsernameTaken => (StatusCode::CONFLICT, Some(json!({"field": "username"}))),
            AccountRefusal::BadCredentials => (StatusCode::UNAUTHORIZED, None),
            AccountRefusal::WrongPassword => {
                (StatusCode::FORBIDDEN, Some(json!({"field": "currentPassword"})))
            }
            AccountRefusal::PasswordNeeded => {
                (StatusCode::UNPROCESSABLE_ENTITY, Some(json!({"field": "currentPassword"})))
            }
            AccountRefusal::Suspended => (StatusCode::FORBIDDEN, None),
            AccountRefusal::VersionMoved { version } => {
                (StatusCode::CONFLICT, Some(json!({"field": "version", "version": version})))
            }
            AccountRefusal::InState { status } => {
                (StatusCode::CONFLICT, Some(json!({"field": "status", "state": status.word()})))
            }
        };
        let message = refusal.to_string();
        let details = detail.map(|mut detail| {
            detail["message"] = message.clone().into();
            detail
        });
        Self::of_command(status, refusal.code(), message).with_details(details.into_iter().collect())
    }
}

/// What an operator's change failed with, where it is made by a call of its own and not by a command.
impl From<OpsError> for ApiError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::App(error) | OpsError::Of { error, .. } | OpsError::BrokeOff { error, .. } => {
                error.into()
            }
            OpsError::WorldMoved { .. } => Self::new(
                Code::VersionMoved,
                "It has changed since it was looked at. Nothing was done; look again.",
            ),
            other @ (OpsError::Partly { .. }
            | OpsError::Unknown { .. }
            | OpsError::UnderWay { .. }
            | OpsError::Invalid(_)) => {
                tracing::error!(error = %other, "an operator's change failed");
                Self::internal()
            }
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => rejection.into(),
            CommandError::VersionMoved => Self::new(
                Code::VersionMoved,
                "The booking has changed since it was looked at. Nothing was done; look again.",
            ),
            CommandError::IdempotencyReused => Self::idempotency_key_reused(),
            CommandError::IdempotencyInProgress => Self::idempotency_in_progress(),
            CommandError::Overloaded => Self::overloaded(),
            CommandError::Store(error) => of_store(&error, Asked::Command),
            CommandError::ShuttingDown => Self::new(
                Code::ShuttingDown,
                "The server is about to end. If it had begun with the command, it may have happened: send it \
                 again with the same Idempotency-Key to learn its outcome.",
            )
            .retry_after(AWAY_RETRY_S),
        }
    }
}

impl ApiError {
    /// 404: there is no such route.
    #[must_use]
    pub fn route_not_found(id: &str) -> Self {
        let message = format!("There is no route {id}.");
        let details = vec![json!({"field": "routeId", "message": message, "id": id})];
        Self::new(Code::RouteNotFound, message).with_details(details)
    }
}

fn not_found(what: &'static str, id: String) -> ApiError {
    match what {
        "schedule" => Rejection::UnknownOffering { id }.into(),
        "booking" => Rejection::UnknownBooking { id }.into(),
        "route" => ApiError::route_not_found(&id),
        "user" => ApiError::user_not_found(&id),
        "ticket" | "venue" | "event" | "order" => {
            let message = format!("There is no {what} {id}.");
            let details = vec![json!({"field": format!("{what}Id"), "message": message, "id": id})];
            let code = format!("{}_NOT_FOUND", what.to_uppercase());
            ApiError::of_command(Code::NotFound.status(), &code, message).with_details(details)
        }
        _ => ApiError::not_found(format!("There is no {what} {id}.")),
    }
}

fn ambiguous(what: &'static str, id: &str) -> ApiError {
    let message = match what {
        "schedule" => format!(
            "Several departures came with the id {id}, one for each service day. Name one by its own id, or \
             as {id}/2026-11-20 with its service day."
        ),
        _ => format!("Several things have the id {id}. Name one by its own id."),
    };
    let details = vec![json!({"field": format!("{what}Id"), "message": message, "id": id})];
    ApiError::new(Code::AmbiguousId, message).with_details(details)
}

/// What the client asked for: of a command it must hear whether it may have happened.
#[derive(Clone, Copy)]
enum Asked {
    Question,
    Command,
}

fn of_store(error: &StoreError, asked: Asked) -> ApiError {
    let unwritable = |why: &str| {
        let sentence = format!("The server can't write just now: {why}. Nothing was done; try again later.");
        ApiError::unavailable(sentence).retry_after(UNWRITABLE_RETRY_S)
    };
    let answer = match error {
        StoreError::Full { .. } => unwritable("its disk is full"),
        StoreError::ReadOnly { .. } => unwritable("its store is read-only"),
        StoreError::Unavailable { .. } => ApiError::unavailable(match asked {
            Asked::Question => "A store of the server is away just now. Try again in a moment.",
            Asked::Command => {
                "A store of the server is away just now. The command may have happened: send it again with \
                 the same Idempotency-Key to learn its outcome, or, if it had none, look at your bookings \
                 before you repeat it."
            }
        })
        .retry_after(AWAY_RETRY_S),
        StoreError::Conflict { .. }
        | StoreError::Corrupt { .. }
        | StoreError::SchemaNewer { .. }
        | StoreError::SchemaOlder { .. }
        | StoreError::NotADatabase { .. }
        | StoreError::Missing { .. }
        | StoreError::Address { .. }
        | StoreError::Refused { .. } => {
            tracing::error!(%error, "a store failed");
            return ApiError::internal();
        }
    };
    tracing::warn!(%error, "a store can't serve a request");
    answer
}

#[cfg(test)]
mod tests {
    use super::{ApiError, AppError, CommandError, StoreError};
    use crate::correlation::CorrelationId;
    use std::sync::Arc;

    fn store(error: StoreError) -> CommandError {
        CommandError::Store(Arc::new(error))
    }

    fn reason() -> String {
        "unable to open /srv/secret/write.db: SELECT 1".into()
    }

    #[test]
    fn every_failure_has_its_status_and_code_and_keeps_what_is_inside_to_itself() {
        let away = || StoreError::Unavailable { store: "write", reason: reason() };
        let not_found = |what| AppError::NotFound { what, id: "7".into() };
        let corrupt =
            StoreError::Corrupt { table: "bookings", column: "seats", row: "1".into(), reason: reason() };
        let rows: Vec<(AppError, u16, &str, Option<&str>)> = vec![
            (CommandError::VersionMoved.into(), 409, "VERSION_MOVED", None),
            (CommandError::IdempotencyReused.into(), 422, "IDEMPOTENCY_KEY_REUSED", None),
            (CommandError::IdempotencyInProgress.into(), 409, "IDEMPOTENCY_IN_PROGRESS", Some("1")),
            (CommandError::Overloaded.into(), 503, "OVERLOADED", Some("1")),
            (CommandError::ShuttingDown.into(), 503, "SHUTTING_DOWN", Some("2")),
            (store(away()).into(), 503, "UNAVAILABLE", Some("2")),
            (away().into(), 503, "UNAVAILABLE", Some("2")),
            (
                store(StoreError::Full { store: "write", reason: reason() }).into(),
                503,
                "UNAVAILABLE",
                Some("30"),
            ),
            (
                StoreError::ReadOnly { store: "write", reason: reason() }.into(),
                503,
                "UNAVAILABLE",
                Some("30"),
            ),
            (corrupt.into(), 500, "INTERNAL", None),
            (StoreError::Refused { store: "write", reason: reason() }.into(), 500, "INTERNAL", None),
            (AppError::ReadModelBehind { at: 1, wanted: 2 }, 503, "READ_MODEL_BEHIND", Some("1")),
            (not_found("schedule"), 404, "SCHEDULE_NOT_FOUND", None),
            (not_found("booking"), 404, "BOOKING_NOT_FOUND", None),
            (not_found("route"), 404, "ROUTE_NOT_FOUND", None),
            (not_found("thing"), 404, "NOT_FOUND", None),
            (AppError::Ambiguous { what: "schedule", id: "7".into() }, 422, "AMBIGUOUS_ID", None),
        ];
        for (error, status, code, retry_after) in rows {
            let answer = ApiError::from(error.clone());
            assert_eq!((answer.status().as_u16(), answer.code()), (status, code), "{error:?}");
            let response = answer.render(&CorrelationId::new());
            let header = response.headers().get("retry-after").map(|v| v.to_str().unwrap());
            assert_eq!(header, retry_after, "{error:?}");
            for inner in ["/srv", "SELECT", "bookings.seats"] {
                assert!(!answer.message().contains(inner), "{}", answer.message());
            }
        }
    }
}
