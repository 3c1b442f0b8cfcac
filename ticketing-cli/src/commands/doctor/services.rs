//! What a server here would need besides its stores: a secret, a free port, and the services that are set.

use crate::settings::weakness;
use std::io::ErrorKind;
use std::time::Duration;
use ticketing_core::adapters::carriers::{Carrier, CarrierConfig, CarrierError};
use ticketing_core::adapters::mail::{Destination, MailConfig, Mailer};
use ticketing_core::adapters::redis::{Limits, Redis, RedisConfig};
use ticketing_core::app::config::Settings;
use ticketing_core::app::{StoreConfig, folder};
use ticketing_desk::commands::doctor::Checked;
use ticketing_server::config::ServerConfig;
use ticketing_server::secret::SECRET_FILE;
use ticketing_server::settings::Environment;
use tokio::net::TcpListener;

/// Whether tokens are signed with something that nobody guesses.
pub fn secret(settings: &Settings, stores: &StoreConfig) -> Checked {
    const FIX: &str = "export JWT_SECRET=$(openssl rand -hex 32)";
    let is_set = settings.get("JWT_SECRET").is_some();
    let is_production = Environment::parse(settings.get("APP_ENV").as_deref()) == Environment::Production;
    match (is_set, is_production, weakness(settings)) {
        (_, true, Some(why)) => Checked::fail("token secret", format!("JWT_SECRET {why}."), FIX),
        (true, false, Some(why)) => {
            let why = why.split(';').next().unwrap_or_default();
            Checked::warn("token secret", format!("JWT_SECRET {why}: production would refuse it."), FIX)
        }
        (true, _, None) => Checked::ok("token secret", "JWT_SECRET is long enough, and no well-known one."),
        (false, _, _) => {
            let file = stores.data_dir.join(SECRET_FILE);
            match crate::contexts::readable_by_others(&file) {
                Some(mode) => Checked::warn(
                    "token secret",
                    format!("{} is open to other users of this machine (mode {mode:03o}).", file.display()),
                    format!("chmod 600 {}", file.display()),
                ),
                None if file.exists() => {
                    Checked::ok("token secret", format!("It is kept in {}.", file.display()))
                }
                None => Checked::ok("token secret", "It is made on the first start."),
            }
        }
    }
}

/// Asks what is set, everything at once, and each for no longer than `limit`.
pub async fn check(settings: &Settings, stores: &StoreConfig, limit: Duration) -> Vec<Checked> {
    let (port, broker, redis, smtp) = tokio::join!(
        port(settings, stores, limit),
        broker(settings, limit),
        redis(settings, limit),
        smtp(settings, stores, limit),
    );
    vec![port, broker, redis, smtp]
}

/// Whether a server could listen, or ours does.
async fn port(settings: &Settings, stores: &StoreConfig, limit: Duration) -> Checked {
    let Ok(config) = ServerConfig::read(settings, stores.clone()) else {
        return Checked::warn("port", "Which one it is can't be told.", "ticketctl config check");
    };
    let (host, port) = (config.host, config.port);
    let at = format!("{host}:{port}");
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let bound = tokio::time::timeout(limit, TcpListener::bind((bare.as_str(), port))).await;
    let error = match bound {
        Ok(Ok(_)) => return Checked::ok("port", format!("{at} is free.")),
        Ok(Err(error)) => error,
        Err(_) => {
            return Checked::warn(
                "port",
                format!("{host} was not found in time."),
                "ticketctl config show --set",
            );
        }
    };
    let owner = match stores.is_embedded() {
        true => folder::served_by(&stores.data_dir).ok().flatten(),
        false => None,
    };
    let is_ours = owner.as_ref().and_then(|owner| owner.address.as_deref()).is_some_and(|address| {
        address.rsplit_once(':').is_some_and(|(_, number)| number == port.to_string())
    });
    match (error.kind(), is_ours) {
        (ErrorKind::AddrInUse, true) => {
            Checked::ok("port", format!("{at} is ours: the folder's server listens there."))
        }
        (ErrorKind::AddrInUse, false) => Checked::warn(
            "port",
            format!("{at} is taken by another program."),
            format!("ticketctl up --port 0, or see who it is: ss -ltnp 'sport = :{port}'"),
        ),
        _ => Checked::fail("port", format!("Nobody can listen at {at}: {error}."), "ticketctl up --port 0"),
    }
}

async fn broker(settings: &Settings, limit: Duration) -> Checked {
    let carrier = match CarrierConfig::read(|name| settings.get(name)) {
        Ok(None) => return Checked::ok("broker", "None is set: the embedded bus."),
        Ok(Some(config)) => Carrier::new(config),
        Err(error) => return Checked::fail("broker", format!("{error}."), "ticketctl config check"),
    };
    let (word, address) = (carrier.word(), carrier.address());
    match tokio::time::timeout(limit, carrier.ping(limit)).await {
        Ok(Ok(())) => Checked::ok("broker", format!("{word} at {address} answers.")),
        Ok(Err(CarrierError::Unfitting { reason, remedy, .. })) => {
            let finding = format!("{word} at {address} can't be used with these settings: {reason}.");
            Checked::fail("broker", finding, remedy)
        }
        Ok(Err(error)) => Checked::fail("broker", format!("{error}."), start(&address, "the broker")),
        Err(_) => {
            let finding = format!("{word} at {address} does not answer within {} s.", limit.as_secs_f32());
            Checked::fail("broker", finding, start(&address, "the broker"))
        }
    }
}

fn start(address: &str, what: &str) -> String {
    format!("start {what} at {address}, or correct where it is: ticketctl config show --set")
}

async fn redis(settings: &Settings, limit: Duration) -> Checked {
    let config = match RedisConfig::read(|name| settings.get(name)) {
        Ok(None) => return Checked::ok("redis", "None is set: each process has its own cache."),
        Ok(Some(config)) => config,
        Err(error) => return Checked::fail("redis", format!("{error}."), "ticketctl config check"),
    };
    let address = config.address();
    let asking = async {
        let redis =
            Redis::start(&config, "doctor", Limits::default()).await.map_err(|error| error.to_string())?;
        match redis.answers().await {
            true => Ok(()),
            false => Err("it does not answer".to_owned()),
        }
    };
    match tokio::time::timeout(limit, asking).await {
        Ok(Ok(())) => Checked::ok("redis", format!("Redis at {address} answers.")),
        // Servers go on without it.
        Ok(Err(why)) => Checked::warn(
            "redis",
            format!("Redis at {address} can't be used: {why}."),
            start(&address, "Redis"),
        ),
        Err(_) => {
            let finding = format!("Redis at {address} does not answer within {} s.", limit.as_secs_f32());
            Checked::warn("redis", finding, start(&address, "Redis"))
        }
    }
}

async fn smtp(settings: &Settings, stores: &StoreConfig, limit: Duration) -> Checked {
    const FIX: &str = "ticketctl config check";
    let config = match MailConfig::read(|name| settings.get(name), &stores.data_dir) {
        Ok(config) => config,
        Err(error) => return Checked::fail("mail", format!("{error}."), FIX),
    };
    let place = config.place();
    let is_server = matches!(config.destination, Destination::Smtp(_));
    let mailer = match Mailer::new(config) {
        Ok(mailer) => mailer,
        Err(error) => return Checked::fail("mail", format!("{error}."), FIX),
    };
    // Bookings go on without it.
    let unusable = |why: String| match is_server {
        true => Checked::warn(
            "mail",
            format!("The mail server {place} can't be used: {why}."),
            start(&place, "the mail server"),
        ),
        false => Checked::warn("mail", format!("Mails can't be put into {place}: {why}."), "set SMTP_URL"),
    };
    match tokio::time::timeout(limit, mailer.ping()).await {
        Ok(Ok(())) if is_server => Checked::ok("mail", format!("The mail server {place} takes our mail.")),
        Ok(Ok(())) => Checked::ok("mail", format!("SMTP_URL is not set: mails are put into {place}.")),
        Ok(Err(why)) => unusable(why.trim_end_matches('.').to_owned()),
        Err(_) => unusable(format!("no answer within {} s", limit.as_secs_f32())),
    }
}
