//! `ticketctl outbox`: how far the log has been copied to the broker.

use super::bulk;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Printer, View};
use crate::session::{self, Opening};
use ticketing_core::ops::groups;

/// See how far events have been published
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Status(StatusArgs),
}

/// Show how far the log has been published to each broker, and which process does it
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The lag is what is committed and not yet acknowledged by the broker: it is late, never lost.\n\n\
                        Examples:\n  ticketctl outbox status\n  ticketctl outbox status -o json"
)]
pub struct StatusArgs {}

const STATUS: View = View::new(
    "carriers",
    &[
        Column::text("Carrier", "carrier").whole(),
        Column::number("Position", "position"),
        Column::number("Head", "head"),
        Column::number("Lag", "lag"),
        Column::duration("Late by", "lagSeconds"),
        Column::time("Moved", "movedAt"),
        Column::text("Host", "holder.host"),
        Column::number("Process", "holder.pid"),
        Column::text("Trouble", "trouble").wrapped(),
        Column::time("Since", "holder.takenAt").wide(),
        Column::time("Seen", "holder.seenAt").wide(),
        Column::number("Epoch", "holder.epoch").wide(),
        Column::id("Owner", "holder.owner").wide(),
    ],
)
.named_by(&["carrier"]);

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Status(StatusArgs {}) => status(desk, printer),
    }
}

fn status(desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let carrier = bulk::carrier(&session.settings)?;
        let rows = groups::outbox(&session.app, carrier.as_ref().map(|carrier| carrier.word())).await?;
        printer.list(&STATUS, &rows, None)?;
        if carrier.is_none() {
            printer
                .note("There is no broker: the bus is the log itself, and what is committed is published.");
        }
        Ok(())
    })
}
