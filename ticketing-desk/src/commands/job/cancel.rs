//! `ticketctl job cancel`.

use super::view;
use crate::commands::change;
use crate::commands::ids::Ids;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening};
use ticketing_core::ops::jobs;

/// Stop jobs after the batch at hand; what is done stays done
#[derive(clap::Args, Debug)]
#[command(after_help = "`ticketctl job resume` goes on with what is left.\n\n\
                        Examples:\n  ticketctl job cancel 0192a8c4 --reason 'too fast for the consumers'\n  \
                        ticketctl job list --query 'state=running' -o name | ticketctl job cancel - --yes")]
pub struct Args {
    /// Ids of jobs, or unique beginnings of them; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Stops the jobs.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A job is cancelled once, however often this is run.")?;
    let ids = Ids::read(&args.ids, desk)?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let app = &session.app;
        let actor = session::actor(desk, &args.change)?;
        let found = ids.jobs(session).await?;
        let plan = jobs::plan_cancel(app, &found).await?;
        let count = plan.affected;
        let ending = if count == 1 { "" } else { "s" };
        let title = format!("Cancel {} job{ending}", grouped(count as u64));
        let severity = Severity::TakesAway;
        let change = Change { title, severity, plan: Plan::of(&plan)? };
        if gate(printer, &change, &args.change)? == Gate::Stop {
            return Ok(());
        }
        jobs::cancel(app, &plan, &actor).await?;
        let mut after = Vec::new();
        for id in &found {
            after.push(jobs::one(app, *id).await?);
        }
        match after.as_slice() {
            [one] if ids.is_one => printer.object(&jobs::details(one), view::DETAILS),
            _ => printer.list(&view::LIST, after.iter().map(jobs::body), None),
        }
    })
}
