//! `--columns`: the columns of a list by the names that `-o csv` has in its head line.

use crate::failure::Failure;
use crate::output::column::Kind;
use crate::output::{Column, Printer, View};
use serde::Serialize;

/// The word that lists the columns instead of the rows.
pub const HELP: &str = "help";

/// The currency beside an amount has no heading of its own in a table, but a name in CSV.
const CURRENCY: Column = Column::text("Currency", "currency");

/// Returns the columns of a view in the order of `-o csv`, the currency behind its amount.
pub fn all(view: &View) -> Vec<Column> {
    let mut found: Vec<Column> = Vec::with_capacity(view.columns.len() + 1);
    for column in view.columns {
        found.push(*column);
        let has_currency = column.kind == Kind::Money && column.currency_path() == CURRENCY.path;
        if has_currency && !view.columns.iter().any(|other| other.path == CURRENCY.path) {
            found.push(CURRENCY);
        }
    }
    found
}

/// Finds a column by its name.
///
/// # Errors
/// A usage error that lists the names.
pub fn find(view: &View, name: &str) -> Result<Column, Failure> {
    let all = all(view);
    let found = all.iter().find(|column| column.path == name.trim());
    // Whoever asks for a column sees it, whether or not it is one of the few that tables show.
    found.map(|column| Column { wide_only: false, ..*column }).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|column| column.path).collect();
        let name = ticketing_core::text::quoted(name.trim());
        Failure::usage(format!("{} have no column {name}.", capitalised(view.plural)))
            .code("UNKNOWN_COLUMN")
            .why(format!("There are {}.", names.join(", ")))
            .hint("--columns help")
    })
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    heading: &'static str,
    shown: &'static str,
}

const COLUMNS: View = View::new(
    "columns",
    &[
        Column::text("Name", "name").whole(),
        Column::text("Heading", "heading"),
        Column::text("Shown", "shown"),
    ],
)
.named_by(&["name"]);

/// Lists the columns of a view.
///
/// # Errors
/// Fails if it can't be written.
pub fn help(printer: &mut Printer, view: &View) -> Result<(), Failure> {
    let row = |column: Column| Row {
        name: column.path,
        heading: column.header,
        shown: if column.wide_only || column == CURRENCY { "by -o wide and csv" } else { "always" },
    };
    printer.list(&COLUMNS, all(view).into_iter().map(row), None)
}
