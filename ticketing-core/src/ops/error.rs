//! Why an operator's command did not succeed.

use crate::app::AppError;
use crate::domain::time::Timestamp;
use crate::engine::CommandError;
use crate::store::error::StoreError;

/// A failure of an operator use case. `ticketctl` maps it to an exit code in one place.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpsError {
    /// As for everybody.
    #[error(transparent)]
    App(#[from] AppError),
    /// One of several things that were named can't be done; nothing was done to any.
    #[error("{what} {id}: {error}")]
    Of {
        /// What it is: `saga`, `payment`.
        what: &'static str,
        /// Its whole id.
        id: String,
        /// Why.
        error: AppError,
    },
    /// The world has moved since the plan was made: nothing was done; make a new plan.
    #[error("{what} has changed since the plan was made; nothing was done")]
    WorldMoved {
        /// What.
        what: String,
    },
    /// Some of the plan was done, the rest was not.
    #[error("{done} of {planned} were done; the first that was not: {first}")]
    Partly {
        /// How many were done.
        done: usize,
        /// How many were planned.
        planned: usize,
        /// Why the first other one was not.
        first: String,
    },
    /// The store failed while the plan was carried out.
    #[error(
        "{done} of {planned} were done, the answers of {unsure} are lost, the rest was not done: {error}"
    )]
    BrokeOff {
        /// How many were done.
        done: usize,
        /// How many may have been: they were sent, and no answer came.
        unsure: usize,
        /// How many were planned.
        planned: usize,
        /// How it failed.
        error: AppError,
    },
    /// Nothing that is known goes by that name.
    #[error("nothing is known as {id}; tried: {}", tried.join("; "))]
    Unknown {
        /// What was asked for.
        id: String,
        /// As what it was looked up.
        tried: Vec<String>,
    },
    /// Somebody else does the same just now.
    #[error("{what}, since {since}; nothing was done")]
    UnderWay {
        /// What is done: "the projection tickets is being rebuilt".
        what: String,
        /// Since when.
        since: Timestamp,
    },
    /// What was given can't be right.
    #[error("{0}")]
    Invalid(String),
}

impl OpsError {
    /// Names what a refusal is about.
    #[must_use]
    pub(super) fn of(self, what: &'static str, id: &impl std::fmt::Display) -> Self {
        match self {
            Self::App(error) => Self::Of { what, id: id.to_string(), error },
            other @ (Self::Of { .. }
            | Self::WorldMoved { .. }
            | Self::Partly { .. }
            | Self::BrokeOff { .. }
            | Self::Unknown { .. }
            | Self::UnderWay { .. }
            | Self::Invalid(_)) => other,
        }
    }
}

impl From<StoreError> for OpsError {
    fn from(error: StoreError) -> Self {
        Self::App(error.into())
    }
}

impl From<CommandError> for OpsError {
    fn from(error: CommandError) -> Self {
        Self::App(error.into())
    }
}
