//! `ticketctl event block` and `unblock`.

use super::view;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::app::events::Keep;
use ticketing_core::ops::{halls, lookup};

/// Which seats of which event.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The event: its id, a unique beginning of it, its externalId, or externalId/DATE
    id: String,
    /// The seats, as STALLS-A1
    #[arg(value_name = "SEAT", required = true)]
    seats: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Keeps the seats back, or gives them free: all of them or none.
///
/// # Errors
/// Not found; a seat that the hall has not, or that somebody has; what the stores say.
pub fn run(args: &Args, keep: Keep, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "Seats are kept back once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        carry_out(args, keep, desk, session, printer).await
    })
}

async fn carry_out(
    args: &Args,
    keep: Keep,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let id = lookup::event(app, &args.id).await?.facts.id;
    let planned = halls::plan_keep(app, id, &args.seats, keep).await?;
    let count = planned.plan.affected;
    let seats = if count == 1 { "seat" } else { "seats" };
    let verb = match keep {
        Keep::Back => "Keep back",
        Keep::Free => "Give free",
    };
    let title = format!("{verb} {} {seats} of event {}", grouped(count as u64), args.id);
    let change = Change { title, severity: Severity::Adds, plan: Plan::of(&planned.plan)? };
    if count == 0 && !args.change.dry_run {
        printer.note("Nothing to change.");
    } else {
        if gate(printer, &change, &args.change)? == Gate::Stop {
            return Ok(());
        }
        let position = session.changed(None, halls::execute_keep(app, planned, &actor)).await?;
        session.reach(printer, position).await;
    }
    printer.object(&node(&halls::event(app, id).await?)?, view::DETAILS)
}
