//! `ticketctl schedule cancel`.

use super::view;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::ops::{details, lookup, schedules};

/// Withdraw a departure: its holds are cancelled and its confirmed bookings refunded
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl schedule cancel 5f0c9a1e --reason 'no driver' --dry-run\n  \
                        ticketctl schedule cancel X90@06:30/2026-11-21 --reason 'storm' --yes")]
pub struct Args {
    /// Its id, a unique beginning of it, its externalId, or externalId/DATE
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that passengers are given where the operator gave none.
const REASON_DEFAULT: &str = "the departure was cancelled";

/// Withdraws the departure.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A departure is cancelled once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        cancel(args, desk, session, printer).await
    })
}

async fn cancel(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let offering = lookup::offering(app, &args.id).await?;
    let id = offering.facts.id;
    let reason = args.change.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let planned = schedules::plan_cancel(app, offering, reason).await?;
    let bookings = planned.plan.affected.saturating_sub(1) as u64;
    let noun = if bookings == 1 { "booking" } else { "bookings" };
    let title = format!("Cancel schedule {} and its {} {noun}", args.id, grouped(bookings));
    let severity = Severity::TakesAway;
    let change = Change { title, severity, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session
        .doing
        .say("The departure may be withdrawn, and some of its bookings cancelled; run it again to go on.");
    let doing = session.doing.clone();
    let mut report = |done: u64, of: u64| {
        let (done, of) = (grouped(done), grouped(of));
        doing.say(format!("The departure is withdrawn, and {done} of {of} bookings are cancelled."));
    };
    match schedules::execute_cancel(app, planned, &actor, &mut report).await {
        Ok(position) => session.reach(printer, position).await,
        Err(error) => {
            // If that fails too, there is one failure to tell of, and the first is the cause.
            let _ = session.catch_up().await;
            return Err(error.into());
        }
    }
    printer.object(&node(&details::schedule(app, id).await?)?, view::DETAILS)
}
