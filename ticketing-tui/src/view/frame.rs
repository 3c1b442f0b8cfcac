//! The lines around the picture: what it is of, how old it is, where one can go, which keys there are.

use super::Theme;
use crate::TimeStyle;
use crate::desk::Refusal;
use crate::row::{at, moment, text};
use crate::screens::{ItemLook, SCREENS};
use crate::state::{Health, Layer, Spot, Stage, State};
use crate::text::{Room, clock, cut, duration, harmless, harmless_up_to, minute, short_id, tail, time};
use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use serde_json::Value;

/// From this width on, the clock has room beside the keys.
const CLOCK_WIDTH_MIN: u16 = 60;

/// Draws what the dashboard works on, and how the picture is to be taken.
pub(super) fn header(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let age = duration(state.age_seconds().unwrap_or(0));
    let (sign, word, style) = match state.health() {
        Health::Connecting => ("", "asking…".to_owned(), theme.waiting()),
        Health::Live => ("● ", format!("live, {age} old"), theme.good()),
        Health::Stale => ("○ ", format!("stale, {age} old"), theme.waiting()),
        Health::Paused => ("‖ ", format!("paused, {age} old"), theme.waiting()),
        Health::Lost if state.feed().at.is_none() => {
            let is_gone = state.feed().refusal.as_ref().is_some_and(Refusal::is_unreachable);
            ("✗ ", if is_gone { "no answer" } else { "refused" }.to_owned(), theme.bad())
        }
        Health::Lost if state.is_paused() => ("✗ ", format!("lost, paused, {age} old"), theme.bad()),
        Health::Lost => ("✗ ", format!("lost, {age} old"), theme.bad()),
    };
    let ground = theme.place(state.place.colour, state.place.protected);
    frame.buffer_mut().set_style(area, ground);
    // On a coloured ground, colour would not be read.
    let style = if ground == ratatui::style::Style::new() { style } else { theme.strong() };
    let health = Span::styled(format!("{sign}{word}"), style);
    let rights = Span::styled(if state.place.readonly { " RO " } else { " RW " }, theme.mark());
    let protected = Span::styled(if state.place.protected { " PROTECTED " } else { "" }, theme.mark());
    let name = match &state.place.context {
        Some(context) => format!("{} ", harmless_up_to(context, 100)),
        None => String::new(),
    };
    let name = Span::styled(name, theme.strong());
    let taken = name.width() + rights.width() + protected.width() + health.width() + 6;
    let address = harmless_up_to(&state.place.name, 1000);
    let address = tail(&address, usize::from(area.width).saturating_sub(taken));
    frame.render_widget(
        Line::from(vec![" ".into(), name, address.into(), " ".into(), rights, " ".into(), protected]),
        area,
    );
    frame.render_widget(Line::from(vec![health, " ".into()]).right_aligned(), area);
}

/// Draws the screens with their keys, as many as fit around the one that is shown.
pub(super) fn tabs(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let here = state.trail.here().screen().tab().0;
    let tab = |index: usize| {
        let screen = &SCREENS[index];
        screen.key.map(|key| (index, format!(" {key} {} ", screen.title)))
    };
    let all: Vec<(usize, String)> = (0..SCREENS.len()).filter_map(tab).collect();
    let room = usize::from(area.width);
    let at = all.iter().position(|(index, _)| *index == here).unwrap_or(0);
    let (mut first, mut last) = (at, at);
    let width = |range: std::ops::RangeInclusive<usize>| {
        all[range].iter().map(|(_, text)| text.chars().count()).sum::<usize>()
    };
    // Two columns say that there is more to either side.
    loop {
        let could = (first, last);
        if last + 1 < all.len() && width(first..=last + 1) + 2 <= room {
            last += 1;
        }
        if first > 0 && width(first - 1..=last) + 2 <= room {
            first -= 1;
        }
        if could == (first, last) {
            break;
        }
    }
    let more = |is: bool, sign: &'static str| Span::styled(if is { sign } else { " " }, theme.faint());
    let mut spans = vec![more(first > 0, "‹")];
    for (index, text) in &all[first..=last] {
        let style = if *index == here { theme.mark() } else { theme.faint() };
        spans.push(Span::styled(text.clone(), style));
    }
    spans.push(more(last + 1 < all.len(), "›"));
    frame.render_widget(Line::from(spans), area);
}

/// Draws why the picture below is an old one.
pub(super) fn lost(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let feed = state.feed();
    let (Some(refusal), Some(at)) = (&feed.refusal, feed.at) else { return };
    let at = time(at, state.now, absolute(state.time), &state.zone, Room::Short);
    let why = refusal.why.as_deref().unwrap_or_default();
    let message = refusal.message.lines().next().unwrap_or_default();
    let text = harmless_up_to(&format!("As it was at {at}. {message} {why}"), 500);
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

/// Draws what was said last, or the keys that matter here; and the time.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if let Some(said) = state.said() {
        let text = format!(" {}", cut(&said.text, usize::from(area.width).saturating_sub(2)));
        frame.render_widget(Line::styled(text, theme.tone(said.tone)), area);
        return;
    }
    let pause = if state.is_paused() { "go on" } else { "pause" };
    let keys: Vec<(&str, String)> = match (&state.layer, state.trail.here()) {
        (Some(Layer::Menu(_)), _) => vec![("enter", "choose".into()), ("esc", "close".into())],
        (Some(Layer::Change(change)), _) if matches!(change.stage, Stage::Plan) => vec![
            ("tab", "next field".into()),
            ("esc", "cancel".into()),
            ("pgdn", "more of the plan".into()),
            ("ctrl-r", "plan anew".into()),
        ],
        (Some(_), _) => vec![("esc", "close".into())],
        (None, spot) => {
            let screen = spot.screen().get();
            let mut keys = vec![("?", "help".to_owned()), (":", "palette".to_owned())];
            match spot {
                Spot::Screen(id) if id.0 == 0 => keys.push(("enter", "go there".into())),
                Spot::Screen(_) => {
                    keys.extend([("enter", "open".to_owned()), ("/", "filter".to_owned())]);
                }
                Spot::Item(id, _) if id.get().item_look == ItemLook::Sections => {
                    keys.extend([("esc", "back".to_owned()), ("enter", "its seats".to_owned())]);
                }
                Spot::Item(..) if state.shown_offering().is_some() => {
                    keys.extend([("esc", "back".to_owned()), ("enter", "who has it".to_owned())]);
                }
                Spot::Item(..) | Spot::Answer(_) => keys.push(("esc", "back".into())),
            }
            if !screen.actions.is_empty() {
                keys.push(("a", "actions".into()));
            }
            // What has no room is left out, from the end.
            keys.extend([
                ("q", "quit".into()),
                ("space", pause.to_owned()),
                ("t", format!("times: {}", state.time.word())),
            ]);
            keys
        }
    };
    let clock = clock(state.now, state.time, &state.zone);
    let room = usize::from(area.width).saturating_sub(if area.width < CLOCK_WIDTH_MIN {
        1
    } else {
        clock.len() + 2
    });
    let mut spans: Vec<Span<'_>> = vec![" ".into()];
    let mut taken = 1;
    for (key, what) in keys {
        let width = key.chars().count() + what.chars().count() + 3;
        if taken + width > room {
            break;
        }
        taken += width;
        spans.extend([Span::styled(key, theme.strong()), Span::styled(format!(" {what}  "), theme.faint())]);
    }
    frame.render_widget(Line::from(spans), area);
    if area.width >= CLOCK_WIDTH_MIN {
        frame.render_widget(Line::styled(format!("{clock} "), theme.faint()).right_aligned(), area);
    }
}

/// Returns what a map of seats is of: the route or the event, when it leaves or begins, and how it stands if that is not
/// as it should be. A list has other names for these than the thing's own page.
fn offering(state: &State, row: &Value) -> String {
    let first =
        |paths: [&'static str; 3]| paths.into_iter().find(|path| at(row, path).is_some()).unwrap_or_default();
    let name = harmless(&text(row, first(["routeName", "title", "name"])));
    let word = if at(row, "routeName").is_some() { "leaves" } else { "begins" };
    let when = moment(row, first(["departureTime", "startTime", "when"])).map_or_else(String::new, |at| {
        let exact = minute(at, state.now, state.time, &state.zone);
        match state.time {
            TimeStyle::Relative => {
                format!("{exact}, {}", time(at, state.now, TimeStyle::Relative, &state.zone, Room::Short))
            }
            TimeStyle::Utc | TimeStyle::Local => exact,
        }
    });
    let status = text(row, "status");
    let status = match status.as_str() {
        "SCHEDULED" | "ON_SALE" => String::new(),
        other => format!(", {}", harmless(other)),
    };
    format!("Seats › {name}, {word} {when}{status}")
}

/// Returns what the picture is of, for the line above it.
pub(super) fn title(state: &State, width: u16) -> String {
    if let Some(row) = state.card(state.trail.here()) {
        return cut(&offering(state, row), usize::from(width).saturating_sub(16));
    }
    match state.trail.here() {
        Spot::Screen(id) => id.get().title.to_owned(),
        Spot::Item(id, of) => {
            let id_width = usize::from(width).saturating_sub(20).min(64);
            format!("{} › {}", id.get().title, short_id(&harmless_up_to(of, 300), id_width))
        }
        Spot::Answer(words) => {
            let words: Vec<String> = words.iter().map(|word| crate::state::quoted(word)).collect();
            cut(&harmless_up_to(&words.join(" "), 300), usize::from(width).saturating_sub(2))
        }
    }
}
