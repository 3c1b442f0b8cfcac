//! What must hold when a life has come to its end.

use super::store::claim_keys;
use super::world::World;
use crate::domain::booking::state::{Booking, BookingState, evolve};
use crate::domain::event::Event;
use crate::domain::id::BookingId;
use crate::domain::payment::{AttemptKind, AttemptState};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) fn check(world: &World) -> Result<(), String> {
    log_folds_to_the_rows(world)?;
    seats_have_one_owner(world)?;
    money_is_where_it_belongs(world)?;
    steps_have_no_gaps(world)?;
    nothing_acknowledged_is_lost(world)
}

fn log_folds_to_the_rows(world: &World) -> Result<(), String> {
    let mut versions: BTreeMap<Uuid, i32> = BTreeMap::new();
    let mut folded: BTreeMap<BookingId, Booking> = BTreeMap::new();
    for entry in &world.store.log {
        let version = versions.entry(entry.stream_id).or_default();
        *version += 1;
        if *version != entry.stream_version {
            return Err(format!(
                "stream {}: version {} after {}",
                entry.stream_id,
                entry.stream_version,
                *version - 1
            ));
        }
        let id = BookingId(entry.stream_id);
        match &entry.event {
            Event::Booking(event) => {
                let after = evolve(folded.remove(&id), id, event, entry.recorded_at);
                folded.insert(id, after.ok_or("an event of a booking that never began")?);
            }
            Event::Payment(event) => {
                if let Some(booking) = event.facts().booking_id.and_then(|id| folded.get_mut(&id)) {
                    booking.version += 1;
                }
            }
            Event::Catalog(_) => {}
        }
    }
    for (id, booking) in &folded {
        let row = world.store.bookings.get(id);
        if row != Some(booking) {
            return Err(format!("the row of {id} is not the fold of its events:\n{row:?}\n{booking:?}"));
        }
    }
    if folded.len() == world.store.bookings.len() { Ok(()) } else { Err("a booking without events".into()) }
}

fn seats_have_one_owner(world: &World) -> Result<(), String> {
    let mut owners = BTreeMap::new();
    for booking in world.store.bookings.values().filter(|b| b.state.has_seats()) {
        for key in claim_keys(booking) {
            if let Some(other) = owners.insert(key, booking.id) {
                return Err(format!("{key:?} belongs to {other} and {}", booking.id));
            }
        }
    }
    if owners == world.store.claims {
        Ok(())
    } else {
        Err("claims are not those of the bookings with seats".into())
    }
}

fn money_is_where_it_belongs(world: &World) -> Result<(), String> {
    for case in world.store.cases.values() {
        let id = case.saga.id;
        if world.abandoned.contains(&id) {
            continue;
        }
        let booking = world.store.bookings.get(&BookingId(id.0));
        let kept: i64 = case.payments.iter().map(crate::domain::payment::Payment::kept_minor).sum();
        let truth = world.provider.kept.get(&id).copied().unwrap_or(0);
        let story = || format!("{case:#?}\n{booking:#?}");
        if kept != truth {
            return Err(format!("we think we have {kept} of {id}, the provider says {truth}:\n{}", story()));
        }
        let Some(booking) = booking else { continue };
        let worth = match booking.state {
            BookingState::Confirmed => booking.price.amount_minor - given_back(case, booking),
            BookingState::Pending
            | BookingState::Reserved
            | BookingState::Cancelled
            | BookingState::Expired
            | BookingState::Refunded => 0,
        };
        if kept != worth {
            return Err(format!(
                "{id} is {:?}, worth {worth}, and we have {kept}:\n{}",
                booking.state,
                story()
            ));
        }
    }
    Ok(())
}

/// What was given back of the payment that confirms a booking, on somebody's wish.
fn given_back(case: &crate::saga::Case, booking: &Booking) -> i64 {
    let confirms = case.payments.iter().find(|p| Some(p.public_id()) == booking.payment_id);
    let of = |a: &&crate::domain::payment::Attempt| {
        a.kind == AttemptKind::Refund
            && a.state == AttemptState::Succeeded
            && confirms.is_some_and(|p| p.id == a.payment_id)
    };
    case.attempts.iter().filter(of).map(|a| a.amount.amount_minor).sum()
}

fn steps_have_no_gaps(world: &World) -> Result<(), String> {
    for (id, case) in &world.store.cases {
        let steps = world.store.steps.get(id).map_or(&[][..], Vec::as_slice);
        let numbers: Vec<u32> = steps.iter().map(|step| step.no).collect();
        // The beginning of one that waits to be paid is not written down.
        let from = numbers.first().copied().unwrap_or(case.saga.version + 1);
        if from > 2 || numbers != (from..=case.saga.version).collect::<Vec<_>>() {
            return Err(format!("steps of {id}: {numbers:?}, version {}", case.saga.version));
        }
    }
    Ok(())
}

fn nothing_acknowledged_is_lost(world: &World) -> Result<(), String> {
    for id in &world.acknowledged {
        if !world.store.bookings.contains_key(id) {
            return Err(format!("a buyer was told of {id}, which is not there"));
        }
    }
    for id in &world.confirmed {
        if world.store.bookings.get(id).is_none_or(|b| b.confirmed_at.is_none()) {
            return Err(format!("a buyer was told that {id} is confirmed, which it never was"));
        }
    }
    let open = world.store.bookings.values().find(|b| b.state.is_hold() && b.hold_expires_at <= world.now());
    open.map_or(Ok(()), |b| Err(format!("{} is held after its end", b.id)))
}
