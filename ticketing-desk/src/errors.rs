//! What the core's errors mean at the command line: the one place where they become exit codes and hints.

mod brokers;
mod commands;
mod inputs;
mod stores;

pub use crate::sentence::sentence;
pub use commands::{WORLD_MOVED, answer_lost};
pub use stores::{on_embedded, on_server, timed_out};

use crate::failure::{Exit, Failure, Unknown};
use crate::output::grouped;
use crate::sentence::capitalised;
use commands::moved;
use ticketing_core::app::AppError;
use ticketing_core::domain::account::AccountRefusal;
use ticketing_core::ops::OpsError;
use ticketing_core::ops::lookup::{self, PREFIX_MIN};
use ticketing_core::store::views::fold::TICKETS;

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match &error {
            AppError::Command(error) => Self::from(error),
            AppError::NotFound { what, id } if id.trim().is_empty() => {
                Self::not_found(format!("The id of the {what} is blank."))
                    .code(format!("{}_NOT_FOUND", what.to_uppercase()))
                    .hint(list_of(what))
            }
            AppError::NotFound { what: "projection", .. } => Self::not_found(error.to_string())
                .code("PROJECTION_NOT_FOUND")
                .why(format!("There is {TICKETS}."))
                .hint(list_of("projection")),
            AppError::NotFound { what, id } if WITH_BEGINNINGS.contains(what) && lookup::is_too_short(id) => {
                Self::not_found(error.to_string())
                    .code(format!("{}_NOT_FOUND", what.to_uppercase()))
                    .why(format!(
                        "It is too short for the beginning of an id: at least {PREFIX_MIN} characters."
                    ))
                    .hint(format!("write more of it; {} shows the ids", list_of(what)))
            }
            AppError::NotFound { what, id } => Self {
                unknown: Some(Box::new(Unknown { what, id: id.clone() })),
                ..Self::not_found(error.to_string())
                    .code(format!("{}_NOT_FOUND", what.to_uppercase()))
                    .hint(list_of(what))
            },
            AppError::Ambiguous { what: "schedule", id } if !is_beginning(id) => {
                Self::usage(format!("Several departures came with the id {id}, one for each service day."))
                    .code("AMBIGUOUS_ID")
                    .hint(format!(
                        "name one with its service day, as {id}/2026-11-20; ticketctl schedule list"
                    ))
            }
            AppError::Ambiguous { what, .. } => Self::usage(error.to_string())
                .code("AMBIGUOUS_ID")
                .hint(format!("write more of it; {} shows the ids", list_of(what))),
            AppError::VersionConflict { .. } => Self::conflict(error.to_string())
                .code("VERSION_CONFLICT")
                .hint("look at it again, and repeat the change on what it is now"),
            AppError::Exists { what, .. } => Self::conflict(error.to_string())
                .code("ALREADY_EXISTS")
                .hint(format!("{} shows it", list_of(what))),
            AppError::Locked { .. } => Self::conflict(error.to_string())
                .code("TICKET_LOCKED")
                .hint("ticketctl booking list shows who has it"),
            AppError::Invalid { message, .. } => Self::usage(message.clone()).code("INVALID"),
            AppError::ReadModelBehind { .. } => {
                Self::unreachable(error.to_string()).code("READ_MODEL_BEHIND").hint("ticketctl status")
            }
            AppError::Account(refusal) => Self::from(refusal),
            AppError::Store(error) => Self::from(&**error),
        }
    }
}

/// What is found by the beginning of its id.
const WITH_BEGINNINGS: &[&str] =
    &["booking", "schedule", "event", "offering", "venue", "route", "saga", "payment", "job", "letter"];

impl From<&AccountRefusal> for Failure {
    fn from(refusal: &AccountRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            AccountRefusal::VersionMoved { .. } => moved(&message),
            AccountRefusal::EmailTaken | AccountRefusal::UsernameTaken => {
                Self::conflict(message).code(refusal.code()).hint("ticketctl user list --query 'email~NAME'")
            }
            AccountRefusal::InState { .. } => {
                Self::conflict(message).code(refusal.code()).hint("ticketctl user list")
            }
            AccountRefusal::BadCredentials
            | AccountRefusal::WrongPassword
            | AccountRefusal::PasswordNeeded
            | AccountRefusal::Suspended => Self::new(Exit::Auth, refusal.code(), message),
        }
    }
}

/// Says whether an id may be the beginning of one of ours, not one that came from outside.
fn is_beginning(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn list_of(what: &str) -> String {
    match what {
        "schedule" => "ticketctl schedule list".into(),
        "route" => "ticketctl route list".into(),
        "ticket" => "ticketctl listing list".into(),
        "offering" => "ticketctl schedule list, ticketctl event list or ticketctl listing list".into(),
        "letter" => "ticketctl dlq list --closed".into(),
        _ => format!("ticketctl {what} list"),
    }
}

impl From<OpsError> for Failure {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::App(error) => Self::from(error),
            OpsError::Of { what, id, error } => named(Self::from(error), what, &id),
            OpsError::WorldMoved { what } => {
                moved(&format!("{} has changed since the plan was made.", capitalised(&what)))
            }
            OpsError::Partly { done, planned, first } => {
                Self::partial(format!("{done} of {planned} were done, the rest was not."))
                    .why(sentence(&first))
                    .hint("run the same command again for the rest")
            }
            OpsError::BrokeOff { done, unsure, planned, error } => {
                broke_off(done, unsure, planned, Self::from(error))
            }
            OpsError::UnderWay { what, since } => Self::conflict(sentence(&what))
                .code("UNDER_WAY")
                .why(format!("Somebody began it at {since}. Nothing was done."))
                .hint("wait for its end, and try again")
                .retryable(),
            OpsError::Invalid(what) => Self::error(sentence(&what)).code("INVALID"),
            OpsError::Unknown { id, tried } => Self::not_found(format!("Nothing here is known as {id}."))
                .why(format!("It is not {}.", tried.join(", nor ")))
                .hint(
                    "ticketctl booking list, ticketctl saga list or ticketctl events tail show what there is",
                ),
        }
    }
}

/// Returns the failure of many changes whose store failed on the way, with how far they came.
fn broke_off(done: usize, unsure: usize, planned: usize, cause: Failure) -> Failure {
    if done == 0 && unsure == 0 {
        let why = cause.why.as_deref().unwrap_or_default();
        let why = format!("{why} Nothing of {} was done.", grouped(planned as u64));
        return cause.why(why.trim_start());
    }
    let left = grouped(planned.saturating_sub(done + unsure) as u64);
    let (done_of, planned) = (grouped(done as u64), grouped(planned as u64));
    let counts = match unsure {
        0 => format!("{done_of} of {planned} were done, {left} are left."),
        lost => {
            let lost = grouped(lost as u64);
            format!(
                "{done_of} of {planned} were done, {left} are left, and {lost} may have been done: their answers are lost."
            )
        }
    };
    let failure = match done {
        0 => Failure { message: counts, ..Failure::new(cause.exit, "ANSWER_LOST", "") },
        _ => Failure::partial(counts),
    };
    let why = [Some(cause.message), cause.why].into_iter().flatten().collect::<Vec<_>>().join(" ");
    failure
        .why(why)
        .hint("run the same command again once the store answers: it goes on with what is left")
        .retryable()
}

/// Returns a refusal with the id that it is about, in its sentence and in its hint.
fn named(failure: Failure, what: &str, id: &str) -> Failure {
    let message = format!("{} {id}: {}", capitalised(what), failure.message);
    let hint = failure.hint.map(|_| format!("ticketctl {what} show {id}"));
    Failure { message, hint, ..failure }
}

#[cfg(test)]
mod tests {
    use super::on_embedded;
    use crate::failure::{Exit, Failure};
    use ticketing_core::app::AppError;
    use ticketing_core::domain::booking::rejection::Rejection;
    use ticketing_core::domain::booking::state::BookingState;
    use ticketing_core::domain::catalog::OfferingKind;
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::ops::OpsError;
    use ticketing_core::store::error::StoreError;

    #[test]
    fn every_error_has_its_exit_code_and_its_word() {
        let unavailable = || StoreError::Unavailable { store: "write", reason: "refused".into() };
        let newer = StoreError::SchemaNewer { store: "read", found: 9, known: 1 };
        let rejected = |rejection: Rejection| OpsError::App(AppError::from(rejection));
        let away = |done, unsure| {
            let error = AppError::from(unavailable());
            OpsError::BrokeOff { done, unsure, planned: 5, error }
        };
        let rows: [(OpsError, Exit, &str); 15] = [
            (unavailable().into(), Exit::Unreachable, "STORE_UNAVAILABLE"),
            (newer.into(), Exit::Error, "SCHEMA_NEWER"),
            (StoreError::Missing { path: "./data".into() }.into(), Exit::NotFound, "NO_STORE"),
            (StoreError::Full { store: "write", reason: "x".into() }.into(), Exit::Error, "DISK_FULL"),
            (rejected(Rejection::SoldOut { kind: OfferingKind::Departure }), Exit::Conflict, "SOLD_OUT"),
            (rejected(Rejection::UnknownSeat { seat: "Z9".into() }), Exit::Error, "UNKNOWN_SEAT"),
            (
                rejected(Rejection::InvalidState { state: BookingState::Expired, wanted: "confirmed" }),
                Exit::Conflict,
                "INVALID_STATE",
            ),
            (
                AppError::NotFound { what: "booking", id: "b".into() }.into(),
                Exit::NotFound,
                "BOOKING_NOT_FOUND",
            ),
            (AppError::Ambiguous { what: "booking", id: "b".into() }.into(), Exit::Usage, "AMBIGUOUS_ID"),
            (OpsError::WorldMoved { what: "seat A1".into() }, Exit::Conflict, "WORLD_MOVED"),
            (
                OpsError::UnderWay { what: "it is being rebuilt".into(), since: Timestamp::from_millis(0) },
                Exit::Conflict,
                "UNDER_WAY",
            ),
            (OpsError::Partly { done: 1, planned: 2, first: "no".into() }, Exit::Partial, "PARTLY_DONE"),
            (away(1, 2), Exit::Partial, "PARTLY_DONE"),
            (away(0, 2), Exit::Unreachable, "ANSWER_LOST"),
            (away(0, 0), Exit::Unreachable, "STORE_UNAVAILABLE"),
        ];
        for (error, exit, code) in rows {
            let text = error.to_string();
            let failure = Failure::from(error);
            assert_eq!((failure.exit, failure.code.as_str()), (exit, code), "{text}");
            assert!(failure.message.ends_with('.'), "{}", failure.message);
        }
        let lost = Failure::from(away(1, 2)).message;
        assert_eq!(lost, "1 of 5 were done, 2 are left, and 2 may have been done: their answers are lost.");
        let near = on_embedded(Failure::from(unavailable()));
        assert_eq!((near.exit, near.retryable), (Exit::Error, true));
    }

    #[test]
    fn a_newer_schema_names_both_versions() {
        let failure = Failure::from(StoreError::SchemaNewer { store: "write", found: 7, known: 1 });
        assert!(failure.message.contains("version 7") && failure.message.contains("up to 1"), "{failure}");
    }
}
