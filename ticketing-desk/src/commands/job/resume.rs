//! `ticketctl job resume`.

use crate::commands::{bulk, change};
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer};
use crate::session::{self, Opening, Session};
use ticketing_core::ops::jobs;
use ticketing_core::store::jobs::{Job, JobState};
use ticketing_core::worker::jobs::LEASE;

/// Go on with a job where it was: one that failed or was stopped, or that nobody does
#[derive(clap::Args, Debug)]
#[command(after_help = "What was done is not done again, except perhaps the last batch, which bears it.\n\n\
                        Examples:\n  ticketctl job resume 0192a8c4\n  ticketctl job resume 0192a8c4 --detach")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    /// Leave it to a server
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Goes on with the job.
///
/// # Errors
/// Not found; somebody does it; as the job ends.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A job goes on from where it was looked at, or not at all.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        resume(args, desk, session, printer).await
    })
}

async fn resume(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let id = jobs::find(app, &args.id).await?;
    let (plan, job) = jobs::plan_resume(app, id).await?;
    let title = format!("Go on with job {id}");
    // What the job does was agreed to when it was begun.
    let change = Change { title: title.clone(), severity: Severity::Adds, plan: Plan::of(&plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    if job.state == JobState::Running {
        stands_still(session, printer, &job).await?;
    }
    let (job, is_mine) = jobs::resume(app, &plan, &job, &actor, !args.detach).await?;
    if args.detach {
        return bulk::left_to_a_server(session, printer, &job).await;
    }
    if !is_mine {
        return bulk::ended(printer, &job);
    }
    bulk::follow(session, printer, &title, job).await
}

/// Looks whether a running job has nobody who does it, by its beat.
///
/// # Errors
/// A conflict if somebody does it.
async fn stands_still(session: &Session, printer: &mut Printer, job: &Job) -> Result<(), Failure> {
    printer.note(&format!("Looking for {} s whether somebody does it.", LEASE.as_secs()));
    tokio::time::sleep(LEASE).await;
    let now = jobs::one(&session.app, job.id).await?;
    if now.beat == job.beat {
        return Ok(());
    }
    Err(Failure::conflict(format!("Somebody does job {}.", job.id))
        .code("JOB_RUNNING")
        .hint(format!("ticketctl job watch {}", job.id)))
}
