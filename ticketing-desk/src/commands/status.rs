//! `ticketctl status`: how the system is, and who serves it.

use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Printer};
use crate::session::Session;
use serde::Serialize;
use ticketing_core::app::StoreConfig;
use ticketing_core::app::folder::{self, Owner};
use ticketing_core::ops::mails;
use ticketing_core::ops::status::{self, Requests};

/// Show who serves the stores, where the log and the read store are, what is held, and which payments are open
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl status\n  ticketctl status --watch\n  ticketctl status -o json"
)]
pub struct Args {
    /// Show also what the server that is asked has answered to buyers since its start, and how fast
    #[arg(long)]
    requests: bool,
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
    Column::number("Requests answered", "http.answered"),
    Column::number("Requests failed (5xx)", "http.failed"),
    Column::number("Half took up to (ms)", "http.p50Ms"),
    Column::number("99 % took up to (ms)", "http.p99Ms"),
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
    /// What the server that was asked has answered to buyers since it began; none without a server.
    http: Option<Http>,
}

/// What a server has answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    #[serde(flatten)]
    requests: Requests,
    /// Half of the requests took at most so long, in milliseconds.
    p50_ms: Option<f64>,
    /// 99 % of them did.
    p99_ms: Option<f64>,
}

impl Http {
    fn of(requests: Requests) -> Self {
        /// So finely a time is told that is known between two bounds: tenths of a millisecond.
        const PARTS: f64 = 10.0;
        let told = |share| requests.percentile_ms(share).map(|ms| (ms * PARTS).round() / PARTS);
        Self { p50_ms: told(0.5), p99_ms: told(0.99), requests }
    }
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
        let counted = desk.server().and_then(|served| served.requests.as_ref());
        let http = counted.filter(|_| args.requests).map(|count| Http::of(count()));
        let is_served = is_served(server.as_ref(), &services);
        printer.object(&Shown { server, stores, payments, mails, services, http }, FIELDS)?;
        if !is_served {
            printer.note(NOBODY_SERVES);
        }
        Ok(())
    })
}

/// What follows if nobody serves.
const NOBODY_SERVES: &str = "Nobody serves these stores: no payment goes on, no hold ends and no buyer is answered until \
                             ticketctl up or ticketctl serve does.";

/// Whether anybody serves the stores.
fn is_served(server: Option<&Owner>, services: &status::Services) -> bool {
    server.is_some() || services.processes.iter().any(|process| process.state == status::UP)
}

/// Warns that what was asked for waits for a server, where none runs that takes it up.
///
/// # Errors
/// What the stores say.
pub async fn warn_if_no_saga_runs(session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    // Who serves a folder does not say with which roles; it is taken at its best.
    let is_run = match session.stores.is_embedded() {
        true => server(&session.stores)?.is_some(),
        false => {
            let services = status::services(&session.app).await?;
            let runs = |roles: &str| roles.split(',').any(|role| role.trim() == "saga");
            services.processes.iter().any(|it| it.state == status::UP && runs(&it.roles))
        }
    };
    if !is_run {
        printer.warn(
            "No server with the role saga runs on these stores: nothing is asked of the provider until one does. \
             ticketctl serve --roles saga starts one, ticketctl up all of them.",
        );
    }
    Ok(())
}
