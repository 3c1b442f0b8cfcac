//! What an operator may set about a server, read once at the start. Everything runs with none of it.

use crate::serve::ServeLimits;
use crate::settings::{Environment, HttpSettings, SettingsError};
use ticketing_core::adapters::carriers::CarrierConfig;
use ticketing_core::adapters::mail::MailConfig;
use ticketing_core::adapters::payments::ProviderConfig;
use ticketing_core::adapters::redis::RedisConfig;
use ticketing_core::app::StoreConfig;
use ticketing_core::app::config::Settings;
use ticketing_core::app::config::{HOLD_SECONDS_DEFAULT, HOLD_SECONDS_MAX};
use ticketing_core::clock::Clock;
use ticketing_core::engine::EngineConfig;

/// The port where nothing else is set.
pub const PORT_DEFAULT: u16 = 3002;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Answers buyers and their apps. Health and metrics are answered without it, too.
    pub api: bool,
    /// Copies the log to the carrier.
    pub relay: bool,
    /// Folds events into the read model.
    pub projector: bool,
    /// Writes down that holds have ended.
    pub expiry: bool,
    /// Asks the payment provider for what the sagas want, and sends the mails.
    pub saga: bool,
}

impl Roles {
    /// Everything in one process.
    pub const ALL: Self = Self { api: true, relay: true, projector: true, expiry: true, saga: true };

    /// Their words, as `--roles` takes them.
    #[must_use]
    pub fn words(self) -> String {
        let all = [
            ("api", self.api),
            ("relay", self.relay),
            ("projector", self.projector),
            ("saga", self.saga),
            ("expiry", self.expiry),
        ];
        all.into_iter().filter(|(_, has)| *has).map(|(word, _)| word).collect::<Vec<_>>().join(",")
    }
}

/// Everything that a server needs to know to start. [`ServerConfig::read`] fills it from the settings; whoever
/// knows better, such as a command line, changes the fields.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// What is set, for the commands of operators.
    pub settings: Settings,
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
    /// `ORDER_SECONDS`: the same of an order of the marketplace.
    pub order_seconds: u32,
    /// What this process does.
    pub roles: Roles,
    /// How the engine batches, and which provider it knows of: the one of `payments`.
    pub engine: EngineConfig,
    /// Who moves the money.
    pub payments: ProviderConfig,
    /// Where mails go, and from whom they are.
    pub mail: MailConfig,
    /// What carries events between processes; `None` is the embedded bus.
    pub carrier: Option<CarrierConfig>,
    /// The cache that processes share; each has its own alone if there is none.
    pub redis: Option<RedisConfig>,
    /// What a connection may take.
    pub limits: ServeLimits,
    /// What time it is.
    pub clock: Clock,
}

impl ServerConfig {
    /// Reads what the settings say of a server of these stores, which [`Settings::stores`] finds.
    ///
    /// # Errors
    /// The first variable that can't be used.
    pub fn read(settings: &Settings, stores: StoreConfig) -> Result<Self, SettingsError> {
        let get = |name: &str| settings.get(name);
        let http = HttpSettings::read(get)?;
        // In development nobody else on the network is to book by accident; in production, in a container,
        // only the outside asks.
        let host = get("HOST").unwrap_or_else(|| match http.environment {
            Environment::Development => "127.0.0.1".into(),
            Environment::Production => "0.0.0.0".into(),
        });
        let payments = ProviderConfig::read(get)
            .map_err(|fault| SettingsError { variable: fault.variable, problem: fault.problem })?;
        let carrier = CarrierConfig::read(get)
            .map_err(|fault| SettingsError { variable: fault.variable, problem: fault.problem })?;
        let mail = MailConfig::read(get, &stores.data_dir)
            .map_err(|fault| SettingsError { variable: fault.variable, problem: fault.problem })?;
        Ok(Self {
            settings: settings.clone(),
            stores,
            mail,
            carrier,
            jwt_secret: get("JWT_SECRET"),
            host: host.trim().to_owned(),
            port: number(&get, "PORT", 0, u16::MAX.into())?
                .map_or(PORT_DEFAULT, |port| u16::try_from(port).unwrap_or(PORT_DEFAULT)),
            hold_seconds: number(&get, "HOLD_SECONDS", 1, HOLD_SECONDS_MAX)?.unwrap_or(HOLD_SECONDS_DEFAULT),
            order_seconds: number(&get, "ORDER_SECONDS", 1, HOLD_SECONDS_MAX)?
                .unwrap_or(HOLD_SECONDS_DEFAULT),
            roles: Roles::ALL,
            engine: EngineConfig { provider: payments.word(), ..EngineConfig::default() },
            payments,
            redis: RedisConfig::read(get)
                .map_err(|fault| SettingsError { variable: fault.variable, problem: fault.problem })?,
            limits: ServeLimits::default(),
            clock: Clock::system(),
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

#[cfg(test)]
mod tests {
    use super::ServerConfig;
    use crate::settings::SettingsError;
    use ticketing_core::adapters::payments::ProviderConfig;
    use ticketing_core::app::config::Settings;

    fn read(set: &[(&str, &str)]) -> Result<ServerConfig, SettingsError> {
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::new(set, "").unwrap();
        ServerConfig::read(&settings, settings.stores(None, None).unwrap())
    }

    #[test]
    fn everything_runs_with_nothing_set() {
        let config = read(&[]).unwrap();
        assert_eq!((config.host.as_str(), config.port, config.hold_seconds), ("127.0.0.1", 3002, 900));
        assert!(config.stores.is_embedded());
        let production = read(&[("APP_ENV", "production"), ("PORT", " "), ("HOLD_SECONDS", "60")]).unwrap();
        assert_eq!((production.host.as_str(), production.hold_seconds), ("0.0.0.0", 60));
    }

    #[test]
    fn a_bad_value_is_named() {
        for (name, value) in
            [("PORT", "70000"), ("PORT", "http"), ("HOLD_SECONDS", "0"), ("ORDER_SECONDS", "0")]
        {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(error.to_string().contains(value), "{error}");
        }
    }

    #[test]
    fn mails_go_where_the_address_says_and_its_password_is_not_shown() {
        assert_eq!(read(&[]).unwrap().mail.place(), "./data/mail");
        let config = read(&[("SMTP_URL", "smtp://u:geheim@h"), ("MAIL_FROM", "a@b.org")]).unwrap();
        assert_eq!((config.mail.place().as_str(), config.mail.domain()), ("h:587", "b.org"));
        assert!(!format!("{config:?}").contains("geheim"));
        let error = read(&[("SMTP_URL", "geheim@h")]).unwrap_err();
        assert!(error.variable == "SMTP_URL" && !error.to_string().contains("geheim"), "{error}");
    }

    #[test]
    fn redis_is_where_its_address_says_and_its_password_is_not_shown() {
        assert!(read(&[]).unwrap().redis.is_none());
        let config = read(&[("REDIS_URL", "redis://u:geheim@h:7/2")]).unwrap();
        assert_eq!(config.redis.as_ref().unwrap().address(), "h:7/2");
        assert!(!format!("{config:?}").contains("geheim"));
        let error = read(&[("REDIS_HOST", "h"), ("REDIS_PORT", "x")]).unwrap_err();
        assert_eq!(error.to_string(), "REDIS_PORT is `x`; write a whole number from 1 to 65535");
    }

    #[test]
    fn the_payment_provider_is_one_of_three_and_its_secrets_are_not_shown() {
        assert_eq!(read(&[]).unwrap().engine.provider, "simulated");
        for (word, provider) in [("external", "external"), (" simulated ", "simulated")] {
            assert_eq!(read(&[("PAYMENT_PROVIDER", word)]).unwrap().engine.provider, provider);
        }
        let text = read(&[("PAYMENT_PROVIDER", "paypal")]).unwrap_err().to_string();
        assert!(text.starts_with("PAYMENT_PROVIDER is paypal"), "{text}");
        assert!(
            ticketing_core::adapters::payments::PROVIDERS.iter().all(|word| text.contains(word)),
            "{text}"
        );
        assert_eq!(read(&[("PAYMENT_PROVIDER", "stripe")]).unwrap_err().variable, "STRIPE_KEY");
        let set = [
            ("PAYMENT_PROVIDER", "stripe"),
            ("STRIPE_KEY", "sk_1"),
            ("STRIPE_API_BASE", "http://127.0.0.1:1/"),
            ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
        ];
        let config = read(&set).unwrap();
        assert_eq!(config.engine.provider, "stripe");
        let ProviderConfig::Stripe(stripe) = &config.payments else { panic!("{config:?}") };
        assert_eq!((stripe.key.as_str(), stripe.api_base.as_str()), ("sk_1", "http://127.0.0.1:1"));
        assert_eq!(stripe.webhook_secret.as_deref(), Some("whsec_1"));
        let shown = format!("{config:?}");
        assert!(!shown.contains("sk_1") && !shown.contains("whsec_1"), "{shown}");
    }
}
