//! Where the load goes, and by whose secret its buyers are known there. A load on somebody else's server is never an
//! accident: any but this machine's must be allowed.

use crate::place::{self, Place};
use reqwest::Url;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use ticketing_core::app::StoreConfig;
use ticketing_core::app::config::Settings;
use ticketing_core::app::folder::served_by;
use ticketing_desk::failure::Failure;
use ticketing_desk::globals::{Globals, Secret as Hidden};
use ticketing_server::secret::{SECRET_FILE, Secret};
use ticketing_server::settings::HttpSettings;

/// What names the target.
#[derive(clap::Args, Clone, Debug)]
pub struct TargetArgs {
    /// The server's address, over plain http [default: the server of the data folder]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Allow a server that is not on this machine
    #[arg(long)]
    allow_remote: bool,
    /// Read the secret that signs the buyers' tokens from here [default: JWT_SECRET, else the data folder's]
    #[arg(long, value_name = "FILE")]
    jwt_secret_file: Option<PathBuf>,
}

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address, whose path ends without a slash.
    pub url: Url,
    /// What signs the buyers' tokens.
    pub secret: Secret,
}

/// Finds the target by flags, settings and data folder.
///
/// # Errors
/// An address that is none, or not allowed; no server; no secret.
pub fn find(args: &TargetArgs, globals: &Globals) -> Result<Target, Failure> {
    let found = place::find(globals)?;
    if let Place::There(distant) = &found.place
        && args.url.is_none()
    {
        return Err(Failure::usage("A load is put on a server by its address.")
            .why(format!("{distant}; which token it takes does not say whose bookings are made."))
            .hint("give the server's address by --url, as http://127.0.0.1:3002"));
    }
    if let Some(guard) = found.globals.guard.as_ref().filter(|guard| guard.readonly || guard.protected) {
        return Err(Failure::refused("Refused to put a load on it.")
            .code("PROTECTED_CONTEXT")
            .why(format!(
                "A load takes seats, and the context {} is protected. Nothing was sent.",
                guard.context
            ))
            .hint("choose another context, or name the place with --data-dir DIR or --url URL"));
    }
    let flags = found.globals.store();
    let settings = Settings::load()?;
    let stores = settings.stores(flags.data_dir, flags.database_url.map(Hidden::expose))?;
    let url = match &args.url {
        Some(text) => parse(text)?,
        None => served(&stores)?,
    };
    if !args.allow_remote && !is_loopback(&url) {
        let refused = Failure::refused(format!("{url} is not on this machine."))
            .code("REMOTE_SERVER")
            .why("A load takes seats and may slow a server down for its buyers. Nothing was sent.");
        return Err(refused.hint("give --allow-remote, if that server is yours to load"));
    }
    let secret = secret(args, &settings, &stores.data_dir)?;
    Ok(Target { url, secret })
}

fn parse(text: &str) -> Result<Url, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!("--url \"{text}\" can't be used."))
            .why(why)
            .hint("ticketctl load run --url http://127.0.0.1:3002")
    };
    let url = Url::parse(text).map_err(|error| wrong(format!("It is no address: {error}.")))?;
    match url.scheme() {
        "http" => {}
        "https" => {
            return Err(wrong(
                "The load generator speaks plain http only: point it at the server itself, behind whatever ends \
                 TLS."
                    .into(),
            ));
        }
        other => return Err(wrong(format!("{other} is not http."))),
    }
    let has_login = !url.username().is_empty() || url.password().is_some();
    if has_login || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("It must be scheme, host and port, and a path at most.".into()));
    }
    Ok(url)
}

/// Says whether the address names this machine by number, or by the one name that always does.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || number.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The server of the data folder.
fn served(stores: &StoreConfig) -> Result<Url, Failure> {
    let folder = stores.data_dir.display();
    let start = format!(
        "start one in another terminal, or name it by --url: ticketctl up --data-dir {}",
        ticketing_desk::typed::quoted(&folder.to_string())
    );
    let owner = served_by(&stores.data_dir).map_err(|error| {
        Failure::error(format!("The data folder {folder} can't be looked at.")).why(format!("{error}."))
    })?;
    let Some(owner) = owner else {
        return Err(Failure::unreachable(format!("No server serves the data folder {folder}."))
            .code("NO_SERVER")
            .hint(start));
    };
    let starting = || {
        Failure::unreachable(format!("The server of the data folder {folder} is just starting."))
            .code("NO_SERVER")
            .hint("try again in a moment")
    };
    let address: SocketAddr =
        owner.address.as_deref().and_then(|text| text.parse().ok()).ok_or_else(starting)?;
    parse(&format!("http://{}", reachable(address)))
}

/// A server that listens on every address is reached on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port());
    }
    address
}

fn secret(args: &TargetArgs, settings: &Settings, folder: &Path) -> Result<Secret, Failure> {
    if let Some(file) = &args.jwt_secret_file {
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::usage(format!("The secret file {} can't be read.", file.display()))
                .why(format!("{error}."))
        })?;
        return Secret::new(text.trim_end_matches(['\r', '\n']))
            .ok_or_else(|| Failure::usage(format!("The secret file {} is empty.", file.display())));
    }
    let jwt_secret = settings.get("JWT_SECRET");
    // Only a server makes the secret of a folder: one made here would be known to no server.
    if jwt_secret.is_none() && !folder.join(SECRET_FILE).exists() {
        return Err(Failure::usage("There is no secret to sign the buyers' tokens with.")
            .code("NO_SECRET")
            .why(format!("JWT_SECRET is not set, and {} has none.", folder.display()))
            .hint(
                "give --jwt-secret-file FILE, set JWT_SECRET, or name the server's folder by --data-dir DIR",
            ));
    }
    let http = HttpSettings::read(|name| settings.get(name))?;
    Secret::resolve(http.environment, jwt_secret.as_deref(), folder).map_err(|error| Failure::from(&error))
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, parse, reachable};

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        for (text, expected) in [
            ("http://127.0.0.1:3002", true),
            ("http://127.9.9.9", true),
            ("http://localhost:1/base", true),
            ("http://[::1]:3002", true),
            ("http://[::ffff:127.0.0.1]:3002", true),
            ("http://2130706433", true),
            ("http://0.0.0.0:3002", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1.example.org", false),
        ] {
            assert_eq!(is_loopback(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_loaded_is_refused_with_its_reason() {
        for (text, why) in [
            ("https://127.0.0.1", "plain http only"),
            ("ftp://127.0.0.1", "ftp is not http"),
            ("127.0.0.1:3002", "no address"),
            ("http://u:p@127.0.0.1", "scheme, host and port"),
            ("http://127.0.0.1/?a=b", "scheme, host and port"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.why.as_deref().unwrap().contains(why), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_server_on_every_address_is_reached_on_this_machine() {
        assert_eq!(reachable("0.0.0.0:3002".parse().unwrap()).to_string(), "127.0.0.1:3002");
        assert_eq!(reachable("127.0.0.1:80".parse().unwrap()).to_string(), "127.0.0.1:80");
    }
}
