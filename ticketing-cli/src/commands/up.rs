//! `ticketctl up`: everything in one process, on embedded storage where nothing else is set.

use super::serving::{self, Serving};
use super::tui;
use std::net::SocketAddr;
use ticketing_core::adapters::seed_file;
use ticketing_core::app::App;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::{lists, seed};
use ticketing_core::worker::projector::Projector;
use ticketing_desk::Desk;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::Printer;
use ticketing_server::config::Roles;

/// Run everything in one process: API, read model, expiry and payments, on embedded storage
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Needs nothing installed: the stores are files in the data folder, made on first use. It ends with\n\
                        ctrl-c or SIGTERM, after it has finished what it accepted.\n\n\
                        Examples:\n  ticketctl up --demo\n  ticketctl up --demo --tui\n  ticketctl up --data-dir /var/lib/ticketing --port 8080\n  \
                        curl localhost:3002/api/routes"
)]
pub struct Args {
    /// Bring the demo city Riverton into the store if it is empty
    #[arg(long)]
    demo: bool,
    /// Show the dashboard, and log to server.log in the data folder; q ends both
    #[arg(long)]
    tui: bool,
    #[command(flatten)]
    serving: Serving,
}

/// Serves until a signal.
///
/// # Errors
/// What stands in the server's way.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer, commands: &clap::Command) -> Result<(), Failure> {
    if args.tui {
        tui::wants_terminal(printer)?;
    }
    let dashboard = args.tui.then(|| tui::options(desk, printer, commands));
    let first = async |app: &App, printer: &mut Printer| match args.demo {
        true => seed_demo(app, desk, printer).await,
        false => Ok(()),
    };
    let hints = |address: SocketAddr, printer: &mut Printer| {
        printer.note(&format!("  try      curl {address}/api/routes"));
        printer.note("  or       ticketctl schedule list, in another terminal; ctrl-c stops the server");
    };
    serving::run(&args.serving, Roles::ALL, desk, printer, first, hints, dashboard)
}

/// Seeds the demo city, unless there is anything in the store.
async fn seed_demo(app: &App, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    if lists::head(app).await? > 0 {
        printer.note("The store is not empty: --demo adds nothing.");
        return Ok(());
    }
    let plan = seed::plan(app, "seed demo", seed_file::demo(app.clock.now())).await?;
    let new = plan.counts.new;
    let actor = Actor { name: desk.actor(), reason: Some("up --demo".into()), correlation_id: None };
    let seeded = seed::execute(app, plan, &actor, &mut |_, _| ()).await?;
    Projector::default().reach(app, seeded.position).await.map_err(|e| Failure::from(&e))?;
    printer.note(&format!(
        "Seeded the demo city: {new} layouts, routes, patterns, departures, venues, events and \
         listings."
    ));
    Ok(())
}
