//! `ticketctl migrate status`.

use super::view;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// Show which migrations are applied and which are pending; writes nothing
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Ends with 8 if any are pending, so that a script can tell.\n\nExamples:\n  ticketctl migrate status\n  \
                        ticketctl migrate status -o json"
)]
pub struct Args {}

/// Shows the migrations.
///
/// # Errors
/// Unhealthy if any are pending; a newer schema; what the stores say.
pub fn run(_: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let found = view::read(desk)?;
    printer.list(&view::LIST, &found.rows, None)?;
    let pending = found.rows.iter().filter(|row| row.applied_at.is_none()).count();
    if pending == 0 {
        return Ok(());
    }
    let message = match (found.is_there, pending) {
        (false, _) => "There is no store yet.".to_owned(),
        (true, 1) => "1 migration is pending.".to_owned(),
        (true, n) => format!("{n} migrations are pending."),
    };
    Err(Failure::unhealthy(message).code("MIGRATIONS_PENDING").hint("ticketctl migrate up"))
}
