//! `ticketctl user get`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::accounts;

/// Show an account
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl user get ada@example.org\n  ticketctl user get 0192a8c4 -o json\n  \
                        ticketctl booking list --query \"user=$(ticketctl user get ada -o name)\""
)]
pub struct Args {
    /// Its id, a unique beginning of it, its e-mail address or its user name
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the account.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = accounts::find(&session.app, &args.id).await?;
        printer.object(&accounts::body(&accounts::one(&session.app, id).await?), view::DETAILS)
    })
}
