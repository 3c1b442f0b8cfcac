//! `ticketctl route cancel`.

use crate::commands::change;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Column, Plan, Printer, grouped};
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use serde::Serialize;
use ticketing_core::domain::id::RouteId;
use ticketing_core::ops::{lookup, routes};

/// Withdraw what a route has still to come: holds are cancelled and confirmed bookings refunded
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Each departure that has not left yet is withdrawn as by schedule cancel, the soonest first. The route \
                        stays, and new departures of it can be made. Stopped or broken off, the same command again goes \
                        on with the rest.\n\n\
                        Examples:\n  ticketctl route cancel 10 --reason 'the bridge is closed' --dry-run\n  \
                        ticketctl route cancel 7b1d44c0 --reason 'no drivers' --max-affected 200 --yes"
)]
pub struct Args {
    /// Its id, a unique beginning of it, or its externalId
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that passengers are given where the operator gave none.
const REASON_DEFAULT: &str = "the departure was cancelled";

/// What was withdrawn.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Withdrawn {
    id: RouteId,
    departures: usize,
    bookings: usize,
}

const FIELDS: &[Column] = &[
    Column::id("Route", "id"),
    Column::number("Departures", "departures"),
    Column::number("Bookings", "bookings"),
];

/// Withdraws the departures.
///
/// # Errors
/// Not found; what the stores say, with how much was done.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A departure is cancelled once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        cancel(args, desk, session, printer).await
    })
}

async fn cancel(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let id = lookup::route(app, &args.id).await?.id;
    session.warn_of_lag(printer).await?;
    let reason = args.change.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let planned = routes::plan_cancel(app, id, reason).await?;
    let (departures, has_more) = (planned.departures(), planned.has_more);
    let bookings = planned.plan.changes.iter().filter(|change| change.kind == "booking").count();
    let count =
        |n: usize, noun: &str| format!("{} {noun}{}", grouped(n as u64), if n == 1 { "" } else { "s" });
    let what = format!("{} of route {} and ", count(departures, "departure"), args.id);
    let title = format!("Cancel {what}{}", count(bookings, "booking"));
    let severity = Severity::TakesAway;
    let change = Change { title: title.clone(), severity, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    let total = planned.plan.affected as u64;
    let mut progress = Progress::start(printer.progress_style(), &title, Some(total));
    let doing = session.doing.clone();
    let said = |done: u64, of: u64| {
        let (done, of) = (grouped(done), grouped(of));
        format!("{done} of {of} departures and bookings are cancelled. The same command again goes on.")
    };
    doing.say(said(0, total));
    let mut report = |done: u64, of: u64| {
        doing.say(said(done, of));
        progress.set(done);
    };
    let stop = session.doing.stops_gently();
    let is_stopped = || *stop.borrow();
    let outcome = routes::execute_cancel(app, planned, &actor, &is_stopped, &mut report).await;
    drop(progress);
    match outcome {
        Ok(position) => session.reach(printer, position).await,
        Err(error) => {
            // If that fails too, there is one failure to tell of, and the first is the cause.
            let _ = session.catch_up().await;
            return Err(error.into());
        }
    }
    if has_more {
        let most = grouped(routes::DEPARTURES_MAX as u64);
        printer.warn(&format!(
            "The route has more than {most} departures to come: run it again for the others."
        ));
    }
    printer.object(&Withdrawn { id, departures, bookings }, FIELDS)
}
