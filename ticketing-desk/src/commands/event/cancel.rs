//! `ticketctl event cancel`.

use super::view;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::ops::{halls, lookup, schedules};

/// Withdraw an event: its holds are cancelled and its confirmed reservations refunded
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl event cancel 5f0c9a1e --reason 'the singer is ill' --dry-run\n  \
                        ticketctl event cancel tempest@19:30/2026-12-01 --reason 'flood' --yes"
)]
pub struct Args {
    /// Its id, a unique beginning of it, its externalId, or externalId/DATE
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that buyers are given where the operator gave none.
const REASON_DEFAULT: &str = "the event was cancelled";

/// Withdraws the event.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "An event is cancelled once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        cancel(args, desk, session, printer).await
    })
}

async fn cancel(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let event = lookup::event(app, &args.id).await?;
    let id = event.facts.id;
    let reason = args.change.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let planned = schedules::plan_cancel(app, event, reason).await?;
    let bookings = planned.plan.affected.saturating_sub(1) as u64;
    let noun = if bookings == 1 { "reservation" } else { "reservations" };
    let title = format!("Cancel event {} and its {} {noun}", args.id, grouped(bookings));
    let change = Change { title, severity: Severity::TakesAway, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session
        .doing
        .say("The event may be withdrawn, and some of its reservations cancelled; run it again to go on.");
    let doing = session.doing.clone();
    let mut report = |done: u64, of: u64| {
        let (done, of) = (grouped(done), grouped(of));
        doing.say(format!("The event is withdrawn, and {done} of {of} reservations are cancelled."));
    };
    match schedules::execute_cancel(app, planned, &actor, &mut report).await {
        Ok(position) => session.reach(printer, position).await,
        Err(error) => {
            // If that fails too, there is one failure to tell of, and the first is the cause.
            let _ = session.catch_up().await;
            return Err(error.into());
        }
    }
    printer.object(&node(&halls::event(app, id).await?)?, view::DETAILS)
}
