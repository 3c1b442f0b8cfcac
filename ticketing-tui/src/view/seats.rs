//! A map of seats: a letter each, so that it reads without colour; rows as the seats' labels number them.

use super::{Theme, frame::title};
use crate::row::{Tone, at, text};
use crate::state::{Drawn, Spot, State};
use crate::text::{cut, grouped, harmless};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// The letters of the states, and what they mean.
const LETTERS: &[(&str, char, Tone)] = &[
    ("free", '·', Tone::Good),
    ("held", 'h', Tone::Waiting),
    ("sold", 'S', Tone::Bad),
    ("blocked", 'x', Tone::Faint),
];

/// Draws the map.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) -> Drawn {
    let Some(map) = state.feed().object() else { return Drawn::default() };
    let [top, legs, counts, body] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    frame.render_widget(Line::styled(format!(" {}", title(state, top.width)), theme.strong()), top);
    let journey = format!(" {} → {}", harmless(&text(map, "fromStop")), harmless(&text(map, "toStop")));
    let mut line = vec![Span::raw(cut(&journey, usize::from(legs.width)))];
    if let Spot::Item(_, departure) = state.trail.here()
        && state.stops(departure).len() > 2
    {
        line.push(Span::styled("   f F: other stops", theme.faint()));
    }
    frame.render_widget(Line::from(line), legs);
    let empty = Vec::new();
    let seats = at(map, "seats").and_then(Value::as_array).unwrap_or(&empty);
    frame.render_widget(counted(seats, theme), counts);
    let rows = in_rows(seats);
    let cell_width = seats.iter().map(|seat| text(seat, "seatNumber").width()).max().unwrap_or(2) + 3;
    let per_line = (usize::from(body.width).saturating_sub(1) / cell_width).max(1);
    let lines: Vec<Vec<&Value>> = rows
        .into_iter()
        .flat_map(|row| row.chunks(per_line).map(<[&Value]>::to_vec).collect::<Vec<_>>())
        .collect();
    let page = usize::from(body.height);
    let offset_max = lines.len().saturating_sub(page);
    let offset = state.cursor().offset.min(offset_max);
    for (row, y) in lines.iter().skip(offset).zip(body.y..body.bottom()) {
        let cells = row.iter().map(|seat| {
            let (letter, tone) = letter(&text(seat, "state"));
            let label = harmless(&text(seat, "seatNumber"));
            let pad = " ".repeat(cell_width.saturating_sub(label.width() + 2));
            Span::styled(format!("{label}{letter}{pad} "), theme.tone(tone))
        });
        let line = Line::from_iter(std::iter::once(Span::raw(" ")).chain(cells));
        frame.render_widget(line, Rect { y, height: 1, ..body });
    }
    Drawn { page, offset, offset_max, top: body.y }
}

fn letter(state: &str) -> (char, Tone) {
    LETTERS
        .iter()
        .find(|(word, ..)| *word == state)
        .map_or(('?', Tone::Plain), |(_, letter, tone)| (*letter, *tone))
}

/// How many seats are in each state, with the state's letter.
fn counted(seats: &[Value], theme: Theme) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    for (word, letter, tone) in LETTERS {
        let count = seats.iter().filter(|seat| text(seat, "state") == *word).count();
        spans.push(Span::styled(format!("{letter} {word} {}   ", grouped(count as u64)), theme.tone(*tone)));
    }
    Line::from(spans)
}

/// Puts seats whose labels have the same number (`A1 B1 C1`), or the same letters before it where numbers run on
/// (`Row7-1 Row7-2`), on one line; in the order in which they come.
fn in_rows(seats: &[Value]) -> Vec<Vec<&Value>> {
    let number = |seat: &Value| {
        let label = text(seat, "seatNumber");
        label.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect::<String>()
    };
    let mut rows: Vec<Vec<&Value>> = Vec::new();
    let mut last: Option<String> = None;
    for seat in seats {
        let number = number(seat);
        match rows.last_mut() {
            Some(row) if last.as_ref() == Some(&number) => row.push(seat),
            _ => rows.push(vec![seat]),
        }
        last = Some(number);
    }
    // Where every seat has a number of its own, they are one list, broken where the line ends.
    if rows.iter().all(|row| row.len() == 1) { vec![seats.iter().collect()] } else { rows }
}
