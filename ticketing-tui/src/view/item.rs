//! One thing with all that is known of it: its fields, what it is made of, and the rest as JSON; or the answer of a
//! command that was typed.

use super::{Theme, frame::title, table::written, watch};
use crate::TimeStyle;
use crate::row::{Kind, Tone, Watch, at, cell, moment, raw};
use crate::screens::{Column, Screen, Section, columns, fit};
use crate::state::{Drawn, Eta, Spot, State};
use crate::text::{Room, grouped, harmless_lines, harmless_up_to, wrapped};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use serde_json::Value;
use std::collections::BTreeSet;
use ticketing_core::domain::time::Timestamp;
use unicode_width::UnicodeWidthStr as _;

/// No page has more lines; the pager has them all.
const LINES_MAX: usize = 3_000;
/// No field is told in more characters; the pager has them all.
const FIELD_CHARS_MAX: usize = 4_000;
/// No section has more rows; the pager has them all.
const ROWS_MAX: usize = 300;

/// Draws the page from the line on that the person scrolled to.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) -> Drawn {
    let [top, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let width = body.width.saturating_sub(2);
    let mut lines = lines(state, width, theme);
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        lines.push(Line::styled("… and more: e opens everything in the pager.", theme.waiting()));
    }
    let page = usize::from(body.height);
    let offset_max = lines.len().saturating_sub(page);
    let offset = state.cursor().offset.min(offset_max);
    frame.render_widget(Line::styled(format!(" {}", title(state, top.width)), theme.strong()), top);
    if offset_max > 0 {
        let place = format!("{}–{} of {} ", offset + 1, (offset + page).min(lines.len()), lines.len());
        frame.render_widget(Line::styled(place, theme.faint()).right_aligned(), top);
    }
    for (line, y) in lines.into_iter().skip(offset).zip(body.y..body.bottom()) {
        frame.render_widget(line, Rect { x: body.x + 1, y, width, height: 1 });
    }
    Drawn { page, offset, offset_max, top: body.y, ..Drawn::default() }
}

fn lines(state: &State, width: u16, theme: Theme) -> Vec<Line<'static>> {
    let feed = state.feed();
    let watch = watch(state, width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    match (state.trail.here(), feed.rows()) {
        (Spot::Answer(_), rows) => match (&feed.text, rows) {
            (Some(text), _) => lines.extend(text.lines().map(|line| Line::from(harmless_up_to(line, 2_000)))),
            (None, []) if feed.notes.is_empty() => {
                lines.push(Line::styled("Done; nothing was answered.", theme.faint()));
            }
            (None, []) => {}
            (None, [one]) if one.is_object() => {
                lines = fields(one, state.trail.here().screen().get(), width, watch, theme);
            }
            (None, rows) => {
                lines.extend(rows.iter().take(LINES_MAX).map(|row| Line::from(compact(row, width))));
            }
        },
        (spot, _) => match feed.object() {
            Some(object) => lines = fields(object, spot.screen().get(), width, watch, theme),
            None => lines.push(Line::styled("There is nothing.", theme.faint())),
        },
    }
    if !feed.notes.is_empty() {
        lines.push(Line::default());
        let notes =
            feed.notes.iter().flat_map(|note| wrapped(&harmless_up_to(note, 1_000), usize::from(width)));
        lines.extend(notes.map(|note| Line::styled(note, theme.faint())));
    }
    lines
}

fn compact(row: &Value, width: u16) -> String {
    crate::text::cut(&harmless_up_to(&raw(row), 2_000), usize::from(width))
}

/// The fields that the screen tells first, the others by name, then what the thing is made of.
fn fields(object: &Value, screen: &Screen, width: u16, watch: Watch<'_>, theme: Theme) -> Vec<Line<'static>> {
    let mut told: BTreeSet<&str> = screen.sections.iter().map(|section| section.path).collect();
    let mut pairs: Vec<(String, String, Tone)> = Vec::new();
    for (label, path, kind) in screen.first {
        // The whole of an object is told by its parts; a part of it leaves the rest to be told.
        told.insert(path);
        if at(object, path).is_some() && !(screen.hides)(object, path) {
            let (text, tone) = value_of(object, path, *kind, watch);
            pairs.push(((*label).to_owned(), text, tone));
        }
    }
    let mut trees: Vec<(String, &Value)> = Vec::new();
    let empty = serde_json::Map::new();
    for (key, value) in object.as_object().unwrap_or(&empty) {
        if told.contains(key.as_str()) || value.is_null() || (screen.hides)(object, key) {
            continue;
        }
        let is_tree = match value {
            Value::Object(_) => true,
            Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if is_tree {
            trees.push((label_of(key), value));
        } else {
            let kind = match value.as_str().and_then(Timestamp::parse) {
                Some(_) => Kind::Time,
                None => Kind::Text,
            };
            let (text, tone) = value_of(object, key, kind, watch);
            pairs.push((label_of(key), text, tone));
        }
    }
    let label_width = pairs.iter().map(|(label, ..)| label.width()).max().unwrap_or(0).min(24);
    let mut lines = Vec::new();
    for (label, text, tone) in pairs {
        let room = usize::from(width).saturating_sub(label_width + 2);
        let mut label = format!("{:label_width$}", crate::text::cut(&label, label_width));
        for part in wrapped(&text, room) {
            let name = Span::styled(std::mem::replace(&mut label, " ".repeat(label_width)), theme.faint());
            lines.push(Line::from(vec![name, "  ".into(), Span::styled(part, theme.tone(tone))]));
        }
    }
    for section in screen.sections {
        let Some(Value::Array(rows)) = at(object, section.path) else { continue };
        lines.push(Line::default());
        lines.push(Line::styled(
            format!("{} ({})", section.title, grouped(rows.len() as u64)),
            theme.strong(),
        ));
        lines.extend(section_lines(rows, section, width, watch, theme));
    }
    for (label, tree) in trees {
        lines.push(Line::default());
        lines.push(Line::styled(label, theme.strong()));
        let json = serde_json::to_string_pretty(tree).unwrap_or_default();
        for line in harmless_lines(&json).lines().take(LINES_MAX) {
            lines.extend(wrapped(line, usize::from(width)).into_iter().map(Line::from));
        }
    }
    lines
}

fn value_of(object: &Value, path: &str, kind: Kind, watch: Watch<'_>) -> (String, Tone) {
    let whole =
        || at(object, path).map(|value| harmless_up_to(&raw(value), FIELD_CHARS_MAX)).unwrap_or_default();
    match kind {
        Kind::Text | Kind::Id => (whole(), Tone::Plain),
        Kind::Time => {
            let (text, tone) = cell(object, path, kind, watch);
            // A distance alone says little when one looks closely.
            let exact = whole();
            (if text == exact { text } else { format!("{text}  ({exact})") }, tone)
        }
        kind => cell(object, path, kind, watch),
    }
}

/// Text of a section that may be so long is told whole, on as many lines as it takes.
const TOLD_WHOLE: u16 = 60;

fn section_lines(
    rows: &[Value],
    section: &'static Section,
    width: u16,
    watch: Watch<'_>,
    theme: Theme,
) -> Vec<Line<'static>> {
    let of = section.columns;
    let watch = exact(rows, of, width, watch);
    let shown = fit(of, width, watch);
    let pad = |text: String, width: u16, is_right: bool| {
        let blanks = " ".repeat(usize::from(width).saturating_sub(text.width()));
        if is_right { blanks + &text } else { text + &blanks }
    };
    let gap = || Span::raw(" ".repeat(usize::from(columns::GAP)));
    let head = shown.iter().flat_map(|(column, width)| {
        [Span::styled(pad(column.title.to_owned(), *width, column.is_right()), theme.faint()), gap()]
    });
    let mut lines = if rows.is_empty() { Vec::new() } else { vec![Line::from_iter(head)] };
    let folded = if section.folds { fold(rows, of) } else { rows.iter().map(|row| (row, row, 1)).collect() };
    for (row, last, count) in folded.iter().take(ROWS_MAX) {
        let row: &Value = row;
        let cells: Vec<(Vec<String>, Tone)> = shown
            .iter()
            .map(|(column, width)| {
                let room = usize::from(*width);
                match at(row, column.path) {
                    Some(value) if column.kind == Kind::Text && column.max >= TOLD_WHOLE => {
                        (wrapped(&harmless_up_to(&raw(value), FIELD_CHARS_MAX), room), Tone::Plain)
                    }
                    Some(_) | None => {
                        let (text, tone) = written(row, column, room, watch, || Eta::Unknown);
                        (vec![text], tone)
                    }
                }
            })
            .collect();
        let height = cells.iter().map(|(parts, _)| parts.len()).max().unwrap_or(0);
        for line in 0..height {
            let spans = shown.iter().zip(&cells).flat_map(|((column, width), (parts, tone))| {
                let text = parts.get(line).cloned().unwrap_or_default();
                [Span::styled(pad(text, *width, column.is_right()), theme.tone(*tone)), gap()]
            });
            lines.push(Line::from_iter(spans));
        }
        if *count > 1 {
            lines.push(Line::styled(again(*count, last, of, watch), theme.faint()));
        }
    }
    if folded.len() > ROWS_MAX {
        let more = grouped((folded.len() - ROWS_MAX) as u64);
        lines.push(Line::styled(format!("… and {more} more: e opens all in the pager"), theme.waiting()));
    }
    lines
}

/// Returns rows with how many follow each other that say the same, and the last of these.
fn fold<'r>(rows: &'r [Value], of: &[Column]) -> Vec<(&'r Value, &'r Value, usize)> {
    let mut folded: Vec<(&Value, &Value, usize)> = Vec::new();
    for row in rows {
        match folded.last_mut() {
            Some((first, last, count)) if says_the_same(first, row, of) => {
                (*last, *count) = (row, *count + 1);
            }
            Some(_) | None => folded.push((row, row, 1)),
        }
    }
    folded
}

/// Whether two rows differ in nothing but their moment and their number.
fn says_the_same(one: &Value, other: &Value, of: &[Column]) -> bool {
    let told = |column: &&Column| !matches!(column.kind, Kind::Time | Kind::Number);
    of.iter().filter(told).all(|column| at(one, column.path) == at(other, column.path))
}

/// The line below a row that stands for several.
fn again(count: usize, last: &Value, of: &[Column], watch: Watch<'_>) -> String {
    let time = of.iter().find(|column| column.kind == Kind::Time).map(|column| column.path);
    let until = time.map(|path| cell(last, path, Kind::Time, watch).0).unwrap_or_default();
    format!("  … ×{}, the last at {until}", grouped(count as u64))
}

/// In a story the order and the moments matter: what happened is told by the time of day, with its date where that is
/// another one and there is room.
fn exact<'a>(rows: &[Value], of: &[Column], width: u16, watch: Watch<'a>) -> Watch<'a> {
    const ROOM_FOR_DATES: u16 = 90;
    let time = of.iter().find(|column| column.kind == Kind::Time).map(|column| column.path);
    let first = time.and_then(|path| rows.first().and_then(|row| moment(row, path)));
    let Some(first) = first else { return watch };
    let style = if watch.style == TimeStyle::Relative { TimeStyle::Utc } else { watch.style };
    let is_today = first.to_string().get(..10) == watch.now.to_string().get(..10);
    match (is_today, width >= ROOM_FOR_DATES) {
        (true, _) => Watch { style, room: Room::Short, ..watch },
        (false, true) => Watch { style, room: Room::Full, ..watch },
        (false, false) => watch,
    }
}

/// `lastError` → `Last error`.
fn label_of(key: &str) -> String {
    let mut label = String::new();
    for (index, c) in key.chars().enumerate() {
        match c {
            '_' => label.push(' '),
            c if c.is_uppercase() => {
                label.push(' ');
                label.extend(c.to_lowercase());
            }
            c if index == 0 => label.extend(c.to_uppercase()),
            c => label.push(c),
        }
    }
    harmless_up_to(&label, 64)
}
