//! `ticketctl seed`: bringing a catalogue into the store.

mod apply;
mod demo;
mod gtfs;
mod layouts;
pub mod one;
mod outcome;

use crate::commands::noun::noun;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::adapters::seed_file::builtin_layouts;

noun! {
    /// Bring routes, departures and layouts into the store
    Demo(demo::Args) => demo::run,
    Apply(apply::Args) => apply::run,
    Gtfs(gtfs::Args) => gtfs::run,
}

/// Returns the names of all layouts: those of the stores, and those that come with the program.
///
/// # Errors
/// What the stores say.
pub fn layout_names(desk: &Desk, printer: &mut Printer) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    session::run(desk, printer, Opening::AsTheyAre, async |session, _| {
        names = layouts::names(session).await?;
        Ok(())
    })?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Returns the names of the layouts that come with the program.
#[must_use]
pub fn builtin_layout_names() -> Vec<String> {
    builtin_layouts().into_iter().map(|layout| layout.spec.name).collect()
}
