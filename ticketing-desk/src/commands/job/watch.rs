//! `ticketctl job watch`.

use crate::commands::bulk;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use std::time::{Duration, Instant};
use ticketing_core::ops::jobs;

/// Follow a job until it is over, and show what came of it
#[derive(clap::Args, Debug)]
#[command(after_help = "Ctrl-c ends the watching, not the job.\n\n\
                        Examples:\n  ticketctl job watch 0192a8c4\n  ticketctl job watch 0192a8c4 -o json")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
}

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A job that stands still for so long may have nobody who does it.
const STILL_MAX: Duration = Duration::from_secs(15);

/// Watches the job.
///
/// # Errors
/// Not found; as the job ends; ctrl-c.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        watch(args, session, printer).await
    })
}

async fn watch(args: &Args, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let id = jobs::find(&session.app, &args.id).await?;
    session.doing.say("The job goes on without being watched.");
    session.doing.goes_on();
    let mut job = jobs::one(&session.app, id).await?;
    let total = job.total.map(i64::unsigned_abs);
    let mut progress = Progress::start(printer.progress_style(), &job.kind, total);
    let (mut beat, mut since, mut is_warned) = (job.beat, Instant::now(), false);
    while !job.state.is_over() {
        progress.report(job.state.word(), job.done.unsigned_abs(), job.total.map(i64::unsigned_abs));
        if beat != job.beat {
            (beat, since, is_warned) = (job.beat, Instant::now(), false);
        } else if since.elapsed() >= STILL_MAX && !is_warned {
            is_warned = true;
            printer.warn(&format!(
                "Nobody seems to do it. A server would; or do it here: ticketctl job resume {id}"
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        job = jobs::one(&session.app, id).await?;
    }
    drop(progress);
    bulk::ended(printer, &job)
}
