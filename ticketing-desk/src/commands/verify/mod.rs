//! `ticketctl verify`.

#[cfg(test)]
mod golden;
pub mod told;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use clap::builder::PossibleValuesParser;
use ticketing_core::ops::verify::Check;

/// Check everything that must hold, on the stores as they are
#[derive(clap::Args, Debug)]
#[command(after_help = "\
It only reads, a page at a time, and may run beside servers under load: what is compared was true at one moment.

  log          positions 1 to the head and the versions of each stream have no gaps
  bookings     each booking's row is the fold of its events
  claims       each claim is of a booking that has its seat, and the other way round; holds end in time
  money        what was captured stands for a confirmed booking, or goes back, or its saga is parked
  payments     payments, charges and refunds are what the log says of them, none is missing or left over
  passengers   nobody's name is kept for no booking; a booking without one is of somebody who was forgotten
  offerings    the layouts, patterns, routes and schedules that are sold are the fold of their events
  checkpoints  nothing says that it has read further than the log, or an embedded topic, goes
  catalog      the read model's layouts, patterns, routes and schedules are the fold of their events
  tickets      the read model's tickets are the projection of their events, none is missing or left over
  search       what events and listings are found by is the projection of their events and of their orders

Each finding names a row, and the command that mends it or else shows how it came. Exit 0 if all holds, 8 if not.

Examples:
  ticketctl verify
  ticketctl verify --check claims,money
  ticketctl verify -o jsonl > findings.jsonl")]
pub struct Args {
    /// Make only these checks; repeat it, or separate them by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Check::ALL.map(Check::word)))]
    check: Vec<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// Makes the checks.
///
/// # Errors
/// Unhealthy, if anything does not hold; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let is_wanted =
        |check: &Check| args.check.is_empty() || args.check.iter().any(|name| name == check.word());
    let checks: Vec<Check> = Check::ALL.into_iter().filter(is_wanted).collect();
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        told::verify(session, printer, &checks, &args.list).await
    })
}
