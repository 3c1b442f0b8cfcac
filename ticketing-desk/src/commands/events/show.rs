//! `ticketctl events show`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::lists;

/// Show one event with its data
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl events show 17\n  ticketctl events show 17 -o json")]
pub struct Args {
    /// Its position in the log, from 1
    #[arg(value_name = "POSITION", value_parser = position)]
    position: i64,
    #[command(flatten)]
    watch: Watch,
}

fn position(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|at| *at > 0).ok_or_else(|| "must be a whole number from 1".into())
}

/// Shows the event.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let found = lists::events(&session.app, args.position - 1).await?;
        let entry = found.into_iter().next().filter(|entry| entry.position == args.position);
        match entry {
            Some(entry) => printer.object(&lists::event_body(entry), view::DETAILS),
            None => {
                let head = lists::head(&session.app).await?;
                Err(Failure::not_found(format!("There is no event {}.", args.position))
                    .code("EVENT_NOT_FOUND")
                    .why(format!("The log ends at {head}."))
                    .hint("ticketctl events tail"))
            }
        }
    })
}
