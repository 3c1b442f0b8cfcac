//! Why a booking's command was not done, or whether it was.

use crate::failure::{Exit, Failure};
use ticketing_core::domain::booking::rejection::{Rejection, RejectionClass};
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::engine::CommandError;

/// The stable word of a plan that the world has overtaken.
pub const WORLD_MOVED: &str = "WORLD_MOVED";

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

/// Returns the failure of a plan that the world has overtaken.
pub(super) fn moved(message: &str) -> Failure {
    Failure::conflict(message)
        .code(WORLD_MOVED)
        .why("Nothing was done.")
        .hint("run the same command again: it makes a new plan")
        .retryable()
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
