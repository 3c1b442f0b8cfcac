//! `ticketctl job get`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::jobs;

/// Show a job: what it does, how far it is, and what came of it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl job get 0192a8c4\n  ticketctl job get 0192a8c4 -o json")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the job.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = jobs::find(&session.app, &args.id).await?;
        printer.object(&jobs::details(&jobs::one(&session.app, id).await?), view::DETAILS)
    })
}
