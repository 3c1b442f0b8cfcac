//! The same command with the same key: the first answer again.

use super::OpsError;
use crate::app::App;
use crate::engine::{CommandError, IdempotencyKey};
use crate::store::idempotency;
use sha2::{Digest as _, Sha256};

/// Makes the key of an operator's command. `command` is its canonical text: the same command has the same,
/// another one has another.
#[must_use]
pub fn key(caller: &str, key: &str, command: &str, status: u16) -> IdempotencyKey {
    let request_hash = Sha256::digest(command.as_bytes()).into();
    IdempotencyKey { caller: caller.to_owned(), key: key.to_owned(), request_hash, status }
}

/// Returns the stored answer to a command that was done before, its body as JSON.
///
/// # Errors
/// [`CommandError::IdempotencyReused`] if the key was used with another command; what the store says.
pub async fn stored(app: &App, key: &IdempotencyKey) -> Result<Option<String>, OpsError> {
    let found = idempotency::find(&app.stores.write, vec![key.caller.clone()], vec![key.key.clone()]).await?;
    match found.into_iter().next() {
        None => Ok(None),
        Some(answer) if answer.request_hash == key.request_hash => Ok(Some(answer.data)),
        Some(_) => Err(CommandError::IdempotencyReused.into()),
    }
}
