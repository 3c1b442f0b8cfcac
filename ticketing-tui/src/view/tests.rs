//! What is on the screen, to the last blank. The pictures are in `tests/golden`; with `UPDATE_GOLDEN=1` they
//! are written anew, to be read before they are kept.

use super::{Theme, draw};
use crate::TimeStyle;
use crate::input::Input;
use crate::sample::{noon, picture, state};
use crate::state::State;
use crate::watch::Look;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::path::Path;

fn drawn(state: &State, (width, height): (u16, u16), has_colour: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, Theme { has_colour })).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if hidden == 0 {
                line.push_str(symbol);
                hidden = ratatui::text::Span::raw(symbol).width().max(1);
            }
            hidden -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A store that has been looked at twice, with ten seconds between.
fn seen() -> State {
    let mut state = state();
    for (seconds, head) in [(-10, 3_288), (-6, 3_300), (-5, 3_340), (-3, 3_400), (-1, 3_412)] {
        let at = noon().plus_seconds(seconds);
        state.look(Look::Saw(Box::new(picture(at, head))), at);
    }
    state.look(Look::Saw(Box::new(picture(noon(), 3_412))), noon());
    state
}

fn lost() -> State {
    let mut state = seen();
    let why = "the write store is unavailable: Connection refused (os error 111)".to_owned();
    state.look(Look::Failed { why }, noon().plus_seconds(72));
    state
}

#[test]
fn the_screens_are_as_they_were_approved() {
    let mut never = state();
    never.look(Look::Failed { why: "the write store is unavailable: pool timed out".into() }, noon());
    let mut helped = seen();
    helped.input(Input::Help, noon());
    let mut paused = seen();
    paused.input(Input::Pause, noon());
    paused.input(Input::Time, noon());
    paused.tick(noon().plus_seconds(75));
    let mut local = seen();
    local.time = TimeStyle::Local;
    let mut empty = state();
    let mut nothing = picture(noon(), 0);
    (nothing.status.next_hold_ends_at, nothing.status.lag, nothing.status.read_position) = (None, 0, 0);
    (nothing.status.holds_open, nothing.status.tickets) = (0, 0);
    nothing.holds = Ok([].into());
    empty.look(Look::Saw(Box::new(nothing)), noon());
    let mut corrupt = seen();
    if let Some(picture) = &mut corrupt.picture {
        picture.events = Err("corrupt row in events.data (position 3,400): not JSON".into());
    }
    let screens: [(&str, State, (u16, u16)); 13] = [
        ("connecting", state(), (80, 24)),
        ("connecting-fails", never, (80, 24)),
        ("overview", seen(), (80, 24)),
        ("overview", seen(), (60, 20)),
        ("overview", seen(), (120, 40)),
        ("overview", seen(), (200, 50)),
        ("overview-local", local, (120, 40)),
        ("paused-utc", paused, (80, 24)),
        ("lost", lost(), (80, 24)),
        ("help", helped, (80, 24)),
        ("empty", empty, (80, 24)),
        ("corrupt", corrupt, (80, 24)),
        ("too-small", seen(), (30, 10)),
    ];
    let mut wrong = Vec::new();
    for (name, state, size) in screens {
        let shown = text(&drawn(&state, size, true));
        let path = format!("{}/tests/golden/{name}-{}x{}.txt", env!("CARGO_MANIFEST_DIR"), size.0, size.1);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
            std::fs::write(&path, &shown).unwrap();
        }
        let approved = std::fs::read_to_string(&path).unwrap_or_default();
        if approved != shown {
            wrong.push(format!("{path}\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "not as approved (UPDATE_GOLDEN=1 writes them):\n{}", wrong.join("\n"));
}

#[test]
fn without_colour_there_is_no_colour_anywhere() {
    for state in [state(), seen(), lost()] {
        let buffer = drawn(&state, (120, 40), false);
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    }
}

#[test]
fn a_lost_store_greys_what_was_seen_and_not_what_is_said_of_it() {
    for has_colour in [true, false] {
        let buffer = drawn(&lost(), (80, 24), has_colour);
        // The second half of a wide character is a blank that is never drawn.
        let is_drawn = |at: &(u16, u16)| buffer[*at].symbol() != " ";
        let cells =
            |rows: std::ops::Range<u16>| rows.flat_map(|y| (0..80).map(move |x| (x, y))).filter(is_drawn);
        assert!(cells(3..23).all(|at| buffer[at].modifier.contains(Modifier::DIM)));
        assert!(cells(1..2).all(|at| !buffer[at].modifier.contains(Modifier::DIM)));
        if has_colour {
            assert!(cells(3..23).all(|at| buffer[at].fg == Color::DarkGray));
        }
    }
}

#[test]
fn it_can_be_drawn_at_every_size() {
    for state in [state(), seen(), lost()] {
        for size in [(1, 1), (39, 13), (40, 14), (41, 80), (110, 14), (200, 50), (500, 200)] {
            drawn(&state, size, true);
        }
    }
}

#[test]
fn nothing_from_customers_drives_the_terminal() {
    let mut state = state();
    state.address = "data\u{1b}]0;x\u{7}/write.db".into();
    for look in [Look::Saw(Box::new(picture(noon(), 100))), Look::Failed { why: "x".into() }] {
        state.look(look, noon());
        for cell in &drawn(&state, (200, 50), true).content {
            let is_harmless = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
            assert!(cell.symbol().chars().all(is_harmless), "{:?}", cell.symbol());
        }
    }
}
