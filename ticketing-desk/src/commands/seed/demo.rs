//! `ticketctl seed demo`.

use super::outcome::{self, Feed, Seeding};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::progress::Progress;
use crate::session::{self, Opening};
use ticketing_core::adapters::seed_file;

/// Bring Riverton into the store: four routes with a week of departures, two halls, some listings
#[derive(clap::Args, Debug)]
#[command(after_help = "Makes the data folder and its stores if they are not there.\n\n\
                        Examples:\n  ticketctl seed demo\n  ticketctl seed demo --dry-run")]
pub struct Args {
    #[command(flatten)]
    change: ChangeArgs,
}

/// Seeds the demo city.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::to_seed(&args.change), async |session, printer| {
        let set = seed_file::demo(session.app.clock.now());
        let progress = Progress::start(printer.progress_style(), "comparing", None);
        let seeding = Seeding { action: "seed demo", set, feed: Feed::default(), progress };
        outcome::carry_out(seeding, &args.change, desk, session, printer).await
    })
}
