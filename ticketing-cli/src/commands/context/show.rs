//! `ticketctl context show`.

use super::view::{FIELDS, Shown};
use crate::place;
use ticketing_desk::globals::Globals;
use ticketing_desk::{Failure, Printer};

/// Show a context: the one in use unless another is named
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Secrets are never shown, only where they are kept.\n\nExamples:\n  ticketctl context show\n  \
                        ticketctl context show prod -o json"
)]
pub struct Args {
    /// The context
    name: Option<String>,
}

/// Shows it.
///
/// # Errors
/// There is none of that name, or none in use.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let in_use = place::context(globals).map(|(named, _)| named);
    let named = match &args.name {
        Some(name) => {
            let (book, folder) = super::all()?;
            book.named(&folder, name)?
        }
        None => in_use.clone()?.ok_or_else(|| {
            Failure::not_found("No context is in use.")
                .code("NO_CONTEXT")
                .why("Commands work on what the flags, the environment and ticketing.toml name.")
                .hint("ticketctl context ls; ticketctl context use NAME")
        })?,
    };
    for warning in named.warnings() {
        printer.warn(&warning);
    }
    let is_in_use = matches!(&in_use, Ok(Some(other)) if other.name == named.name);
    printer.object(&Shown::of(&named, is_in_use), FIELDS)
}
