//! The first screen: the figures that matter, the worst problems, who serves and how far the carriers are.

use super::{Theme, watch};
use crate::parts::{self, Part};
use crate::problems;
use crate::rate::requests_of;
use crate::row::{Tone, at, moment, number};
use crate::state::{Drawn, State};
use crate::text::{cut, duration, grouped, harmless, harmless_up_to, seconds_left};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Sparkline};
use serde_json::Value;

/// The rates are averages over so many seconds.
const RATE_SECONDS: i64 = 10;
/// What the server answers is told of so many seconds: of fewer requests, a percentile says little.
const TRAFFIC_SECONDS: i64 = 30;
/// From this height on, the panels have room for more.
const TALL: u16 = 26;

/// A figure with its name, and how it is to be taken.
type Figure = (&'static str, String, Style);

/// Draws the overview.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) -> Drawn {
    let Some(status) = state.feed().object() else { return Drawn::default() };
    let panel_height = if area.height >= TALL { 8 } else { 6 };
    let found = problems::of(state);
    let problems_height = found.len().max(1) as u16 + 2;
    let [top, http, middle, bottom] = Layout::vertical([
        Constraint::Length(panel_height),
        Constraint::Length(1),
        Constraint::Length(problems_height),
        Constraint::Min(0),
    ])
    .areas(area);
    let [log, money, rate] = Layout::horizontal([Constraint::Fill(1); 3]).areas(top);
    figures(frame, log, " Log ", &log_figures(state, status, theme));
    figures(frame, money, " Bookings ", &booking_figures(state, status, theme));
    rates(frame, rate, state, theme);
    traffic(frame, http, state, status, theme);
    worst(frame, middle, state, &found, theme);
    let of = parts::of(status, watch(state, area.width));
    parts(frame, bottom, (state, &of), found.len(), theme);
    let lines = found.len() + of.len();
    Drawn { page: lines, offset_max: lines.saturating_sub(1), top: middle.y + 1, ..Drawn::default() }
}

fn log_figures(state: &State, status: &Value, theme: Theme) -> Vec<Figure> {
    let count = |path| number(status, path).map_or_else(|| "-".to_owned(), grouped);
    let lag = number(status, "lag").unwrap_or(0);
    let took = state.feed().took.as_millis();
    vec![
        ("head", count("head"), theme.strong()),
        ("read model lag", count("lag"), if lag > 0 { theme.waiting() } else { Style::new() }),
        ("dead letters", count("deadLetters"), alarm(number(status, "deadLetters"), theme)),
        ("answered in", format!("{} ms", grouped(i128::try_from(took).unwrap_or(0))), Style::new()),
        ("failed looks", grouped(state.failed_looks), alarm(i64::try_from(state.failed_looks).ok(), theme)),
        ("read position", count("readPosition"), Style::new()),
    ]
}

fn booking_figures(state: &State, status: &Value, theme: Theme) -> Vec<Figure> {
    let count = |path| number(status, path).map_or_else(|| "-".to_owned(), grouped);
    let left = moment(status, "nextHoldEndsAt").map(|at| seconds_left(at, state.shown_at()));
    let (next, style) = match left {
        None => ("-".to_owned(), Style::new()),
        Some(left) if left > 0 => (format!("in {}", duration(left)), Style::new()),
        // Ended, and nobody has released it yet: the sweeper is late, or none runs.
        Some(left) => (format!("{} ago", duration(-left)), theme.waiting()),
    };
    let waiting: i64 = at(status, "payments.notOver")
        .and_then(Value::as_array)
        .map_or(0, |states| states.iter().filter_map(|state| number(state, "count")).sum());
    vec![
        ("bookings", count("tickets"), theme.strong()),
        ("open holds", count("holdsOpen"), Style::new()),
        ("next hold ends", next, style),
        ("payments stuck", count("payments.stuck"), alarm(number(status, "payments.stuck"), theme)),
        ("payments under way", grouped(waiting), Style::new()),
        ("calls overdue", count("payments.overdue"), alarm(number(status, "payments.overdue"), theme)),
    ]
}

fn alarm(count: Option<i64>, theme: Theme) -> Style {
    if count.unwrap_or(0) > 0 { theme.bad() } else { Style::new() }
}

fn figures(frame: &mut Frame<'_>, area: Rect, title: &'static str, of: &[Figure]) {
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    lines(frame, inner, of);
}

/// One figure a line, as many as fit: figures right, and as much of their names as there is room for, left.
fn lines(frame: &mut Frame<'_>, area: Rect, figures: &[Figure]) {
    for ((name, figure, style), row) in figures.iter().zip(area.rows()) {
        let name_width = usize::from(row.width).saturating_sub(figure.chars().count() + 3);
        frame.render_widget(Line::from(format!(" {}", cut(name, name_width))), row);
        frame.render_widget(Line::from(vec![Span::styled(figure, *style), " ".into()]).right_aligned(), row);
    }
}

/// How fast the log grows: averages, and a bar for each second.
fn rates(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let until = state.shown_at();
    let rates = state.history.rates(until, RATE_SECONDS);
    let shown = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let block = Block::bordered().title(" Rate, 10 s ");
    let [numbers, chart] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(block.inner(area));
    frame.render_widget(block, area);
    let events = ("events/s", shown(rates.map(|rates| rates.events)), theme.strong());
    let bookings = ("bookings/s", shown(rates.map(|rates| rates.bookings)), Style::new());
    lines(frame, numbers, &[events, bookings]);
    let bars = state.history.tenths_by_second(until, usize::from(chart.width));
    let chart_style = theme.bars();
    let bars = Sparkline::default().data(bars).style(chart_style).absent_value_symbol("·");
    frame.render_widget(bars.absent_value_style(theme.faint()), chart);
}

fn worst(frame: &mut Frame<'_>, area: Rect, state: &State, found: &[problems::Problem], theme: Theme) {
    let block = Block::bordered().title(" Worst problems ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if found.is_empty() {
        let text = " Nothing is wrong, as far as it can be seen from here.";
        frame.render_widget(Line::styled(cut(text, usize::from(inner.width)), theme.good()), inner);
        return;
    }
    let index = state.cursor().index;
    for ((at, problem), row) in found.iter().enumerate().zip(inner.rows()) {
        let sign = if problem.tone == Tone::Bad { "!" } else { "·" };
        let mark = if at == index { "▸" } else { " " };
        let text = cut(&problem.text, usize::from(row.width).saturating_sub(4));
        let line = Line::from(vec![
            Span::styled(format!("{mark}{sign} "), theme.tone(problem.tone)),
            Span::styled(text, theme.tone(problem.tone)),
        ]);
        frame.render_widget(line, row);
        if at == index {
            frame.buffer_mut().set_style(row, theme.selected());
        }
    }
}

/// Who serves the stores, and where each part is; the selected one among them, where it leads somewhere.
fn parts(frame: &mut Frame<'_>, area: Rect, (state, of): (&State, &[Part]), problems: usize, theme: Theme) {
    let width = of.iter().map(|part| part.name.chars().count()).max().unwrap_or(0).min(24);
    let selected = state.cursor().index.checked_sub(problems);
    let leads = of.iter().enumerate().filter(|(_, part)| part.door.is_some()).map(|(line, _)| line);
    let selected = selected.and_then(|index| leads.clone().nth(index));
    let page = usize::from(area.height);
    let first = selected.map_or(0, |line| (line + 1).saturating_sub(page));
    for ((line, part), row) in of.iter().enumerate().skip(first).zip(area.rows()) {
        let name = cut(&harmless(&part.name), width);
        let what = cut(&harmless_up_to(&part.what, 300), usize::from(row.width).saturating_sub(width + 4));
        let is_selected = selected == Some(line);
        let text = Line::from(vec![
            Span::styled(format!("{}{name:width$}  ", if is_selected { "▸" } else { " " }), theme.faint()),
            Span::styled(what, theme.tone(part.tone)),
        ]);
        frame.render_widget(text, row);
        if is_selected {
            frame.buffer_mut().set_style(row, theme.selected());
        }
    }
}

/// What the server answers to buyers: how much, how fast, how often not at all.
fn traffic(frame: &mut Frame<'_>, area: Rect, state: &State, status: &Value, theme: Theme) {
    let mut spans = vec![Span::styled(" http  ", theme.faint())];
    let is_served = at(status, "server").is_some()
        || at(status, "processes").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    match state.traffic.answered(state.shown_at(), TRAFFIC_SECONDS) {
        Some(told) => {
            let ms = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), millis);
            spans.push(Span::styled(format!("{:.1} req/s", told.per_second), theme.strong()));
            spans.push(Span::raw(format!("  p50 {}  p99 {}  ", ms(told.p50_ms), ms(told.p99_ms))));
            spans.push(Span::styled(
                format!("5xx {}", grouped(told.failed)),
                alarm(i64::try_from(told.failed).ok(), theme),
            ));
            spans.push(Span::styled(format!("  {} s", told.seconds.round()), theme.faint()));
        }
        None if requests_of(status).is_some() => spans.push(Span::styled("counting …", theme.faint())),
        None if is_served => {
            spans.push(Span::styled("the server does not tell what it answers", theme.faint()));
        }
        None => spans.push(Span::styled("nobody serves, so nothing is asked", theme.waiting())),
    }
    frame.render_widget(Line::from(spans), area);
}

/// Returns a time in milliseconds as people read it.
fn millis(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{:.1} s", ms / 1_000.0)
    } else if ms >= 10.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{ms:.1} ms")
    }
}
