//! Every setting there is, with its default, and what is wrong with those that are set.
//!
//! What a value means is known by whoever reads it; here each reader is asked, one by one, and again without the value
//! that it refused, until it refuses no more. Nothing here prints a secret or connects anywhere.

use std::collections::BTreeSet;
use std::path::Path;
use ticketing_core::adapters::carriers::CarrierConfig;
use ticketing_core::adapters::payments::ProviderConfig;
use ticketing_core::adapters::redis::RedisConfig;
use ticketing_core::app::StoreConfig;
use ticketing_core::app::config::{FILE_NAME, Settings, Source};
use ticketing_core::text::nearest;
use ticketing_server::config::ServerConfig;
use ticketing_server::logs::LogSettings;
use ticketing_server::secret::{Secret, SecretError};
use ticketing_server::settings::{Environment, HttpSettings};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its variable's name; in the file it is written in small letters.
    pub name: &'static str,
    /// What holds where nothing is set.
    pub default: Option<&'static str>,
    /// How its value is shown.
    pub shown: Shown,
    /// Whether it is one of the addresses that a flag or context, naming the stores, sets aside.
    pub of_stores: bool,
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Whole,
    /// That it is set.
    Hidden,
    /// Without its password.
    Address,
}

const fn plain(name: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, default, shown: Shown::Whole, of_stores: false }
}

const fn secret(name: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, default, shown: Shown::Hidden, of_stores: false }
}

const fn address(name: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, default, shown: Shown::Address, of_stores: false }
}

const fn store(name: &'static str, default: Option<&'static str>, shown: Shown) -> Setting {
    Setting { name, default, shown, of_stores: true }
}

/// All settings that the environment or the file may have.
pub const SETTINGS: &[Setting] = &[
    plain("APP_ENV", Some("development")),
    plain("HOST", Some("127.0.0.1 (in production 0.0.0.0)")),
    plain("PORT", Some("3002")),
    plain("DATA_DIR", Some("./data")),
    store("DATABASE_URL", Some("SQLite in the data folder"), Shown::Address),
    store("POSTGRES_WRITE_HOST", None, Shown::Whole),
    store("POSTGRES_WRITE_PORT", Some("5432"), Shown::Whole),
    store("POSTGRES_WRITE_USER", Some("postgres"), Shown::Whole),
    store("POSTGRES_WRITE_PASSWORD", None, Shown::Hidden),
    store("POSTGRES_WRITE_DB", Some("ticketing_write"), Shown::Whole),
    store("READ_DATABASE_URL", Some("as the write store"), Shown::Address),
    store("POSTGRES_READ_HOST", None, Shown::Whole),
    store("POSTGRES_READ_PORT", Some("5432"), Shown::Whole),
    store("POSTGRES_READ_USER", Some("postgres"), Shown::Whole),
    store("POSTGRES_READ_PASSWORD", None, Shown::Hidden),
    store("POSTGRES_READ_DB", Some("ticketing_read"), Shown::Whole),
    secret("REDIS_URL", Some("none: a cache in each process")),
    plain("REDIS_HOST", None),
    plain("REDIS_PORT", Some("6379")),
    plain("KAFKA_BROKERS", Some("none: the embedded bus")),
    plain("KAFKA_SECURITY_PROTOCOL", Some("plaintext")),
    plain("KAFKA_SASL_MECHANISM", None),
    plain("KAFKA_SASL_USERNAME", None),
    secret("KAFKA_SASL_PASSWORD", None),
    plain("KAFKA_SSL_CA_LOCATION", None),
    plain("KAFKA_SSL_CERTIFICATE_LOCATION", None),
    plain("KAFKA_SSL_KEY_LOCATION", None),
    secret("NATS_URL", Some("none: the embedded bus")),
    plain("TOPIC_PREFIX", None),
    secret("JWT_SECRET", Some("made on the first start in development")),
    plain("PAYMENT_PROVIDER", Some("simulated")),
    secret("STRIPE_KEY", None),
    address("STRIPE_API_BASE", Some("https://api.stripe.com")),
    secret("STRIPE_WEBHOOK_SECRET", None),
    plain("HOLD_SECONDS", Some("900")),
    plain("ORDER_SECONDS", Some("900")),
    plain("RATE_LIMIT", Some("100/15m")),
    plain("SIGN_IN_RATE_LIMIT", Some("20/15m")),
    plain("CORS_ALLOWED_ORIGINS", None),
    plain("TRUSTED_PROXIES", None),
    secret("SMTP_URL", Some("none: a folder of .eml files")),
    plain("MAIL_FROM", Some("tickets@localhost")),
    address("OTEL_EXPORTER_OTLP_ENDPOINT", None),
    plain("LOG", Some("info")),
    plain("RUST_LOG", None),
    plain("LOG_FORMAT", Some("text")),
];

/// Those that the terminal's side reads; they stand in no file.
pub const OF_TERMINAL: &[&str] =
    &["TICKETCTL_CONTEXT", "TICKETCTL_SERVER", "TICKETCTL_TOKEN", "TICKETCTL_ACTOR"];

/// A variable of the environment with such a beginning is meant for us.
const OUR_BEGINNINGS: &[&str] =
    &["TICKETCTL_", "POSTGRES_WRITE_", "POSTGRES_READ_", "KAFKA_SASL_", "KAFKA_SSL_"];

/// Something wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable, or the file.
    pub name: String,
    /// Where it is set.
    pub source: &'static str,
    /// How bad.
    pub kind: Kind,
    /// What, as the rest of a sentence that begins with the name.
    pub problem: String,
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It stops what reads it.
    Wrong,
    /// Nothing reads it.
    Unknown,
}

/// What a source is called.
#[must_use]
pub const fn word(source: Source) -> &'static str {
    match source {
        Source::Environment => "environment",
        Source::File => FILE_NAME,
    }
}

/// Returns everything that is wrong with the settings of these stores.
#[must_use]
pub fn problems(settings: &Settings, stores: &StoreConfig) -> Vec<Problem> {
    let mut found = unknown(settings);
    let mut rest = settings.clone();
    // Whoever names the stores by a flag sets the addresses of the environment aside.
    let of_stores =
        |settings: &Settings| settings.stores(None, None).map(drop).map_err(|e| (e.name, e.problem));
    refused(&mut rest, &mut found, of_stores);
    refused(&mut rest, &mut found, |s| {
        HttpSettings::read(|name| s.get(name)).map(drop).map_err(|e| (e.variable.into(), e.problem))
    });
    refused(&mut rest, &mut found, |s| {
        ProviderConfig::read(|name| s.get(name)).map(drop).map_err(|e| (e.variable.into(), e.problem))
    });
    refused(&mut rest, &mut found, |s| {
        CarrierConfig::read(|name| s.get(name)).map(drop).map_err(|e| (e.variable.into(), e.problem))
    });
    refused(&mut rest, &mut found, |s| {
        RedisConfig::read(|name| s.get(name)).map(drop).map_err(|e| (e.variable.into(), e.problem))
    });
    refused(&mut rest, &mut found, |s| {
        LogSettings::read(|name| s.get(name)).map(drop).map_err(|e| (e.variable.into(), e.problem))
    });
    refused(&mut rest, &mut found, |s| {
        weak_secret(s).map_or(Ok(()), |problem| Err(("JWT_SECRET".into(), problem)))
    });
    refused(&mut rest, &mut found, |s| {
        ServerConfig::read(s, stores.clone()).map(drop).map_err(|e| (e.variable.into(), e.problem))
    });
    found
}

/// Returns what stops a server in production: a secret that is missing, or could be guessed.
#[must_use]
pub fn weak_secret(settings: &Settings) -> Option<String> {
    let environment = Environment::parse(settings.get("APP_ENV").as_deref());
    (environment == Environment::Production).then(|| weakness(settings)).flatten()
}

/// Returns what is weak about the secret that is set, or that none is.
#[must_use]
pub fn weakness(settings: &Settings) -> Option<String> {
    let secret = settings.get("JWT_SECRET");
    // Nothing is read from the folder, or made there, in production.
    match Secret::resolve(Environment::Production, secret.as_deref(), Path::new("")) {
        Ok(_) => None,
        Err(SecretError::Setting(error)) => Some(error.problem),
        Err(error @ (SecretError::File { .. } | SecretError::Corrupt { .. })) => Some(error.to_string()),
    }
}

/// Asks one reader, and asks again without what it refused.
fn refused(
    settings: &mut Settings,
    found: &mut Vec<Problem>,
    read: impl Fn(&Settings) -> Result<(), (String, String)>,
) {
    let mut seen = BTreeSet::new();
    while let Err((name, said)) = read(settings) {
        found.push(problem(settings, &name, Kind::Wrong, said));
        if !seen.insert(name.clone()) || settings.found(&name).is_none() {
            // It is refused for not being set: nothing can be taken away.
            return;
        }
        *settings = std::mem::take(settings).without(&name);
    }
}

fn problem(settings: &Settings, name: &str, kind: Kind, problem: String) -> Problem {
    let source = settings.found(name).map_or("default", |(source, _)| word(source));
    Problem { name: name.to_owned(), source, kind, problem }
}

/// Returns what is set and read by nothing.
fn unknown(settings: &Settings) -> Vec<Problem> {
    let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    let is_known = |name: &str| known.contains(&name) || OF_TERMINAL.contains(&name);
    let said = |name: &str| {
        let near = nearest(name, known.iter().copied().chain(OF_TERMINAL.iter().copied()));
        near.map_or_else(|| "is no setting".to_owned(), |near| format!("is no setting; {near} is one"))
    };
    let in_file = settings.names(Source::File).filter(|name| !known.contains(name)).map(|name| Problem {
        name: name.to_ascii_lowercase(),
        source: FILE_NAME,
        kind: Kind::Unknown,
        problem: said(name),
    });
    let is_ours = |name: &&str| OUR_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    let in_environment =
        settings.names(Source::Environment).filter(is_ours).filter(|name| !is_known(name)).map(|name| {
            Problem {
                name: name.to_owned(),
                source: word(Source::Environment),
                kind: Kind::Unknown,
                problem: said(name),
            }
        });
    in_file.chain(in_environment).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, problems};
    use std::path::PathBuf;
    use ticketing_core::app::StoreConfig;
    use ticketing_core::app::config::Settings;

    fn found(environment: &[(&str, &str)], file: &str) -> Vec<(String, Kind)> {
        let set = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::new(set, file).unwrap();
        let stores =
            StoreConfig { data_dir: PathBuf::from("data"), database_url: None, read_database_url: None };
        problems(&settings, &stores).into_iter().map(|p| (p.name, p.kind)).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        assert_eq!(found(&[], ""), []);
        assert_eq!(found(&[("HOME", "/x"), ("PORT", "80")], "hold_seconds = 60"), []);
        let all = found(
            &[
                ("PORT", "http"),
                ("HOLD_SECONDS", "0"),
                ("RATE_LIMIT", "lots"),
                ("CORS_ALLOWED_ORIGINS", "*"),
                ("REDIS_URL", "x"),
                ("KAFKA_BROKERS", "h:9092"),
                ("NATS_URL", "nats://h"),
                ("POSTGRES_WRITE_PORT", "5"),
                ("LOG_FORMAT", "xml"),
                ("APP_ENV", "production"),
                ("TICKETCTL_SEVER", "x"),
                ("SMTP_URL", "h:25"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4318"),
            ],
            "prot = 1",
        );
        for (name, kind) in [
            ("PORT", Kind::Wrong),
            ("HOLD_SECONDS", Kind::Wrong),
            ("RATE_LIMIT", Kind::Wrong),
            ("CORS_ALLOWED_ORIGINS", Kind::Wrong),
            ("REDIS_URL", Kind::Wrong),
            ("NATS_URL", Kind::Wrong),
            ("POSTGRES_WRITE_PORT", Kind::Wrong),
            ("LOG_FORMAT", Kind::Wrong),
            ("JWT_SECRET", Kind::Wrong),
            ("TICKETCTL_SEVER", Kind::Unknown),
            ("prot", Kind::Unknown),
            ("SMTP_URL", Kind::Wrong),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", Kind::Wrong),
        ] {
            assert_eq!(
                all.iter().filter(|found| **found == (name.to_owned(), kind)).count(),
                1,
                "{name}: {all:?}"
            );
        }
        assert_eq!(all.len(), 13, "{all:?}");
    }
}
