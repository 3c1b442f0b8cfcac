//! What the core's errors mean at the command line: the one place where they become exit codes and hints.

use crate::failure::{Exit, Failure, Unknown};
use crate::output::grouped;
use crate::sentence::capitalised;
pub use crate::sentence::sentence;
use ticketing_core::adapters::carriers::CarrierError;
use ticketing_core::adapters::gtfs::GtfsError;
use ticketing_core::adapters::seed_file::SeedFileError;
use ticketing_core::app::AppError;
use ticketing_core::app::config::ConfigError;
use ticketing_core::domain::account::AccountRefusal;
use ticketing_core::domain::booking::rejection::{Rejection, RejectionClass};
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::engine::CommandError;
use ticketing_core::ops::OpsError;
use ticketing_core::ops::filter::FilterError;
use ticketing_core::ops::lookup::{self, PREFIX_MIN};
use ticketing_core::store::error::StoreError;
use ticketing_core::store::views::fold::TICKETS;

/// The stable word of a store that does not answer.
const STORE_UNAVAILABLE: &str = "STORE_UNAVAILABLE";

/// The stable word of a store that takes too long.
const TIMEOUT: &str = "TIMEOUT";

/// The stable word of a plan that the world has overtaken.
pub const WORLD_MOVED: &str = "WORLD_MOVED";

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable { store, reason } => {
                Self::unreachable(format!("The {store} store does not answer."))
                    .code(STORE_UNAVAILABLE)
                    .why(sentence(reason))
                    .hint("check that the database runs and can be reached from here, and try again")
            }
            StoreError::Conflict { .. } => {
                Self::conflict("Somebody else was first.").why(sentence(&error.to_string())).retryable()
            }
            StoreError::ReadOnly { store, reason } => {
                Self::error(format!("The {store} store can't be written."))
                    .code("READ_ONLY")
                    .why(sentence(reason))
                    .hint("make the data folder writable for this user, or name another with --data-dir DIR")
            }
            StoreError::Full { store, reason } => {
                Self::error(format!("The disk of the {store} store is full."))
                    .code("DISK_FULL")
                    .why(sentence(reason))
                    .hint("free some space and try again; nothing of this change was kept")
                    .retryable()
            }
            StoreError::Corrupt { .. } => Self::error(sentence(&error.to_string()))
                .code("CORRUPT")
                .hint("restore a backup, or report the row; other rows can still be used"),
            StoreError::SchemaNewer { store, found, known } => Self::error(format!(
                "The {store} store has schema version {found}, and this program knows up to {known}."
            ))
            .code("SCHEMA_NEWER")
            .hint("use the newer ticketctl that made it"),
            StoreError::SchemaOlder { store, found, known } => Self::error(format!(
                "The {store} store has schema version {found}, and this program needs {known}."
            ))
            .code("SCHEMA_OLDER")
            .hint("ticketctl migrate up"),
            StoreError::NotADatabase { path, reason } => {
                Self::error(format!("{} is no database.", capitalised(path)))
                    .code("NOT_A_DATABASE")
                    .why(sentence(reason))
                    .hint("move the file away, or name another folder with --data-dir DIR")
            }
            StoreError::Missing { path } if path.ends_with("read.db") => {
                Self::not_found(format!("There is no read store in {path}."))
                    .code("NO_STORE")
                    .why("The write store is there; what it lacks is made again from its log.")
                    .hint("ticketctl up, or ticketctl serve")
            }
            StoreError::Missing { path } => Self::not_found(format!("There is no store in {path}."))
                .code("NO_STORE")
                .hint("ticketctl seed demo, or ticketctl up --demo"),
            StoreError::Address { .. } => Self::usage(sentence(&error.to_string()))
                .code("CONFIG")
                .hint("write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
            StoreError::Refused { .. } => Self::error(sentence(&error.to_string()))
                .code("STORE_REFUSED")
                .hint("check the database's name and the user's rights; if both are right, report this"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

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

impl From<&CommandError> for Failure {
    fn from(error: &CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => Self::from(rejection),
            CommandError::VersionMoved => moved("The booking has changed since the plan was made."),
            CommandError::IdempotencyReused => {
                Self::conflict("The idempotency key was used with another command.")
                    .code("IDEMPOTENCY_KEY_REUSED")
                    .why("A key stands for one command, with all its arguments.")
                    .hint("use a new key for a new command")
            }
            CommandError::IdempotencyInProgress => {
                Self::conflict("A command with this idempotency key is still running.")
                    .code("IDEMPOTENCY_IN_PROGRESS")
                    .hint("try again in a moment")
                    .retryable()
            }
            CommandError::Overloaded => {
                Self::unreachable("Too many commands wait.").code("OVERLOADED").hint("try again in a moment")
            }
            CommandError::ShuttingDown => {
                answer_lost("The command was stopped before it was answered.", None)
            }
            CommandError::Store(error) => Self::from(&**error),
        }
    }
}

impl From<&Rejection> for Failure {
    fn from(rejection: &Rejection) -> Self {
        let exit = match rejection.class() {
            // The amount is a good one: what stands in its way is what was given back before.
            RejectionClass::Invalid if matches!(rejection, Rejection::RefundTooMuch { .. }) => Exit::Conflict,
            RejectionClass::NotFound => Exit::NotFound,
            RejectionClass::Invalid => Exit::Error,
            RejectionClass::Conflict => Exit::Conflict,
            RejectionClass::Forbidden => Exit::Auth,
        };
        let failure = Self::new(exit, rejection.code(), rejection.message());
        match rejection {
            Rejection::UnknownOffering { .. }
            | Rejection::RouteMismatch
            | Rejection::Departed { kind: OfferingKind::Departure, .. }
            | Rejection::OfferingCancelled { kind: OfferingKind::Departure } => {
                failure.hint("ticketctl schedule list")
            }
            Rejection::Departed { kind: OfferingKind::Event, .. }
            | Rejection::OfferingCancelled { kind: OfferingKind::Event } => {
                failure.hint("ticketctl event list --status ON_SALE")
            }
            Rejection::Departed { kind: OfferingKind::Listing, .. }
            | Rejection::OfferingCancelled { kind: OfferingKind::Listing }
            | Rejection::SoldOut { kind: OfferingKind::Listing } => failure.hint("ticketctl listing list"),
            Rejection::VenueClosed { .. } => failure.hint("ticketctl venue list"),
            Rejection::UnknownBooking { .. } => failure.hint("ticketctl booking list"),
            Rejection::UnknownStop { .. } | Rejection::StopOrder { .. } | Rejection::NoBoarding { .. } => {
                failure
                    .why("A stop is named by its id, its externalId, or #n, its sequence.")
                    .hint("ticketctl schedule get SCHEDULE")
            }
            Rejection::UnknownSeat { .. }
            | Rejection::SeatRepeated { .. }
            | Rejection::SeatTaken { .. }
            | Rejection::SeatKept { .. }
            | Rejection::SoldOut { .. }
            | Rejection::NotTogether { .. }
            | Rejection::UnknownSection { .. } => failure.hint("ticketctl seat map OFFERING"),
            Rejection::PriceMismatch { .. } | Rejection::OwnListing => failure,
            Rejection::HoldExpired { .. } => failure.hint("ticketctl booking reserve SCHEDULE"),
            Rejection::InvalidState { .. } => failure.hint("ticketctl booking get BOOKING"),
            Rejection::PaymentUsed { payment_id } => {
                failure.hint(format!("ticketctl booking list --query 'payment=\"{payment_id}\"'"))
            }
            Rejection::UnknownPayment { .. }
            | Rejection::PaymentState { .. }
            | Rejection::AmountMismatch { .. }
            | Rejection::RefundTooMuch { .. } => failure.hint("ticketctl payment list"),
            Rejection::PaymentInProgress | Rejection::TooManyPayments { .. } | Rejection::NotForBuyers => {
                failure.hint("ticketctl why BOOKING")
            }
            Rejection::UnknownSaga { .. } => failure.hint("ticketctl saga list"),
            Rejection::SagaState { .. } => failure.hint("ticketctl saga show SAGA"),
        }
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

fn moved(message: &str) -> Failure {
    Failure::conflict(message)
        .code(WORLD_MOVED)
        .why("Nothing was done.")
        .hint("run the same command again: it makes a new plan")
        .retryable()
}

impl From<CarrierError> for Failure {
    fn from(error: CarrierError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            CarrierError::Unreachable { .. } | CarrierError::Lost { .. } => Self::unreachable(text)
                .code("BROKER_UNAVAILABLE")
                .hint("see that the broker runs and can be reached from here, and what KAFKA_BROKERS or NATS_URL says"),
            CarrierError::Refused { .. } | CarrierError::Unfit { .. } => Self::error(text)
                .code("BROKER_REFUSED")
                .hint("check the topics, and what this user may do"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(format!("{error}.")).code("CONFIG")
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        Self::usage(capitalised(&error.to_string()))
            .code("QUERY")
            .hint("status=RESERVED age>10m route~\"Airport\"")
    }
}

impl From<SeedFileError> for Failure {
    fn from(error: SeedFileError) -> Self {
        Self::error(sentence(&error.to_string())).code("SEED_FILE").why("Nothing was stored.")
    }
}

impl From<GtfsError> for Failure {
    fn from(error: GtfsError) -> Self {
        let text = error.to_string();
        // The part behind the semicolon says what to do.
        let (message, hint) = match text.rsplit_once("; ") {
            Some((message, hint)) => (sentence(message), Some(hint.to_owned())),
            None => (sentence(&text), None),
        };
        let failure = match &error {
            GtfsError::NotFound(_) => Self::not_found(message),
            GtfsError::Days(_)
            | GtfsError::Dates { .. }
            | GtfsError::StartOnWeekday { .. }
            | GtfsError::StartOnEarlier { .. }
            | GtfsError::Fare { .. }
            | GtfsError::NoFare { .. } => Self::usage(message),
            _ => Self::error(message),
        };
        let failure = failure.code("FEED").why("Nothing was stored.");
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// Returns the failure as it is of a store in a file: it is not far away, so it is not "unreachable".
#[must_use]
pub fn on_embedded(failure: Failure) -> Failure {
    if failure.code != STORE_UNAVAILABLE {
        return failure;
    }
    Failure {
        exit: Exit::Error,
        message: "The store in the data folder can't be used just now.".into(),
        hint: Some("check that this user may read and write the data folder, and that no other program keeps it locked".into()),
        ..failure
    }
}

/// Returns the failure with the address of the server that does not answer.
#[must_use]
pub fn on_server(failure: Failure, address: &str) -> Failure {
    if failure.code != STORE_UNAVAILABLE && failure.code != TIMEOUT {
        return failure;
    }
    let why = format!("{} It is at {address}.", failure.why.as_deref().unwrap_or_default());
    failure.why(why.trim())
}

/// Returns the failure of a store that takes too long.
#[must_use]
pub fn timed_out(timeout: std::time::Duration) -> Failure {
    Failure::unreachable(format!("The store did not answer within {} s.", timeout.as_secs_f32()))
        .code(TIMEOUT)
        .hint("check that the database runs, or give it more time with --timeout 60s")
}

/// Returns the failure of a change whose answer did not come.
#[must_use]
pub fn answer_lost(message: &str, key: Option<&str>) -> Failure {
    let hint = match key {
        Some(key) => {
            format!("run the same command again with --idempotency-key {key}: it is made at most once")
        }
        None => "ticketctl audit list --limit 1 tells; with --idempotency-key KEY a command can be run again"
            .into(),
    };
    Failure::unreachable(message).code("ANSWER_LOST").why("The change may have happened.").hint(hint)
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
