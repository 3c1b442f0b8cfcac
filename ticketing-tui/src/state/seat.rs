//! A map of seats: which one is selected, and what it is a map of.

use super::{Spot, State};
use crate::input::Key;
use crate::row::{Tone, at, text};
use crate::screens::{ItemLook, ScreenId, halves};
use serde_json::Value;

impl State {
    /// Returns what the map that is shown is of, if one is: the departure, or the event of a section.
    pub(crate) fn shown_offering(&self) -> Option<&str> {
        let Spot::Item(screen, id) = self.trail.here() else { return None };
        match screen.get().item_look {
            ItemLook::Seats => Some(id),
            ItemLook::Section => Some(halves(id).0),
            ItemLook::Sections | ItemLook::Fields => None,
        }
    }

    /// Returns where it is known from what a map is of: the map itself has neither a name nor a time.
    pub(super) fn card_of(&self, spot: &Spot) -> Option<Spot> {
        let Spot::Item(screen, id) = spot else { return None };
        let card = ScreenId::named(screen.get().card)?;
        let of = if screen.get().item_look == ItemLook::Section { halves(id).0 } else { id };
        Some(Spot::Item(card, of.to_owned()))
    }

    /// Returns what is known of the thing that a place is a map of.
    pub(crate) fn card(&self, spot: &Spot) -> Option<&Value> {
        let card = self.card_of(spot)?;
        if let Some(found) = self.feed_of(&card).object() {
            return Some(found);
        }
        let Spot::Item(_, of) = &card else { return None };
        ["seats", "shows"].into_iter().filter_map(ScreenId::named).find_map(|list| {
            let feed = self.feed_of(&Spot::Screen(list));
            feed.find(list.get(), of).and_then(|index| feed.row(index))
        })
    }

    /// Returns the seats of the map that is shown.
    fn seats(&self) -> &[Value] {
        let seats = self.feed().object().and_then(|map| at(map, "seats")).and_then(Value::as_array);
        seats.map_or(&[], Vec::as_slice)
    }

    /// Returns the place of the selected seat: the first one before any was chosen.
    pub(crate) fn selected_seat(&self) -> usize {
        let cursor = self.cursors.get(self.trail.here());
        let label = cursor.and_then(|cursor| cursor.id.as_deref());
        label.and_then(|label| self.feed().seating.find(label)).unwrap_or(0)
    }

    /// Moves the selection by so many seats along the line, and so many lines.
    pub(super) fn move_seat(&mut self, along: i64, lines: i64) {
        let per_line = self.drawn.per_line;
        let seating = &self.feed().seating;
        let Some((line, place)) = seating.place_of(self.selected_seat(), per_line) else { return };
        let line = moved(line, lines, seating.lines(per_line));
        let Some(chosen) = seating.at(line, moved(place, along, usize::MAX), per_line) else { return };
        let id = self.seats().get(chosen).map(|seat| text(seat, "seatNumber"));
        let offset = self.drawn.offset;
        let cursor = self.cursors.entry(self.trail.here().clone()).or_default();
        (cursor.id, cursor.index, cursor.is_chosen, cursor.offset) = (id, line, true, offset);
    }

    /// Heeds a key that moves along a line of seats.
    pub(super) fn seat_key(&mut self, key: Key) {
        if self.shown_offering().is_some() {
            match key {
                Key::Left => self.move_seat(-1, 0),
                Key::Right => self.move_seat(1, 0),
                _ => {}
            }
        }
    }

    /// Returns the selected seat of a map, with its state.
    pub(crate) fn seat(&self) -> Option<&Value> {
        self.shown_offering()?;
        self.seats().get(self.selected_seat())
    }

    /// Returns the selected seat as `why` takes it, and its state.
    pub(crate) fn seat_of(&self) -> Option<(String, String)> {
        let of = self.shown_offering()?;
        let seat = self.seat()?;
        Some((format!("{of}/{}", text(seat, "seatNumber")), text(seat, "state")))
    }

    /// Opens the story of the selected seat: who has it, and how it came to that.
    pub(super) fn open_seat(&mut self) {
        let Some((seat, state)) = self.seat_of() else { return };
        let label = crate::text::harmless(halves(&seat).1);
        match (state.as_str(), ScreenId::named("why")) {
            ("free", _) => self.say(Tone::Plain, format!("Seat {label} is free; w tells who had it before.")),
            ("blocked", _) => {
                self.say(Tone::Plain, format!("Seat {label} is kept back: nobody can buy it."));
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
