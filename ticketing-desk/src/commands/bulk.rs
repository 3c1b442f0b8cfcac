//! Bulk work: a plan, the gate, a stored job, and then the job itself, done here with its progress or left to a server.
//!
//! Ctrl-c and SIGTERM end it after the batch at hand and say how to go on. If this process dies, a server takes the
//! job over.

use super::job::view;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::errors;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::progress::Progress;
use crate::session::Session;
use ticketing_core::adapters::carriers::{Carrier, CarrierConfig};
use ticketing_core::app::config::Settings;
use ticketing_core::app::folder::served_by;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::jobs::{self, JobPlan};
use ticketing_core::ops::status::{self, ProcessStatus};
use ticketing_core::store::jobs::{Job, JobState};
use ticketing_core::worker::jobs::{JobContext, drive};

/// The flags of what is done as a job.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct BulkArgs {
    /// So many a second at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// Leave the job to a server, and print its id
    #[arg(long)]
    pub detach: bool,
}

/// Bulk work about to be done.
#[derive(Debug)]
pub struct Bulk<'a> {
    /// What it does, as an order without a full stop.
    pub title: String,
    /// The flags.
    pub args: &'a ChangeArgs,
    /// Whether it is left to a server.
    pub detach: bool,
    /// Who does it.
    pub actor: &'a Actor,
}

/// Shows a plan to whoever must agree, writes the job down, and does it.
///
/// # Errors
/// As the gate refuses; as the job ends: partly done, failed, stopped.
pub async fn start(
    session: &Session,
    printer: &mut Printer,
    work: Bulk<'_>,
    planned: JobPlan,
) -> Result<(), Failure> {
    match carry_out(session, printer, work, planned).await? {
        Some(job) => ended(printer, &job),
        None => Ok(()),
    }
}

/// Does the same, and returns the job as it then is, for a caller that prints what came of it; `None` if there is nothing
/// more to be said.
///
/// # Errors
/// As the gate refuses; as the job breaks off.
pub async fn carry_out(
    session: &Session,
    printer: &mut Printer,
    work: Bulk<'_>,
    planned: JobPlan,
) -> Result<Option<Job>, Failure> {
    let plan = Plan::of(&planned.plan)?;
    let change = Change { title: work.title, severity: Severity::TakesAway, plan };
    if gate(printer, &change, work.args)? == Gate::Stop {
        return Ok(None);
    }
    let job = jobs::create(&session.app, &planned, work.actor, !work.detach).await?;
    if work.detach {
        left_to_a_server(session, printer, &job).await?;
        return Ok(None);
    }
    drive_here(session, printer, &change.title, job).await
}

/// Prints a job that a server is to do, and says who does it.
///
/// # Errors
/// What the stores say.
pub async fn left_to_a_server(session: &Session, printer: &mut Printer, job: &Job) -> Result<(), Failure> {
    let watch = printer.commands(&format!("ticketctl job watch {}", job.id));
    if is_served(session).await? {
        printer.note(&format!("A server does it: {watch}"));
    } else {
        let resume = printer.commands(&format!("ticketctl job resume {}", job.id));
        printer.warn(&format!(
            "No server does jobs on these stores now: it waits until one does. To do it from here: {resume}"
        ));
    }
    printer.object(&jobs::details(job), view::DETAILS)
}

/// The role of a server that takes jobs up.
const JOBS_ROLE: &str = "saga";

/// Says whether a server is there that takes jobs up.
async fn is_served(session: &Session) -> Result<bool, Failure> {
    if session.stores.is_embedded() {
        // One that can't be asked is not said to be missing.
        return Ok(served_by(&session.stores.data_dir).map_or(true, |owner| owner.is_some()));
    }
    let services = status::services(&session.app).await?;
    let takes_jobs =
        |process: &ProcessStatus| process.state == status::UP && process.roles.contains(JOBS_ROLE);
    Ok(services.processes.iter().any(takes_jobs))
}

/// Returns the broker that is set, if one is.
///
/// # Errors
/// A setting that can't be used.
pub fn carrier(settings: &Settings) -> Result<Option<Carrier>, Failure> {
    let config = CarrierConfig::read(|name| settings.get(name))
        .map_err(|error| Failure::usage(errors::sentence(&error.to_string())).code("CONFIG"))?;
    Ok(config.map(Carrier::new))
}

/// Does a job that is this process's own, and prints it as it then is.
///
/// # Errors
/// As it ends: partly done, failed, stopped.
pub async fn follow(session: &Session, printer: &mut Printer, title: &str, job: Job) -> Result<(), Failure> {
    match drive_here(session, printer, title, job).await? {
        Some(job) => ended(printer, &job),
        None => Ok(()),
    }
}

/// Does a job that is this process's own; `None` if it was stopped on the way, and that is said.
async fn drive_here(
    session: &Session,
    printer: &Printer,
    title: &str,
    job: Job,
) -> Result<Option<Job>, Failure> {
    let Some(owner) = job.owner else {
        return Err(Failure::defect("a job that is to be done here has no owner", None));
    };
    let context = JobContext { carrier: carrier(&session.settings)? };
    let stop = session.doing.stops_gently();
    let total = job.total.map(i64::unsigned_abs);
    let mut progress = Progress::start(printer.progress_style(), title, total);
    let doing = session.doing.clone();
    doing.say(left(&job));
    let mut report = |job: &Job| {
        progress.set(job.done.unsigned_abs());
        doing.say(left(job));
    };
    let mut last = job.clone();
    let driven = {
        let mut seen = |job: &Job| {
            report(job);
            last = job.clone();
        };
        drive(&session.app, &context, job, owner, stop.clone(), &mut seen).await
    };
    let job = match driven {
        Ok(job) => job,
        Err(error) => {
            drop(progress);
            return Err(broke_off(error.into(), &last));
        }
    };
    drop(progress);
    doing.say(left(&job));
    if *stop.borrow() {
        // The signal's own failure says it all.
        return Ok(None);
    }
    Ok(Some(job))
}

/// Returns the failure of a job whose store failed on the way, with how far it came.
fn broke_off(cause: Failure, job: &Job) -> Failure {
    let why =
        [Some(cause.message.clone()), cause.why.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let resume = format!("ticketctl job resume {}; a server goes on with it by itself", job.id);
    let failure = match job.done {
        0 => Failure { message: "The job broke off.".into(), ..cause },
        _ => Failure::partial("The job broke off.").retryable(),
    };
    failure.why(format!("{why} {}", left(job))).hint(resume)
}

/// Prints a job that is over, or is another's now.
///
/// # Errors
/// As it ended.
pub fn ended(printer: &mut Printer, job: &Job) -> Result<(), Failure> {
    let resume = format!("ticketctl job resume {}", job.id);
    match job.state {
        JobState::Done => {
            printer.object(&jobs::details(job), view::DETAILS)?;
            match jobs::failures(job) {
                None => Ok(()),
                Some((0, failed, why)) => {
                    Err(Failure::error(format!("None of {} went well.", grouped(failed)))
                        .code("FAILED_AGAIN")
                        .why(errors::sentence(&why)))
                }
                Some((good, failed, why)) => Err(Failure::partial(format!(
                    "{} went well, {} did not.",
                    grouped(good),
                    grouped(failed)
                ))
                .why(errors::sentence(&why))),
            }
        }
        JobState::Failed => Err(Failure::error("The job failed.")
            .code("JOB_FAILED")
            .why(format!(
                "{} {}",
                errors::sentence(job.error.as_deref().unwrap_or("nobody said why")),
                left(job)
            ))
            .hint(resume)),
        JobState::Cancelled => {
            Err(Failure::partial("The job was cancelled.").code("JOB_CANCELLED").why(left(job)).hint(resume))
        }
        JobState::Waiting | JobState::Running => {
            printer.note(&format!("Another process goes on with it: ticketctl job watch {}", job.id));
            printer.object(&jobs::details(job), view::DETAILS)
        }
    }
}

/// Says what is done, what is left, and how to go on.
fn left(job: &Job) -> String {
    let done = grouped(job.done.unsigned_abs());
    if job.state == JobState::Done {
        return format!("All of it was done: {done}.");
    }
    let how = format!("Go on with: ticketctl job resume {}", job.id);
    match job.total {
        Some(total) => {
            let left = grouped((total - job.done).max(0).unsigned_abs());
            format!("{done} of {} are done, {left} are left. {how}", grouped(total.unsigned_abs()))
        }
        None => format!("{done} are done. {how}"),
    }
}
