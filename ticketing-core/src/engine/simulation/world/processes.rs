//! The two processes: how one decides a command on its memory, writes it if the log is where it was, and crashes now and
//! then.

use super::scene::offering;
use super::{BEGIN, LEASE_MS, MOVES, OFFERINGS, Sabotage, World};
use crate::domain::booking::command::Change;
use crate::domain::id::{AttemptId, BookingId, OfferingId, SagaId};
use crate::domain::occupancy::Held;
use crate::domain::payment::AttemptKind;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use crate::engine::command::{CommandError, Meta, Outcome, Queued, Work};
use crate::engine::decide::decide_all;
use crate::engine::load::{Found, doubtful, find_lapsed};
use crate::engine::state::Live;
use crate::saga::SagaState;
use crate::store::sagas::Lease;
use crate::store::{batch, offerings};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

impl World {
    pub(super) fn submit_to(
        &mut self,
        process: usize,
        work: Work,
        meta: Meta,
    ) -> Result<Option<Outcome>, String> {
        let commands = [Queued::alone(work, meta)];
        let calm = self.now.as_millis() - BEGIN.as_millis() > 3 * MOVES as i64 * 20_000;
        for again in [false, true, true, true] {
            if again || self.rng.percent(60) {
                self.catch_up(process);
            }
            let mut found = self.load(process, &commands, again);
            let state = &mut self.states[process];
            let (mut batch, mut outcomes) =
                decide_all(state, &mut found, &commands, self.provider_name, self.now);
            let leases = self.rng.percent(90);
            let until = Timestamp::from_millis(self.now.as_millis() + LEASE_MS);
            batch.lease = leases.then(|| Lease { owner: "p".into(), until });
            let doubtful = doubtful(&commands, &outcomes, &found);
            if !doubtful.is_empty() {
                self.states[process].forget_batch(&batch);
                for id in doubtful {
                    self.states[process].cases.remove(id);
                }
                continue;
            }
            if self.sabotage == Sabotage::KeepMoney {
                for change in &mut batch.sagas {
                    let mut case = crate::saga::Case::clone(&change.after);
                    case.attempts.retain(|a| a.kind == AttemptKind::Charge);
                    change.after = Arc::new(case);
                }
            }
            let refused_early = !again && outcomes.iter().any(Result::is_err);
            if batch.is_empty() && self.states[process].head == Some(self.store.head()) && !refused_early {
                return Ok(outcomes.pop());
            }
            if refused_early {
                // Refusals count only when decided on the truth, keys looked up.
                self.states[process].forget_batch(&batch);
                continue;
            }
            if !calm && self.rng.percent(4) {
                self.crash();
                let told_too_early = self.sabotage == Sabotage::AnswerBeforeCommit;
                return Ok(if told_too_early { outcomes.pop() } else { None });
            }
            match self.store.apply(&batch, until)? {
                batch::Outcome::Committed => {
                    self.states[process].head = Some(self.store.head());
                    if !calm && self.rng.percent(4) {
                        self.crash();
                        return Ok(None);
                    }
                    if batch.lease.is_some() {
                        self.run_begun(&batch);
                    }
                    return Ok(outcomes.pop());
                }
                batch::Outcome::Stale => {
                    self.stales += 1;
                    self.states[process].forget_batch(&batch);
                }
            }
        }
        Ok(Some(Err(CommandError::Overloaded)))
    }

    fn catch_up(&mut self, process: usize) {
        let state = &mut self.states[process];
        match state.head {
            Some(known) => {
                let entries = self.store.log[known as usize..].to_vec();
                state.catch_up(&entries);
                state.head = Some(self.store.head());
            }
            None => state.head = Some(self.store.head()),
        }
    }

    /// What the engine would load.
    fn load(&mut self, process: usize, commands: &[Queued], again: bool) -> Found {
        if self.states[process].head.is_none() {
            self.catch_up(process);
        }
        let state = &mut self.states[process];
        let mut found = Found::default();
        for queued in commands {
            if let Some(key) = queued.meta.idempotency.as_ref().filter(|key| state.met(key) || again) {
                let key = (key.caller.clone(), key.key.clone());
                if let Some(answer) = self.store.answers.get(&key) {
                    found.answers.insert(key, answer.clone());
                }
            }
            if let Work::Change { change: Change::Confirm { payment_id }, .. } = &queued.work {
                let used = self.store.bookings.values().find(|b| b.payment_id.as_ref() == Some(payment_id));
                found.payments.extend(used.map(|b| (payment_id.clone(), b.id)));
                let named = |p: &crate::domain::payment::Payment| p.public_id() == *payment_id;
                let owner = self.store.cases.values().find(|case| case.payments.iter().any(named));
                found.payers.extend(owner.map(|case| (payment_id.clone(), case.saga.id)));
            }
            if let Work::Saga { message: Some(message), .. } = &queued.work
                && self.store.told.contains(&(message.source.clone(), message.message_id.clone()))
            {
                found.told.insert(message.clone());
            }
        }
        let as_of = state.head.unwrap_or(0);
        for n in 0..OFFERINGS {
            let id = OfferingId(Uuid::from_u128(n + 1));
            if state.offerings.get_mut(id).is_none() {
                let offering = Arc::new(offering(id));
                let mut claims: HashMap<BookingId, Held> = HashMap::new();
                let blind = self.sabotage == Sabotage::SellTwice;
                for ((offering_id, seat, _), booking_id) in self.store.claims.iter().filter(|_| !blind) {
                    let booking = &self.store.bookings[booking_id];
                    let seats = vec![SeatNo(*seat)];
                    let hold_expires_at = booking.state.is_hold().then_some(booking.hold_expires_at);
                    if *offering_id == id {
                        claims.insert(*booking_id, Held { seats, legs: booking.legs, hold_expires_at });
                    }
                }
                let occupancy = offerings::occupancy(&offering, claims);
                state.offerings.insert(id, Live { offering, occupancy, as_of });
            }
        }
        find_lapsed(state, commands, self.now, &mut found);
        let named: Vec<SagaId> = commands.iter().filter_map(|c| saga_of(&c.work)).collect();
        found.fresh = named.into_iter().filter(|id| state.cases.get_mut(*id).is_none()).collect();
        for booking in self.store.bookings.values() {
            if state.bookings.get_mut(booking.id).is_none() {
                state.bookings.insert(booking.id, Arc::new(booking.clone()));
            }
            if state.cases.get_mut(booking.id.into()).is_none() {
                state.cases.insert(
                    booking.id.into(),
                    self.store.cases.get(&booking.id.into()).cloned().map(Arc::new),
                );
            }
        }
        for case in self.store.cases.values() {
            if state.cases.get_mut(case.saga.id).is_none() {
                state.cases.insert(case.saga.id, Some(Arc::new(case.clone())));
            }
        }
        find_lapsed(state, commands, self.now, &mut found);
        found
    }

    /// The runner does what a batch has begun.
    fn run_begun(&mut self, batch: &batch::Batch) {
        for change in &batch.sagas {
            for attempt in &change.after.attempts {
                let is_new =
                    change.before.as_ref().is_none_or(|b| b.attempts.iter().all(|a| a.id != attempt.id));
                if is_new && attempt.next_at.is_some() {
                    let is_wanted = change.after.saga.state == SagaState::Charging;
                    self.call(attempt, is_wanted, false);
                }
            }
        }
    }

    pub(super) fn run_due(&mut self, calm: bool) -> Result<(), String> {
        let until = Timestamp::from_millis(self.now.as_millis() + LEASE_MS);
        for attempt in self.store.claim_due(self.now, until) {
            let is_wanted =
                self.store.cases.get(&attempt.saga_id).is_some_and(|c| c.saga.state == SagaState::Charging);
            self.call(&attempt, is_wanted, calm);
        }
        Ok(())
    }

    fn call(&mut self, attempt: &crate::domain::payment::Attempt, is_wanted: bool, calm: bool) {
        let key = if self.sabotage == Sabotage::NewKeyPerTry { AttemptId(self.id()) } else { attempt.id };
        let answers = self.provider.ask(attempt, key, is_wanted, calm, self.now, &mut self.rng);
        self.deliveries.extend(answers);
    }

    /// Both processes die: memory and all that was on its way to them is gone.
    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        for state in &mut self.states {
            state.forget();
        }
        self.deliveries.clear();
    }
}

/// The saga that a command names.
fn saga_of(work: &Work) -> Option<SagaId> {
    match work {
        Work::Saga { saga_id, .. } => Some(*saga_id),
        Work::Change { booking_id, .. } => Some((*booking_id).into()),
        Work::Reserve { .. } | Work::Expire(_) => None,
    }
}
