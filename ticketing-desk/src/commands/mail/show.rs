//! `ticketctl mail show`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::mails;

/// Show a mail: what it is about, and what became of it
#[derive(clap::Args, Debug)]
#[command(after_help = "It shows no address: ticketctl booking get shows the passenger.\n\n\
                        Examples:\n  ticketctl mail show 0192a8c4\n  ticketctl mail show 0192a8c4 -o json")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the mail, from the write store.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = mails::find(&session.app, &args.id).await?;
        for mail in mails::load(&session.app, &[id]).await? {
            printer.object(&mails::details(&mail), view::DETAILS)?;
        }
        Ok(())
    })
}
