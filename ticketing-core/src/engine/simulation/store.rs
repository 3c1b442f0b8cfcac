//! A store in memory that keeps what the real one's keys and conditions keep, and nothing more.

use crate::domain::booking::state::Booking;
use crate::domain::id::{AttemptId, BookingId, OfferingId, SagaId};
use crate::domain::payment::{Attempt, AttemptState};
use crate::domain::time::Timestamp;
use crate::saga::{Case, StepRecord};
use crate::store::batch::{Batch, Outcome};
use crate::store::events::LogEntry;
use crate::store::idempotency::StoredAnswer;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Store {
    pub(super) log: Vec<LogEntry>,
    pub(super) bookings: BTreeMap<BookingId, Booking>,
    pub(super) claims: BTreeMap<(OfferingId, u32, u16), BookingId>,
    pub(super) cases: BTreeMap<SagaId, Case>,
    pub(super) steps: BTreeMap<SagaId, Vec<StepRecord>>,
    pub(super) answers: BTreeMap<(String, String), StoredAnswer>,
    pub(super) told: BTreeSet<(String, String)>,
    leases: BTreeMap<AttemptId, Timestamp>,
}

impl Store {
    pub(super) fn head(&self) -> i64 {
        self.log.len() as i64
    }

    /// Writes a batch, all or nothing.
    ///
    /// # Errors
    /// A batch that no key would have stopped, but that contradicts what is there.
    pub(super) fn apply(&mut self, batch: &Batch, lease_until: Timestamp) -> Result<Outcome, String> {
        if batch.expected_head != self.head() || !self.conditions_hold(batch) {
            return Ok(Outcome::Stale);
        }
        for entry in &batch.events {
            if entry.position != self.head() + 1 {
                return Err(format!("position {} after {}", entry.position, self.head()));
            }
            self.log.push(entry.clone());
        }
        for booking in &batch.freed {
            for key in claim_keys(booking) {
                if self.claims.remove(&key) != Some(booking.id) {
                    return Err(format!("{} frees {key:?}, which it has not", booking.id));
                }
            }
        }
        for booking in &batch.taken {
            for key in claim_keys(booking) {
                if let Some(other) = self.claims.insert(key, booking.id) {
                    return Err(format!("{key:?} is sold twice: to {other} and {}", booking.id));
                }
            }
        }
        for booking in batch.created.iter().chain(batch.changed.iter().map(|(booking, _)| booking)) {
            self.bookings.insert(booking.id, Booking::clone(booking));
        }
        for answer in &batch.answers {
            self.answers.insert((answer.caller.clone(), answer.key.clone()), answer.clone());
        }
        for (message, _) in &batch.told {
            self.told.insert((message.source.clone(), message.message_id.clone()));
        }
        for change in &batch.sagas {
            let id = change.after.saga.id;
            for attempt in &change.after.attempts {
                let was =
                    self.cases.get(&id).and_then(|case| case.attempts.iter().find(|a| a.id == attempt.id));
                match was {
                    None if batch.lease.is_some() => {
                        self.leases.insert(attempt.id, lease_until);
                    }
                    Some(was) if was != attempt => {
                        self.leases.remove(&attempt.id);
                    }
                    None | Some(_) => {}
                }
            }
            self.cases.insert(id, Case::clone(&change.after));
            self.steps.entry(id).or_default().extend(change.steps.iter().cloned());
        }
        Ok(Outcome::Committed)
    }

    /// What conditional updates and primary keys refuse.
    fn conditions_hold(&self, batch: &Batch) -> bool {
        let versions = batch.changed.iter().all(|(booking, before)| {
            self.bookings.get(&booking.id).is_some_and(|stored| stored.version == *before)
        });
        let new = batch.created.iter().all(|booking| !self.bookings.contains_key(&booking.id));
        let answers =
            batch.answers.iter().all(|a| !self.answers.contains_key(&(a.caller.clone(), a.key.clone())));
        let told =
            batch.told.iter().all(|(m, _)| !self.told.contains(&(m.source.clone(), m.message_id.clone())));
        let sagas = batch.sagas.iter().all(|change| {
            let stored = self.cases.get(&change.after.saga.id).map(|case| case.saga.version);
            stored == change.before.as_ref().map(|case| case.saga.version)
        });
        versions && new && answers && told && sagas
    }

    /// Takes what is due and leased to nobody.
    pub(super) fn claim_due(&mut self, now: Timestamp, until: Timestamp) -> Vec<Attempt> {
        let free = |id: &AttemptId| self.leases.get(id).is_none_or(|lease| *lease <= now);
        let due: Vec<Attempt> = self
            .cases
            .values()
            .flat_map(|case| &case.attempts)
            .filter(|a| a.state == AttemptState::Due && a.next_at.is_some_and(|at| at <= now) && free(&a.id))
            .cloned()
            .collect();
        for attempt in &due {
            self.leases.insert(attempt.id, until);
        }
        due
    }
}

pub(super) fn claim_keys(booking: &Booking) -> Vec<(OfferingId, u32, u16)> {
    let seats = booking.seats.iter();
    seats.flat_map(|seat| booking.legs.legs().map(|leg| (booking.offering_id, seat.no.0, leg))).collect()
}
