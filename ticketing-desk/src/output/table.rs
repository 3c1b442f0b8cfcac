//! Tables that fit: whole where there is room, else words cut, then ids shortened, then columns left out.

use super::column::{Column, Kind};
use super::ids;
use super::terminal::Tone;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, Width, presets,
};

/// The blanks between two columns.
const GAP: usize = 2;

/// Words are cut to the first before an id is shortened, to the second after, and to the third at last.
const TEXT_WIDTH_GOOD: usize = 20;
const TEXT_WIDTH_ROOMY: usize = 12;
const TEXT_WIDTH_TIGHT: usize = 4;

/// How wide each column is and how much of an id is shown; found once for all rows of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The width of each column; `None` leaves it out.
    widths: Vec<Option<usize>>,
    /// How many characters of a UUID are shown.
    id_len: Option<usize>,
}

impl Layout {
    /// Returns how many columns had to be left out.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.widths.iter().filter(|width| width.is_none()).count()
    }
}

/// What a table may do to fit.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The columns there are; `None` for as many as the rows need.
    pub width: Option<usize>,
    /// At least so many characters of an id are kept; `None` forbids to shorten ids.
    pub id_len_min: Option<usize>,
}

/// Finds the layout of `rows` under `columns` in the room there is.
#[must_use]
pub fn layout(columns: &[Column], rows: &[Vec<String>], room: Room) -> Layout {
    let natural = natural_widths(columns, rows, None);
    let whole = |widths: &[usize]| widths.iter().copied().map(Some).collect();
    let Some(width) = room.width else { return Layout { widths: whole(&natural), id_len: None } };
    if let Some(widths) = shrunk(columns, &natural, width, TEXT_WIDTH_GOOD) {
        return Layout { widths: whole(&widths), id_len: None };
    }
    let id_len = room.id_len_min.map(|len_min| {
        let ids_of =
            |(index, _): (usize, &Column)| ids::shorten_ids(rows.iter().map(|row| &*row[index]), len_min);
        columns.iter().enumerate().filter(|(_, c)| c.kind == Kind::Id).map(ids_of).max().unwrap_or(usize::MAX)
    });
    let natural = natural_widths(columns, rows, id_len);
    for floor in [TEXT_WIDTH_GOOD, TEXT_WIDTH_ROOMY, TEXT_WIDTH_TIGHT] {
        if let Some(widths) = shrunk(columns, &natural, width, floor) {
            return Layout { widths: whole(&widths), id_len };
        }
    }
    // Even the tightest form is too wide: columns go, from the right, and the first one stays whatever happens.
    let kept = (1..columns.len()).rev().find_map(|count| {
        shrunk(&columns[..count], &natural[..count], width, TEXT_WIDTH_TIGHT).map(|widths| whole(&widths))
    });
    let mut widths: Vec<_> = kept.unwrap_or_else(|| vec![Some(width)]);
    widths.resize(columns.len(), None);
    Layout { widths, id_len }
}

/// Takes width from the widest column that gives some until the table fits; `None` if it can't.
fn shrunk(columns: &[Column], natural: &[usize], width: usize, floor: usize) -> Option<Vec<usize>> {
    let mut widths = natural.to_vec();
    let room = width.checked_sub(GAP * widths.len().saturating_sub(1))?;
    let floor_of = |column: &Column| match floor {
        TEXT_WIDTH_TIGHT => floor,
        _ => floor.max(column.header.len()),
    };
    while widths.iter().sum::<usize>() > room {
        let gives = |(index, column): &(usize, &Column)| column.shrinks && widths[*index] > floor_of(column);
        let (widest, _) = columns.iter().enumerate().filter(gives).max_by_key(|(index, _)| widths[*index])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

fn natural_widths(columns: &[Column], rows: &[Vec<String>], id_len: Option<usize>) -> Vec<usize> {
    let mut table = Table::new();
    table.set_header(columns.iter().map(|column| column.header));
    for row in rows {
        table.add_row(columns.iter().zip(row).map(|(column, text)| shown(column, text, id_len)));
    }
    let widths = table.column_max_content_widths();
    widths.into_iter().zip(columns).map(|(width, column)| usize::from(width).max(column.width_min)).collect()
}

fn shown<'a>(column: &Column, text: &'a str, id_len: Option<usize>) -> &'a str {
    match id_len {
        Some(len) if column.kind == Kind::Id => ids::prefix(text, len),
        _ => text,
    }
}

/// Returns the lines of a table, its head line first if `with_head`, each with a line break.
#[must_use]
pub fn render(
    columns: &[Column],
    rows: &[Vec<String>],
    layout: &Layout,
    with_head: bool,
    colour: bool,
) -> String {
    let mut table = bare_table(colour);
    if with_head {
        let head = |column: &Column| toned(Cell::new(column.header.to_uppercase()), Some(Tone::Strong));
        let mut head: Row = columns.iter().map(head).collect::<Vec<_>>().into();
        head.max_height(1);
        table.set_header(head);
    }
    for texts in rows {
        let cell = |(column, text): (&Column, &String)| {
            toned(Cell::new(shown(column, text, layout.id_len)), column.tone_of(text))
        };
        let mut row: Row = columns.iter().zip(texts).map(cell).collect::<Vec<_>>().into();
        if !columns.iter().any(|column| column.wraps) {
            row.max_height(1);
        }
        table.add_row(row);
    }
    for (index, (column, width)) in columns.iter().zip(&layout.widths).enumerate() {
        let is_last = layout.widths[index + 1..].iter().all(Option::is_none);
        if let Some(shape) = table.column_mut(index) {
            let gap = if is_last { 0 } else { GAP };
            shape.set_padding((0, u16::try_from(gap).unwrap_or(0)));
            shape.set_constraint(match width {
                Some(width) => {
                    ColumnConstraint::Absolute(Width::Fixed(u16::try_from(width + gap).unwrap_or(u16::MAX)))
                }
                None => ColumnConstraint::Hidden,
            });
            shape.set_cell_alignment(if column.right { CellAlignment::Right } else { CellAlignment::Left });
        }
    }
    with_line_breaks(&table)
}

/// Returns labelled values, one below the other, long ones wrapped beside their label.
#[must_use]
pub fn render_fields(fields: &[(&Column, String)], width: Option<usize>, colour: bool) -> String {
    let mut table = bare_table(colour);
    for (column, text) in fields {
        let label = toned(Cell::new(column.header), Some(Tone::Faint));
        table.add_row(vec![label, toned(Cell::new(text), column.tone_of(text))]);
    }
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    for (index, gap) in [(0, GAP), (1, 0)] {
        if let Some(shape) = table.column_mut(index) {
            shape.set_padding((0, u16::try_from(gap).unwrap_or(0)));
            if index == 0 {
                shape.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    with_line_breaks(&table)
}

fn bare_table(colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_truncation_indicator("…");
    if colour {
        // The caller has looked at the terminal, the flag and NO_COLOR already.
        crossterm::style::force_color_output(true);
        table.enforce_styling();
        table.style_text_only();
    } else {
        table.force_no_tty();
    }
    table
}

fn toned(cell: Cell, tone: Option<Tone>) -> Cell {
    match tone {
        None => cell,
        Some(Tone::Good) => cell.fg(Color::Green),
        Some(Tone::Waiting) => cell.fg(Color::Yellow),
        Some(Tone::Bad) => cell.fg(Color::Red),
        Some(Tone::Faint) => cell.add_attribute(Attribute::Dim),
        Some(Tone::Strong) => cell.add_attribute(Attribute::Bold),
    }
}

fn with_line_breaks(table: &Table) -> String {
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Room, layout, render, render_fields};
    use crate::output::column::Column;

    const COLUMNS: &[Column] = &[
        Column::id("Id", "id"),
        Column::state("Status", "status"),
        Column::text("Passenger", "name"),
        Column::money("Price", "price"),
    ];

    fn rows() -> Vec<Vec<String>> {
        [
            [
                "01928a7c-1111-7000-8000-000000000001",
                "CONFIRMED",
                "Anna Maria Lopez de la Vega y Montoya",
                "25.00 USD",
            ],
            ["01928a7c-1112-7000-8000-000000000002", "PENDING", "東京 太郎", "1250 JPY"],
            ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "EXPIRED", "🚌", "3.500 KWD"],
        ]
        .map(|row| row.map(str::to_owned).to_vec())
        .to_vec()
    }

    fn table(width: Option<usize>, colour: bool) -> String {
        let layout = layout(COLUMNS, &rows(), Room { width, id_len_min: Some(8) });
        render(COLUMNS, &rows(), &layout, true, colour)
    }

    #[test]
    fn eighty_columns_keep_whole_ids_and_cut_words() {
        let expected = "\
ID                                    STATUS     PASSENGER                 PRICE
01928a7c-1111-7000-8000-000000000001  CONFIRMED  Anna Maria Lopez de…  25.00 USD
01928a7c-1112-7000-8000-000000000002  PENDING    東京 太郎              1250 JPY
6ba7b810-9dad-11d1-80b4-00c04fd430c8  EXPIRED    🚌                    3.500 KWD
";
        assert_eq!(table(Some(80), false), expected);
    }

    #[test]
    fn a_narrow_terminal_shortens_ids_to_unique_prefixes() {
        let expected = "\
ID             STATUS     PASSENGER            PRICE
01928a7c-1111  CONFIRMED  Anna Maria…      25.00 USD
01928a7c-1112  PENDING    東京 太郎         1250 JPY
6ba7b810-9dad  EXPIRED    🚌               3.500 KWD
";
        assert_eq!(table(Some(52), false), expected);
    }

    #[test]
    fn what_wraps_is_never_cut_nor_left_out() {
        let columns = [Column::time("At", "at"), Column::text("What", "what").wrapped()];
        let what = "the provider is asked what became of the charge of 1.80 USD";
        let rows = [vec!["2026-11-20T12:00:00.000Z".to_owned(), what.to_owned()]];
        let found = layout(&columns, &rows, Room { width: Some(60), id_len_min: None });
        let expected = "\
AT                        WHAT
2026-11-20T12:00:00.000Z  the provider is asked what became
                          of the charge of 1.80 USD
";
        assert_eq!(render(&columns, &rows, &found, true, false), expected);
    }

    #[test]
    fn a_very_narrow_terminal_leaves_columns_out() {
        let found = layout(COLUMNS, &rows(), Room { width: Some(26), id_len_min: Some(8) });
        assert_eq!(found.left_out(), 2);
        assert!(table(Some(26), false).lines().all(|line| line.chars().count() <= 26));
        assert!(table(Some(20), false).lines().all(|line| line.chars().count() <= 20));
    }

    #[test]
    fn a_wide_table_is_whole() {
        assert!(table(None, false).contains("Anna Maria Lopez de la Vega y Montoya  25.00 USD"));
    }

    #[test]
    fn colour_moves_no_column() {
        let coloured = table(Some(80), true);
        assert!(
            coloured.contains("\u{1b}[1mID\u{1b}[0m") && coloured.contains("CONFIRMED\u{1b}["),
            "{coloured:?}"
        );
        let mut plain = String::new();
        let mut parts = coloured.split('\u{1b}');
        plain.push_str(parts.next().unwrap());
        for part in parts {
            plain.push_str(part.split_once('m').unwrap().1);
        }
        assert_eq!(plain, table(Some(80), false));
    }

    #[test]
    fn long_values_of_an_object_wrap_beside_their_label() {
        let (id, text) = (Column::id("Id", "id"), Column::text("Why", "why"));
        let fields =
            [(&id, "01928a7c".to_owned()), (&text, "the hold ended before the payment came".to_owned())];
        let expected = "Id   01928a7c\nWhy  the hold ended before the\n     payment came\n";
        assert_eq!(render_fields(&fields, Some(30), false), expected);
    }
}
