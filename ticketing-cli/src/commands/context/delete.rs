//! `ticketctl context delete`.

use crate::contexts::{self, Kept};
use ticketing_desk::{Failure, Printer};

/// Forget a context, and the secrets that are kept for it
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Nothing happens to the server or the store.\n\nExamples:\n  ticketctl context delete staging"
)]
pub struct Args {
    /// The context
    name: String,
}

/// Forgets it.
///
/// # Errors
/// There is none of that name; its files can't be written.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let name = &args.name;
    let was_in_use = contexts::edit(|book, folder| {
        if book.contexts.remove(name).is_none() {
            return Err(book.unknown(name));
        }
        Kept::ALL.into_iter().try_for_each(|kept| kept.forget(folder, name))?;
        if book.previous.as_ref() == Some(name) {
            book.previous = None;
        }
        let was_in_use = book.current.as_ref() == Some(name);
        if was_in_use {
            book.current = None;
        }
        Ok(was_in_use)
    })?;
    printer.note(&format!("The context {name} is forgotten."));
    if was_in_use {
        printer.note("It was in use; now none is.");
    }
    Ok(())
}
