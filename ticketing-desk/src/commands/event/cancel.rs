//! `ticketctl event cancel`.

use super::view;
use crate::commands::bulk::{self, Bulk, BulkArgs};
use crate::commands::change;
use crate::commands::listing::node;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::ops::jobs::JobPlan;
use ticketing_core::ops::{halls, lookup, schedules};
use ticketing_core::store::jobs::JobState;

/// Withdraw an event: its holds are cancelled and its confirmed reservations refunded
#[derive(clap::Args, Debug)]
#[command(
    after_help = "It is done as a job that is written down first: stopped or broken off, `ticketctl job resume` goes on \
                        with it, and so does a server by itself.\n\n\
                        Examples:\n  ticketctl event cancel 5f0c9a1e --reason 'the singer is ill' --dry-run\n  \
                        ticketctl event cancel tempest@19:30/2026-12-01 --reason 'flood' --yes\n  \
                        ticketctl event cancel 5f0c9a1e --reason 'flood' --rate 50 --detach --yes"
)]
pub struct Args {
    /// Its id, a unique beginning of it, its externalId, or externalId/DATE
    id: String,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that buyers are given where the operator gave none.
const REASON_DEFAULT: &str = "the event was cancelled";

/// Withdraws the event.
///
/// # Errors
/// Not found; the rule that forbids it; as the job ends: failed, stopped; what the stores say.
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
    let bookings = planned.plan.changes.iter().filter(|change| change.kind == "booking").count() as u64;
    let noun = if bookings == 1 { "reservation" } else { "reservations" };
    let title = format!("Cancel event {} and its {} {noun}", args.id, grouped(bookings));
    let job = JobPlan { rate: args.bulk.rate, ..schedules::job_of(&planned) };
    let work = Bulk { title, args: &args.change, detach: args.bulk.detach, actor: &actor };
    let outcome = bulk::carry_out(session, printer, work, job).await;
    if args.change.dry_run || args.bulk.detach {
        return outcome.map(drop);
    }
    // What was cancelled until it broke off can be read, too.
    let caught_up = session.catch_up().await;
    match outcome? {
        Some(job) if job.state == JobState::Done => {
            if let Err(failure) = caught_up {
                printer.warn(&format!(
                    "The event is withdrawn, but the read store has not got it yet: {failure} It will be folded by \
                     the next change, or when a server runs."
                ));
            }
            printer.object(&node(&halls::event(app, id).await?)?, view::DETAILS)
        }
        Some(job) => bulk::ended(printer, &job),
        None => Ok(()),
    }
}
