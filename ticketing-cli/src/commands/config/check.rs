//! `ticketctl config check`.

use crate::place;
use crate::settings::{Kind, Problem, problems};
use serde::Serialize;
use ticketing_core::app::config::Settings;
use ticketing_desk::globals::{Globals, Secret};
use ticketing_desk::output::{Column, View};
use ticketing_desk::{Failure, Printer};

/// Say which settings are unknown, can't be used or do nothing
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Nothing is connected to; ticketctl doctor does. Exit 0 if nothing stands in a server's way, 8 if\n\
                  something does.\n\nExamples:\n  ticketctl config check\n  ticketctl config check -o json"
)]
pub struct Args {}

#[derive(Serialize)]
struct Row {
    name: String,
    from: &'static str,
    state: &'static str,
    problem: String,
}

const LIST: View = View::new(
    "settings",
    &[
        Column::text("Setting", "name").whole(),
        Column::text("From", "from").whole(),
        Column::state("State", "state"),
        Column::text("Problem", "problem").wrapped(),
    ],
);

impl From<Problem> for Row {
    fn from(found: Problem) -> Self {
        let state = match found.kind {
            Kind::Wrong => "wrong",
            Kind::Unknown => "unknown",
        };
        Self { problem: found.problem, name: found.name, from: found.source, state }
    }
}

/// Checks them.
///
/// # Errors
/// Unhealthy, if any is unknown or wrong; a file that can't be read.
pub fn run(globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let found = place::find(globals)?;
    found.warnings.iter().for_each(|warning| printer.warn(warning));
    let settings = Settings::load()?;
    let url = found.globals.database_url.as_ref().map(Secret::expose);
    // Where the environment's addresses are wrong, that is among the problems.
    let stores = settings.stores(found.globals.data_dir.as_deref(), url);
    let stores = stores.or_else(|_| Settings::default().stores(None, None))?;
    let all = problems(&settings, &stores);
    let bad = all.len();
    let names: Vec<String> = all.iter().map(|problem| problem.name.clone()).collect();
    if all.is_empty() && printer.is_human() {
        printer.note("Nothing is wrong with what is set.");
        return Ok(());
    }
    printer.list(&LIST, all.into_iter().map(Row::from), Some(bad as u64))?;
    if bad == 0 {
        return Ok(());
    }
    let noun = if bad == 1 { "setting is" } else { "settings are" };
    Err(Failure::unhealthy(format!("{bad} {noun} unknown or wrong: {}.", names.join(", ")))
        .code("CONFIG")
        .hint("ticketctl config show --set"))
}
