//! A map of seats: a letter each, so that it reads without colour; which of them is selected; and what it is a map of.

use super::{Theme, frame::title};
use crate::row::{Tone, at, text};
use crate::seating;
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
    if let Some((seat, seat_state)) = state.seat_of() {
        let label = seat.rsplit('/').next().unwrap_or_default();
        let text = format!("{} {} ", harmless(label), harmless(&seat_state));
        frame.render_widget(Line::styled(text, theme.faint()).right_aligned(), top);
    }
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
    let cell_width = seats.iter().map(|seat| text(seat, "seatNumber").width()).max().unwrap_or(2) + 3;
    let per_line = (usize::from(body.width).saturating_sub(1) / cell_width).max(1);
    let lines = seating::lines(seats, per_line);
    let page = usize::from(body.height);
    let offset_max = lines.len().saturating_sub(page);
    let selected = state.selected_seat();
    let at_line = seating::place_of(&lines, selected).map_or(0, |(line, _)| line);
    let lowest = (at_line + 1).saturating_sub(page);
    let offset = state.cursor().offset.clamp(lowest, at_line.max(lowest)).min(offset_max);
    for (row, y) in lines.iter().skip(offset).zip(body.y..body.bottom()) {
        let cells =
            row.iter().filter_map(|index| Some((*index, seats.get(*index)?))).flat_map(|(index, seat)| {
                let (letter, tone) = letter(&text(seat, "state"));
                let label = harmless(&text(seat, "seatNumber"));
                let pad = " ".repeat(cell_width.saturating_sub(label.width() + 1));
                let style = theme.tone(tone);
                let style = if index == selected { style.patch(theme.selected()) } else { style };
                [Span::styled(format!("{label}{letter}"), style), Span::raw(pad)]
            });
        let line = Line::from_iter(std::iter::once(Span::raw(" ")).chain(cells));
        frame.render_widget(line, Rect { y, height: 1, ..body });
    }
    Drawn { page, offset, offset_max, top: body.y, per_line }
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
