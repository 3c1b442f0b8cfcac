//! `ticketctl context ls`.

use super::view::{CONTEXTS, Shown};
use crate::place;
use ticketing_desk::globals::Globals;
use ticketing_desk::{Failure, Printer};

/// List the contexts
#[derive(clap::Args, Debug)]
#[command(alias = "list", after_help = "Examples:\n  ticketctl context ls\n  ticketctl context ls -o name")]
pub struct Args {}

/// Lists them; the one in use is the one that the next command works in.
///
/// # Errors
/// What is wrong with the file.
pub fn run(globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let (book, folder) = super::all()?;
    let wanted = globals.context.clone().filter(|name| !name.is_empty());
    let by_variable = place::env("TICKETCTL_CONTEXT").filter(|_| wanted.is_none());
    let in_use = wanted.or_else(|| by_variable.clone()).or_else(|| book.current.clone());
    let mut rows = Vec::with_capacity(book.contexts.len());
    for name in book.contexts.keys() {
        let named = book.named(&folder, name)?;
        named.warnings().iter().filter(|_| Some(name) == in_use.as_ref()).for_each(|text| printer.warn(text));
        rows.push(Shown::of(&named, Some(name) == in_use.as_ref()));
    }
    if rows.is_empty() && printer.is_human() {
        printer.note("There is no context yet: ticketctl context set NAME --server URL, or --data-dir DIR.");
        return Ok(());
    }
    let count = rows.len() as u64;
    printer.list(&CONTEXTS, rows, Some(count))?;
    if let Some(name) = by_variable {
        match book.contexts.contains_key(&name) {
            true => printer.note(&format!("TICKETCTL_CONTEXT says {name}.")),
            false => printer.warn(&format!("TICKETCTL_CONTEXT says {name}, and there is no such context.")),
        }
    }
    Ok(())
}
