//! A map of seats: a letter each, so that it reads without colour; which of them is selected; and what it is a map of.
//! Only the lines that are seen are looked at, however many there are.

use super::{Theme, frame::title};
use crate::row::{SEAT_LETTERS, Tone, text};
use crate::screens::{ItemLook, halves};
use crate::seating::Seating;
use crate::state::{Drawn, Spot, State};
use crate::text::{cut, grouped, harmless};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

/// How wide names of a hall's rows are shown, with the blank behind them.
const ROW_NAME: usize = 5;
/// A seat of a hall is its letter and a blank; its label is told of the one that is selected.
const HALL_CELL: usize = 2;

/// Draws the map.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) -> Drawn {
    let Some(map) = state.feed().object() else { return Drawn::default() };
    let is_hall = state.trail.here().screen().get().item_look == ItemLook::Section;
    let [top, legs, counts, body] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    let seat = state.seat_of();
    let seat = seat
        .map(|(seat, is)| format!("{} {} ", harmless(halves(&seat).1), harmless(&is)))
        .unwrap_or_default();
    let room = usize::from(top.width).saturating_sub(Span::raw(seat.as_str()).width() + 3);
    let head = cut(&title(state, u16::MAX), room);
    frame.render_widget(Line::styled(format!(" {head}"), theme.strong()), top);
    frame.render_widget(Line::styled(seat, theme.faint()).right_aligned(), top);
    if let Spot::Item(_, of) = state.trail.here() {
        let what = match is_hall {
            true => format!(" Section {}", harmless(halves(of).1)),
            false => format!(" {} → {}", harmless(&text(map, "fromStop")), harmless(&text(map, "toStop"))),
        };
        let mut line = vec![Span::raw(cut(&what, usize::from(legs.width)))];
        if !is_hall && state.stops(of).len() > 2 {
            line.push(Span::styled("   f F: other stops", theme.faint()));
        }
        frame.render_widget(Line::from(line), legs);
    }
    let seating = &state.feed().seating;
    frame.render_widget(counted(seating, theme), counts);
    let (before, cell_width) =
        if is_hall { (ROW_NAME, HALL_CELL) } else { (0, seating.label_width.max(2) + 3) };
    let per_line = (usize::from(body.width).saturating_sub(1 + before) / cell_width).max(1);
    let lines = seating.lines(per_line);
    let page = usize::from(body.height);
    let offset_max = lines.saturating_sub(page);
    let selected = state.selected_seat();
    let at_line = seating.place_of(selected, per_line).map_or(0, |(line, _)| line);
    let lowest = (at_line + 1).saturating_sub(page);
    let offset = state.cursor().offset.clamp(lowest, at_line.max(lowest)).min(offset_max);
    for ((name, seats), y) in seating.lines_from(offset, per_line).zip(body.y..body.bottom()) {
        let cells = seats.filter_map(|index| Some((index, seating.seat(index)?)));
        let cells = cells.flat_map(|(index, (label, letter))| {
            let style = theme.tone(tone(letter));
            let style = if index == selected { style.patch(theme.selected()) } else { style };
            let text = if is_hall { letter.to_string() } else { format!("{label}{letter}") };
            let pad = " ".repeat(cell_width.saturating_sub(Span::raw(text.as_str()).width()));
            [Span::styled(text, style), Span::raw(pad)]
        });
        let head = Span::styled(format!(" {:before$}", cut(name, before)), theme.faint());
        frame.render_widget(
            Line::from_iter(std::iter::once(head).chain(cells)),
            Rect { y, height: 1, ..body },
        );
    }
    Drawn { page, offset, offset_max, top: body.y, per_line }
}

fn tone(letter: char) -> Tone {
    SEAT_LETTERS.iter().find(|(_, it, _)| *it == letter).map_or(Tone::Plain, |(.., tone)| *tone)
}

/// How many seats are in each state, with the state's letter.
fn counted(seating: &Seating, theme: Theme) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    // What can be bought is told first.
    for ((word, letter, tone), count) in SEAT_LETTERS.iter().zip(seating.counts()).rev() {
        spans.push(Span::styled(format!("{letter} {word} {}   ", grouped(count)), theme.tone(*tone)));
    }
    Line::from(spans)
}
