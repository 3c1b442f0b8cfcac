//! Why a use case did not succeed, in words that every surface shares.

use crate::domain::account::AccountRefusal;
use crate::engine::CommandError;
use crate::store::error::StoreError;
use std::sync::Arc;

/// A failure of a use case. The server maps it to a status, `ticketctl` to an exit code.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    /// A command was refused or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// There is no such thing, or it is not the caller's.
    #[error("There is no {what} {id}.")]
    NotFound {
        /// `booking`, `route`, `schedule`.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The prefix of an id fits more than one thing.
    #[error("More than one {what} begins with {id}.")]
    Ambiguous {
        /// `booking`, `route`, `schedule`.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// Somebody else has changed it since it was looked at.
    #[error("The {what} has changed since you looked at it: its version is {current} now.")]
    VersionConflict {
        /// `listing`, `event`.
        what: &'static str,
        /// Its version now.
        current: u32,
    },
    /// It is there already.
    #[error("There is a {what} {id} already.")]
    Exists {
        /// `venue`, `event`, `layout`.
        what: &'static str,
        /// What it is called.
        id: String,
    },
    /// Somebody has booked what is to be changed.
    #[error("The {what} can't be changed while {held} of it.")]
    Locked {
        /// `listing`, `event`.
        what: &'static str,
        /// What is in the way: `an order is open`, `seat 101-A1 is taken`.
        held: String,
    },
    /// The request can't be right.
    #[error("{message}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong, as a sentence.
        message: String,
    },
    /// The read model has not reached the position that was asked for.
    #[error("The read model is at position {at}, and was not at {wanted} within 2 s.")]
    ReadModelBehind {
        /// Where it is.
        at: i64,
        /// Where it was to be.
        wanted: i64,
    },
    /// It can't be done with an account.
    #[error(transparent)]
    Account(#[from] AccountRefusal),
    /// A store failed.
    #[error("{0}")]
    Store(Arc<StoreError>),
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<crate::domain::booking::rejection::Rejection> for AppError {
    fn from(rejection: crate::domain::booking::rejection::Rejection) -> Self {
        Self::Command(CommandError::Rejected(rejection))
    }
}
