//! Deciding a batch: each command in order, in memory, each seeing what those before it did.

use super::command::{CommandError, Done, Meta, Outcome, Queued, Work};
use super::load::Found;
use super::money::{Asked, PaymentFound};
use super::state::State;
use crate::domain::booking::command::{Change, HoldKind, Reserve};
use crate::domain::booking::decide;
use crate::domain::booking::event::BookingEvent;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, evolve};
use crate::domain::event::Event;
use crate::domain::id::{BookingId, SagaId, UserId};
use crate::domain::time::Timestamp;
use crate::projection::bodies;
use crate::saga::{Case, Input, NewCharge};
use crate::store::batch::Batch;
use crate::store::events::LogEntry;
use crate::store::idempotency::StoredAnswer;
use std::collections::HashMap;
use std::sync::Arc;

/// How a booking stood before the batch; `None` for a new one.
type Before = Option<Arc<Booking>>;

/// A batch while it is being decided.
pub(super) struct Draft<'a> {
    pub(super) state: &'a mut State,
    pub(super) found: &'a mut Found,
    pub(super) batch: Batch,
    /// The bookings that the batch has touched, in order.
    touched: Vec<(BookingId, Before)>,
    index: HashMap<BookingId, usize>,
    /// Where in the batch each saga is that it has moved.
    pub(super) sagas: HashMap<SagaId, usize>,
    /// Which payment provider this program uses.
    pub(super) provider: &'static str,
    pub(super) now: Timestamp,
}

/// Decides all commands and returns the batch to write and what to answer. Memory is then ahead of the
/// store: if the batch is not written, it must be forgotten.
pub(super) fn decide_all(
    state: &mut State,
    found: &mut Found,
    commands: &[Queued],
    provider: &'static str,
    now: Timestamp,
) -> (Batch, Vec<Outcome>) {
    let expected_head = state.head.unwrap_or(0);
    let batch = Batch { expected_head, decided_at: now, ..Batch::default() };
    let mut draft = Draft {
        state,
        found,
        batch,
        touched: Vec::new(),
        index: HashMap::new(),
        sagas: HashMap::new(),
        provider,
        now,
    };
    let outcomes = commands.iter().map(|queued| draft.one(queued)).collect();
    (draft.finish(), outcomes)
}

impl Draft<'_> {
    fn one(&mut self, queued: &Queued) -> Outcome {
        if let Some(replay) = self.replay(&queued.meta) {
            return replay;
        }
        let done = match &queued.work {
            Work::Reserve { command, passenger, charge } => {
                self.reserve(command, passenger, charge.as_ref(), &queued.meta)
            }
            Work::Change { booking_id, change, owner, expected_version } => {
                let asked = AskedChange {
                    id: *booking_id,
                    change,
                    owner: owner.as_ref(),
                    expected_version: *expected_version,
                };
                self.change(&asked, &queued.meta)
            }
            Work::Saga { saga_id, input, owner, expected_version, message, answer } => {
                let asked = Asked {
                    saga_id: *saga_id,
                    input,
                    owner: owner.as_ref(),
                    expected_version: *expected_version,
                    message: message.as_ref(),
                    answer: *answer,
                };
                self.saga(&asked, &queued.meta)
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
            case: None,
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

    fn reserve(
        &mut self,
        command: &Reserve,
        passenger: &Passenger,
        charge: Option<&NewCharge>,
        meta: &Meta,
    ) -> Outcome {
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
        match command.kind {
            HoldKind::Book => {
                self.begin_saga(command.booking_id, &Input::Booked { charge: charge.cloned() }, meta);
            }
            // Its next step is its caller's: a saga begins when somebody pays.
            HoldKind::Reserve => self.state.cases.insert(command.booking_id.into(), None),
        }
        self.done(command.booking_id, meta, 1).ok_or_else(|| unknown().into())
    }

    fn change(&mut self, asked: &AskedChange<'_>, meta: &Meta) -> Outcome {
        let AskedChange { id, change, owner, expected_version } = *asked;
        let unknown = || Rejection::UnknownBooking { id: id.to_string() };
        let booking = self.state.bookings.get_mut(id).ok_or_else(unknown)?;
        if owner.is_some_and(|owner| *owner != booking.user_id) {
            return Err(unknown().into());
        }
        if expected_version.is_some_and(|version| version != booking.version) {
            return Err(CommandError::VersionMoved);
        }
        // The answer names the route: without the offering nothing could be answered.
        let before = Arc::clone(booking);
        let live = self.state.offerings.get_mut(before.offering_id).ok_or_else(unknown)?;
        if matches!(change, Change::Confirm { .. }) {
            decide::may_be_paid(&live.offering, &before, self.now)?;
        }
        let named = self.by_public_id(id, change);
        let change = named.as_ref().unwrap_or(change);
        let events = decide::change(&before, change, self.now)?;
        let changed = usize::from(!events.is_empty());
        let follows = match change {
            Change::Confirm { payment_id } => {
                if changed == 0 {
                    return self.done(id, meta, changed).ok_or_else(|| unknown().into());
                }
                match self.check_payment(id, payment_id, owner.is_none())? {
                    PaymentFound::Ours => Input::Confirmed,
                    PaymentFound::OnWord => Input::Vouched {
                        payment_id: payment_id.clone(),
                        provider: self.provider.to_owned(),
                        user_id: before.user_id.clone(),
                    },
                }
            }
            Change::Cancel { .. } | Change::Expire | Change::ForceExpire { .. } => Input::Ended,
        };
        if changed > 0 {
            self.touch_existing(&before);
        }
        for event in events {
            self.record(id, event, meta);
        }
        if changed > 0 {
            self.follow(id, &follows, meta)?;
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
            case: None,
            changed,
        }
    }

    pub(super) fn expire_one(&mut self, id: BookingId, meta: &Meta) -> bool {
        let Some(booking) = self.state.bookings.get_mut(id) else { return false };
        let Ok(events) = decide::change(booking, &Change::Expire, self.now) else { return false };
        if events.is_empty() {
            return false;
        }
        let before = Arc::clone(booking);
        self.touch_existing(&before);
        let system =
            Meta { actor: "system".into(), correlation_id: meta.correlation_id.clone(), idempotency: None };
        for event in events {
            self.record(id, event, &system);
        }
        if let Err(rejection) = self.follow(id, &Input::Ended, &system) {
            tracing::error!(booking = %id, code = rejection.code(), "a saga did not follow its booking's end");
        }
        true
    }

    /// Remembers how a booking stood before the batch.
    pub(super) fn touch_existing(&mut self, booking: &Arc<Booking>) {
        self.touch(booking.id, Some(Arc::clone(booking)));
    }

    fn touch(&mut self, id: BookingId, before: Before) {
        self.index.entry(id).or_insert_with(|| {
            self.touched.push((id, before));
            self.touched.len() - 1
        });
    }

    /// Folds an event into memory and puts it into the batch.
    pub(super) fn record(&mut self, id: BookingId, event: BookingEvent, meta: &Meta) {
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
    pub(super) fn position(&self) -> i64 {
        self.batch.expected_head + self.batch.events.len() as i64
    }

    fn done(&mut self, id: BookingId, meta: &Meta, changed: usize) -> Option<Done> {
        let position = self.position();
        let booking = Arc::clone(self.state.bookings.get_mut(id)?);
        let case = self.state.cases.get_mut(id.into()).and_then(|case| case.clone());
        let facts = &self.state.offerings.get_mut(booking.offering_id)?.offering.facts;
        Some(Done {
            status: meta.idempotency.as_ref().map_or(200, |key| key.status),
            body: Arc::from(bodies::answer(
                &booking,
                facts,
                case.as_deref().is_some_and(Case::is_charging),
                self.now,
            )),
            position,
            replayed: false,
            booking: Some(booking),
            case,
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
                None => {
                    if booking.state.has_seats() {
                        batch.taken.push(Arc::clone(&booking));
                    }
                    batch.created.push(booking);
                }
                Some(before) => {
                    // Seats that are taken again need not be the same.
                    let had = before.state.has_seats();
                    let has = booking.state.has_seats();
                    let same = had && has && before.seats == booking.seats;
                    if had && !same {
                        batch.freed.push(Arc::clone(&before));
                    }
                    if has && !same {
                        batch.taken.push(Arc::clone(&booking));
                    }
                    batch.changed.push((booking, before.version));
                }
            }
        }
        batch
    }
}

/// What [`Work::Change`] asks for.
#[derive(Clone, Copy)]
struct AskedChange<'a> {
    id: BookingId,
    change: &'a Change,
    owner: Option<&'a UserId>,
    expected_version: Option<u32>,
}
