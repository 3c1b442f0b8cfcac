//! `ticketctl venue cancel`.

use super::view;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::domain::catalog::OfferingFacts;
use ticketing_core::ops::venues::{self, ClosePlan, InTheWay};
use ticketing_core::ops::{halls, lookup};

/// Close a venue: no event is announced there any more
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A venue with events on sale stays open: withdraw each with event cancel before, which has a plan of its \
                        own and pays its buyers back. What was held there stays in the books.\n\n\
                        Examples:\n  ticketctl venue cancel old-playhouse --reason 'the lease ended' --dry-run\n  \
                        ticketctl venue cancel 7b1d44c0 --reason 'flood' --yes"
)]
pub struct Args {
    /// Its id, a unique beginning of it, or its externalId
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that is kept where the operator gave none.
const REASON_DEFAULT: &str = "the venue was closed";

/// Events in the way that are named in the refusal; of more it is said how many.
const SHOWN_MAX: usize = 5;

/// Closes the venue.
///
/// # Errors
/// Not found; a conflict while events are on sale there, or if it is closed already; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A venue is closed once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        close(args, desk, session, printer).await
    })
}

async fn close(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let id = lookup::venue(app, &args.id).await?.id;
    let reason = args.change.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let closing = match venues::plan_close(app, id, reason).await? {
        ClosePlan::Ready(closing) => closing,
        ClosePlan::InTheWay(events) => return Err(in_the_way(&args.id, &events)),
    };
    let change = Change {
        title: format!("Close venue {}", args.id),
        severity: Severity::TakesAway,
        plan: Plan::of(&closing.plan)?,
    };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    let position = session.changed(None, venues::execute_close(app, *closing, &actor)).await?;
    session.reach(printer, position).await;
    printer.object(&node(&halls::venue(app, &id.to_string()).await?)?, view::DETAILS)
}

/// The refusal that names what is on sale there, and how each is withdrawn.
fn in_the_way(venue: &str, events: &InTheWay) -> Failure {
    let count = grouped(events.count as u64);
    let (are, noun) = if events.count == 1 { ("is", "event") } else { ("are", "events") };
    let title = |facts: &OfferingFacts| {
        let title = facts.particulars.title.as_deref().unwrap_or_default();
        format!("{title} on {}", facts.service_date)
    };
    let mut named: Vec<String> = events.first.iter().take(SHOWN_MAX).map(title).collect();
    if let Some(more) = events.count.checked_sub(named.len()).filter(|more| *more > 0) {
        named.push(format!("{} more", grouped(more as u64)));
    }
    let commands: Vec<String> = events
        .first
        .iter()
        .take(SHOWN_MAX)
        .map(|facts| format!("ticketctl event cancel {}", facts.id))
        .collect();
    Failure::conflict(format!("{count} {noun} {are} on sale at venue {venue}; it stays open."))
        .code("VENUE_IN_USE")
        .why(format!("{}.", named.join(", ")))
        .hint(format!("withdraw them first: {}", commands.join("; ")))
}
