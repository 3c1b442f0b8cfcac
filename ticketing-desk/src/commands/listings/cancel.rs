//! `ticketctl listing cancel`.

use super::{find, view};
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::app::listings;
use ticketing_core::ops::schedules;

/// Withdraw a listing: its order is cancelled, and what was paid goes back
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl listing cancel 0192a8c4 --reason 'a forgery' --dry-run\n  \
                        ticketctl listing cancel 0192a8c4 --reason 'a forgery' --yes")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that a buyer is given where the operator gave none.
const REASON_DEFAULT: &str = "the listing was withdrawn";

/// Withdraws the listing.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A listing is withdrawn once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        cancel(args, desk, session, printer).await
    })
}

async fn cancel(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let offering = find(session, &args.id).await?;
    let id = offering.facts.id;
    let reason = args.change.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let planned = schedules::plan_cancel(app, offering, reason).await?;
    let bookings = planned.plan.affected.saturating_sub(1) as u64;
    let noun = if bookings == 1 { "order" } else { "orders" };
    let title = format!("Cancel listing {} and its {} {noun}", args.id, grouped(bookings));
    let severity = Severity::TakesAway;
    let change = Change { title, severity, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session.doing.say("The listing may be withdrawn, and its order not cancelled; run it again to go on.");
    let doing = session.doing.clone();
    let mut report = |done: u64, of: u64| {
        let (done, of) = (grouped(done), grouped(of));
        doing.say(format!("The listing is withdrawn, and {done} of {of} orders are cancelled."));
    };
    match schedules::execute_cancel(app, planned, &actor, &mut report).await {
        Ok(position) => session.reach(printer, position).await,
        Err(error) => {
            // If that fails too, there is one failure to tell of, and the first is the cause.
            let _ = session.catch_up().await;
            return Err(error.into());
        }
    }
    printer.object(&node(&listings::stored(app, id).await?)?, view::DETAILS)
}
