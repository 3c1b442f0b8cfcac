//! `ticketctl context use`.

use crate::contexts::{self, Book};
use crate::place;
use std::path::Path;
use ticketing_desk::{Failure, Printer};

/// Work in a context from now on; - is the one before
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl context use prod\n  ticketctl context use -\n  ticketctl context use --none"
)]
pub struct Args {
    /// The context, or - for the one that was in use before
    #[arg(required_unless_present = "none")]
    name: Option<String>,
    /// Work in no context
    #[arg(long, conflicts_with = "name")]
    none: bool,
}

/// Takes the context into use.
///
/// # Errors
/// There is none of that name; the file can't be written.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let now = contexts::edit(|book, folder| {
        let to = wanted(args, book, folder)?;
        book.switch(to);
        book.current.as_ref().map(|name| book.named(folder, name)).transpose()
    })?;
    match &now {
        Some(named) => {
            printer.note(&format!("{}.", named.context.guard(&named.name).line(false)));
            named.warnings().iter().for_each(|warning| printer.warn(warning));
        }
        None => printer.note("No context is in use now."),
    }
    if let Some(name) =
        place::env("TICKETCTL_CONTEXT").filter(|name| now.as_ref().is_none_or(|n| n.name != *name))
    {
        printer
            .warn(&format!("TICKETCTL_CONTEXT says {name}, which counts before the one in use: unset it."));
    }
    Ok(())
}

fn wanted(args: &Args, book: &Book, folder: &Path) -> Result<Option<String>, Failure> {
    let name = match args.name.as_deref() {
        None => return Ok(None),
        Some("-") => match book.previous.as_deref() {
            Some("") => return Ok(None),
            Some(name) => name,
            None => {
                return Err(Failure::usage("No context was in use before.")
                    .code("NO_CONTEXT")
                    .hint("ticketctl context ls; ticketctl context use NAME"));
            }
        },
        Some(name) => name,
    };
    book.named(folder, name).map(|named| Some(named.name))
}
