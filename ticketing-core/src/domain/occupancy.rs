//! Who has which seat on which legs of one offering, and which seat fits a journey best.
//!
//! This is the fold of the offering's booking events. It answers from memory; that no seat is sold
//! twice is promised by the key of the `claims` table, never by this alone.

use super::booking::event::BookingEvent;
use super::id::BookingId;
use super::layout::Section;
use super::seating::{LegRange, SeatNo};
use super::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What a seat is, for somebody who asks for certain legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeatState {
    /// Free on every leg asked for.
    Free,
    /// Held on one of them by a booking that is not paid.
    Held,
    /// Sold on one of them.
    Sold,
    /// Never sold.
    Blocked,
}

impl SeatState {
    /// The word of the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held => "held",
            Self::Sold => "sold",
            Self::Blocked => "blocked",
        }
    }
}

/// The seats of one booking, as the occupancy knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its seats; at least one.
    pub seats: Vec<SeatNo>,
    /// Its legs, the same for each seat.
    pub legs: LegRange,
    /// When it ends by itself; `None` once it is confirmed.
    pub hold_expires_at: Option<Timestamp>,
}

/// Seats of one booking that need no second allocation.
const PARTY_USUAL: usize = 16;

/// A free run of legs of a seat: its length first, so that the tightest come first.
type Gap = (u16, u16);

/// The seats of one offering that are taken, and an index of the free runs of legs between them.
#[derive(Clone, Debug)]
pub struct Occupancy {
    legs: u16,
    bookings: HashMap<BookingId, Held>,
    taken: HashMap<SeatNo, Vec<(LegRange, BookingId)>>,
    gaps: BTreeMap<Gap, BTreeSet<SeatNo>>,
    due: BTreeSet<(Timestamp, BookingId)>,
}

impl Occupancy {
    /// Returns the occupancy of an offering of which nothing is taken yet.
    ///
    /// `seats` are the ones that may be sold; `legs` is at least 1.
    pub fn empty(seats: impl Iterator<Item = SeatNo>, legs: u16) -> Self {
        assert!(legs > 0, "an offering has at least one leg: its pattern was checked when it was made");
        let gaps = BTreeMap::from([((legs, 0), seats.collect())]);
        Self { legs, bookings: HashMap::new(), taken: HashMap::new(), gaps, due: BTreeSet::new() }
    }

    /// Whether `seat` is free on all of `legs`.
    #[must_use]
    pub fn is_free(&self, seat: SeatNo, legs: LegRange) -> bool {
        self.holder(seat, legs).is_none()
    }

    /// Returns a booking that has `seat` on one of `legs`.
    #[must_use]
    pub fn holder(&self, seat: SeatNo, legs: LegRange) -> Option<BookingId> {
        let taken = self.taken.get(&seat)?;
        taken.iter().find(|(range, _)| range.overlaps(legs)).map(|(_, booking)| *booking)
    }

    /// Returns the seats of a booking, `None` if it has none here.
    #[must_use]
    pub fn held(&self, booking: BookingId) -> Option<&Held> {
        self.bookings.get(&booking)
    }

    /// Returns the bookings that have seats here, in no order.
    #[must_use]
    pub fn booking_ids(&self) -> Vec<BookingId> {
        self.bookings.keys().copied().collect()
    }

    /// Returns the holds that have ended by `now`, the longest overdue first.
    pub fn lapsed(&self, now: Timestamp) -> impl Iterator<Item = BookingId> {
        self.due.iter().take_while(move |(at, _)| *at <= now).map(|(_, booking)| *booking)
    }

    /// Picks `count` seats that are free on `legs`, `None` if there are not as many.
    ///
    /// The tightest fit comes first: the seat whose free run around `legs` is shortest, so that seats sold
    /// on other legs fill up before an untouched one is broken; then seat order.
    #[must_use]
    pub fn best_fit(&self, legs: LegRange, count: usize) -> Option<Vec<SeatNo>> {
        // The count is whatever was asked for: it reserves no memory.
        let mut picked = Vec::with_capacity(count.min(PARTY_USUAL));
        let mut gaps = self.gaps.range((legs.len(), 0)..).peekable();
        while picked.len() < count {
            let (len, _) = *gaps.peek()?.0;
            // All runs of this length are equally tight; among their seats, seat order decides.
            let mut candidates: Vec<SeatNo> = Vec::new();
            let mut runs = 0;
            while let Some(((_, start), seats)) = gaps.next_if(|((next, _), _)| *next == len) {
                if *start <= legs.from() && legs.to() <= start + len {
                    runs += 1;
                    candidates.extend(seats.iter().take(count - picked.len()));
                }
            }
            if runs > 1 {
                candidates.sort_unstable();
            }
            candidates.truncate(count - picked.len());
            picked.append(&mut candidates);
        }
        Some(picked)
    }

    /// The same among the seats of these sections.
    #[must_use]
    pub fn best_fit_in(&self, legs: LegRange, count: usize, sections: &[&Section]) -> Option<Vec<SeatNo>> {
        let mut picked = Vec::with_capacity(count.min(PARTY_USUAL));
        for section in sections {
            picked.extend(self.free_in(section, legs).take(count - picked.len()));
            if picked.len() == count {
                return Some(picked);
            }
        }
        None
    }

    /// Picks `count` seats next to each other that are free on `legs`: in the first of these sections that has them,
    /// in its first row that has them, where they leave the least beside them. `None` if there are none.
    #[must_use]
    pub fn best_together(&self, legs: LegRange, count: usize, sections: &[&Section]) -> Option<Vec<SeatNo>> {
        sections.iter().find_map(|section| self.together_in(section, legs, count))
    }

    fn together_in(&self, section: &Section, legs: LegRange, count: usize) -> Option<Vec<SeatNo>> {
        if section.is_general {
            let any: Vec<SeatNo> = self.free_in(section, legs).take(count).collect();
            return (any.len() == count).then_some(any);
        }
        // The tightest run so far: its first seat and its length.
        let mut best: Option<(SeatNo, usize)> = None;
        // The run at hand: its first seat, its last, its length.
        let mut run: Option<(SeatNo, SeatNo, usize)> = None;
        for seat in self.free_in(section, legs) {
            run = match run {
                Some((first, last, len)) if section.are_neighbours(last, seat) => {
                    Some((first, seat, len + 1))
                }
                ended => {
                    best = tightest(best, ended, count);
                    if best.is_some_and(|(first, _)| section.row_of(first) < section.row_of(seat)) {
                        break;
                    }
                    Some((seat, seat, 1))
                }
            };
        }
        // The last run; after a break it is one that was looked at, or of a later row.
        if best.is_none_or(|(first, _)| {
            run.is_some_and(|(begin, ..)| section.row_of(begin) == section.row_of(first))
        }) {
            best = tightest(best, run, count);
        }
        let (first, _) = best?;
        // A run is shorter than a row, and a row than a layout.
        Some((0..count as u32).map(|n| SeatNo(first.0 + n)).collect())
    }

    /// The seats of a section that are free on `legs`, in seat order.
    fn free_in<'a>(&'a self, section: &Section, legs: LegRange) -> impl Iterator<Item = SeatNo> + 'a {
        let range = SeatNo(section.seats().start)..SeatNo(section.seats().end);
        let around = move |(len, start): &Gap| *start <= legs.from() && legs.to() <= start + len;
        let runs = self.gaps.range((legs.len(), 0)..).filter(move |(gap, _)| around(gap));
        let mut runs: Vec<_> = runs.map(|(_, seats)| seats.range(range.clone()).peekable()).collect();
        std::iter::from_fn(move || {
            // A seat has one free run around these legs, so each comes once.
            let next = runs.iter_mut().filter_map(|run| run.peek().map(|seat| **seat)).min()?;
            runs.iter_mut().for_each(|run| {
                run.next_if(|seat| **seat == next);
            });
            Some(next)
        })
    }

    /// Gives a booking its seats. A booking that already has seats here keeps those it has.
    ///
    /// # Panics
    /// If one of the seats is not free: the caller decides only on free seats.
    pub fn claim(&mut self, booking: BookingId, held: Held) {
        if self.bookings.contains_key(&booking) {
            return;
        }
        assert!(held.legs.to() <= self.legs, "legs lie inside the offering: the pattern resolved them");
        for &seat in &held.seats {
            assert!(self.is_free(seat, held.legs), "a seat is claimed once: the decision looked first");
            let around = self.gap_around(seat, held.legs);
            self.remove_gap(seat, around);
            self.add_gap(seat, around.from(), held.legs.from());
            self.add_gap(seat, held.legs.to(), around.to());
            self.taken.entry(seat).or_default().push((held.legs, booking));
        }
        if let Some(at) = held.hold_expires_at {
            self.due.insert((at, booking));
        }
        self.bookings.insert(booking, held);
    }

    /// Marks a booking as sold: it no longer ends by itself.
    pub fn confirm(&mut self, booking: BookingId) {
        if let Some(held) = self.bookings.get_mut(&booking)
            && let Some(at) = held.hold_expires_at.take()
        {
            self.due.remove(&(at, booking));
        }
    }

    /// Frees the seats of a booking, if it has any, and returns what it had.
    pub fn release(&mut self, booking: BookingId) -> Option<Held> {
        let held = self.bookings.remove(&booking)?;
        if let Some(at) = held.hold_expires_at {
            self.due.remove(&(at, booking));
        }
        for &seat in &held.seats {
            if let Some(taken) = self.taken.get_mut(&seat) {
                taken.retain(|(_, owner)| *owner != booking);
                if taken.is_empty() {
                    self.taken.remove(&seat);
                }
            }
            let around = self.gap_around(seat, held.legs);
            if around.from() < held.legs.from() {
                self.remove_gap(seat, LegRange::new(around.from(), held.legs.from()).unwrap_or(around));
            }
            if held.legs.to() < around.to() {
                self.remove_gap(seat, LegRange::new(held.legs.to(), around.to()).unwrap_or(around));
            }
            self.add_gap(seat, around.from(), around.to());
        }
        Some(held)
    }

    /// Folds one more event of a booking of this offering.
    ///
    /// The state may be newer than the event, when it was loaded in between: what it already shows, or
    /// what somebody else has by now, stays as it is, and the events still to come make it right.
    pub fn apply(&mut self, booking: BookingId, event: &BookingEvent) {
        match event {
            BookingEvent::TicketBooked(e) | BookingEvent::TicketReserved(e) => {
                let seats: Vec<SeatNo> = e.seats.iter().map(|s| s.no).collect();
                if e.legs.to() <= self.legs && seats.iter().all(|seat| self.is_free(*seat, e.legs)) {
                    let hold_expires_at = Some(e.hold_expires_at);
                    self.claim(booking, Held { seats, legs: e.legs, hold_expires_at });
                }
            }
            BookingEvent::TicketConfirmed(_) => self.confirm(booking),
            BookingEvent::TicketCancelled(_)
            | BookingEvent::TicketExpired(_)
            | BookingEvent::TicketRefunded(_) => {
                self.release(booking);
            }
            BookingEvent::RefundRequested(_) => {}
        }
    }

    /// Returns the bookings on a seat whose holds have ended by `now`.
    pub fn lapsed_on(&self, seat: SeatNo, now: Timestamp) -> impl Iterator<Item = BookingId> {
        let taken = self.taken.get(&seat).into_iter().flatten();
        taken.map(|(_, booking)| *booking).filter(move |booking| {
            let held = self.bookings.get(booking);
            held.and_then(|held| held.hold_expires_at).is_some_and(|at| at <= now)
        })
    }

    /// Of these holds, returns enough to free `count` seats on all of `legs`, as far as ended holds do.
    pub fn freeing(
        &self,
        lapsed: impl Iterator<Item = BookingId>,
        legs: LegRange,
        now: Timestamp,
        count: usize,
    ) -> Vec<BookingId> {
        let mut picked = Vec::new();
        let mut freed: HashSet<SeatNo> = HashSet::new();
        for booking in lapsed {
            let Some(held) = self.held(booking).filter(|held| held.legs.overlaps(legs)) else { continue };
            for seat in &held.seats {
                if freed.len() >= count {
                    return picked;
                }
                let takers = self.taken.get(seat).into_iter().flatten();
                let in_the_way = takers.filter(|(range, _)| range.overlaps(legs)).count();
                let ended: Vec<BookingId> = self
                    .lapsed_on(*seat, now)
                    .filter(|id| self.held(*id).is_some_and(|held| held.legs.overlaps(legs)))
                    .collect();
                if ended.len() == in_the_way && freed.insert(*seat) {
                    picked.extend(ended);
                }
            }
        }
        picked
    }

    /// The run of legs around `legs` that nobody has taken on `seat`, as if `legs` were free.
    fn gap_around(&self, seat: SeatNo, legs: LegRange) -> LegRange {
        let (mut from, mut to) = (0, self.legs);
        for (range, _) in self.taken.get(&seat).into_iter().flatten() {
            if range.to() <= legs.from() {
                from = from.max(range.to());
            }
            if legs.to() <= range.from() {
                to = to.min(range.from());
            }
        }
        LegRange::new(from, to).unwrap_or(legs)
    }

    fn add_gap(&mut self, seat: SeatNo, from: u16, to: u16) {
        if from < to {
            self.gaps.entry((to - from, from)).or_default().insert(seat);
        }
    }

    fn remove_gap(&mut self, seat: SeatNo, gap: LegRange) {
        let key = (gap.len(), gap.from());
        if let Some(seats) = self.gaps.get_mut(&key) {
            seats.remove(&seat);
            if seats.is_empty() {
                self.gaps.remove(&key);
            }
        }
    }
}

/// Returns the tighter of two runs of free seats that have room for `count`.
fn tightest(
    best: Option<(SeatNo, usize)>,
    run: Option<(SeatNo, SeatNo, usize)>,
    count: usize,
) -> Option<(SeatNo, usize)> {
    match run {
        Some((first, _, len)) if len >= count && best.is_none_or(|(_, least)| len < least) => {
            Some((first, len))
        }
        Some(_) | None => best,
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Occupancy};
    use crate::domain::id::BookingId;
    use crate::domain::seating::{LegRange, SeatNo};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use std::collections::HashMap;
    use uuid::Uuid;

    fn booking(n: u128) -> BookingId {
        BookingId(Uuid::from_u128(n))
    }

    fn legs(from: u16, to: u16) -> LegRange {
        LegRange::new(from, to).unwrap()
    }

    fn held(seat: u32, from: u16, to: u16) -> Held {
        Held { seats: vec![SeatNo(seat)], legs: legs(from, to), hold_expires_at: None }
    }

    #[test]
    fn the_tightest_free_run_is_picked_before_an_untouched_seat() {
        let mut seats = Occupancy::empty((0..4).map(SeatNo), 6);
        assert_eq!(seats.best_fit(legs(2, 3), 1), Some(vec![SeatNo(0)]), "all alike: seat order");
        seats.claim(booking(1), held(3, 0, 2)); // seat 3 is free on 2..6
        seats.claim(booking(2), held(2, 4, 6)); // seat 2 is free on 0..4
        assert_eq!(seats.best_fit(legs(2, 3), 1), Some(vec![SeatNo(2)]), "runs of 4 and 4: seat order");
        seats.claim(booking(3), held(3, 5, 6)); // seat 3 is free on 2..5: tighter
        assert_eq!(seats.best_fit(legs(2, 3), 1), Some(vec![SeatNo(3)]));
        assert_eq!(
            seats.best_fit(legs(0, 6), 1),
            Some(vec![SeatNo(0)]),
            "the whole way needs an untouched seat"
        );
        assert_eq!(seats.best_fit(legs(2, 3), 4), Some(vec![SeatNo(3), SeatNo(2), SeatNo(0), SeatNo(1)]));
        assert_eq!(seats.best_fit(legs(0, 6), 3), None);
    }

    #[test]
    fn freeing_a_seat_joins_the_runs_beside_it() {
        let mut seats = Occupancy::empty((0..1).map(SeatNo), 5);
        seats.claim(booking(1), held(0, 0, 2));
        seats.claim(booking(2), held(0, 2, 3));
        seats.claim(booking(3), held(0, 4, 5));
        seats.release(booking(2));
        assert_eq!(seats.best_fit(legs(2, 4), 1), Some(vec![SeatNo(0)]));
        seats.release(booking(1));
        seats.release(booking(3));
        assert_eq!(seats.best_fit(legs(0, 5), 1), Some(vec![SeatNo(0)]));
        assert_eq!(seats.gaps.len(), 1);
    }

    proptest! {
        #[test]
        fn the_index_of_free_runs_agrees_with_a_plain_scan(
            steps in prop::collection::vec((0_u32..5, 0_u16..6, 1_u16..6, any::<bool>()), 1..120),
        ) {
            const LEGS: u16 = 6;
            const SEATS: u32 = 5;
            let mut seats = Occupancy::empty((0..SEATS).map(SeatNo), LEGS);
            let mut plain: HashMap<(u32, u16), u128> = HashMap::new();
            for (n, (seat, from, len, free)) in (1_u128..).zip(steps) {
                let Some(range) = LegRange::new(from, (from + len).min(LEGS)) else { continue };
                if free {
                    let owner = plain.get(&(seat, from)).copied();
                    if let Some(owner) = owner {
                        seats.release(booking(owner));
                        plain.retain(|_, o| *o != owner);
                    }
                } else if seats.is_free(SeatNo(seat), range) {
                    for leg in range.legs() {
                        prop_assert!(plain.insert((seat, leg), n).is_none());
                    }
                    seats.claim(booking(n), held(seat, range.from(), range.to()));
                }
                // Each seat's tightest run around the range, by scanning.
                let fit = |s: u32| {
                    let open = |leg: u16| !plain.contains_key(&(s, leg));
                    range.legs().all(open).then(|| {
                        let before = (0..range.from()).rev().take_while(|l| open(*l)).count();
                        let after = (range.to()..LEGS).take_while(|l| open(*l)).count();
                        (before + after, s)
                    })
                };
                let expected = (0..SEATS).filter_map(fit).min().map(|(_, s)| vec![SeatNo(s)]);
                prop_assert_eq!(seats.best_fit(range, 1), expected);
            }
        }
    }
}
