//! `ticketctl version`: which program this is.

use serde::Serialize;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::{Column, Format, Printer};

/// Print the version
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl version\n  ticketctl version -o json")]
pub struct Args {}

#[derive(Serialize)]
struct Version {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'static str>,
}

/// The commit that the program was built from, where the build says so.
const COMMIT: Option<&str> = option_env!("TICKETCTL_COMMIT");

const FIELDS: &[Column] = &[Column::text("Version", "version"), Column::text("Commit", "commit")];

/// Prints the version.
///
/// # Errors
/// Fails if it can't be written.
pub fn run(_: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let version = Version { version: env!("CARGO_PKG_VERSION"), commit: COMMIT };
    if printer.format() == Format::Name {
        return printer.line(version.version);
    }
    if printer.is_human() {
        let commit = version.commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
        return printer.line(&format!("ticketctl {}{commit}", version.version));
    }
    printer.object(&version, FIELDS)
}
