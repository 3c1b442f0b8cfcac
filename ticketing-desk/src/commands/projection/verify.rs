//! `ticketctl projection verify`.

use crate::commands::verify::told;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::ops::projections;
use ticketing_core::ops::verify::Check;

/// Check the read model against the log: `ticketctl verify --check catalog,tickets`
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit 0 if every row is the fold of its events, 8 if not.\n\n\
                        Examples:\n  ticketctl projection verify\n  ticketctl projection verify tickets -o jsonl")]
pub struct Args {
    /// The projection
    #[arg(default_value = "tickets")]
    name: String,
    #[command(flatten)]
    list: ListArgs,
}

/// Makes the checks.
///
/// # Errors
/// Not found; unhealthy, if anything does not hold; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        projections::named(&session.app, &args.name).await?;
        told::verify(session, printer, &Check::OF_VIEW, &args.list).await
    })
}
