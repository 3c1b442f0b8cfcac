//! The three panels: where the log is, what is held, how fast it goes.

use super::Theme;
use crate::TimeStyle;
use crate::picture::{EventLine, Picture};
use crate::state::State;
use crate::text::{Room, duration, grouped, head, seconds_left, time};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Sparkline};

/// The rates are averages over so many seconds.
const RATE_SECONDS: i64 = 10;

/// A figure with its name, and how it is to be taken.
type Figure = (&'static str, String, Style);

/// Draws where the log and the read model are.
pub(super) fn log(frame: &mut Frame<'_>, area: Rect, state: &State, picture: &Picture, theme: Theme) {
    let status = &picture.status;
    let lag = if status.lag > 0 { theme.waiting() } else { Style::new() };
    let latest = picture.events.as_ref().ok().and_then(|events| events.first());
    // By its distance, whatever the style: the table has the time.
    let ago =
        |event: &EventLine| time(event.at, state.shown_at(), TimeStyle::Relative, &state.zone, Room::Short);
    let latest = latest.map_or_else(|| "-".to_owned(), ago);
    figures(
        frame,
        area,
        " Log ",
        [
            ("head", grouped(status.head), theme.strong()),
            ("read position", grouped(status.read_position), Style::new()),
            ("lag", grouped(status.lag), lag),
            ("latest", latest, Style::new()),
            ("bookings", grouped(status.tickets), Style::new()),
        ],
    );
}

/// Draws what is held.
pub(super) fn holds(frame: &mut Frame<'_>, area: Rect, state: &State, picture: &Picture, theme: Theme) {
    let status = &picture.status;
    let left = status.next_hold_ends_at.map(|at| seconds_left(at, state.shown_at()));
    let (next_ends, style) = match left {
        None => ("-".to_owned(), Style::new()),
        Some(left) if left > 0 => (format!("in {}", duration(left)), Style::new()),
        // Ended, and nobody has released it yet: the sweeper is late, or none runs.
        Some(left) => (format!("{} ago", duration(-left)), theme.waiting()),
    };
    figures(
        frame,
        area,
        " Holds ",
        [
            ("open", grouped(status.holds_open), theme.strong()),
            ("next ends", next_ends, style),
            ("departures", grouped(status.departures_ahead), Style::new()),
        ],
    );
}

/// Draws how fast the log grows: averages, and a bar for each second.
pub(super) fn rate(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let until = state.shown_at();
    let rates = state.history.rates(until, RATE_SECONDS);
    let shown = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let block = Block::bordered().title(" Rate, 10 s ");
    let [numbers, chart] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(block.inner(area));
    frame.render_widget(block, area);
    let events = ("events/s", shown(rates.map(|rates| rates.events)), theme.strong());
    let bookings = ("bookings/s", shown(rates.map(|rates| rates.bookings)), Style::new());
    lines(frame, numbers, [events, bookings]);
    let bars = state.history.tenths_by_second(until, usize::from(chart.width));
    let chart_style = theme.bars();
    let bars = Sparkline::default().data(bars).style(chart_style).absent_value_symbol("·");
    frame.render_widget(bars.absent_value_style(theme.faint()), chart);
}

fn figures<const N: usize>(frame: &mut Frame<'_>, area: Rect, title: &'static str, of: [Figure; N]) {
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    lines(frame, inner, of);
}

/// One figure a line, as many as fit: figures right, and as much of their names as there is room for, left.
fn lines<const N: usize>(frame: &mut Frame<'_>, area: Rect, figures: [Figure; N]) {
    for ((name, figure, style), row) in figures.into_iter().zip(area.rows()) {
        let name_width = usize::from(row.width).saturating_sub(figure.chars().count() + 3);
        frame.render_widget(Line::from(format!(" {}", head(name, name_width))), row);
        let figure = Line::from(vec![Span::styled(figure, style), " ".into()]);
        frame.render_widget(figure.right_aligned(), row);
    }
}
