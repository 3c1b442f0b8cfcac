//! What lies over the picture and is no dialog: the help, the palette, the filter.

use super::{Theme, dialog};
use crate::row::Tone;
use crate::screens::{Screen, values_of};
use crate::state::{Drawn, FilterPrompt, KEYS, Line as Typed, Palette, State};
use crate::text::{cut, harmless_up_to};
use ratatui::Frame;
use ratatui::layout::{Constraint, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};
use ticketing_core::ops::filter::FieldKind;
use unicode_width::UnicodeWidthStr as _;

/// So many proposals are shown.
const PROPOSALS_MAX: usize = 8;
/// The help is no wider, however wide the terminal.
const HELP_WIDTH: u16 = 84;

/// Draws the keys, and why an action is off here.
pub(super) fn help(frame: &mut Frame<'_>, area: Rect, from: usize, state: &State, theme: Theme) -> Drawn {
    let area = area.centered(Constraint::Length(HELP_WIDTH.min(area.width)), Constraint::Length(area.height));
    let block = Block::bordered().title(" Keys: ↑ ↓ move, esc closes ");
    let inner = block.inner(area);
    let key_width = 24.min(usize::from(inner.width) / 3);
    let room = usize::from(inner.width).saturating_sub(key_width + 3);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let screen = state.trail.here().screen().get();
    if !screen.actions.is_empty() {
        lines.push(Line::styled(format!(" What can be done to a {} (a)", screen.chosen()), theme.strong()));
        let target = state.target();
        for action in screen.actions {
            let (text, tone) = match &target {
                Some((target, row)) => dialog::offered(action, target, row, state),
                None => (format!("{}: off, nothing is selected", action.title), Tone::Faint),
            };
            push(&mut lines, &format!("a {}", action.key), &text, (key_width, room), theme, tone);
        }
        lines.push(Line::default());
    }
    lines.extend(fields(screen, (key_width, room), state, theme));
    lines.push(Line::styled(" Keys", theme.strong()));
    for (keys, what) in KEYS {
        push(&mut lines, keys, what, (key_width, room), theme, Tone::Plain);
    }
    let page = usize::from(inner.height);
    let offset_max = lines.len().saturating_sub(page);
    let offset = from.min(offset_max);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    for (line, row) in lines.into_iter().skip(offset).zip(inner.rows()) {
        frame.render_widget(line, row);
    }
    Drawn { page, offset, offset_max, top: inner.y, ..Drawn::default() }
}

/// What a filter of this screen may name, and how.
fn fields(screen: &Screen, widths: (usize, usize), state: &State, theme: Theme) -> Vec<Line<'static>> {
    if screen.command.is_empty() {
        return Vec::new();
    }
    let mut lines =
        vec![Line::styled(format!(" What a filter of {} may say (/)", screen.title), theme.strong())];
    let id = state.trail.here().screen();
    if screen.query.is_empty() || !state.takes_query(id) {
        push(&mut lines, "any text", "rows that contain it, whatever the case", widths, theme, Tone::Plain);
    } else {
        // Fields of one kind are told of together: the keys below are to be seen, too.
        let mut kinds: Vec<FieldKind> = Vec::new();
        for field in screen.query.iter().filter(|field| !matches!(field.kind, FieldKind::Word(_))) {
            if !kinds.contains(&field.kind) {
                kinds.push(field.kind);
            }
        }
        for kind in kinds {
            let names = screen.query.iter().filter(|field| field.kind == kind).map(|field| field.name);
            let names = names.collect::<Vec<_>>().join(" ");
            push(&mut lines, &values_of(kind), &names, widths, theme, Tone::Plain);
        }
        for field in screen.query.iter().filter(|field| matches!(field.kind, FieldKind::Word(_))) {
            let text = format!("{}: {}", field.name, values_of(field.kind));
            push(&mut lines, "word", &text, widths, theme, Tone::Plain);
        }
        push(&mut lines, "signs", "= != < > <= >= ~ !~  and or not ( )", widths, theme, Tone::Faint);
    }
    lines.push(Line::default());
    lines
}

fn push(
    lines: &mut Vec<Line<'static>>,
    key: &str,
    what: &str,
    (key_width, room): (usize, usize),
    theme: Theme,
    tone: Tone,
) {
    let keys = crate::text::wrapped(key, key_width);
    let whats = crate::text::wrapped(what, room);
    for index in 0..keys.len().max(whats.len()) {
        let key = keys.get(index).cloned().unwrap_or_default();
        let pad = " ".repeat(key_width.saturating_sub(key.width()));
        lines.push(Line::from(vec![
            Span::styled(format!(" {key}{pad}"), theme.strong()),
            Span::styled(format!("  {}", whats.get(index).cloned().unwrap_or_default()), theme.tone(tone)),
        ]));
    }
}

/// Draws the palette's line at the foot, and what it proposes above it.
pub(super) fn palette(
    frame: &mut Frame<'_>,
    body: Rect,
    foot: Rect,
    palette: &Palette,
    state: &State,
    theme: Theme,
) {
    typed(frame, foot, ":", &palette.line, theme);
    let mut lines: Vec<Line<'static>> = Vec::new();
    if let Some(error) = &palette.error {
        let lined =
            crate::text::wrapped(&harmless_up_to(error, 500), usize::from(body.width).saturating_sub(4));
        lines.extend(lined.into_iter().map(|line| Line::styled(format!(" {line}"), theme.bad())));
    } else {
        let proposals = state.proposals(&palette.stem());
        let chosen = palette.tabbed.as_ref().map_or(0, |(_, index)| *index);
        let first = chosen.saturating_sub(PROPOSALS_MAX - 1);
        let width =
            proposals.iter().skip(first).take(PROPOSALS_MAX).map(|it| it.words.width()).max().unwrap_or(0);
        for (index, proposal) in proposals.iter().enumerate().skip(first).take(PROPOSALS_MAX) {
            let style = if index == chosen { theme.strong() } else { ratatui::style::Style::new() };
            let about = cut(&proposal.about, usize::from(body.width).saturating_sub(width + 6));
            lines.push(Line::from(vec![
                Span::styled(format!(" {:width$}", proposal.words), style),
                Span::styled(format!("  {about}"), theme.faint()),
            ]));
        }
        if proposals.len() > first + PROPOSALS_MAX {
            lines.push(Line::styled(
                format!(" … and {} more", proposals.len() - first - PROPOSALS_MAX),
                theme.faint(),
            ));
        }
    }
    above(frame, body, lines, " enter runs it, tab completes, ↑ ↓ what was typed before, esc closes ");
}

/// Draws the filter's line at the foot, and what is wrong with it, or what it may say, above it.
pub(super) fn filter(
    frame: &mut Frame<'_>,
    body: Rect,
    foot: Rect,
    prompt: &FilterPrompt,
    state: &State,
    theme: Theme,
) {
    typed(frame, foot, "/", &prompt.line, theme);
    let screen = prompt.screen.get();
    let width = usize::from(body.width).saturating_sub(4);
    let mut lines: Vec<Line<'static>> = Vec::new();
    match (&prompt.error, prompt.question) {
        (Some(error), _) => {
            // The lines after the first point at the mistake, blank by blank.
            for line in error.lines().map(|line| harmless_up_to(line, 500)) {
                let parts = if line.starts_with(' ') {
                    vec![cut(&line, width)]
                } else {
                    crate::text::wrapped(&line, width)
                };
                lines.extend(parts.into_iter().map(|part| Line::styled(format!(" {part}"), theme.bad())));
            }
        }
        (None, Some(_)) => lines.push(Line::styled(" Trying it …", theme.waiting())),
        (None, None) if state.takes_query(prompt.screen) => {
            let names: Vec<&str> = screen.query.iter().map(|field| field.name).collect();
            for line in crate::text::wrapped(&format!("fields: {}", names.join(" ")), width) {
                lines.push(Line::styled(format!(" {line}"), theme.faint()));
            }
            let typed = prompt.line.text();
            let last = typed.rsplit([' ', '(']).next().unwrap_or("");
            let name: String = last.chars().take_while(char::is_ascii_alphanumeric).collect();
            let at_hand = screen.query.iter().find(|field| field.name == name);
            let example = format!("as: {}; ? in the list has what each may be", example(screen));
            let text = at_hand.map_or(example, |field| format!("{}: {}", field.name, values_of(field.kind)));
            for line in crate::text::wrapped(&text, width) {
                lines.push(Line::styled(format!(" {line}"), theme.faint()));
            }
        }
        (None, None) => {
            lines.push(Line::styled(
                " Rows that contain this, in any field, whatever the case.",
                theme.faint(),
            ));
        }
    }
    lines.truncate(usize::from(body.height).saturating_sub(3));
    above(frame, body, lines, " enter filters, tab completes, esc leaves it as it was ");
}

/// A filter that this screen takes.
fn example(screen: &Screen) -> &'static str {
    let has = |name: &str| screen.query.iter().any(|field| field.name == name);
    if has("stuck") {
        "state=CHARGING age>1m not stuck=true"
    } else if has("holdLeft") {
        "status=RESERVED holdLeft<1m (user~\"bot\" or price>100)"
    } else if has("blocked") {
        "name~Airport free<5 not status=CANCELLED"
    } else if has("expiresAt") {
        "status=created createdAt<-10m"
    } else if has("capacity") {
        "city=Riverton capacity>500"
    } else if has("captured") {
        "status=FAILED age<1h"
    } else if has("tries") {
        "code=UNKNOWN_BOOKING age>1h"
    } else if has("done") {
        "state=running still>1m"
    } else if has("actor") {
        "actor=root at>-1h action~cancel"
    } else {
        "lag>0"
    }
}

fn above(frame: &mut Frame<'_>, body: Rect, lines: Vec<Line<'static>>, title: &'static str) {
    let height = (lines.len() as u16 + 2).min(body.height);
    let area = Rect { y: body.bottom() - height, height, ..body };
    let block = Block::bordered().title_bottom(title);
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    for (line, row) in lines.into_iter().zip(inner.rows()) {
        frame.render_widget(line, row);
    }
}

/// Draws a line that is being typed, with the cursor where it is; of a long one, what is around the cursor.
pub(super) fn typed(frame: &mut Frame<'_>, area: Rect, sign: &'static str, line: &Typed, theme: Theme) {
    let (before, behind) = line.halves();
    let before = harmless_up_to(&before, 2_000);
    let room = usize::from(area.width).saturating_sub(sign.width() + 2);
    let mut shown = before.as_str();
    while shown.width() > room {
        let mut chars = shown.chars();
        chars.next();
        shown = chars.as_str();
    }
    frame.render_widget(Clear, area);
    let text = Line::from(vec![
        Span::styled(sign, theme.strong()),
        Span::raw(shown.to_owned()),
        Span::raw(harmless_up_to(&behind, 2_000)),
    ]);
    frame.render_widget(text, area);
    let x = area.x + (sign.width() + shown.width()) as u16;
    frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
}
