//! A list under way: rows go in one by one and come out as soon as the format allows.
//!
//! JSON, YAML, CSV and names stream. Tables wait for their first rows, to find the widths.

use super::column::{Column, Kind, View, name_of};
use super::node::Node;
use super::printer::Printer;
use super::table::{self, Layout, Room};
use super::{Format, grouped, json, yaml};
use crate::failure::Failure;
use serde::Serialize;

/// A table longer than this is printed piece by piece, its columns as wide as the first piece needs.
const TABLE_ROWS_BUFFERED_MAX: usize = 1000;

/// No table is wider than this, and measuring longer text is slow; what is cut here is cut again to fit.
const CELL_CHARS_MAX: usize = 1000;

/// A list under way. End it with [`List::finish`], or a JSON array stays open.
#[derive(Debug)]
pub struct List<'p> {
    printer: &'p mut Printer,
    view: View,
    columns: Vec<Column>,
    /// Whether they were chosen, so that programs get these and no others.
    is_chosen: bool,
    rows_seen: u64,
    buffer: Vec<Vec<String>>,
    layout: Option<Layout>,
}

impl<'p> List<'p> {
    pub(super) fn start(
        printer: &'p mut Printer,
        view: &View,
        chosen: Option<Vec<Column>>,
    ) -> Result<Self, Failure> {
        let format = printer.format();
        let is_shown = |column: &&Column| format != Format::Table || !column.wide_only;
        let is_chosen = chosen.is_some();
        let columns = chosen.unwrap_or_else(|| view.columns.iter().filter(is_shown).copied().collect());
        if format == Format::Csv {
            let names = if is_chosen { bare_names(&columns) } else { csv_header(&columns) };
            printer.write(&csv_line(names)?)?;
        }
        let buffer = Vec::new();
        Ok(Self { printer, view: *view, columns, is_chosen, rows_seen: 0, buffer, layout: None })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn row<T: Serialize + ?Sized>(&mut self, row: &T) -> Result<(), Failure> {
        let row = super::printer::node_of(row)?;
        self.node(row)
    }

    /// Adds a row that is JSON already.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn node(&mut self, row: Node) -> Result<(), Failure> {
        let row = self.printer.with_commands(row);
        self.rows_seen += 1;
        let is_tree = matches!(self.printer.format(), Format::Json | Format::Jsonl | Format::Yaml);
        let row = if self.is_chosen && is_tree { self.chosen(&row) } else { row };
        let text = match self.printer.format() {
            Format::Table | Format::Wide => {
                self.buffer.push(self.columns.iter().map(|column| self.cell(column, &row)).collect());
                return if self.buffer.len() >= TABLE_ROWS_BUFFERED_MAX {
                    self.write_rows(false)
                } else {
                    Ok(())
                };
            }
            Format::Json => {
                let lead = if self.rows_seen == 1 { "[\n  " } else { ",\n  " };
                lead.to_owned() + &json::pretty(&row).replace('\n', "\n  ")
            }
            Format::Jsonl => json::compact(&row) + "\n",
            Format::Yaml => yaml::list_item(&row),
            Format::Csv if self.is_chosen => {
                let cell = |column: &Column| row.at(column.path).map(Node::bare).unwrap_or_default();
                csv_line(self.columns.iter().map(cell).collect())?
            }
            Format::Csv => csv_line(csv_cells(&self.columns, &row))?,
            Format::Name => match name_of(&row, self.view.names) {
                Some(name) => name + "\n",
                None => return Ok(()),
            },
        };
        self.printer.write(&text)
    }

    /// Returns the columns that were chosen as an object, under the names that they were chosen by.
    fn chosen(&self, row: &Node) -> Node {
        let field =
            |column: &Column| (column.path.to_owned(), row.at(column.path).cloned().unwrap_or(Node::Null));
        Node::Map(self.columns.iter().map(field).collect())
    }

    /// Says to how many characters an id can be cut and still be found, for a list that is not printed yet.
    pub const fn ids_unique_at(&mut self, len: usize) {
        self.view = self.view.ids_unique_at(len);
    }

    /// Prints what has come so far, for lists that go on for as long as somebody watches.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        if !self.buffer.is_empty() {
            self.write_rows(false)?;
        }
        self.printer.flush()
    }

    /// Says whether people read it.
    #[must_use]
    pub const fn is_for_people(&self) -> bool {
        self.printer.is_human()
    }

    /// Ends the list; `total` is how many rows there are in all, where that is known.
    ///
    /// # Errors
    /// Fails if it can't be written.
    pub fn finish(mut self, total: Option<u64>) -> Result<(), Failure> {
        let rows = self.rows_seen;
        match self.printer.format() {
            Format::Table | Format::Wide => {
                if !self.buffer.is_empty() {
                    self.write_rows(true)?;
                }
                self.printer.flush()?;
                match total {
                    _ if rows == 0 => self.printer.note(&format!("No {} match.", self.view.plural)),
                    Some(total) if total > rows => self.printer.note(&format!(
                        "{} of {} {}; --limit N or --all lists more.",
                        grouped(rows),
                        grouped(total),
                        self.view.plural
                    )),
                    Some(_) | None => {}
                }
            }
            Format::Json => self.printer.write(if rows == 0 { "[]\n" } else { "\n]\n" })?,
            Format::Yaml if rows == 0 => self.printer.write("[]\n")?,
            Format::Yaml | Format::Jsonl | Format::Csv | Format::Name => {}
        }
        self.printer.flush()
    }

    fn cell(&self, column: &Column, row: &Node) -> String {
        let mut text = self.printer.text_of(column, row);
        if self.printer.format() == Format::Table
            && let Some((end, _)) = text.char_indices().nth(CELL_CHARS_MAX)
        {
            text.truncate(end);
        }
        text
    }

    fn write_rows(&mut self, is_complete: bool) -> Result<(), Failure> {
        let is_first = self.layout.is_none();
        let layout = match self.layout.take() {
            Some(layout) => layout,
            None => self.find_layout(is_complete),
        };
        let text = table::render(&self.columns, &self.buffer, &layout, is_first, self.printer.colour_out());
        self.buffer.clear();
        self.layout = Some(layout);
        self.printer.write(&text)
    }

    fn find_layout(&mut self, is_complete: bool) -> Layout {
        let width = (self.printer.format() == Format::Table).then(|| self.printer.width());
        // A prefix is unique among the rows known; rows still to come might share it.
        let id_len_min = is_complete.then_some(self.view.id_len_min);
        let layout = table::layout(&self.columns, &self.buffer, Room { width, id_len_min });
        if layout.left_out() > 0 {
            let count = layout.left_out();
            let noun = if count == 1 { "column does" } else { "columns do" };
            self.printer.note(&format!("{count} {noun} not fit; -o wide shows everything."));
        }
        layout
    }
}

fn bare_names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.path.to_owned()).collect()
}

/// Returns the names of CSV's columns: the paths, and the currency beside an amount.
pub(super) fn csv_header(columns: &[Column]) -> Vec<String> {
    csv_paths(columns).collect()
}

/// Returns a row's values under [`csv_header`].
pub(super) fn csv_cells(columns: &[Column], row: &Node) -> Vec<String> {
    csv_paths(columns).map(|path| row.at(&path).map(Node::bare).unwrap_or_default()).collect()
}

fn csv_paths(columns: &[Column]) -> impl Iterator<Item = String> {
    columns.iter().flat_map(move |column| {
        let currency = (column.kind == Kind::Money)
            .then(|| column.currency_path())
            .filter(|path| !columns.iter().any(|other| other.path == path));
        std::iter::once(column.path.to_owned()).chain(currency)
    })
}

pub(super) fn csv_line(cells: Vec<String>) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(&cells).map_err(|error| error.to_string());
    let bytes = written.and_then(|()| writer.into_inner().map_err(|error| error.to_string()));
    bytes
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()))
        .map_err(|error| Failure::defect(&format!("a row is no CSV: {error}"), None))
}
