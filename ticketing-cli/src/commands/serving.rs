//! What `up` and `serve` share: a server from its settings to its orderly end.

use super::tui;
use crate::dashboard::Work;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use ticketing_core::app::{App, StoreConfig, make_data_dir};
use ticketing_desk::Desk;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::Printer;
use ticketing_desk::remote::Backend;
use ticketing_desk::session;
use ticketing_desk::signals::StopSignals;
use ticketing_server::config::{Roles, ServerConfig};
use ticketing_server::failures::sign_token;
use ticketing_server::logs::LogSettings;
use ticketing_tui::Options;

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
    desk: &Desk,
    printer: &mut Printer,
    first: impl AsyncFnOnce(&App, &mut Printer) -> Result<(), Failure>,
    hints: impl FnOnce(SocketAddr, &mut Printer),
    dashboard: Option<Options>,
) -> Result<(), Failure> {
    let (settings, stores) = session::configured(desk)?;
    let get = |name: &str| settings.get(name);
    let log = |name: &str| match name {
        "LOG" => desk.globals.log_targets().map(str::to_owned).or_else(|| get(name)),
        _ => get(name),
    };
    let logs = LogSettings::read(log)?;
    let mut config = ServerConfig::read(&settings, stores.clone())?;
    config.roles = roles;
    config.port = args.port.unwrap_or(config.port);
    config.host = args.host.clone().unwrap_or(config.host);
    let logging = match &dashboard {
        // It will not start, and for its log's sake alone no folder is made.
        Some(_) if !stores.data_dir.exists() && !is_free(&config.host, config.port) => Ok(()),
        // The screen is the dashboard's.
        Some(_) => logs.init_to(log_file(&stores)?),
        None => logs.init(),
    };
    logging.map_err(|error| Failure::error(format!("{error}.")))?;
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
        let ended = match dashboard {
            Some(options) => {
                let app = running.app().clone();
                let backend = Backend::of_process(app, settings.clone(), stores.clone(), sign_token);
                let backend = backend.counting(running.requests());
                let work = Work::on_backend(desk, backend);
                tui::outcome(ticketing_tui::run(work.desk(), options).await)
            }
            None => {
                // Ctrl-c is how a server is meant to end: in order, and with exit code 0.
                signals.requested().await;
                Ok(())
            }
        };
        printer.note("Stopping: finishing what was accepted …");
        let served = running.stop().await;
        if served.cut_off > 0 {
            printer.warn(&format!("{} connections were cut off after the time to finish.", served.cut_off));
        }
        ended
    })
}

/// Where a server logs whose terminal is the dashboard's.
pub const LOG_FILE: &str = "server.log";

/// Says whether a server could listen there now.
fn is_free(host: &str, port: u16) -> bool {
    TcpListener::bind((host, port)).is_ok()
}

fn log_file(stores: &StoreConfig) -> Result<File, Failure> {
    let path = stores.data_dir.join(LOG_FILE);
    make_data_dir(&stores.data_dir)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(&path))
        .map_err(|error| {
            Failure::error(format!("The log {} can't be written.", path.display())).why(format!("{error}."))
        })
}
