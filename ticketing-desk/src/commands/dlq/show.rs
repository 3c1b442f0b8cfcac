//! `ticketctl dlq show`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::dlq;

/// Show a dead letter with its headers and its body
#[derive(clap::Args, Debug)]
#[command(after_help = "A body that is no UTF-8 is shown as base64.\n\n\
                        Examples:\n  ticketctl dlq show 0192a8c4\n  ticketctl dlq show 0192a8c4 -o json")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the letter.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let key = dlq::find(&session.app, &args.id).await?;
        printer.object(&dlq::details(&session.app, key).await?, view::DETAILS)
    })
}
