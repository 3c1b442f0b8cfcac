//! What a saga does next: a case, one input and the time give the case as it is afterwards. Pure.
//!
//! Money and seats are kept in agreement by one rule, applied after every input (`settle`): what was captured
//! either stands for a confirmed booking, or is owed back. A refund is begun for what is owed, and the saga's
//! state follows from what is still open. So no order of answers, however late or doubled, leaves money between
//! the chairs.
//!
//! `charge` is how money comes, `refund` how it goes back, `outside` what other services tell, `operator` what a
//! person may do. None of them says where the saga stands: only `settle` does.

mod charge;
mod operator;
mod outside;
mod refund;
mod settle;

use super::definition::{Saga, StepRecord};
use super::input::Input;
use crate::domain::booking::event::{BookingEvent, Cancelled, HoldBegan};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, BookingState, evolve};
use crate::domain::id::{AttemptId, PaymentId};
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind, AttemptState, Payment, PaymentEvent, PaymentFacts};
use crate::domain::time::Timestamp;

/// The provider that does by itself what our events ask for, and tells.
pub const EXTERNAL: &str = "external";

/// Everything that a saga is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The saga.
    pub saga: Saga,
    /// Its booking; `None` for a charge for something else.
    pub booking: Option<Booking>,
    /// Its payments, the first one first.
    pub payments: Vec<Payment>,
    /// All that was asked of providers for them, the first one first.
    pub attempts: Vec<Attempt>,
}

impl Case {
    /// Whether a charge is under way.
    #[must_use]
    pub const fn is_charging(&self) -> bool {
        matches!(self.saga.state, super::SagaState::Charging)
    }
}

/// An event to log. Those of a payment for a booking go into the booking's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of the booking.
    Booking(BookingEvent),
    /// Of a payment.
    Payment(PaymentEvent),
}

/// Who acts, and what it follows from: for the step log.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The acting person or service; `system` when no person acts.
    pub actor: &'a str,
    /// The request.
    pub correlation_id: &'a str,
}

/// What came of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The case afterwards.
    pub case: Case,
    /// What is logged.
    pub events: Vec<Event>,
    /// What is written down; `None` if the input changed nothing: it was there before.
    pub step: Option<StepRecord>,
}

/// Takes seats again for a booking whose hold has ended: the same ones, or, if the offering's policy allows, others.
pub type SeatsAgain<'a> = dyn FnMut(&Booking) -> Option<HoldBegan> + 'a;

/// Says what `input` does to `case`.
///
/// # Errors
/// The rule that forbids what was asked. What a provider or service tells is never refused.
pub fn advance(
    case: Case,
    input: &Input,
    by: By<'_>,
    now: Timestamp,
    seats_again: &mut SeatsAgain<'_>,
) -> Result<Advanced, Rejection> {
    let before = case.clone();
    let mut draft = Draft { case, events: Vec::new(), now, seats_again, about: None, note: None };
    let word = draft.take(input)?;
    draft.settle();
    let Draft { mut case, events, about, note, .. } = draft;
    if case == before && events.is_empty() && !matches!(input, Input::Booked { .. }) {
        return Ok(Advanced { case, events, step: None });
    }
    case.saga.version += 1;
    let is_over = |attempt: &&Attempt| !attempt.state.is_open();
    let over = |case: &Case| case.attempts.iter().filter(is_over).count();
    let progress = case.attempts.len() != before.attempts.len() || over(&case) != over(&before);
    if progress || case.saga.state != before.saga.state {
        case.saga.moved_at = now;
    }
    let step = StepRecord {
        saga_id: case.saga.id,
        no: case.saga.version,
        at: now,
        input: word,
        state: case.saga.state,
        attempt_id: about,
        note,
        actor: by.actor.to_owned(),
        correlation_id: by.correlation_id.to_owned(),
    };
    Ok(Advanced { case, events, step: Some(step) })
}

struct Draft<'a, 'b> {
    case: Case,
    events: Vec<Event>,
    now: Timestamp,
    seats_again: &'a mut SeatsAgain<'b>,
    /// The attempt that the step is about.
    about: Option<AttemptId>,
    note: Option<String>,
}

impl Draft<'_, '_> {
    fn take(&mut self, input: &Input) -> Result<String, Rejection> {
        if !matches!(input, Input::Vouched { .. }) {
            self.recall_what_confirmed();
        }
        Ok(match input {
            Input::Booked { charge: None } => "booked".into(),
            Input::Booked { charge: Some(charge) } => {
                self.pay(charge)?;
                "booked and paid".into()
            }
            Input::Pay(charge) => {
                self.pay(charge)?;
                "pay".into()
            }
            Input::Answered { attempt_id, answer } => self.answered(*attempt_id, answer),
            Input::Told { provider, notice } => self.told(provider, notice),
            Input::Vouched { payment_id, provider, user_id } => {
                self.vouched(payment_id, provider, user_id)?;
                "confirmed on a service's word".into()
            }
            Input::Confirmed => "confirmed".into(),
            Input::Ended => match self.booking_state() {
                Some(BookingState::Expired) => "hold ended".into(),
                Some(
                    BookingState::Pending
                    | BookingState::Reserved
                    | BookingState::Confirmed
                    | BookingState::Cancelled
                    | BookingState::Refunded,
                )
                | None => "cancelled".into(),
            },
            Input::Refund { payment_id, attempt_id, amount_minor, reason } => {
                self.refund(*payment_id, *attempt_id, *amount_minor, reason.as_deref())?;
                "refund".into()
            }
            Input::Operator { action, reason } => {
                self.operator(*action, reason)?;
                format!("operator: {}", action.word())
            }
        })
    }

    fn booking_state(&self) -> Option<BookingState> {
        self.case.booking.as_ref().map(|booking| booking.state_at(self.now))
    }

    /// Whether the thing paid for can still be had: a held booking, or what is no booking.
    fn is_wanted(&self) -> bool {
        self.booking_state().is_none_or(BookingState::is_hold)
    }

    /// Whether the booking is confirmed with this payment.
    fn confirms(&self, index: usize) -> bool {
        let Some(booking) = &self.case.booking else { return false };
        let payment = &self.case.payments[index];
        booking.state == BookingState::Confirmed && booking.payment_id.as_ref() == Some(&payment.public_id())
    }

    /// Whether what this payment captured stands for something, so that it is not owed back.
    fn stands(&self, index: usize) -> bool {
        let payment = &self.case.payments[index];
        match &self.case.booking {
            Some(_) => self.confirms(index),
            // A charge for no booking is the one that the saga is named after, of the amount that was asked for.
            None => payment.id.0 == self.case.saga.id.0 && payment.failure.is_none(),
        }
    }

    fn log_booking(&mut self, event: BookingEvent) {
        if let Some(booking) = self.case.booking.take() {
            let id = booking.id;
            self.case.booking = evolve(Some(booking), id, &event, self.now);
            self.events.push(Event::Booking(event));
        }
    }

    fn cancel_booking(&mut self, reason: Option<String>) {
        if let Some(booking) = &self.case.booking {
            let offering_id = booking.offering_id;
            self.log_booking(BookingEvent::TicketCancelled(Cancelled { offering_id, reason }));
        }
    }

    fn log_payment(
        &mut self,
        kind: fn(PaymentFacts) -> PaymentEvent,
        index: usize,
        amount: Money,
        reason: Option<String>,
    ) {
        let payment = &self.case.payments[index];
        let facts = PaymentFacts {
            payment_id: payment.public_id(),
            booking_id: payment.booking_id,
            reference: payment.reference.clone(),
            user_id: payment.user_id.clone(),
            amount,
            reason,
        };
        if let Some(booking) = &mut self.case.booking {
            booking.version += 1;
        }
        self.events.push(Event::Payment(kind(facts)));
    }

    fn payment_index(&self, id: PaymentId) -> Option<usize> {
        self.case.payments.iter().position(|p| p.id == id)
    }

    fn change_payment(&mut self, index: usize, change: impl FnOnce(&mut Payment)) {
        let payment = &mut self.case.payments[index];
        change(payment);
        payment.updated_at = self.now;
        payment.version += 1;
    }

    fn has_attempt(&self, id: AttemptId) -> bool {
        self.case.attempts.iter().any(|attempt| attempt.id == id)
    }

    fn end_attempt(&mut self, index: usize, state: AttemptState, error: Option<String>) {
        let attempt = &mut self.case.attempts[index];
        attempt.state = state;
        attempt.next_at = None;
        attempt.in_doubt = false;
        attempt.ended_at = Some(self.now);
        if error.is_some() {
            attempt.error = error;
        }
    }

    /// Ends the charge of a payment that somebody else told the outcome of.
    fn end_charge(&mut self, payment: PaymentId, state: AttemptState, error: Option<String>) {
        let open =
            |a: &Attempt| a.payment_id == payment && a.kind == AttemptKind::Charge && a.state.is_open();
        if let Some(index) = self.case.attempts.iter().position(open) {
            self.about = Some(self.case.attempts[index].id);
            self.end_attempt(index, state, error);
        }
    }
}
