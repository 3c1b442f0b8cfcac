//! The dialogs of a change: what can be done, what it would do, what came of it.

use super::{Theme, layers::typed};
use crate::row::{Tone, at, raw};
use crate::screens::Action;
use crate::state::{Change, Drawn, Focus, Menu, Offer, Stage, State, Target, is_safe};
use crate::text::{cut, duration, grouped, harmless_up_to, seconds_left, wrapped};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};
use serde_json::Value;

/// No dialog is wider, however wide the terminal.
const WIDTH_MAX: u16 = 100;
/// No plan is shown in more lines; `--dry-run` prints them all.
const PLAN_LINES_MAX: usize = 2_000;

fn framed(frame: &mut Frame<'_>, body: Rect, height: u16, title: &str) -> Rect {
    let width = WIDTH_MAX.min(body.width);
    let area = body.centered(Constraint::Length(width), Constraint::Length(height.min(body.height)));
    let title = format!(" {} ", cut(title, usize::from(width).saturating_sub(4)));
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

/// Draws what can be done to the selected thing, which of it is safe, and why the rest can't be done.
pub(super) fn menu(frame: &mut Frame<'_>, body: Rect, menu: &Menu, state: &State, theme: Theme) {
    let screen = menu.target.screen.get();
    let title = format!("{} {}", screen.chosen(), harmless_up_to(&menu.target.id, 100));
    let inner = framed(frame, body, screen.actions.len() as u16 + 2, &title);
    for ((index, action), row) in screen.actions.iter().enumerate().zip(inner.rows()) {
        let (text, tone) = offered(action, &menu.target, &menu.row, state);
        let text = cut(&text, usize::from(row.width).saturating_sub(5));
        let line = Line::from(vec![
            Span::styled(format!(" {}  ", action.key), theme.strong()),
            Span::styled(text, theme.tone(tone)),
        ]);
        frame.render_widget(line, row);
        if index == menu.index {
            frame.buffer_mut().set_style(row, theme.selected());
        }
    }
}

/// Returns what is said of an action: what it does, and whether it is the safe one, or why it can't be done.
pub(super) fn offered(action: &Action, target: &Target, row: &Value, state: &State) -> (String, Tone) {
    let safe = if is_safe(action, row) { " — the safe action" } else { "" };
    let title = action.title_for(row);
    match state.offer(action, target, row) {
        Offer::Open => (format!("{title}{safe}"), if safe.is_empty() { Tone::Plain } else { Tone::Good }),
        Offer::Asked => (format!("{title}{safe} …"), Tone::Plain),
        Offer::Off(why) => {
            let head = title.split_once(':').map_or(&*title, |(head, _)| head);
            (format!("{head}: off, {why}"), Tone::Faint)
        }
    }
}

/// Draws a change at its stage.
pub(super) fn change(
    frame: &mut Frame<'_>,
    body: Rect,
    change: &Change,
    state: &State,
    theme: Theme,
) -> Drawn {
    let title = change.title.as_str();
    let say = |frame: &mut Frame<'_>, lines: Vec<Line<'static>>| {
        let inner = framed(frame, body, lines.len() as u16 + 2, title);
        for (line, row) in lines.into_iter().zip(inner.rows()) {
            frame.render_widget(line, row);
        }
        Drawn::default()
    };
    let width = usize::from(WIDTH_MAX.min(body.width)).saturating_sub(4);
    match &change.stage {
        Stage::Wants(what, _) => {
            let inner = framed(frame, body, 5, title);
            let [ask, line, hint] =
                Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Length(1)])
                    .areas(inner);
            frame.render_widget(Line::from(format!(" {what}:")), ask);
            typed(frame, line, " ", &change.argument, theme);
            frame.render_widget(
                Line::styled(" enter shows what it would do; esc cancels", theme.faint()),
                hint,
            );
            Drawn::default()
        }
        Stage::Planning => {
            let mut lines = vec![Line::styled(" Asking what it would do … esc cancels", theme.waiting())];
            if !change.reason.is_blank() {
                let reason = harmless_up_to(&change.reason.text(), 300);
                lines.push(Line::from(format!(
                    " Reason, for the audit log: {}",
                    cut(&reason, width.saturating_sub(28))
                )));
            }
            say(frame, lines)
        }
        Stage::Plan => plan(frame, body, change, theme),
        Stage::Doing(since) => {
            let for_ = duration(-seconds_left(*since, state.now));
            let text = format!(" Doing it, for {for_} … esc leaves it to go on by itself");
            say(frame, vec![Line::styled(text, theme.waiting())])
        }
        Stage::Done(answer) => {
            let mut lines = vec![Line::styled(" Done.", theme.good())];
            for note in &answer.notes {
                lines.extend(
                    wrapped(&harmless_up_to(note, 500), width)
                        .into_iter()
                        .map(|it| Line::from(format!(" {it}"))),
                );
            }
            if let Some(row) = answer.rows.first() {
                lines.extend(told(row).into_iter().map(|line| Line::from(format!(" {}", cut(&line, width)))));
            }
            lines.push(Line::styled(" esc closes; the audit log has it", theme.faint()));
            lines.truncate(usize::from(body.height).saturating_sub(2));
            say(frame, lines)
        }
        Stage::Refused(refusal) => {
            let mut lines = Vec::new();
            let mut add = |text: &str, style| {
                for line in text.lines().flat_map(|line| wrapped(&harmless_up_to(line, 1_000), width)) {
                    lines.push(Line::styled(format!(" {line}"), style));
                }
            };
            add(&refusal.message, theme.bad());
            if let Some(why) = &refusal.why {
                add(why, ratatui::style::Style::new());
            }
            if let Some(hint) = &refusal.hint {
                add(&format!("Try: {hint}"), ratatui::style::Style::new());
            }
            add("esc closes, r asks again", theme.faint());
            lines.truncate(usize::from(body.height).saturating_sub(2));
            say(frame, lines)
        }
    }
}

/// The few facts of an answer that tell what came of a change.
fn told(row: &Value) -> Vec<String> {
    const TOLD: &[&str] =
        &["id", "state", "status", "kind", "name", "affected", "done", "total", "outcome", "reason"];
    TOLD.iter()
        .filter_map(|path| at(row, path).map(|value| format!("{path}: {}", harmless_up_to(&raw(value), 200))))
        .collect()
}

/// What it would do, and the form below: Cancel has the focus, and the key that agrees is none that opened it.
fn plan(frame: &mut Frame<'_>, body: Rect, change: &Change, theme: Theme) -> Drawn {
    let width = WIDTH_MAX.min(body.width);
    let lines = plan_lines(change, usize::from(width).saturating_sub(4), theme);
    let form_height = 3 + u16::from(change.name.is_some()) + u16::from(change.hint.is_some());
    let wanted = (lines.len() as u16).saturating_add(form_height + 3);
    let inner = framed(frame, body, wanted, &change.title);
    let [shown, rule, form] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(1), Constraint::Length(form_height)])
            .areas(inner);
    let page = usize::from(shown.height);
    let offset_max = lines.len().saturating_sub(page);
    let offset = change.offset.min(offset_max);
    let count = lines.len();
    for (line, row) in lines.into_iter().skip(offset).zip(shown.rows()) {
        frame.render_widget(line, row);
    }
    let more = if offset_max > 0 {
        format!("─ lines {}–{} of {count}, pgup pgdn ", offset + 1, (offset + page).min(count))
    } else {
        String::new()
    };
    let dashes = "─".repeat(usize::from(rule.width).saturating_sub(more.chars().count()));
    frame.render_widget(Line::styled(format!("{more}{dashes}"), theme.faint()), rule);
    let mut rows = form.rows();
    if let (Some(hint), Some(row)) = (&change.hint, change.hint.as_ref().and_then(|_| rows.next())) {
        frame.render_widget(
            Line::styled(format!(" {}", cut(hint, usize::from(row.width) - 1)), theme.waiting()),
            row,
        );
    }
    let mut cursor = None;
    let mut field =
        |frame: &mut Frame<'_>, row: Rect, label: &str, line: &crate::state::Line, is_here: bool| {
            let label = format!(" {label}: ");
            let label_width = unicode_width::UnicodeWidthStr::width(label.as_str()) as u16;
            let style = if is_here { theme.strong() } else { theme.faint() };
            let rest = Rect {
                x: row.x + label_width.min(row.width),
                width: row.width.saturating_sub(label_width),
                ..row
            };
            if is_here {
                cursor = Some((rest, line.clone()));
            } else {
                frame.render_widget(Line::from(harmless_up_to(&line.text(), 300)), rest);
            }
            frame.render_widget(Line::styled(label, style), row);
        };
    if let Some(row) = rows.next() {
        field(frame, row, "Reason, for the audit log", &change.reason, change.focus == Focus::Reason);
    }
    if let (Some(name), Some(row)) = (&change.name, change.name.as_ref().and_then(|_| rows.next())) {
        let label = format!("Type {} to confirm", harmless_up_to(name, 64));
        field(frame, row, &label, &change.typed, change.focus == Focus::Name);
    }
    rows.next();
    if let Some(row) = rows.next() {
        let button = |text: String, is_here: bool| {
            Span::styled(text, if is_here { theme.mark() } else { theme.faint() })
        };
        let go = if change.focus == Focus::Go { " y does it " } else { " Do it " };
        let line = Line::from(vec![
            " ".into(),
            button(" Cancel ".to_owned(), change.focus == Focus::Cancel),
            "   ".into(),
            button(go.to_owned(), change.focus == Focus::Go),
            Span::styled("   tab: next, ctrl-y: copy the command", theme.faint()),
        ]);
        frame.render_widget(line, row);
    }
    if let Some((rest, line)) = cursor {
        typed(frame, rest, "", &line, theme);
    }
    Drawn { page, offset, offset_max, top: shown.y, ..Drawn::default() }
}

/// A line for each thing, and below it what becomes of its fields.
fn plan_lines(change: &Change, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(plan) = &change.plan else { return vec![Line::styled(" No plan was answered.", theme.bad())] };
    let empty = Vec::new();
    let changes = plan.get("changes").and_then(Value::as_array).unwrap_or(&empty);
    let affected = change.affected();
    let action = harmless_up_to(&crate::row::text(plan, "action"), 100);
    let count = format!(
        " {action}: {} {} affected",
        grouped(affected),
        if affected == 1 { "thing" } else { "things" }
    );
    let mut lines = vec![Line::styled(count, theme.strong())];
    for one in changes {
        let (before, after) = (at(one, "before"), at(one, "after"));
        let (sign, tone) = match (before, after) {
            (None, _) => ("+", Tone::Good),
            (Some(_), None) => ("-", Tone::Bad),
            (Some(_), Some(_)) => ("~", Tone::Waiting),
        };
        let id = at(one, "id").map_or_else(|| "(new)".to_owned(), raw);
        let title = harmless_up_to(&format!("{} {id}", crate::row::text(one, "kind")), 200);
        lines.push(Line::from(vec![
            Span::styled(format!(" {sign} "), theme.tone(tone)),
            Span::raw(cut(&title, width)),
        ]));
        for field in fields(before, after) {
            lines.push(Line::from(format!("     {}", cut(&field, width.saturating_sub(4)))));
        }
        if lines.len() > PLAN_LINES_MAX {
            lines.push(Line::styled(" … and more, which --dry-run prints", theme.waiting()));
            break;
        }
    }
    lines
}

/// The fields that are amounts, in the currency beside them.
const AMOUNTS: &[&str] = &["price", "amount", "captured", "refunded", "fare"];

/// What becomes of each field, and nothing that stays. Of what is made of parts, the parts.
fn fields(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
    let (before, after) = (leaves(before), leaves(after));
    let of = |side: &[(String, String)], key: &str| {
        side.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    let new = after.iter().filter(|(key, _)| of(&before, key).is_none());
    let line = |key: &str| {
        let name = harmless_up_to(key, 64);
        match (of(&before, key), of(&after, key)) {
            (old, new) if old == new => None,
            (None, Some(new)) => Some(format!("{name}: {new}")),
            (Some(old), None) => Some(format!("{name}: {old} → -")),
            (Some(old), Some(new)) => Some(format!("{name}: {old} → {new}")),
            (None, None) => None,
        }
    };
    before.iter().chain(new).filter_map(|(key, _)| line(key)).collect()
}

/// The values of one side by their paths; those that are null are not there.
fn leaves(side: Option<&Value>) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
        let Some(fields) = value.as_object() else { return };
        for (key, field) in fields {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if field.is_null() {
                continue;
            }
            if field.is_object() {
                walk(field, &path, out);
                continue;
            }
            let told = match AMOUNTS.contains(&key.as_str()) {
                true => crate::row::amount(value, key),
                false => raw(field),
            };
            out.push((path, harmless_up_to(&told, 300)));
        }
    }
    let mut out = Vec::new();
    if let Some(side) = side {
        walk(side, "", &mut out);
    }
    out
}
