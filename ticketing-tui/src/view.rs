//! Draws the state: the frame around the picture, and what is said where there is none. It asks nobody.

mod panels;
mod tables;
#[cfg(test)]
mod tests;
mod theme;

pub(crate) use theme::Theme;

use crate::TimeStyle;
use crate::input::KEYS;
use crate::picture::Picture;
use crate::state::{Health, Link, State};
use crate::text::{Room, duration, harmless_up_to, tail, time};
use crate::watch::OPEN_EVERY;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

/// On a smaller terminal nothing could be read.
const WIDTH_MIN: u16 = 40;
const HEIGHT_MIN: u16 = 14;
/// From this size on, the two tables stand side by side.
const WIDE: u16 = 140;
/// From this height on, the panels have room for more.
const TALL: u16 = 30;
/// From this width on, the clock has room beside the keys.
const CLOCK_WIDTH_MIN: u16 = 60;
/// Lines of an error above the picture.
const BANNER_HEIGHT: u16 = 2;

/// Draws the state.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &State, theme: Theme) {
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        let text = format!(
            "{}×{} is too small: the dashboard needs {WIDTH_MIN}×{HEIGHT_MIN}, better 80×24. q quits.",
            area.width, area.height
        );
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let banner_height = if state.health() == Health::Lost { BANNER_HEIGHT } else { 0 };
    let [head, banner, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(banner_height),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    header(frame, head, state, theme);
    match &state.picture {
        Some(picture) => overview(frame, body, state, picture, theme),
        None => connecting(frame, body, state, theme),
    }
    if state.health() == Health::Lost {
        lost(frame, banner, state, theme);
        frame.buffer_mut().set_style(body, theme.grey());
    }
    footer(frame, foot, state, theme);
    if state.is_help_open {
        help(frame, area, theme);
    }
}

fn header(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let age = duration(state.age_seconds().unwrap_or(0));
    let health = match state.health() {
        Health::Connecting => Span::styled("connecting…", theme.waiting()),
        Health::Live => Span::styled(format!("● live, {age} old"), theme.good()),
        Health::Stale => Span::styled(format!("○ stale, {age} old"), theme.waiting()),
        Health::Paused => Span::styled(format!("‖ paused, {age} old"), theme.waiting()),
        Health::Lost if state.is_paused() => Span::styled(format!("✗ lost, paused, {age} old"), theme.bad()),
        Health::Lost => Span::styled(format!("✗ lost, {age} old"), theme.bad()),
    };
    let read_only = Span::styled(" RO ", theme.mark());
    let name = Span::styled("ticketctl", theme.strong());
    let taken = name.width() + read_only.width() + health.width() + 6;
    let address = harmless_up_to(&state.address, 1000);
    let address = tail(&address, usize::from(area.width).saturating_sub(taken));
    let left = Line::from(vec![" ".into(), name, "  ".into(), address.into(), " ".into(), read_only]);
    frame.render_widget(left, area);
    frame.render_widget(Line::from(vec![health, " ".into()]).right_aligned(), area);
}

fn footer(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let key = |key: &'static str, what: String| {
        [Span::styled(key, theme.strong()), Span::styled(format!(" {what}  "), theme.faint())]
    };
    let pause = if state.is_paused() { "go on" } else { "pause" };
    let keys = [
        key("q", "quit".into()),
        key("space", pause.into()),
        key("t", format!("times: {}", state.time.word())),
        key("?", "help".into()),
    ];
    frame.render_widget(Line::from_iter(std::iter::once(" ".into()).chain(keys.into_iter().flatten())), area);
    if area.width < CLOCK_WIDTH_MIN {
        return;
    }
    let clock = match state.time {
        TimeStyle::Local => time(state.now, state.now, TimeStyle::Local, &state.zone, Room::Short),
        TimeStyle::Relative | TimeStyle::Utc => {
            state.now.to_string().get(11..19).map(|clock| format!("{clock}Z")).unwrap_or_default()
        }
    };
    frame.render_widget(Line::styled(format!("{clock} "), theme.faint()).right_aligned(), area);
}

/// The picture: three panels above two tables.
fn overview(frame: &mut Frame<'_>, area: Rect, state: &State, picture: &Picture, theme: Theme) {
    let panel_height = if area.height >= TALL { 7 } else { 5 };
    let [top, bottom] = Layout::vertical([Constraint::Length(panel_height), Constraint::Min(0)]).areas(area);
    let [log, holds, rate] = Layout::horizontal([Constraint::Fill(1); 3]).areas(top);
    panels::log(frame, log, state, picture, theme);
    panels::holds(frame, holds, state, picture, theme);
    panels::rate(frame, rate, state, theme);
    let tables = [Constraint::Fill(3), Constraint::Fill(2)];
    let [events, ending] = if area.width >= WIDE {
        Layout::horizontal(tables).areas(bottom)
    } else {
        Layout::vertical(tables).areas(bottom)
    };
    tables::events(frame, events, state, picture, theme);
    tables::holds(frame, ending, state, picture, theme);
}

fn connecting(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let mut lines = vec![Line::from(format!("Connecting to {} …", harmless_up_to(&state.address, 1000)))];
    if let Link::Lost { why } = &state.link {
        lines.push(Line::default());
        lines.push(Line::styled(format!("Not yet: {why}."), theme.bad()));
        lines.push(Line::styled(format!("Trying again every {} s.", OPEN_EVERY.as_secs()), theme.faint()));
    }
    let text = Paragraph::new(lines).centered().wrap(Wrap { trim: true });
    frame.render_widget(text, area.inner(Margin::new(4, area.height / 3)));
}

fn lost(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let (Link::Lost { why }, Some(picture)) = (&state.link, &state.picture) else { return };
    let at = time(picture.status.at, state.now, absolute(state.time), &state.zone, Room::Short);
    let text = format!("Below is how it was at {at}. Trying again. Why it is lost: {why}.");
    let text = Paragraph::new(text).style(theme.bad()).wrap(Wrap { trim: true });
    frame.render_widget(text, area.inner(Margin::new(1, 0)));
}

/// The style in which a time of day can be told.
const fn absolute(style: TimeStyle) -> TimeStyle {
    match style {
        TimeStyle::Relative | TimeStyle::Utc => TimeStyle::Utc,
        TimeStyle::Local => TimeStyle::Local,
    }
}

fn help(frame: &mut Frame<'_>, area: Rect, theme: Theme) {
    let key_width = KEYS.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let line = |(key, what): (&'static str, &'static str)| {
        Line::from(vec![
            Span::styled(format!(" {key:key_width$}"), theme.strong()),
            format!("  {what} ").into(),
        ])
    };
    let lines: Vec<Line<'_>> = KEYS.into_iter().map(line).collect();
    let width = lines.iter().map(Line::width).max().unwrap_or(0) as u16 + 2;
    let area = area.centered(Constraint::Length(width), Constraint::Length(lines.len() as u16 + 2));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Keys ")), area);
}
