//! Random lives of an offering: whatever is asked, in whatever order, these things hold.

use super::{BOOKING, FARE, NOW, ask, bus, empty, named};
use crate::domain::booking::command::{Best, Change, HoldKind, Reserve, SeatChoice};
use crate::domain::booking::decide::{change, reserve};
use crate::domain::booking::event::{BookingEvent, SeatRef};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, BookingState, evolve};
use crate::domain::catalog::Offering;
use crate::domain::id::BookingId;
use crate::domain::money::Money;
use crate::domain::occupancy::Occupancy;
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;
use uuid::Uuid;

const SEATS: u32 = 6;
const LEGS: u16 = 5;

#[derive(Clone, Debug)]
enum Step {
    Reserve {
        seats: SeatChoice,
        from: u16,
        to: u16,
        hold_seconds: u32,
        kind: HoldKind,
    },
    /// Of one of the bookings so far.
    Change(prop::sample::Index, Change),
    /// A buyer comes by and finds ended holds; what the engine does before it decides.
    Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let label = (0..SEATS).prop_map(|n| format!("{}{}", ["A", "B", "C"][n as usize % 3], n / 3 + 1));
    let seats = prop_oneof![
        (1_usize..4).prop_map(SeatChoice::Any),
        (1_usize..5, any::<bool>()).prop_map(|(count, together)| SeatChoice::Best(Best {
            count,
            together,
            ..Best::default()
        })),
        prop::collection::vec(label, 1..3).prop_map(SeatChoice::Named),
    ];
    let kind = prop_oneof![Just(HoldKind::Book), Just(HoldKind::Reserve)];
    let reserve = (seats, 0..LEGS, 1..=LEGS, 1_u32..600, kind).prop_map(|(seats, from, to, hold, kind)| {
        Step::Reserve { seats, from, to, hold_seconds: hold, kind }
    });
    let what = prop_oneof![
        3 => (0_u32..40).prop_map(|n| Change::Confirm { payment_id: format!("p{n}") }),
        2 => Just(Change::Cancel { reason: None }),
        1 => Just(Change::Expire),
        1 => Just(Change::ForceExpire { reason: "test".into() }),
    ];
    let changed = (any::<prop::sample::Index>(), what).prop_map(|(which, what)| Step::Change(which, what));
    prop_oneof![4 => reserve, 4 => changed, 1 => (1_u32..400).prop_map(Step::Pass)]
}

/// Six seats in two rows `ABC`, six stops; everybody boards and leaves everywhere.
fn coach() -> Offering {
    use crate::domain::catalog::Pattern;
    use crate::domain::layout::{Layout, LayoutSpec};
    use std::sync::Arc;
    let mut coach = bus();
    let mut calls: Vec<_> = (0..=u32::from(LEGS)).map(|_| coach.pattern.calls[0].clone()).collect();
    for (n, call) in (0..).zip(&mut calls) {
        call.sequence = n;
    }
    coach.pattern = Arc::new(Pattern { id: coach.pattern.id, calls });
    let spec = LayoutSpec {
        name: "coach".into(),
        rows: 2,
        columns: "ABC".into(),
        blocked: Vec::new(),
        ..LayoutSpec::default()
    };
    coach.layout = Arc::new(Layout::new(coach.layout.id(), spec).unwrap());
    coach
}

/// An offering's life so far: the state as the engine keeps it, and beside it the plain log.
struct Life {
    coach: Offering,
    seats: Occupancy,
    bookings: Vec<Booking>,
    log: Vec<(BookingId, BookingEvent, Timestamp)>,
    now: Timestamp,
}

impl Life {
    fn record(&mut self, id: BookingId, event: BookingEvent) {
        let at = self.bookings.iter().position(|b| b.id == id);
        let before = at.map(|i| self.bookings[i].clone());
        let after = evolve(before, id, &event, self.now).unwrap();
        match at {
            Some(i) => self.bookings[i] = after,
            None => self.bookings.push(after),
        }
        self.seats.apply(id, &event);
        self.log.push((id, event, self.now));
    }

    fn expire_lapsed(&mut self) {
        let lapsed: Vec<BookingId> = self.seats.lapsed(self.now).collect();
        for id in lapsed {
            let booking = self.bookings.iter().find(|b| b.id == id).unwrap();
            for event in change(booking, &Change::Expire, self.now).unwrap() {
                self.record(id, event);
            }
        }
    }

    /// Who has each seat on each leg now, from the bookings alone.
    fn owners(&self) -> BTreeMap<(SeatNo, u16), Vec<BookingId>> {
        let mut owners: BTreeMap<_, Vec<BookingId>> = BTreeMap::new();
        for booking in self.bookings.iter().filter(|b| b.state_at(self.now).has_seats()) {
            for seat in &booking.seats {
                for leg in booking.legs.legs() {
                    owners.entry((seat.no, leg)).or_default().push(booking.id);
                }
            }
        }
        owners
    }

    fn ask(&mut self, command: &Reserve, legs: Option<LegRange>) -> Result<(), TestCaseError> {
        self.expire_lapsed();
        let owners = self.owners();
        let free = |seat: SeatNo, legs: LegRange| legs.legs().all(|leg| !owners.contains_key(&(seat, leg)));
        let answer = reserve(&self.coach, &self.seats, command, self.now);
        let Some(legs) = legs else {
            prop_assert!(matches!(answer, Err(Rejection::StopOrder { .. })), "{:?}", answer);
            return Ok(());
        };
        match (&answer, &command.seats) {
            (Ok(event), choice) => {
                self.record(command.booking_id, event.clone());
                let made = self.bookings.last().unwrap();
                let count = choice.count();
                prop_assert_eq!(made.seats.len(), count);
                if let SeatChoice::Best(Best { together: true, .. }) = choice {
                    let row = |seat: SeatNo| seat.0 / 3;
                    let next = |pair: &[SeatRef]| pair[1].no.0 == pair[0].no.0 + 1;
                    prop_assert!(made.seats.windows(2).all(next), "next to each other: {:?}", made.seats);
                    prop_assert!(made.seats.iter().all(|s| row(s.no) == row(made.seats[0].no)), "in one row");
                }
                prop_assert!(made.seats.iter().all(|s| free(s.no, legs)), "only what was free is had");
                prop_assert_eq!(made.price, Money { amount_minor: 2_500 * count as i64, ..FARE });
                prop_assert_eq!(made.hold_expires_at, self.now.plus_seconds(i64::from(command.hold_seconds)));
            }
            (Err(Rejection::SoldOut { .. }), SeatChoice::Any(count)) => {
                let left = self.coach.layout.seats().filter(|seat| free(*seat, legs)).count();
                prop_assert!(left < *count, "{} seats are free and {} were refused", left, count);
            }
            (Err(Rejection::SoldOut { .. }), SeatChoice::Best(Best { count, .. })) => {
                let left = self.coach.layout.seats().filter(|seat| free(*seat, legs)).count();
                prop_assert!(left < *count, "{} seats are free and {} were refused", left, count);
            }
            (Err(Rejection::NotTogether { .. }), SeatChoice::Best(Best { count, together: true, .. })) => {
                let run = |first: u32| {
                    let seats = (first..first + *count as u32).map(SeatNo);
                    first % 3 + *count as u32 <= 3 && seats.into_iter().all(|seat| free(seat, legs))
                };
                prop_assert!(!(0..6).any(run), "{} seats are free next to each other", count);
                let left = self.coach.layout.seats().filter(|seat| free(*seat, legs)).count();
                prop_assert!(left >= *count, "{} seats are free: it is sold out for {}", left, count);
            }
            (Err(Rejection::SeatTaken { seat } | Rejection::SeatKept { seat }), SeatChoice::Named(_)) => {
                prop_assert!(!free(self.coach.layout.seat(seat).unwrap(), legs), "{} is free", seat);
            }
            (Err(Rejection::SeatRepeated { .. }), SeatChoice::Named(labels)) => {
                prop_assert!(labels.len() == 2 && labels[0] == labels[1], "{:?}", labels);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        Ok(())
    }

    fn holds_true(&self) -> Result<(), TestCaseError> {
        for ((seat, leg), owners) in self.owners() {
            prop_assert!(owners.len() == 1, "seat {:?} leg {} has {:?}", seat, leg, owners);
        }
        let mut folded: BTreeMap<BookingId, Booking> = BTreeMap::new();
        for (id, event, at) in &self.log {
            let after = evolve(folded.remove(id), *id, event, *at);
            folded.insert(*id, after.unwrap());
        }
        for booking in &self.bookings {
            prop_assert_eq!(Some(booking), folded.get(&booking.id), "state is the fold of the events");
            let taken = self.seats.held(booking.id).is_some();
            prop_assert_eq!(taken, booking.state.has_seats(), "the occupancy follows: {:?}", booking);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_seat_has_two_owners_and_state_is_the_fold_of_the_events(steps in prop::collection::vec(step(), 1..80)) {
        let coach = coach();
        let seats = empty(&coach);
        let mut life = Life { coach, seats, bookings: Vec::new(), log: Vec::new(), now: NOW };
        for (n, step) in (1_u128..).zip(steps) {
            match step {
                Step::Reserve { seats, from, to, hold_seconds, kind } => {
                    let command = Reserve {
                        booking_id: BookingId(Uuid::from_u128(BOOKING.0.as_u128() + n)),
                        seats,
                        from_stop: Some(format!("#{from}")),
                        to_stop: Some(format!("#{to}")),
                        hold_seconds,
                        kind,
                        ..ask()
                    };
                    life.ask(&command, LegRange::new(from, to))?;
                }
                Step::Change(which, what) => {
                    if life.bookings.is_empty() {
                        continue;
                    }
                    let booking = which.get(&life.bookings).clone();
                    let before = booking.state_at(life.now);
                    match change(&booking, &what, life.now) {
                        Ok(events) => {
                            for event in events {
                                life.record(booking.id, event);
                            }
                        }
                        Err(Rejection::HoldExpired { at }) => {
                            prop_assert_eq!((at, before), (booking.hold_expires_at, BookingState::Expired));
                        }
                        Err(Rejection::InvalidState { state, .. }) => prop_assert_eq!(state, before),
                        Err(other) => prop_assert!(false, "{:?}", other),
                    }
                }
                Step::Pass(seconds) => life.now = life.now.plus_seconds(i64::from(seconds)),
            }
            life.holds_true()?;
        }
        // In the end everything lapses or is sold: what was not sold can be taken again, all of it.
        life.now = life.now.plus_seconds(600);
        for seat in life.coach.layout.seats().collect::<Vec<_>>() {
            for leg in 0..LEGS {
                let label = life.coach.layout.label(seat);
                let command = Reserve {
                    booking_id: BookingId(Uuid::from_u128(u128::from(seat.0) * 1_000 + u128::from(leg) + 10_000)),
                    seats: named(&[&label]),
                    from_stop: Some(format!("#{leg}")),
                    to_stop: Some(format!("#{}", leg + 1)),
                    ..ask()
                };
                life.ask(&command, LegRange::new(leg, leg + 1))?;
            }
        }
        life.holds_true()?;
    }
}
