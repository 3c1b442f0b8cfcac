//! `ticketctl status`: how the system is, and who serves it.

use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Printer};
use serde::Serialize;
use ticketing_core::app::StoreConfig;
use ticketing_core::app::folder::{self, Owner};
use ticketing_core::ops::{mails, status};

/// Show who serves the stores, where the log and the read store are, what is held, and which payments are open
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl status\n  ticketctl status --watch\n  ticketctl status -o json"
)]
pub struct Args {
    #[command(flatten)]
    watch: Watch,
}

const FIELDS: &[Column] = &[
    Column::text("Served at", "server.address"),
    Column::number("By process", "server.pid"),
    Column::time("Since", "server.startedAt"),
    Column::text("Write store", "writeStore"),
    Column::text("Read store", "readStore"),
    Column::number("Log head", "head"),
    Column::number("Read position", "readPosition"),
    Column::number("Lag (events)", "lag"),
    Column::number("Open holds", "holdsOpen"),
    Column::time("Next hold ends", "nextHoldEndsAt"),
    Column::number("Bookings", "tickets"),
    Column::number("Departures ahead", "departuresAhead"),
    Column::number("Stuck payments", "payments.stuck"),
    Column::time("Oldest payment", "payments.oldestAt"),
    Column::number("Overdue calls", "payments.overdue"),
    Column::text("Warning", "payments.warning"),
    Column::number("Dead letters", "deadLetters"),
    Column::number("Queued mails", "mails.queued"),
    Column::time("Oldest mail", "mails.oldestAt"),
    Column::number("Failed mails", "mails.failed"),
    Column::text("Mail trouble", "mails.warning").wrapped(),
    Column::time("Looked at", "at"),
    Column::rows("Payments that are not over", "payments.notOver", STATES),
    Column::rows("Processes", "processes", PROCESSES),
    Column::rows("Carriers", "carriers", CARRIERS),
];

const PROCESSES: &[Column] = &[
    Column::text("Host", "host"),
    Column::number("Pid", "pid"),
    Column::text("Roles", "roles"),
    Column::text("Holds", "leases"),
    Column::state("State", "state"),
    Column::time("Heard of", "seenAt"),
];

const CARRIERS: &[Column] = &[
    Column::text("Carrier", "carrier"),
    Column::number("Position", "position"),
    Column::number("Lag (events)", "lag"),
    Column::time("Moved", "movedAt"),
    Column::text("Trouble", "trouble").wrapped(),
];

const STATES: &[Column] =
    &[Column::state("State", "state"), Column::number("Sagas", "count"), Column::time("Oldest", "oldestAt")];

/// What is shown: the stores, and who serves them.
#[derive(Serialize)]
struct Shown {
    /// The server of the data folder; none if nobody serves it, or if the stores are on a server of their own.
    server: Option<Owner>,
    #[serde(flatten)]
    stores: status::Status,
    /// The payments that are not over.
    payments: status::PaymentsStatus,
    /// The mails that wait.
    mails: mails::MailStatus,
    /// Who else serves, and how far the carriers are.
    #[serde(flatten)]
    services: status::Services,
}

/// Returns who serves the data folder now.
fn server(stores: &StoreConfig) -> Result<Option<Owner>, Failure> {
    if !stores.is_embedded() {
        return Ok(None);
    }
    folder::served_by(&stores.data_dir).map_err(|error| {
        let folder = stores.data_dir.display();
        Failure::error(format!("The folder {folder} can't be looked at: {error}."))
            .hint("see that this user may read it")
    })
}

/// Shows the state. Pending migrations are an error of opening the stores, which names the command to run.
///
/// # Errors
/// What the stores say; ctrl-c.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let server = server(&session.stores)?;
        let stores = status::status(&session.app).await?;
        let payments = status::payments(&session.app).await?;
        let services = status::services(&session.app).await?;
        let mails = mails::status(&session.app).await?;
        printer.object(&Shown { server, stores, payments, mails, services }, FIELDS)
    })
}
