//! The two tables: the latest events, and the holds that end next. Only rows that fit are made.

use super::Theme;
use crate::picture::{EventLine, HoldLine, Picture};
use crate::state::State;
use crate::text::{Room, duration, grouped, seconds_left, time, time_width};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Span;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, Wrap};

/// From this width on, a time has room for its date.
const FULL_TIMES: u16 = 100;
/// The longest name of an event.
const KIND_WIDTH: u16 = 17;

/// Draws the latest events, newest first.
pub(super) fn events(frame: &mut Frame<'_>, area: Rect, state: &State, picture: &Picture, theme: Theme) {
    let block = Block::bordered().title(" Latest events ");
    let lines = match &picture.events {
        Ok(lines) if lines.is_empty() => return note(frame, area, block, "The log is empty.", theme),
        Ok(lines) => lines,
        Err(why) => return unreadable(frame, area, block, why, theme),
    };
    let room = if area.width >= FULL_TIMES { Room::Full } else { Room::Short };
    let position_width = lines.first().map_or(0, |line| grouped(line.position).len()).max("Position".len());
    let row = |line: &EventLine| {
        Row::new([
            Cell::from(format!("{:>position_width$}", grouped(line.position))),
            Cell::from(time(line.at, state.shown_at(), state.time, &state.zone, room)),
            Cell::from(Span::styled(line.kind, theme.tone(line.tone))),
            Cell::from(short(&line.id, picture.id_len)),
            Cell::from(line.actor.clone()),
        ])
    };
    let widths = [
        Constraint::Length(position_width as u16),
        Constraint::Length(time_width(state.time, room)),
        Constraint::Length(KIND_WIDTH),
        Constraint::Length(picture.id_len as u16),
        Constraint::Min(4),
    ];
    let header = ["Position", "Time", "Type", "Id", "Actor"];
    let rows = lines.iter().take(rows_that_fit(area)).map(row);
    table(frame, area, Table::new(rows, widths).block(block), header, theme);
}

/// Draws the holds that end next. One whose time has come is none any more, whatever the store still says.
pub(super) fn holds(frame: &mut Frame<'_>, area: Rect, state: &State, picture: &Picture, theme: Theme) {
    let now = state.shown_at();
    let title = match picture.status.lag {
        lag if lag > 0 => {
            format!(" Next holds to end, as of position {} ", grouped(picture.status.read_position))
        }
        _ => " Next holds to end ".to_owned(),
    };
    let block = Block::bordered().title(title);
    let lines: Vec<&HoldLine> = match &picture.holds {
        Ok(lines) => lines.iter().filter(|line| line.ends_at > now).take(rows_that_fit(area)).collect(),
        Err(why) => return unreadable(frame, area, block, why, theme),
    };
    if lines.is_empty() {
        return note(frame, area, block, "No hold is open.", theme);
    }
    let row = |line: &HoldLine| {
        let left = seconds_left(line.ends_at, now);
        let style = if left < 60 { theme.waiting() } else { ratatui::style::Style::new() };
        Row::new([
            Cell::from(Span::styled(format!("{:>7}", duration(left)), style)),
            Cell::from(short(&line.id, picture.id_len)),
            Cell::from(line.seats.clone()),
            Cell::from(line.route.clone()),
            Cell::from(line.user.clone()),
        ])
    };
    let widths = [
        Constraint::Length(7),
        Constraint::Length(picture.id_len as u16),
        Constraint::Length(8),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ];
    let header = ["Ends in", "Booking", "Seats", "Route", "User"];
    table(frame, area, Table::new(lines.into_iter().map(row), widths).block(block), header, theme);
}

/// The rows between the borders and below the head.
fn rows_that_fit(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(3))
}

fn short(id: &str, len: usize) -> String {
    id.get(..len).unwrap_or(id).to_owned()
}

fn table(frame: &mut Frame<'_>, area: Rect, table: Table<'_>, header: [&'static str; 5], theme: Theme) {
    frame.render_widget(table.header(Row::new(header).style(theme.faint())).column_spacing(1), area);
}

fn note(frame: &mut Frame<'_>, area: Rect, block: Block<'_>, text: &'static str, theme: Theme) {
    frame.render_widget(Paragraph::new(text).style(theme.faint()).centered().block(block), area);
}

/// Says why this table can't be read; the rest of the picture stands.
fn unreadable(frame: &mut Frame<'_>, area: Rect, block: Block<'_>, why: &str, theme: Theme) {
    let text = Paragraph::new(format!("This can't be read: {why}.")).style(theme.bad());
    frame.render_widget(text.wrap(Wrap { trim: true }).block(block), area);
}
