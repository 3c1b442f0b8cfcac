//! The part of deciding that is about money: what a command does to a saga, in the same batch as its booking.

use super::command::{CommandError, Done, Meta, Outcome, SagaAnswer};
use super::decide::Draft;
use crate::domain::booking::command::Change;
use crate::domain::booking::decide;
use crate::domain::booking::rejection::Rejection;
use crate::domain::event::Event as LogEvent;
use crate::domain::id::{BookingId, SagaId, UserId};
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind, Payment, PaymentEvent, PaymentStatus};
use crate::projection::bodies;
use crate::saga::plan::By;
use crate::saga::{Case, Event, Input, Notice, Saga, advance};
use crate::store::events::LogEntry;
use crate::store::sagas::{Message, SagaChange};
use std::sync::Arc;

/// How long seats are held that were taken again for money that came late; it confirms them at once.
const TAKEN_AGAIN_SECONDS: u32 = 60;

/// What [`super::Work::Saga`] asks for.
pub(super) struct Asked<'a> {
    pub(super) saga_id: SagaId,
    pub(super) input: &'a Input,
    pub(super) owner: Option<&'a UserId>,
    pub(super) expected_version: Option<u32>,
    pub(super) message: Option<&'a Message>,
    pub(super) answer: SagaAnswer,
}

impl Draft<'_> {
    /// Something happens to a saga by itself: somebody pays, a provider answers, an operator acts.
    pub(super) fn saga(&mut self, asked: &Asked<'_>, meta: &Meta) -> Outcome {
        if let Some(message) = asked.message
            && (self.found.told.contains(message) || self.batch.told.iter().any(|(told, _)| told == message))
        {
            return Ok(self.done_saga(asked, meta, 0));
        }
        let booking_id = BookingId(asked.saga_id.0);
        let booking = self.state.bookings.get_mut(booking_id).map(|booking| Arc::clone(booking));
        let case = self.case(asked.saga_id);
        self.check_owner(asked, case.as_deref(), booking.as_ref().map(|b| &b.user_id))?;
        if asked.expected_version.is_some_and(|v| case.as_ref().is_none_or(|c| c.saga.version != v)) {
            return Err(CommandError::VersionMoved);
        }
        if case.is_none() && booking.is_none() && !begins_without_booking(asked) {
            return Err(unknown(asked).into());
        }
        if let Input::Told { notice: Notice::Paid { external_id, .. }, .. } = asked.input {
            if self.is_anothers(booking_id, external_id) {
                return Err(Rejection::PaymentUsed { payment_id: external_id.clone() }.into());
            }
            self.found.payments.insert(external_id.clone(), booking_id);
        }
        if let Some(booking) = booking {
            // The seats of holds that have ended are free: also this one's, and those in its way.
            for lapsed in self.found.lapsed.remove(&booking.offering_id).unwrap_or_default() {
                self.expire_one(lapsed, meta);
            }
            if booking.state.is_hold() && booking.hold_expires_at <= self.now {
                self.expire_one(booking_id, meta);
            }
            if matches!(asked.input, Input::Pay(_))
                && let Some(live) = self.state.offerings.get_mut(booking.offering_id)
            {
                decide::may_be_paid(&live.offering, &booking, self.now)?;
            }
        }
        let changed = self.drive(asked.saga_id, asked.input, meta)?;
        if let Some(message) = asked.message {
            self.batch.told.push((message.clone(), asked.saga_id));
        }
        Ok(self.done_saga(asked, meta, usize::from(changed)))
    }

    fn check_owner(
        &self,
        asked: &Asked<'_>,
        case: Option<&Case>,
        of_booking: Option<&UserId>,
    ) -> Result<(), CommandError> {
        let Some(owner) = asked.owner else { return Ok(()) };
        let pays = |case: &Case| case.payments.iter().any(|payment| payment.user_id == *owner);
        let is_theirs = match of_booking {
            Some(user) => user == owner,
            None => case.is_none_or(pays),
        };
        if is_theirs { Ok(()) } else { Err(unknown(asked).into()) }
    }

    /// The saga as it is, if it has begun.
    fn case(&mut self, id: SagaId) -> Option<Arc<Case>> {
        self.state.cases.get_mut(id).and_then(|case| case.as_ref().map(Arc::clone))
    }

    /// Whether a booking has a saga.
    pub(super) fn has_saga(&mut self, id: BookingId) -> bool {
        self.case(id.into()).is_some()
    }

    /// A booking begins that may be paid.
    pub(super) fn begin_saga(&mut self, id: BookingId, input: &Input, meta: &Meta) {
        if let Err(rejection) = self.drive(id.into(), input, meta) {
            // A new hold can be paid; if it could not, it would only wait until it ends.
            tracing::error!(booking = %id, code = rejection.code(), "a new booking's saga could not begin");
        }
    }

    /// The booking was changed, and its saga follows, if it has one.
    pub(super) fn follow(&mut self, id: BookingId, input: &Input, meta: &Meta) -> Result<(), Rejection> {
        if self.has_saga(id) || matches!(input, Input::Vouched { .. }) {
            self.drive(id.into(), input, meta)?;
        }
        Ok(())
    }

    /// A confirmation with a payment of the booking's saga, by the one name that the payment has: whoever asks may
    /// know it by another one.
    pub(super) fn by_public_id(&mut self, id: BookingId, change: &Change) -> Option<Change> {
        let Change::Confirm { payment_id } = change else { return None };
        let case = self.case(id.into())?;
        let is_it =
            |p: &&Payment| p.id.to_string() == *payment_id || p.provider_ref.as_ref() == Some(payment_id);
        let payment = case.payments.iter().find(is_it)?;
        Some(Change::Confirm { payment_id: payment.public_id() })
    }

    /// Checks the payment that a booking is to be confirmed with.
    pub(super) fn check_payment(
        &mut self,
        id: BookingId,
        payment_id: &str,
        trusted: bool,
    ) -> Result<PaymentFound, Rejection> {
        let case = self.case(id.into());
        let is_it = |p: &&Payment| p.public_id() == payment_id;
        let price = self.state.bookings.get_mut(id).map(|booking| booking.price);
        if let Some(case) = &case
            && let Some(payment) = case.payments.iter().find(is_it)
        {
            let goes_back = |a: &Attempt| {
                a.payment_id == payment.id && a.kind == AttemptKind::Refund && a.state.is_open()
            };
            let covers = |price: Money| {
                payment.amount.currency == price.currency
                    && payment.kept_minor() >= price.amount_minor
                    && !case.attempts.iter().any(goes_back)
            };
            return match payment.status {
                PaymentStatus::Success => match price {
                    // What was captured in another amount is on its way back already.
                    Some(price) if !covers(price) => Err(Rejection::AmountMismatch { amount: price }),
                    Some(_) | None => Ok(PaymentFound::Ours),
                },
                status @ (PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Refunded) => {
                    Err(Rejection::PaymentState { status, wanted: "confirmed" })
                }
            };
        }
        match (trusted, self.provider) {
            // Nobody's word makes another's payment this booking's.
            (true, _) if self.is_anothers(id, payment_id) => {
                Err(Rejection::PaymentUsed { payment_id: payment_id.to_owned() })
            }
            (true, _) => {
                self.found.payments.insert(payment_id.to_owned(), id);
                Ok(PaymentFound::OnWord)
            }
            (false, crate::saga::plan::EXTERNAL) => Err(Rejection::NotForBuyers),
            (false, _) => Err(Rejection::UnknownPayment { id: payment_id.to_owned() }),
        }
    }

    /// Whether a payment has confirmed another booking, or is recorded as something else's.
    fn is_anothers(&self, id: BookingId, payment_id: &str) -> bool {
        let confirmed = self.found.payments.get(payment_id).is_some_and(|other| *other != id);
        confirmed || self.found.payers.get(payment_id).is_some_and(|saga| *saga != SagaId::from(id))
    }

    /// Moves a saga and writes down all that follows; returns whether anything did.
    fn drive(&mut self, id: SagaId, input: &Input, meta: &Meta) -> Result<bool, Rejection> {
        let before = self.case(id);
        let booking_id = BookingId(id.0);
        let booking = self.state.bookings.get_mut(booking_id).map(|booking| Arc::clone(booking));
        let mut case = match &before {
            Some(case) => Case::clone(case),
            None => {
                let of = booking.as_ref().map(|b| b.id);
                let saga = Saga::new(id, of, meta.correlation_id.clone(), self.now);
                Case { saga, booking: None, payments: Vec::new(), attempts: Vec::new() }
            }
        };
        case.booking = booking.as_deref().cloned();
        let live = booking.as_ref().and_then(|b| self.state.offerings.get_mut(b.offering_id));
        let now = self.now;
        let mut seats_again = |booking: &_| {
            let live = live.as_ref()?;
            decide::reserve_again(&live.offering, &live.occupancy, booking, TAKEN_AGAIN_SECONDS, now)
        };
        let by = By { actor: &meta.actor, correlation_id: &meta.correlation_id };
        let mut advanced = advance(case, input, by, now, &mut seats_again)?;
        let Some(step) = advanced.step else { return Ok(false) };
        if let Some(booking) = &booking
            && !advanced.events.is_empty()
        {
            self.touch_existing(booking);
        }
        for event in advanced.events {
            match event {
                Event::Booking(event) => self.record(booking_id, event, meta),
                Event::Payment(event) => self.record_payment(&mut advanced.case.saga, event, meta),
            }
        }
        let after = Arc::new(Case { booking: None, ..advanced.case });
        self.state.cases.insert(id, Some(Arc::clone(&after)));
        // That a booking waits for its payment needs no step: it is how every saga begins.
        let steps = if matches!(input, Input::Booked { charge: None }) { Vec::new() } else { vec![step] };
        match self.sagas.get(&id) {
            Some(index) => {
                let change: &mut SagaChange = &mut self.batch.sagas[*index];
                change.after = after;
                change.steps.extend(steps);
            }
            None => {
                self.sagas.insert(id, self.batch.sagas.len());
                self.batch.sagas.push(SagaChange { before, after, steps });
            }
        }
        Ok(true)
    }

    /// Puts an event of a payment into the batch: into its booking's stream, or its own.
    fn record_payment(&mut self, own: &mut Saga, event: PaymentEvent, meta: &Meta) {
        let id = own.id;
        let version = match self.state.bookings.get_mut(BookingId(id.0)) {
            Some(booking) => {
                let booking = Arc::make_mut(booking);
                booking.version += 1;
                booking.version
            }
            None => {
                own.events += 1;
                own.events
            }
        };
        self.batch.events.push(LogEntry {
            position: self.position() + 1,
            stream_id: id.0,
            stream_version: i32::try_from(version).unwrap_or(i32::MAX),
            recorded_at: self.now,
            actor: meta.actor.clone(),
            correlation_id: meta.correlation_id.clone(),
            causation_id: Some(meta.correlation_id.clone()),
            event: LogEvent::Payment(event),
        });
    }

    fn done_saga(&mut self, asked: &Asked<'_>, meta: &Meta, changed: usize) -> Done {
        let case = self.case(asked.saga_id);
        let booking_id = BookingId(asked.saga_id.0);
        let booking = self.state.bookings.get_mut(booking_id).map(|booking| Arc::clone(booking));
        let at_hand = case.as_ref().and_then(|case| {
            let wanted = match asked.input {
                Input::Refund { payment_id, .. } => Some(*payment_id),
                Input::Booked { .. }
                | Input::Pay(_)
                | Input::Answered { .. }
                | Input::Told { .. }
                | Input::Vouched { .. }
                | Input::Confirmed
                | Input::Ended
                | Input::Operator { .. } => case.saga.payment_id,
            };
            case.payments.iter().find(|payment| Some(payment.id) == wanted)
        });
        let live = booking.as_ref().and_then(|b| self.state.offerings.get_mut(b.offering_id));
        let body = match (asked.answer, &booking, live, at_hand) {
            (SagaAnswer::Booking, Some(booking), Some(live), payment) => {
                let facts = &live.offering.facts;
                let is_charging = case.as_deref().is_some_and(Case::is_charging);
                bodies::answer_with_payment(booking, facts, is_charging, payment, self.now)
            }
            (SagaAnswer::Payment, _, _, Some(payment)) => bodies::charge(payment),
            (SagaAnswer::Booking | SagaAnswer::Payment | SagaAnswer::Nothing, _, _, _) => "null".into(),
        };
        Done {
            status: meta.idempotency.as_ref().map_or(200, |key| key.status),
            body: Arc::from(body),
            position: self.position(),
            replayed: false,
            booking,
            case,
            changed,
        }
    }
}

/// What a booking is confirmed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PaymentFound {
    /// A payment of ours that succeeded.
    Ours,
    /// One that we have no record of, on the word of a service or an operator.
    OnWord,
}

fn begins_without_booking(asked: &Asked<'_>) -> bool {
    matches!(asked.input, Input::Pay(charge) if SagaId::from(charge.payment_id) == asked.saga_id)
}

fn unknown(asked: &Asked<'_>) -> Rejection {
    match (asked.answer, asked.input) {
        (_, Input::Refund { payment_id, .. }) => Rejection::UnknownPayment { id: payment_id.to_string() },
        (SagaAnswer::Nothing, _) => Rejection::UnknownSaga { id: asked.saga_id.to_string() },
        (SagaAnswer::Booking | SagaAnswer::Payment, _) => {
            Rejection::UnknownBooking { id: asked.saga_id.to_string() }
        }
    }
}
