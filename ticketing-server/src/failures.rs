//! What the server's errors mean at the command line, and the one thing that the desk can't do by itself: sign tokens.

use crate::auth::{self, Role};
use crate::secret::{Secret, SecretError};
use crate::settings::{HttpSettings, SettingsError};
use crate::start::StartError;
use std::path::Path;
use std::time::Duration;
use ticketing_core::app::config::Settings;
use ticketing_desk::Failure;
use ticketing_desk::errors::sentence;

/// Signs a token with the secret of these settings; it is a `ticketing_desk::desk::SignToken`.
///
/// # Errors
/// What stands in the secret's way.
pub fn sign_token(
    settings: &Settings,
    data_dir: &Path,
    subject: &str,
    role: &str,
    ttl: Duration,
) -> Result<String, Failure> {
    let http = HttpSettings::read(|name| settings.get(name))?;
    let jwt_secret = settings.get("JWT_SECRET");
    let secret = Secret::resolve(http.environment, jwt_secret.as_deref(), data_dir)
        .map_err(|error| Failure::from(&error))?;
    let role = Role::parse(role).ok_or_else(|| Failure::usage(format!("{role} is no role.")))?;
    auth::mint(&secret, subject, role, ttl)
        .map_err(|error| Failure::error(format!("The token can't be made: {error}.")))
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::usage(format!("{error}."))
            .code("CONFIG")
            .hint(format!("set {} to a value that fits, or leave it unset", error.variable))
    }
}

impl From<&SecretError> for Failure {
    fn from(error: &SecretError) -> Self {
        let failure = Self::usage(sentence(&error.to_string())).code("CONFIG");
        match error {
            SecretError::Setting(_) => failure.hint("export JWT_SECRET=$(openssl rand -hex 32)"),
            SecretError::File { .. } | SecretError::Corrupt { .. } => failure,
        }
    }
}

impl From<&StartError> for Failure {
    fn from(error: &StartError) -> Self {
        match error {
            StartError::Store { source, .. } => Self::from(source),
            StartError::Folder(_) => Self::conflict(sentence(&error.to_string()))
                .code("DATA_DIR_IN_USE")
                .hint("ticketctl up --data-dir OTHER, or stop that server"),
            StartError::Listen { .. } => Self::error(sentence(&error.to_string()))
                .code("LISTEN")
                .hint("choose another by --port; 0 takes any that is free"),
            StartError::Secret(error) => Self::from(error),
            StartError::Payments(_) | StartError::Mail(_) | StartError::Redis(_) => {
                Self::usage(format!("{error}.")).code("CONFIG")
            }
        }
    }
}
