//! What is wrong with a store: what it says, and what that means where it is.

use crate::failure::{Exit, Failure};
use crate::sentence::{capitalised, sentence};
use ticketing_core::store::error::StoreError;

/// The stable word of a store that does not answer.
const STORE_UNAVAILABLE: &str = "STORE_UNAVAILABLE";

/// The stable word of a store that takes too long.
const TIMEOUT: &str = "TIMEOUT";

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
