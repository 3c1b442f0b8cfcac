//! What `up` and `serve` share: a server from its settings to its orderly end.

use crate::errors::sentence;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Printer;
use crate::session;
use crate::signals::StopSignals;
use std::io;
use std::net::SocketAddr;
use ticketing_core::app::App;
use ticketing_server::config::{Roles, ServerConfig};
use ticketing_server::logs::LogSettings;
use ticketing_server::secret::SecretError;
use ticketing_server::settings::SettingsError;
use ticketing_server::start::StartError;

/// Where a server listens.
#[derive(clap::Args, Debug)]
pub struct Serving {
    /// The port to listen on; 0 is any free one [default: PORT, else 3002]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The address to listen on [default: HOST, else 127.0.0.1 in development]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
}

/// Starts a server, lets `first` fill its stores before it answers anybody, and serves until a signal.
///
/// # Errors
/// What stands in the server's way, or in `first`'s.
pub fn run(
    args: &Serving,
    roles: Roles,
    globals: &Globals,
    printer: &mut Printer,
    first: impl AsyncFnOnce(&App, &mut Printer) -> Result<(), Failure>,
    hints: impl FnOnce(SocketAddr, &mut Printer),
) -> Result<(), Failure> {
    let (settings, stores) = session::configured(globals)?;
    let get = |name: &str| settings.get(name);
    let log = |name: &str| match name {
        "LOG" => globals.log_targets().map(str::to_owned).or_else(|| get(name)),
        _ => get(name),
    };
    LogSettings::read(log)?.init().map_err(|error| Failure::error(format!("{error}.")))?;
    let mut config = ServerConfig::read(&settings, stores.clone())?;
    config.roles = roles;
    config.port = args.port.unwrap_or(config.port);
    config.host = args.host.clone().unwrap_or(config.host);

    let cannot = |error: io::Error| Failure::error("The server could not start.").why(format!("{error}."));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    runtime.block_on(async {
        let mut signals = StopSignals::listen().map_err(cannot)?;
        let prepared = ticketing_server::start::prepare(config)
            .await
            .map_err(|error| session::placed(Failure::from(&error), &stores))?;
        if let Err(failure) = first(prepared.app(), printer).await {
            prepared.abandon().await;
            return Err(failure);
        }
        let running = prepared.serve();
        printer.note(&format!("Serving at http://{}", running.address()));
        printer.note(&format!("  store    {}", running.app().stores.write.address().redacted()));
        hints(running.address(), printer);
        // Ctrl-c is how a server is meant to end: in order, and with exit code 0.
        signals.requested().await;
        printer.note("Stopping: finishing what was accepted …");
        let served = running.stop().await;
        if served.cut_off > 0 {
            printer.warn(&format!("{} connections were cut off after the time to finish.", served.cut_off));
        }
        Ok(())
    })
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
            StartError::Payments(_) | StartError::Redis(_) => Self::usage(format!("{error}.")).code("CONFIG"),
        }
    }
}
