//! The first screen: the figures that matter, the worst problems, who serves and how far the carriers are.

use super::{Theme, watch};
use crate::problems;
use crate::row::{Tone, at, moment, number, text};
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
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(panel_height),
        Constraint::Length(problems_height),
        Constraint::Min(0),
    ])
    .areas(area);
    let [log, money, rate] = Layout::horizontal([Constraint::Fill(1); 3]).areas(top);
    figures(frame, log, " Log ", &log_figures(state, status, theme));
    figures(frame, money, " Bookings ", &booking_figures(state, status, theme));
    rates(frame, rate, state, theme);
    let first = middle.y + 1;
    worst(frame, middle, state, &found, theme);
    parts(frame, bottom, state, status, theme);
    Drawn { page: found.len().max(1), offset: 0, offset_max: found.len().saturating_sub(1), top: first }
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
        frame.render_widget(
            Line::styled(" Nothing is wrong, as far as it can be seen from here.", theme.good()),
            inner,
        );
        return;
    }
    let index = state.cursor().index.min(found.len() - 1);
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

/// Who serves the stores, and where each part is.
fn parts(frame: &mut Frame<'_>, area: Rect, state: &State, status: &Value, theme: Theme) {
    let watch = watch(state, area.width);
    let mut rows: Vec<(String, String, Tone)> = Vec::new();
    let since = |row: &Value, path: &str| crate::row::cell(row, path, crate::row::Kind::Time, watch).0;
    match at(status, "server") {
        Some(server) => rows.push((
            "server".into(),
            format!(
                "{}, process {}, since {}",
                text(server, "address"),
                text(server, "pid"),
                since(server, "startedAt")
            ),
            Tone::Good,
        )),
        None if at(status, "processes").and_then(Value::as_array).is_none_or(Vec::is_empty) => {
            rows.push(("server".into(), "nobody serves these stores".into(), Tone::Waiting));
        }
        None => {}
    }
    let list = |path| at(status, path).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for process in list("processes") {
        let name = format!("{} {}", text(process, "host"), text(process, "pid"));
        let what = format!(
            "{}, {}, heard of {}",
            text(process, "state"),
            text(process, "roles"),
            since(process, "seenAt")
        );
        rows.push((name, what, crate::row::state_tone(&text(process, "state"))));
    }
    for carrier in list("carriers") {
        let lag = number(carrier, "lag").unwrap_or(0);
        let what = format!("position {}, {} behind", text(carrier, "position"), grouped(lag));
        rows.push((text(carrier, "carrier"), what, if lag > 0 { Tone::Waiting } else { Tone::Good }));
    }
    for part in list("services") {
        let what = format!("{} {}", text(part, "state"), text(part, "why"));
        rows.push((text(part, "name"), what, crate::row::state_tone(&text(part, "state"))));
    }
    for open in list("payments.notOver") {
        let what = format!(
            "{} {}, the oldest {}",
            text(open, "count"),
            text(open, "state"),
            since(open, "oldestAt")
        );
        rows.push(("payments".into(), what, crate::row::state_tone(&text(open, "state"))));
    }
    let ahead = number(status, "departuresAhead").map_or_else(|| "-".to_owned(), grouped);
    rows.push(("departures".into(), format!("{ahead} ahead"), Tone::Plain));
    rows.push(("write store".into(), text(status, "writeStore"), Tone::Plain));
    rows.push(("read store".into(), text(status, "readStore"), Tone::Plain));
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).min(24);
    for ((name, what, tone), row) in rows.into_iter().zip(area.rows()) {
        let name = cut(&harmless(&name), width);
        let what = cut(&harmless_up_to(&what, 300), usize::from(row.width).saturating_sub(width + 4));
        let line = Line::from(vec![
            Span::styled(format!(" {name:width$}  "), theme.faint()),
            Span::styled(what, theme.tone(tone)),
        ]);
        frame.render_widget(line, row);
    }
}
