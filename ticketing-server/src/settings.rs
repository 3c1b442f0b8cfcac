//! What an operator may set about HTTP, parsed once at the start. A value that can't be understood stops
//! the start with its name; it is never guessed.

use crate::client::TrustedProxies;
use crate::cors::AllowedOrigins;
use crate::limits::RateLimit;
use std::time::Duration;

/// A setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct SettingsError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

/// `APP_ENV`: how careful the defaults are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Everything runs with no configuration.
    Development,
    /// Nothing that could be guessed is accepted.
    Production,
}

impl Environment {
    /// Reads `APP_ENV`; any word but `development`, `dev`, `test` and `local` is production, so that a
    /// misspelt word is the careful one.
    #[must_use]
    pub fn parse(word: Option<&str>) -> Self {
        match word.map(str::trim).unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "development" | "dev" | "test" | "local" => Self::Development,
            _ => Self::Production,
        }
    }
}

/// How long a request may take from its head to its answer, unless set otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What an operator may set about HTTP.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// `APP_ENV`.
    pub environment: Environment,
    /// `RATE_LIMIT`.
    pub rate_limit: RateLimit,
    /// `SIGN_IN_RATE_LIMIT`.
    pub sign_in_limit: RateLimit,
    /// `CORS_ALLOWED_ORIGINS`.
    pub allowed_origins: AllowedOrigins,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: TrustedProxies,
    /// How long a request may take.
    pub request_timeout: Duration,
}

impl HttpSettings {
    /// Reads the settings by their variables' names; an empty value counts as none.
    ///
    /// # Errors
    /// The first variable that can't be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |name| variable(name).filter(|value| !value.trim().is_empty());
        let environment = Environment::parse(get("APP_ENV").as_deref());
        Ok(Self {
            environment,
            rate_limit: match get("RATE_LIMIT") {
                Some(text) => RateLimit::parse(&text)?,
                None => RateLimit::default_for(environment),
            },
            sign_in_limit: match get("SIGN_IN_RATE_LIMIT") {
                Some(text) => RateLimit::parse_as("SIGN_IN_RATE_LIMIT", &text)?,
                None => RateLimit::sign_in_default_for(environment),
            },
            allowed_origins: AllowedOrigins::parse(&get("CORS_ALLOWED_ORIGINS").unwrap_or_default())?,
            trusted_proxies: TrustedProxies::parse(&get("TRUSTED_PROXIES").unwrap_or_default())?,
            request_timeout: REQUEST_TIMEOUT,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, HttpSettings};

    #[test]
    fn everything_runs_with_nothing_set() {
        let settings = HttpSettings::read(|_| None).unwrap();
        assert_eq!(settings.environment, Environment::Development);
        assert!(HttpSettings::read(|_| Some(" ".into())).is_ok());
    }

    #[test]
    fn a_misspelt_environment_is_the_careful_one() {
        let rows =
            [("development", false), ("Dev", false), ("test", false), ("production", true), ("prd", true)];
        for (word, production) in rows {
            assert_eq!(Environment::parse(Some(word)) == Environment::Production, production, "{word}");
        }
    }

    #[test]
    fn a_bad_value_stops_the_start_and_is_named() {
        let rows = [
            ("RATE_LIMIT", "lots"),
            ("SIGN_IN_RATE_LIMIT", "few"),
            ("CORS_ALLOWED_ORIGINS", "*"),
            ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ];
        for (name, value) in rows {
            let error = HttpSettings::read(|n| (n == name).then(|| value.to_owned())).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(error.to_string().starts_with(name) && error.to_string().contains(value), "{error}");
        }
    }
}
