//! A map of seats: which one is selected, and the departure that it is of.

use super::{Spot, State};
use crate::input::Key;
use crate::row::{Tone, at, text};
use crate::screens::{ItemLook, ScreenId};
use crate::seating;
use serde_json::Value;

impl State {
    /// Returns the departure of the map that is shown, if one is.
    pub(crate) fn shown_departure(&self) -> Option<&str> {
        match self.trail.here() {
            Spot::Item(screen, of) if screen.get().item_look == ItemLook::Seats => Some(of),
            Spot::Item(..) | Spot::Screen(_) | Spot::Answer(_) => None,
        }
    }

    /// Returns where the departure of a map is known from: the map itself has neither its route nor its time.
    pub(super) fn departure_of(&self, spot: &Spot) -> Option<Spot> {
        match spot {
            Spot::Item(screen, of) if screen.get().item_look == ItemLook::Seats => {
                Some(Spot::Item(ScreenId::named("departures")?, of.clone()))
            }
            Spot::Item(..) | Spot::Screen(_) | Spot::Answer(_) => None,
        }
    }

    /// Returns what is known of a departure.
    pub(crate) fn departure(&self, of: &str) -> Option<&Value> {
        let page = Spot::Item(ScreenId::named("departures")?, of.to_owned());
        if let Some(found) = self.feed_of(&page).object() {
            return Some(found);
        }
        let seats = ScreenId::named("seats")?;
        let feed = self.feed_of(&Spot::Screen(seats));
        feed.find(seats.get(), of).and_then(|index| feed.row(index))
    }

    /// Returns the seats of the map that is shown.
    pub(crate) fn seats(&self) -> &[Value] {
        let seats = self.feed().object().and_then(|map| at(map, "seats")).and_then(Value::as_array);
        seats.map_or(&[], Vec::as_slice)
    }

    /// Returns the place of the selected seat: the first one before any was chosen.
    pub(crate) fn selected_seat(&self) -> usize {
        let cursor = self.cursor();
        let is_it = |seat: &Value| cursor.id.as_deref() == Some(text(seat, "seatNumber").as_str());
        self.seats().iter().position(is_it).unwrap_or(0)
    }

    /// Moves the selection by so many seats along the line, and so many lines.
    pub(super) fn move_seat(&mut self, along: i64, lines: i64) {
        let drawn = seating::lines(self.seats(), self.drawn.per_line);
        let index = self.selected_seat();
        let Some((line, place)) = seating::place_of(&drawn, index) else { return };
        let line = moved(line, lines, drawn.len());
        let here = drawn.get(line).map_or(&[][..], Vec::as_slice);
        let Some(chosen) = here.get(moved(place, along, here.len())) else { return };
        let id = self.seats().get(*chosen).map(|seat| text(seat, "seatNumber"));
        let offset = self.drawn.offset;
        let cursor = self.cursors.entry(self.trail.here().clone()).or_default();
        (cursor.id, cursor.index, cursor.is_chosen, cursor.offset) = (id, line, true, offset);
    }

    /// Heeds a key that moves along a line of seats.
    pub(super) fn seat_key(&mut self, key: Key) {
        if self.shown_departure().is_some() {
            match key {
                Key::Left => self.move_seat(-1, 0),
                Key::Right => self.move_seat(1, 0),
                _ => {}
            }
        }
    }

    /// Returns the selected seat as `why` takes it, and its state.
    pub(crate) fn seat_of(&self) -> Option<(String, String)> {
        let of = self.shown_departure()?;
        let seat = self.seats().get(self.selected_seat())?;
        Some((format!("{of}/{}", text(seat, "seatNumber")), text(seat, "state")))
    }

    /// Opens the story of the selected seat: who has it, and how it came to that.
    pub(super) fn open_seat(&mut self) {
        let Some((seat, state)) = self.seat_of() else { return };
        let label = crate::text::harmless(seat.rsplit('/').next().unwrap_or_default());
        match (state.as_str(), ScreenId::named("why")) {
            ("free", _) => self.say(Tone::Plain, format!("Seat {label} is free; w tells who had it before.")),
            ("blocked", _) => {
                self.say(Tone::Plain, format!("Seat {label} is blocked: the layout does not sell it."));
            }
            (_, Some(why)) => self.go(Spot::Item(why, seat)),
            (_, None) => {}
        }
    }
}

fn moved(from: usize, by: i64, len: usize) -> usize {
    let to = i64::try_from(from).unwrap_or(i64::MAX).saturating_add(by).max(0);
    usize::try_from(to).unwrap_or(usize::MAX).min(len.saturating_sub(1))
}
