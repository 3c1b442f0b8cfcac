//! Deciding a batch: each command in order, in memory, each seeing what those before it did.

use super::command::{CommandError, Done, Meta, Work};
use super::load::Found;
use super::run::Queued;
use super::state::State;
use crate::domain::booking::command::{Change, Reserve};
use crate::domain::booking::decide;
use crate::domain::booking::event::BookingEvent;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, evolve};
use crate::domain::event::Event;
use crate::domain::id::{BookingId, UserId};
use crate::domain::time::Timestamp;
use crate::projection::bodies;
use crate::store::batch::Batch;
use crate::store::events::LogEntry;
use crate::store::idempotency::StoredAnswer;
use std::collections::HashMap;
use std::sync::Arc;

/// The outcome of one command, to be sent once the batch is on disk.
pub(super) type Outcome = Result<Done, CommandError>;

/// How a booking stood before the batch.
struct Before {
    version: u32,
    had_seats: bool,
}

/// A batch while it is being decided.
struct Draft<'a> {
    state: &'a mut State,
    found: &'a mut Found,
    batch: Batch,
    /// The bookings that the batch has touched, in order; `None` for a new one.
    touched: Vec<(BookingId, Option<Before>)>,
    index: HashMap<BookingId, usize>,
    now: Timestamp,
}

/// Decides all commands and returns the batch to write and what to answer. Memory is then ahead of the
/// store: if the batch is not written, it must be forgotten.
pub(super) fn decide_all(
    state: &mut State,
    found: &mut Found,
    commands: &[Queued],
    now: Timestamp,
) -> (Batch, Vec<Outcome>) {
    let expected_head = state.head.unwrap_or(0);
    let batch = Batch { expected_head, decided_at: now, ..Batch::default() };
    let mut draft = Draft { state, found, batch, touched: Vec::new(), index: HashMap::new(), now };
    let outcomes = commands.iter().map(|queued| draft.one(queued)).collect();
    (draft.finish(), outcomes)
}

impl Draft<'_> {
    fn one(&mut self, queued: &Queued) -> Outcome {
        if let Some(replay) = self.replay(&queued.meta) {
            return replay;
        }
        let done = match &queued.work {
            Work::Reserve { command, passenger } => self.reserve(command, passenger, &queued.meta),
            Work::Change { booking_id, change, owner, expected_version } => {
                self.change(*booking_id, change, owner.as_ref(), *expected_version, &queued.meta)
            }
            Work::Expire(ids) => Ok(self.expire(ids, &queued.meta)),
        }?;
        self.keep_answer(&queued.meta, &done);
        Ok(done)
    }

    /// The stored answer to the same request, or the refusal of another one with its key.
    fn replay(&self, meta: &Meta) -> Option<Outcome> {
        let key = meta.idempotency.as_ref()?;
        let stored = self.found.answers.get(&(key.caller.clone(), key.key.clone()))?;
        if stored.request_hash != key.request_hash {
            return Some(Err(CommandError::IdempotencyReused));
        }
        Some(Ok(Done {
            status: u16::try_from(stored.status).unwrap_or(200),
            body: Arc::from(stored.data.as_str()),
            position: stored.position,
            replayed: true,
            booking: None,
            changed: 0,
        }))
    }

    fn keep_answer(&mut self, meta: &Meta, done: &Done) {
        if let Some(key) = &meta.idempotency {
            self.batch.answers.push(StoredAnswer {
                caller: key.caller.clone(),
                key: key.key.clone(),
                request_hash: key.request_hash.to_vec(),
                status: i32::from(key.status),
                data: done.body.to_string(),
                position: done.position,
            });
        }
    }

    fn reserve(&mut self, command: &Reserve, passenger: &Passenger, meta: &Meta) -> Outcome {
        for lapsed in self.found.lapsed.remove(&command.offering_id).unwrap_or_default() {
            self.expire_one(lapsed, meta);
        }
        let unknown = || Rejection::UnknownOffering { id: command.offering_id.to_string() };
        if self.state.bookings.get_mut(command.booking_id).is_some() {
            // Its write had an unknown end, and was committed after all.
            return self.done(command.booking_id, meta, 1).ok_or_else(|| unknown().into());
        }
        let live = self.state.offerings.get_mut(command.offering_id).ok_or_else(unknown)?;
        let event = decide::reserve(&live.offering, &live.occupancy, command, self.now)?;
        self.touch(command.booking_id, None);
        self.record(command.booking_id, event, meta);
        self.batch.passengers.push((command.booking_id, passenger.clone()));
        self.done(command.booking_id, meta, 1).ok_or_else(|| unknown().into())
    }

    fn change(
        &mut self,
        id: BookingId,
        change: &Change,
        owner: Option<&UserId>,
        expected_version: Option<u32>,
        meta: &Meta,
    ) -> Outcome {
        let unknown = || Rejection::UnknownBooking { id: id.to_string() };
        let booking = self.state.bookings.get_mut(id).ok_or_else(unknown)?;
        if owner.is_some_and(|owner| *owner != booking.user_id) {
            return Err(unknown().into());
        }
        if expected_version.is_some_and(|version| version != booking.version) {
            return Err(CommandError::VersionMoved);
        }
        // The answer names the route: without the offering nothing could be answered.
        if self.state.offerings.get_mut(booking.offering_id).is_none() {
            return Err(unknown().into());
        }
        let events = decide::change(booking, change, self.now)?;
        if let Change::Confirm { payment_id } = change {
            let used_by = self.found.payments.entry(payment_id.clone()).or_insert(id);
            if *used_by != id {
                return Err(Rejection::PaymentUsed { payment_id: payment_id.clone() }.into());
            }
        }
        let changed = usize::from(!events.is_empty());
        if changed > 0 {
            let before = Before { version: booking.version, had_seats: booking.state.has_seats() };
            self.touch(id, Some(before));
        }
        for event in events {
            self.record(id, event, meta);
        }
        self.done(id, meta, changed).ok_or_else(|| unknown().into())
    }

    fn expire(&mut self, ids: &[BookingId], meta: &Meta) -> Done {
        let changed = ids.iter().filter(|id| self.expire_one(**id, meta)).count();
        Done {
            status: 200,
            body: Arc::from("null"),
            position: self.position(),
            replayed: false,
            booking: None,
            changed,
        }
    }

    fn expire_one(&mut self, id: BookingId, meta: &Meta) -> bool {
        let Some(booking) = self.state.bookings.get_mut(id) else { return false };
        let Ok(events) = decide::change(booking, &Change::Expire, self.now) else { return false };
        if events.is_empty() {
            return false;
        }
        let before = Before { version: booking.version, had_seats: booking.state.has_seats() };
        self.touch(id, Some(before));
        let system =
            Meta { actor: "system".into(), correlation_id: meta.correlation_id.clone(), idempotency: None };
        for event in events {
            self.record(id, event, &system);
        }
        true
    }

    fn touch(&mut self, id: BookingId, before: Option<Before>) {
        self.index.entry(id).or_insert_with(|| {
            self.touched.push((id, before));
            self.touched.len() - 1
        });
    }

    /// Folds an event into memory and puts it into the batch.
    fn record(&mut self, id: BookingId, event: BookingEvent, meta: &Meta) {
        let current = self.state.bookings.get_mut(id).map(|booking| Booking::clone(booking));
        let Some(next) = evolve(current, id, &event, self.now) else { return };
        if let Some(live) = self.state.offerings.get_mut(next.offering_id) {
            live.occupancy.apply(id, &event);
        }
        self.batch.events.push(LogEntry {
            position: self.position() + 1,
            stream_id: id.0,
            stream_version: i32::try_from(next.version).unwrap_or(i32::MAX),
            recorded_at: self.now,
            actor: meta.actor.clone(),
            correlation_id: meta.correlation_id.clone(),
            causation_id: Some(meta.correlation_id.clone()),
            event: Event::Booking(event),
        });
        self.state.bookings.insert(id, Arc::new(next));
    }

    /// The position of the last event so far.
    fn position(&self) -> i64 {
        self.batch.expected_head + self.batch.events.len() as i64
    }

    fn done(&mut self, id: BookingId, meta: &Meta, changed: usize) -> Option<Done> {
        let position = self.position();
        let booking = Arc::clone(self.state.bookings.get_mut(id)?);
        let route = self.state.offerings.get_mut(booking.offering_id)?.offering.facts.route_id;
        Some(Done {
            status: meta.idempotency.as_ref().map_or(200, |key| key.status),
            body: Arc::from(bodies::booking(&booking, route, self.now)),
            position,
            replayed: false,
            booking: Some(booking),
            changed,
        })
    }

    /// Sorts the touched bookings into what the store has to do with each.
    fn finish(self) -> Batch {
        let mut batch = self.batch;
        for (id, before) in self.touched {
            let Some(booking) = self.state.bookings.get_mut(id) else { continue };
            let booking = Arc::clone(booking);
            match before {
                None => batch.created.push(booking),
                Some(before) => {
                    if before.had_seats && !booking.state.has_seats() {
                        batch.freed.push(Arc::clone(&booking));
                    }
                    batch.changed.push((booking, before.version));
                }
            }
        }
        batch
    }
}
