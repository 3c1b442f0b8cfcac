//! The keys while nothing lies over the picture: going places, moving about, taking things along.

use super::{Effect, LIMIT_MAX, Layer, Spot, State};
use crate::input::Key;
use crate::row::Tone;
use crate::screens::{ItemLook, Look, SCREENS, ScreenId};
use crate::state::{FilterPrompt, Palette};
use serde_json::Value;

/// A key, and what it does.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("1…9 0 - = v l, tab", "go to a screen; shift-tab goes the other way"),
    ("↑ ↓ j k, pgup pgdn, g G", "move; the selection stays on its row when rows come and go"),
    ("enter", "open the selected thing"),
    ("esc", "close this; take the filter away; go back to where you came from"),
    ("[ ]", "back and forth through where you were"),
    (":", "palette: any ticketctl command, or a screen's name; tab completes, ↑ ↓ what was typed before"),
    ("/", "filter; an empty one shows everything again"),
    ("a", "what can be done to the selected thing"),
    ("w", "why: the whole story of the selected thing"),
    ("space", "pause, go on"),
    ("r", "look again now"),
    ("t", "times: relative, UTC, local"),
    ("+", "ask for ten times as many rows"),
    ("← → ↑ ↓, enter", "seat map: choose a section, a seat; open who has it"),
    ("f F", "seat map: the next stop to board at, to leave at"),
    ("y", "copy the id"),
    ("Y", "copy the ticketctl command that shows this"),
    ("e", "open as JSON in $PAGER"),
    ("x", "write the rows to a file, a JSON object each line"),
    ("m", "take the mouse (wheel, click), or give it back to the terminal"),
    ("ctrl-l", "draw anew"),
    ("ctrl-z", "stop until fg"),
    ("q, ctrl-c", "quit"),
    ("?", "show or hide this"),
];

impl State {
    pub(super) fn browse(&mut self, key: Key) {
        match key {
            Key::Char('q') => self.effects.push(Effect::Quit),
            Key::Char('?') => {
                self.try_actions();
                self.layer = Some(Layer::Help(0));
            }
            Key::Char(':') => self.layer = Some(Layer::Palette(Palette::default())),
            Key::Char('/') => self.open_filter(),
            Key::Char('a') => self.open_menu(),
            Key::Char(' ') => self.pause(),
            Key::Char('t') => self.time = self.time.next(),
            Key::Char('[') => self.step_trail(false),
            Key::Char(']') => self.step_trail(true),
            Key::Char('r') => self.look_again(),
            Key::Char('w') => self.ask_why(),
            Key::Char('+') => self.want_more(),
            Key::Char('y') => self.copy_id(),
            Key::Char('Y') => self.copy_command(),
            Key::Char('e') => self.page(),
            Key::Char('x') => self.export(),
            Key::Char('f') => self.next_leg(false),
            Key::Char('F') => self.next_leg(true),
            Key::Char('m') => {
                self.has_mouse = !self.has_mouse;
                self.effects.push(Effect::Mouse(self.has_mouse));
                let text = if self.has_mouse {
                    "The mouse works here now; m gives it back."
                } else {
                    "The mouse is the terminal's again."
                };
                self.say(Tone::Plain, text);
            }
            Key::Enter => self.open(),
            Key::Esc => self.up(),
            Key::Tab => self.next_screen(1),
            Key::BackTab => self.next_screen(SCREENS.len() - 1),
            Key::Up | Key::Char('k') => self.scroll(-1),
            Key::Down | Key::Char('j') => self.scroll(1),
            Key::PageUp | Key::Ctrl('b' | 'u') => self.scroll(-self.page_rows()),
            Key::PageDown | Key::Ctrl('f' | 'd') => self.scroll(self.page_rows()),
            Key::Home | Key::Char('g') => self.scroll(-END),
            Key::End | Key::Char('G') => self.scroll(END),
            Key::Char(c) => {
                if let Some(screen) = ScreenId::of_key(c) {
                    self.go(Spot::Screen(screen));
                }
            }
            Key::Left | Key::Right => self.seat_key(key),
            Key::Backspace | Key::Delete | Key::Ctrl(_) => {}
        }
    }

    fn page_rows(&self) -> i64 {
        i64::try_from(self.drawn.page.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Goes to a place. What was known of it is shown at once, and it is asked anew.
    pub(crate) fn go(&mut self, spot: Spot) {
        self.trail.go(spot);
        self.arrive();
    }

    fn step_trail(&mut self, forth: bool) {
        let moved = if forth { self.trail.forth() } else { self.trail.back() };
        if moved {
            self.arrive();
        } else {
            self.say(Tone::Plain, if forth { "There is nothing ahead." } else { "There is nothing behind." });
        }
    }

    fn arrive(&mut self) {
        let here = self.trail.here().clone();
        if let Some(feed) = self.feeds.get_mut(&here).filter(|_| !matches!(here, Spot::Answer(_))) {
            feed.hurry();
        }
    }

    fn next_screen(&mut self, by: usize) {
        let shown: Vec<usize> = (0..SCREENS.len()).filter(|index| SCREENS[*index].key.is_some()).collect();
        let here = self.trail.here().screen().0;
        let at = shown.iter().position(|index| *index == here).unwrap_or(0);
        let next = if by == 1 { at + 1 } else { at + shown.len() - 1 } % shown.len();
        self.go(Spot::Screen(ScreenId(shown[next % shown.len()])));
    }

    fn up(&mut self) {
        let here = self.trail.here().clone();
        if let Spot::Screen(screen) = here
            && self.filters.remove(&screen).is_some()
        {
            self.filter_changed(screen);
            return;
        }
        // From a thing or an answer one goes back to where one came from; a screen is below the overview.
        if !matches!(here, Spot::Screen(_)) && self.trail.back() {
            return self.arrive();
        }
        match here.up() {
            Some(spot) => self.go(spot),
            None => self.say(Tone::Plain, "This is the top; q quits."),
        }
    }

    fn look_again(&mut self) {
        let here = self.trail.here().clone();
        if let Some(feed) = self.feeds.get_mut(&here) {
            feed.hurry();
            if matches!(here, Spot::Answer(_)) {
                *feed = super::Feed::default();
            }
        }
        if self.is_paused() {
            self.say(Tone::Plain, "The picture is paused; space lets it go on.");
        }
    }

    /// Nothing can be paused before there is a picture.
    fn pause(&mut self) {
        if self.paused_at.take().is_some() {
            self.arrive();
        } else if self.feed().at.is_some() {
            self.paused_at = Some(self.now);
        } else {
            self.say(Tone::Plain, "There is no picture yet to be paused.");
        }
    }

    /// Moves the selection, or the page where there is none, by so many rows.
    pub(super) fn scroll(&mut self, rows: i64) {
        if let Some(Layer::Help(line)) = &mut self.layer {
            *line = moved(*line, rows, self.drawn.offset_max);
            return;
        }
        if self.shown_offering().is_some() {
            return self.move_seat(0, rows);
        }
        let here = self.trail.here().clone();
        let screen = here.screen().get();
        let doors = if here == super::OVERVIEW { crate::parts::doors(self).len() } else { 0 };
        let feed = self.feeds.get(&here).unwrap_or(&self.nothing);
        let cursor = self.cursors.entry(here.clone()).or_default();
        match here {
            Spot::Screen(id) if id.0 == 0 => {
                cursor.index = moved(cursor.index, rows, doors.saturating_sub(1));
            }
            _ if here.is_table() => {
                cursor.offset = self.drawn.offset;
                cursor.step(screen, feed, rows);
            }
            Spot::Screen(_) | Spot::Item(..) | Spot::Answer(_) => {
                cursor.offset = moved(self.drawn.offset, rows, self.drawn.offset_max);
            }
        }
    }

    pub(super) fn click(&mut self, y: u16) {
        let here = self.trail.here().clone();
        let Some(row) = y.checked_sub(self.drawn.top).filter(|row| usize::from(*row) < self.drawn.page)
        else {
            return;
        };
        if self.layer.is_none() && here != super::OVERVIEW && here.is_table() {
            let id = here.screen();
            let feed = self.feeds.get(&here).unwrap_or(&self.nothing);
            let index = self.drawn.offset + usize::from(row);
            if index < feed.len() {
                let cursor = self.cursors.entry(here.clone()).or_default();
                cursor.offset = self.drawn.offset;
                cursor.choose(id.get(), feed, index);
            }
        }
    }

    /// Returns the selected thing: its id, and what is known of it.
    pub(crate) fn selected(&self) -> Option<(ScreenId, String, &Value)> {
        match self.trail.here() {
            here if *here != super::OVERVIEW && here.is_table() => {
                let id = here.screen();
                let cursor = self.cursors.get(here)?;
                let chosen = cursor.selected()?;
                let row = self.feed().row(cursor.index)?;
                (id.get().id_of(row) == chosen).then(|| (id, chosen.to_owned(), row))
            }
            Spot::Item(id, _) if id.get().item_look == ItemLook::Section => {
                let seat = self.seat()?;
                Some((*id, id.get().id_of(seat), seat))
            }
            Spot::Item(id, of) => Some((*id, of.clone(), self.feed().object()?)),
            Spot::Screen(_) | Spot::Answer(_) => None,
        }
    }

    /// Says why nothing is selected.
    pub(super) fn why_nothing_is_selected(&self) -> String {
        let noun = self.trail.here().screen().get().chosen();
        if self.cursor().is_lost {
            return format!("The selected {noun} is gone; choose another one first.");
        }
        "Nothing is selected here.".to_owned()
    }

    fn open(&mut self) {
        if *self.trail.here() == super::OVERVIEW {
            let index = self.cursor().index;
            match crate::parts::doors(self).into_iter().nth(index) {
                Some(door) => {
                    if let Some((screen, filter)) = door.filter {
                        self.filters.insert(screen, filter);
                        self.filter_changed(screen);
                    }
                    self.go(door.spot);
                }
                None => self.say(Tone::Plain, "There is nothing to go to."),
            }
            return;
        }
        if self.shown_offering().is_some() {
            return self.open_seat();
        }
        match self.selected() {
            Some((_, id, _)) if self.trail.here().is_table() => {
                if let Some(spot) = self.trail.here().of_row(id) {
                    self.go(spot);
                }
            }
            Some(_) => {}
            None => {
                let why = self.why_nothing_is_selected();
                self.say(Tone::Plain, why);
            }
        }
    }

    fn ask_why(&mut self) {
        let Some(why) = ScreenId::named("why") else { return };
        if let Some((seat, _)) = self.seat_of() {
            return self.go(Spot::Item(why, seat));
        }
        match self.selected() {
            Some((screen, id, row)) => {
                let of = match screen.get().name {
                    "events" => crate::row::text(row, "streamId"),
                    "letters" => crate::row::text(row, "stream"),
                    "sagas" | "holds" | "bookings" | "payments" | "orders" => id,
                    // What is sold has the story of itself, and of what was booked of it.
                    "seats" | "shows" | "listings" => id,
                    _ => String::new(),
                };
                match of.as_str() {
                    "" => self.say(
                        Tone::Plain,
                        "There is no story of this: what is sold or bought has one, a payment, a saga and an event.",
                    ),
                    _ => self.go(Spot::Item(why, of)),
                }
            }
            None => {
                let text = self.why_nothing_is_selected();
                self.say(Tone::Plain, text);
            }
        }
    }

    fn want_more(&mut self) {
        let Spot::Screen(id) = *self.trail.here() else { return };
        if !id.get().has_limit || id.get().look != Look::Table || id.0 == 0 {
            return self.say(Tone::Plain, "Everything that there is here is shown.");
        }
        let limit = self.limit(id).saturating_mul(10).min(LIMIT_MAX);
        self.limits.insert(id, limit);
        self.filter_changed(id);
        self.say(
            Tone::Plain,
            format!("Up to {} rows are asked for now.", crate::text::grouped(limit as u64)),
        );
    }

    fn copy_id(&mut self) {
        let seat = self.seat_of().map(|(seat, _)| seat);
        match seat.or_else(|| self.selected().map(|(_, id, _)| id)) {
            Some(id) => self.copy(id),
            None => {
                let why = self.why_nothing_is_selected();
                self.say(Tone::Plain, why);
            }
        }
    }

    fn copy_command(&mut self) {
        let command = match self.trail.here() {
            Spot::Answer(words) => words.clone(),
            spot => self.command(spot),
        };
        self.copy(self.shell_line(&command));
    }

    fn page(&mut self) {
        let json = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
        let text = match self.selected() {
            Some((_, _, row)) => json(row),
            None => match (&self.feed().text, self.feed().rows()) {
                (Some(text), []) => text.clone(),
                (_, []) => return self.say(Tone::Plain, "There is nothing to open yet."),
                (_, [one]) => json(one),
                (_, rows) => json(&Value::Array(rows.to_vec())),
            },
        };
        self.effects.push(Effect::Page(crate::text::harmless_lines(&text)));
    }

    fn export(&mut self) {
        let feed = self.feed();
        let rows: Vec<String> =
            (0..feed.len()).filter_map(|index| feed.row(index)).map(Value::to_string).collect();
        if rows.is_empty() {
            return self.say(Tone::Plain, "There are no rows to write.");
        }
        let name = self.trail.here().screen().get().name;
        self.effects.push(Effect::Save(name, rows));
    }

    pub(super) fn open_filter(&mut self) {
        match *self.trail.here() {
            Spot::Screen(id) if id.0 != 0 => {
                let text = self.filters.get(&id).cloned().unwrap_or_default();
                self.layer = Some(Layer::Filter(FilterPrompt::new(id, &text)));
            }
            _ => self.say(Tone::Plain, "There are no rows to filter here."),
        }
    }

    pub(super) fn help_key(&mut self, line: usize, key: Key) {
        let by = match key {
            Key::Char('q') => return self.effects.push(Effect::Quit),
            Key::Up | Key::Char('k') => -1,
            Key::Down | Key::Char('j') => 1,
            Key::PageUp => -self.page_rows(),
            Key::PageDown | Key::Char(' ') => self.page_rows(),
            Key::Home => -END,
            Key::End => END,
            _ => return,
        };
        self.layer = Some(Layer::Help(moved(line, by, self.drawn.offset_max)));
    }

    /// Returns the stops of a departure: their sequence and name.
    pub(crate) fn stops(&self, departure: &str) -> Vec<(String, String)> {
        let Some(seats) = ScreenId::named("seats") else { return Vec::new() };
        let Some(row) = self.card(&Spot::Item(seats, departure.to_owned())) else { return Vec::new() };
        let stops = crate::row::at(row, "stops").and_then(Value::as_array);
        let stop = |stop: &Value| (crate::row::text(stop, "sequence"), crate::row::text(stop, "name"));
        stops.map(|stops| stops.iter().map(stop).collect()).unwrap_or_default()
    }

    /// Returns the flags' values for legs that are places among a departure's stops.
    pub(super) fn stops_of(&self, departure: &str, (from, to): (usize, usize)) -> Option<(String, String)> {
        let stops = self.stops(departure);
        Some((format!("#{}", stops.get(from)?.0), format!("#{}", stops.get(to)?.0)))
    }

    /// On a seat map, boards at the next stop, or leaves at the next one.
    fn next_leg(&mut self, is_end: bool) {
        let Spot::Item(screen, departure) = self.trail.here().clone() else { return };
        if screen.get().item_look != ItemLook::Seats {
            // A hall is the same from one end of the evening to the other.
            return;
        }
        let stops = self.stops(&departure).len();
        if stops < 2 {
            return self.say(Tone::Plain, "The stops of this departure are not known yet.");
        }
        let (from, to) = self.legs.get(&departure).copied().unwrap_or((0, stops - 1));
        let legs = if is_end {
            (from, if to + 1 < stops { to + 1 } else { from + 1 })
        } else {
            let from = if from + 2 < stops { from + 1 } else { 0 };
            (from, if to > from { to } else { stops - 1 })
        };
        self.legs.insert(departure, legs);
        let here = self.trail.here().clone();
        if let Some(feed) = self.feeds.get_mut(&here) {
            feed.forget_question();
        }
    }
}

/// As far as one can go.
const END: i64 = i64::MAX / 2;

fn moved(from: usize, by: i64, max: usize) -> usize {
    let to = i64::try_from(from).unwrap_or(i64::MAX).saturating_add(by).max(0);
    usize::try_from(to).unwrap_or(usize::MAX).min(max)
}
