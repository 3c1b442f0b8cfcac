//! What lies over the picture and is no dialog: the help, the palette, the filter.

use super::Theme;
use crate::row::Tone;
use crate::state::{Drawn, FilterPrompt, KEYS, Line as Typed, Palette, State};
use crate::text::{cut, harmless_up_to};
use ratatui::Frame;
use ratatui::layout::{Constraint, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};
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
        lines.push(Line::styled(format!(" What can be done to a {} (a)", screen.noun), theme.strong()));
        let selected = state.selected();
        for action in screen.actions {
            let off = match (&selected, state.why_no_change()) {
                (_, Some(why)) => Some(why),
                (None, None) => Some("nothing is selected".to_owned()),
                (Some((_, _, row)), None) => (action.off)(row).map(str::to_owned),
            };
            let (text, tone) = match off {
                None => (action.title.to_owned(), Tone::Plain),
                Some(why) => (format!("{}: off, {why}", action.title), Tone::Faint),
            };
            push(&mut lines, &format!("a {}", action.key), &text, (key_width, room), theme, tone);
        }
        lines.push(Line::default());
    }
    lines.push(Line::styled(" Keys", theme.strong()));
    for (keys, what) in KEYS {
        push(&mut lines, keys, what, (key_width, room), theme, Tone::Plain);
    }
    if !screen.query.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled(" Filter", theme.strong()));
        push(&mut lines, "fields", &screen.query.join(" "), (key_width, room), theme, Tone::Plain);
        push(
            &mut lines,
            "signs",
            "= != < > <= >= ~ !~  and or not ( )",
            (key_width, room),
            theme,
            Tone::Plain,
        );
    }
    let page = usize::from(inner.height);
    let offset_max = lines.len().saturating_sub(page);
    let offset = from.min(offset_max);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    for (line, row) in lines.into_iter().skip(offset).zip(inner.rows()) {
        frame.render_widget(line, row);
    }
    Drawn { page, offset, offset_max, top: inner.y }
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
    let typed = palette.line.text();
    let mut lines: Vec<Line<'static>> = Vec::new();
    if let Some(error) = &palette.error {
        let lined =
            crate::text::wrapped(&harmless_up_to(error, 500), usize::from(body.width).saturating_sub(4));
        lines.extend(lined.into_iter().map(|line| Line::styled(format!(" {line}"), theme.bad())));
    } else {
        let proposals = state.proposals(&typed);
        let width = proposals.iter().take(PROPOSALS_MAX).map(|it| it.words.width()).max().unwrap_or(0);
        for (index, proposal) in proposals.iter().take(PROPOSALS_MAX).enumerate() {
            let style = if index == 0 { theme.strong() } else { ratatui::style::Style::new() };
            let about = cut(&proposal.about, usize::from(body.width).saturating_sub(width + 6));
            lines.push(Line::from(vec![
                Span::styled(format!(" {:width$}", proposal.words), style),
                Span::styled(format!("  {about}"), theme.faint()),
            ]));
        }
        if proposals.len() > PROPOSALS_MAX {
            lines.push(Line::styled(
                format!(" … and {} more", proposals.len() - PROPOSALS_MAX),
                theme.faint(),
            ));
        }
    }
    above(frame, body, lines, " enter runs it, tab completes, esc closes ");
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
            for line in crate::text::wrapped(&format!("fields: {}", screen.query.join(" ")), width) {
                lines.push(Line::styled(format!(" {line}"), theme.faint()));
            }
            lines
                .push(Line::styled(" as: state=PARKED age>10m not (user~\"bot\" or price<5)", theme.faint()));
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
