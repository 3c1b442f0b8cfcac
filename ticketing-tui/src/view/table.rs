//! A screen of rows. Only the rows that are seen are looked at, however many there are.

use super::{Theme, frame::title, watch};
use crate::row::{Kind, Tone, bar, cell, raw};
use crate::screens::{Column, Look, ScreenId, columns, fit};
use crate::state::{Drawn, Eta, Feed, State};
use crate::text::{cut, duration, grouped, harmless, short_id};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// Draws the screen's rows around the selected one.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) -> Drawn {
    let id = state.trail.here().screen();
    let (screen, feed, cursor) = (id.get(), state.feed(), state.cursor());
    let notes_height = u16::from(!feed.notes.is_empty());
    let [top, head, body, notes] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(notes_height),
    ])
    .areas(area);
    heading(frame, top, id, state, theme);
    if let Some(note) = feed.notes.first() {
        let note = cut(&format!(" {}", harmless_line(note)), usize::from(notes.width));
        frame.render_widget(Line::styled(note, theme.faint()), notes);
    }
    let page = usize::from(body.height);
    if feed.len() == 0 {
        let text = if state.filters.contains_key(&id) {
            "Nothing passes the filter; esc takes it away."
        } else {
            screen.empty
        };
        frame.render_widget(Line::styled(format!(" {text}"), theme.faint()), body);
        return Drawn { page, top: body.y, ..Drawn::default() };
    }
    let watch = watch(state, area.width);
    let shown = fit(screen.columns, area.width.saturating_sub(2), watch);
    let mut x = head.x + 1;
    for (column, width) in &shown {
        let text = cut(column.title, usize::from(*width));
        let pad = if column.is_right() { width.saturating_sub(text.width() as u16) } else { 0 };
        frame.buffer_mut().set_string(x + pad, head.y, text, theme.faint());
        x += width + columns::GAP;
    }
    let first = cursor.first(page, feed.len());
    for (line, y) in (body.y..body.bottom()).enumerate() {
        let Some(row) = feed.row(first + line) else { break };
        let is_selected = first + line == cursor.index && !cursor.is_lost;
        draw_row(frame, Rect { y, height: 1, ..body }, (row, feed, id), &shown, watch, theme);
        if is_selected {
            frame.buffer_mut().set_style(Rect { y, height: 1, ..body }, theme.selected());
            frame.buffer_mut().set_string(body.x, y, "▸", theme.selected());
        }
    }
    Drawn {
        page,
        offset: first,
        offset_max: feed.len().saturating_sub(page),
        top: body.y,
        ..Drawn::default()
    }
}

fn draw_row(
    frame: &mut Frame<'_>,
    area: Rect,
    (row, feed, id): (&Value, &Feed, ScreenId),
    shown: &[(&'static Column, u16)],
    watch: crate::row::Watch<'_>,
    theme: Theme,
) {
    let mut x = area.x + 1;
    for (column, width) in shown {
        if column.kind == Kind::Bar {
            let mut at = x;
            for (letter, len, tone) in bar(row, usize::from(*width)) {
                frame.buffer_mut().set_string(at, area.y, letter.to_string().repeat(len), theme.tone(tone));
                at += len as u16;
            }
            x += width + columns::GAP;
            continue;
        }
        let (text, tone) =
            written(row, column, usize::from(*width), watch, || feed.eta(&id.get().id_of(row)));
        let pad = if column.is_right() { width.saturating_sub(text.width() as u16) } else { 0 };
        let room = usize::from(width.saturating_sub(pad));
        frame.buffer_mut().set_stringn(x + pad, area.y, text, room, theme.tone(tone));
        x += width + columns::GAP;
    }
}

/// Returns what a cell of so many columns says.
pub(super) fn written(
    row: &Value,
    column: &Column,
    width: usize,
    watch: crate::row::Watch<'_>,
    eta: impl FnOnce() -> Eta,
) -> (String, Tone) {
    match column.kind {
        Kind::Id => match crate::row::at(row, column.path) {
            Some(id) => (short_id(&harmless(&raw(id)), width), Tone::Plain),
            None => ("-".to_owned(), Tone::Faint),
        },
        Kind::Eta => match eta() {
            Eta::Unknown => ("?".to_owned(), Tone::Faint),
            Eta::Gone => ("-".to_owned(), Tone::Faint),
            Eta::In(seconds) => (cut(&duration(seconds), width), Tone::Plain),
            Eta::Growing => ("! grows".to_owned(), Tone::Bad),
        },
        kind => {
            let (text, tone) = cell(row, column.path, kind, watch);
            (cut(&text, width), tone)
        }
    }
}

/// The line above: the title, how many rows, the filter.
fn heading(frame: &mut Frame<'_>, area: Rect, id: ScreenId, state: &State, theme: Theme) {
    let (screen, feed) = (id.get(), state.feed());
    let mut spans = vec![Span::styled(format!(" {}", title(state, area.width)), theme.strong())];
    let count = match (feed.len(), feed.all()) {
        (seen, all) if seen != all => format!("  {} of {}", grouped(seen as u64), grouped(all as u64)),
        (_, all) => format!("  {}", grouped(all as u64)),
    };
    spans.push(Span::styled(count, theme.faint()));
    if screen.look == Look::Table && screen.has_limit && feed.all() >= state.limit(id) {
        spans.push(Span::styled(" or more, + asks for more", theme.waiting()));
    }
    if feed.dropped > 0 {
        let text = format!("  {} came too fast to be read", grouped(feed.dropped));
        spans.push(Span::styled(text, theme.waiting()));
    }
    if let Some(filter) = state.filters.get(&id) {
        let how = if state.takes_query(id) { "" } else { "contains " };
        spans.push(Span::styled(format!("  / {how}{}", harmless(filter)), theme.waiting()));
    }
    let cursor = state.cursor();
    if cursor.is_lost {
        let text = format!("  the selected {} is gone", screen.chosen());
        spans.push(Span::styled(text, theme.bad()));
    }
    let place = (!cursor.is_lost && feed.len() > 0).then(|| format!("{} ", grouped(cursor.index as u64 + 1)));
    let style: Style = theme.faint();
    frame.render_widget(Line::from(spans), area);
    if let Some(place) = place {
        frame.render_widget(Line::styled(place, style).right_aligned(), area);
    }
}

fn harmless_line(text: &str) -> String {
    crate::text::harmless_up_to(text, 500)
}
