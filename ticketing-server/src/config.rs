//! What an operator may set about a server, read once at the start. Everything runs with none of it.

use crate::serve::ServeLimits;
use crate::settings::{Environment, HttpSettings, SettingsError};
use std::path::PathBuf;
use ticketing_core::app::StoreConfig;
use ticketing_core::clock::Clock;
use ticketing_core::engine::EngineConfig;

/// The port where nothing else is set.
pub const PORT_DEFAULT: u16 = 3002;
/// The folder of the embedded stores where nothing else is set.
pub const DATA_DIR_DEFAULT: &str = "./data";
/// How long a hold lasts where nothing else is set, in seconds; and at most.
pub const HOLD_SECONDS_DEFAULT: u32 = 900;
/// See [`HOLD_SECONDS_DEFAULT`].
pub const HOLD_SECONDS_MAX: u32 = 24 * 3600;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Answers buyers and their apps. Health and metrics are answered without it, too.
    pub api: bool,
    /// Folds the log into the read model.
    pub projector: bool,
    /// Writes down that holds have ended.
    pub expiry: bool,
}

impl Roles {
    /// Everything in one process.
    pub const ALL: Self = Self { api: true, projector: true, expiry: true };
}

/// Everything that a server needs to know to start. [`ServerConfig::read`] fills it from variables; whoever
/// knows better, such as a command line, changes the fields.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where the stores are. The data folder also keeps the secret that development makes.
    pub stores: StoreConfig,
    /// What may be set about HTTP.
    pub http: HttpSettings,
    /// `JWT_SECRET`.
    pub jwt_secret: Option<String>,
    /// `HOST`: the name or address to listen at.
    pub host: String,
    /// `PORT`; 0 is any free one.
    pub port: u16,
    /// `HOLD_SECONDS`.
    pub hold_seconds: u32,
    /// What this process does.
    pub roles: Roles,
    /// How the engine batches.
    pub engine: EngineConfig,
    /// What a connection may take.
    pub limits: ServeLimits,
    /// What time it is.
    pub clock: Clock,
    /// Variables that are set and have no effect in this version, to be said at the start.
    pub without_effect: Vec<&'static str>,
}

/// Variables of the product that this version does not serve.
const WITHOUT_EFFECT: &[&str] = &[
    "REDIS_URL",
    "REDIS_HOST",
    "KAFKA_BROKERS",
    "NATS_URL",
    "PAYMENT_PROVIDER",
    "STRIPE_KEY",
    "SMTP_URL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

impl ServerConfig {
    /// Reads the configuration by the variables' names; an empty value counts as none.
    ///
    /// # Errors
    /// The first variable that can't be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let http = HttpSettings::read(get)?;
        // In development nobody else on the network is to book by accident; in production, in a container,
        // only the outside asks.
        let host = get("HOST").unwrap_or_else(|| match http.environment {
            Environment::Development => "127.0.0.1".into(),
            Environment::Production => "0.0.0.0".into(),
        });
        Ok(Self {
            stores: StoreConfig {
                data_dir: PathBuf::from(get("DATA_DIR").unwrap_or_else(|| DATA_DIR_DEFAULT.into())),
                database_url: match get("DATABASE_URL") {
                    Some(url) => Some(url),
                    None => server_url(&get, &WRITE, &WRITE, "ticketing_write")?,
                },
                read_database_url: match get("READ_DATABASE_URL") {
                    Some(url) => Some(url),
                    None => server_url(&get, &READ, &WRITE, "ticketing_read")?,
                },
            },
            jwt_secret: get("JWT_SECRET"),
            host: host.trim().to_owned(),
            port: number(&get, "PORT", 0, u16::MAX.into())?
                .map_or(PORT_DEFAULT, |port| u16::try_from(port).unwrap_or(PORT_DEFAULT)),
            hold_seconds: number(&get, "HOLD_SECONDS", 1, HOLD_SECONDS_MAX)?.unwrap_or(HOLD_SECONDS_DEFAULT),
            roles: Roles::ALL,
            engine: EngineConfig::default(),
            limits: ServeLimits::default(),
            clock: Clock::system(),
            without_effect: WITHOUT_EFFECT.iter().copied().filter(|name| get(name).is_some()).collect(),
            http,
        })
    }
}

fn number(
    get: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
    min: u32,
    max: u32,
) -> Result<Option<u32>, SettingsError> {
    let Some(text) = get(variable) else { return Ok(None) };
    match text.trim().parse::<u32>().ok().filter(|n| (min..=max).contains(n)) {
        Some(number) => Ok(Some(number)),
        None => Err(SettingsError {
            variable,
            problem: format!("is `{text}`; write a whole number from {min} to {max}"),
        }),
    }
}

/// The variables that name a server part by part.
struct Names {
    host: &'static str,
    port: &'static str,
    user: &'static str,
    password: &'static str,
    db: &'static str,
}

const WRITE: Names = Names {
    host: "POSTGRES_WRITE_HOST",
    port: "POSTGRES_WRITE_PORT",
    user: "POSTGRES_WRITE_USER",
    password: "POSTGRES_WRITE_PASSWORD",
    db: "POSTGRES_WRITE_DB",
};

const READ: Names = Names {
    host: "POSTGRES_READ_HOST",
    port: "POSTGRES_READ_PORT",
    user: "POSTGRES_READ_USER",
    password: "POSTGRES_READ_PASSWORD",
    db: "POSTGRES_READ_DB",
};

/// Puts a URL together from its parts, if any of them is set; what lacks is taken from `others`.
fn server_url(
    get: &impl Fn(&str) -> Option<String>,
    names: &Names,
    others: &Names,
    db_default: &str,
) -> Result<Option<String>, SettingsError> {
    let all = [names.host, names.port, names.user, names.password, names.db];
    if all.iter().all(|name| get(name).is_none()) {
        return Ok(None);
    }
    let part = |name: &'static str, other: &'static str| get(name).or_else(|| get(other));
    let host = part(names.host, others.host).unwrap_or_else(|| "localhost".into());
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let port = match number(get, names.port, 1, u16::MAX.into())? {
        Some(port) => port,
        None => number(get, others.port, 1, u16::MAX.into())?.unwrap_or(5432),
    };
    let user = part(names.user, others.user).unwrap_or_else(|| "postgres".into());
    let password = part(names.password, others.password);
    let password = password.map(|word| format!(":{}", escaped(&word))).unwrap_or_default();
    let db = get(names.db).unwrap_or_else(|| db_default.to_owned());
    Ok(Some(format!("postgres://{}{password}@{host}:{port}/{}", escaped(&user), escaped(&db))))
}

/// Escapes a text for a part of a URL (RFC 3986, 2.1).
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}"); // writing to a String never fails
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::ServerConfig;
    use crate::settings::SettingsError;

    fn read(set: &[(&str, &str)]) -> Result<ServerConfig, SettingsError> {
        ServerConfig::read(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn everything_runs_with_nothing_set() {
        let config = read(&[]).unwrap();
        assert_eq!((config.host.as_str(), config.port, config.hold_seconds), ("127.0.0.1", 3002, 900));
        assert!(config.stores.is_embedded() && config.without_effect.is_empty());
        let production = read(&[("APP_ENV", "production"), ("PORT", " "), ("HOLD_SECONDS", "60")]).unwrap();
        assert_eq!((production.host.as_str(), production.hold_seconds), ("0.0.0.0", 60));
    }

    #[test]
    fn a_server_is_named_by_a_url_or_by_its_parts() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, Option<&'a str>);
        let rows: &[Row<'_>] = &[
            (&[], None, None),
            (&[("DATABASE_URL", "postgres://h/d")], Some("postgres://h/d"), None),
            (&[("POSTGRES_WRITE_HOST", "db")], Some("postgres://postgres@db:5432/ticketing_write"), None),
            (
                &[
                    ("POSTGRES_WRITE_HOST", "db"),
                    ("POSTGRES_WRITE_PORT", "6432"),
                    ("POSTGRES_WRITE_USER", "us er"),
                    ("POSTGRES_WRITE_PASSWORD", "p@:/ä"),
                    ("POSTGRES_READ_HOST", "::1"),
                ],
                Some("postgres://us%20er:p%40%3A%2F%C3%A4@db:6432/ticketing_write"),
                Some("postgres://us%20er:p%40%3A%2F%C3%A4@[::1]:6432/ticketing_read"),
            ),
            (
                &[("DATABASE_URL", "postgres://h/d"), ("POSTGRES_WRITE_HOST", "db")],
                Some("postgres://h/d"),
                None,
            ),
        ];
        for (set, write, read_url) in rows {
            let config = read(set).unwrap();
            assert_eq!(config.stores.database_url.as_deref(), *write);
            assert_eq!(config.stores.read_database_url.as_deref(), *read_url);
        }
    }

    #[test]
    fn a_bad_value_is_named_and_what_has_no_effect_is_known() {
        for (name, value) in
            [("PORT", "70000"), ("PORT", "http"), ("HOLD_SECONDS", "0"), ("POSTGRES_WRITE_PORT", "x")]
        {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(error.to_string().contains(value), "{error}");
        }
        assert_eq!(read(&[("REDIS_URL", "redis://h")]).unwrap().without_effect, ["REDIS_URL"]);
    }
}
