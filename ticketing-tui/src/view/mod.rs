//! Draws the state: the frame around the picture, the picture, and what lies over it. It asks nobody.

mod dialog;
mod frame;
mod item;
mod layers;
mod overview;
mod seats;
mod table;
#[cfg(test)]
mod tests;
mod theme;

pub(crate) use theme::Theme;

use crate::row::Watch;
use crate::screens::{ItemLook, Look};
use crate::state::{Drawn, Health, Layer, Spot, State};
use crate::text::{Room, harmless_up_to};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

/// On a smaller terminal nothing could be read.
const WIDTH_MIN: u16 = 40;
const HEIGHT_MIN: u16 = 12;
/// From this width on, a time has room for its date.
const FULL_TIMES: u16 = 130;
/// Lines of an error above the picture.
const BANNER_HEIGHT: u16 = 2;

/// Draws the state, and returns what the state needs to know of it.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &State, theme: Theme) -> Drawn {
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        let text = format!(
            "{}×{} is too small: the dashboard needs {WIDTH_MIN}×{HEIGHT_MIN}, better 80×24. q quits.",
            area.width, area.height
        );
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return Drawn::default();
    }
    let has_banner = state.health() == Health::Lost && state.feed().at.is_some();
    let banner_height = if has_banner { BANNER_HEIGHT } else { 0 };
    let [head, tabs, banner, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(banner_height),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    frame::header(frame, head, state, theme);
    frame::tabs(frame, tabs, state, theme);
    let mut drawn = picture(frame, body, state, theme);
    if has_banner {
        frame::lost(frame, banner, state, theme);
        frame.buffer_mut().set_style(body, theme.grey());
    }
    frame::footer(frame, foot, state, theme);
    match &state.layer {
        None => {}
        Some(Layer::Help(line)) => drawn = layers::help(frame, body, *line, state, theme),
        Some(Layer::Palette(palette)) => layers::palette(frame, body, foot, palette, state, theme),
        Some(Layer::Filter(prompt)) => layers::filter(frame, body, foot, prompt, state, theme),
        Some(Layer::Menu(menu)) => dialog::menu(frame, body, menu, state, theme),
        Some(Layer::Change(change)) => drawn = dialog::change(frame, body, change, state, theme),
    }
    drawn
}

fn picture(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) -> Drawn {
    let here = state.trail.here();
    let screen = here.screen().get();
    if state.feed().at.is_none() {
        nothing_yet(frame, area, state, theme);
        return Drawn::default();
    }
    match (here, screen.look, screen.item_look) {
        (Spot::Screen(_), Look::Overview, _) => overview::draw(frame, area, state, theme),
        (Spot::Screen(_), Look::Table | Look::Ring, _) => table::draw(frame, area, state, theme),
        (Spot::Item(..), _, ItemLook::Seats | ItemLook::Section) => seats::draw(frame, area, state, theme),
        (Spot::Item(..), _, ItemLook::Sections) => table::draw(frame, area, state, theme),
        (Spot::Item(..), _, ItemLook::Fields) | (Spot::Answer(_), _, _) => {
            item::draw(frame, area, state, theme)
        }
    }
}

/// What is said where there is no picture yet: who is asked, or why nobody answered.
fn nothing_yet(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let place = harmless_up_to(&state.place.name, 1000);
    let mut lines = Vec::new();
    match &state.feed().refusal {
        None => lines.push(Line::from(format!("Asking {place} …"))),
        Some(refusal) => {
            for line in refusal.message.lines() {
                lines.push(Line::styled(harmless_up_to(line, 500), theme.bad()));
            }
            if let Some(why) = &refusal.why {
                lines.push(Line::from(harmless_up_to(why, 500)));
            }
            if let Some(hint) = &refusal.hint {
                lines.push(Line::default());
                lines.push(Line::from(format!("Try: {}", harmless_up_to(hint, 500))));
            }
            lines.push(Line::default());
            let again = if matches!(state.trail.here(), Spot::Answer(_)) {
                "r runs it again; esc goes back.".to_owned()
            } else {
                format!("It is tried again every few seconds, at {place}.")
            };
            lines.push(Line::styled(again, theme.faint()));
        }
    }
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(text, area.inner(Margin::new(2, area.height / 4)));
}

/// Returns how times are to be written now.
fn watch(state: &State, width: u16) -> Watch<'_> {
    let room = if width >= FULL_TIMES { Room::Full } else { Room::Short };
    Watch { now: state.shown_at(), style: state.time, zone: &state.zone, room }
}
