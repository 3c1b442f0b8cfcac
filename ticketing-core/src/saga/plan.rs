//! What a saga does next: a case, one input and the time give the case as it is afterwards. Pure.
//!
//! Money and seats are kept in agreement by one rule, applied after every input (`settle`): what was captured
//! either stands for a confirmed booking, or is owed back. A refund is begun for what is owed, and the saga's
//! state follows from what is still open. So no order of answers, however late or doubled, leaves money between
//! the chairs.

use super::definition::{CHARGES_MAX, POLL_MS, Park, Saga, SagaState, StepRecord, TRIES_MAX, backoff};
use super::input::{Answer, Input, NewCharge, Notice, OperatorMove};
use crate::domain::booking::event::RefundRequested;
use crate::domain::booking::event::{BookingEvent, Cancelled, Confirmed, Expired, HoldBegan, Refunded};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, BookingState, evolve};
use crate::domain::id::{AttemptId, PaymentId, UserId, derived};
use crate::domain::money::Money;
use crate::domain::payment::{
    Attempt, AttemptKind, AttemptState, Payment, PaymentEvent, PaymentFacts, PaymentStatus,
};
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
    if case.saga.state != before.saga.state || case.saga.attempts != before.saga.attempts {
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
                self.vouched(payment_id, provider, user_id);
                "confirmed on a service's word".into()
            }
            Input::Confirmed => "confirmed".into(),
            Input::Ended => match self.booking_state() {
                Some(BookingState::Expired) => "hold ended".into(),
                _ => "cancelled".into(),
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

    fn log_booking(&mut self, event: BookingEvent) {
        if let Some(booking) = self.case.booking.take() {
            let id = booking.id;
            self.case.booking = evolve(Some(booking), id, &event, self.now);
            self.events.push(Event::Booking(event));
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

    fn pay(&mut self, charge: &NewCharge) -> Result<(), Rejection> {
        if let Some(booking) = &self.case.booking {
            match booking.state_at(self.now) {
                BookingState::Pending | BookingState::Reserved => {}
                BookingState::Expired => return Err(Rejection::HoldExpired { at: booking.hold_expires_at }),
                state @ (BookingState::Confirmed | BookingState::Cancelled | BookingState::Refunded) => {
                    return Err(Rejection::InvalidState { state, wanted: "paid" });
                }
            }
            if charge.amount.is_some_and(|amount| amount != booking.price) {
                return Err(Rejection::AmountMismatch { amount: booking.price });
            }
        }
        if self.case.attempts.iter().any(|a| a.kind == AttemptKind::Charge && a.state.is_open()) {
            return Err(Rejection::PaymentInProgress);
        }
        if self.case.saga.attempts >= CHARGES_MAX {
            return Err(Rejection::TooManyPayments { max: CHARGES_MAX });
        }
        let price = self.case.booking.as_ref().map(|booking| booking.price);
        let Some(amount) = charge.amount.or(price) else { return Err(Rejection::PaymentInProgress) };
        let by_itself = charge.provider == EXTERNAL;
        self.case.payments.push(Payment {
            id: charge.payment_id,
            saga_id: self.case.saga.id,
            booking_id: self.case.saga.booking_id,
            reference: charge.reference.clone(),
            user_id: charge.user_id.clone(),
            external_id: None,
            amount,
            captured_minor: 0,
            refunded_minor: 0,
            status: PaymentStatus::Pending,
            provider: charge.provider.clone(),
            provider_ref: None,
            failure: None,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        });
        self.case.attempts.push(Attempt {
            id: charge.attempt_id,
            payment_id: charge.payment_id,
            saga_id: self.case.saga.id,
            kind: AttemptKind::Charge,
            amount,
            token: Some(charge.token.clone()).filter(|token| !token.is_empty()),
            state: if by_itself { AttemptState::Awaited } else { AttemptState::Due },
            tries: 0,
            in_doubt: false,
            next_at: (!by_itself).then_some(self.now),
            provider_ref: None,
            error: None,
            reason: None,
            created_at: self.now,
            ended_at: None,
        });
        self.case.saga.payment_id = Some(charge.payment_id);
        self.case.saga.attempts += 1;
        self.case.saga.last_error = None;
        self.about = Some(charge.attempt_id);
        let last = self.case.payments.len() - 1;
        if by_itself {
            self.log_payment(PaymentEvent::PaymentRequested, last, amount, None);
        }
        if amount.amount_minor == 0 {
            // Nothing to collect, and no provider takes a charge of nothing.
            self.end_attempt(self.case.attempts.len() - 1, AttemptState::Succeeded, None);
            self.captured(last, amount, None);
        }
        Ok(())
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

    fn answered(&mut self, attempt_id: AttemptId, answer: &Answer) -> String {
        let Some(index) = self.case.attempts.iter().position(|a| a.id == attempt_id) else {
            return "an answer to nothing we asked".into();
        };
        let (kind, payment_id) = (self.case.attempts[index].kind, self.case.attempts[index].payment_id);
        let Some(payment) = self.payment_index(payment_id) else {
            return "an answer without a payment".into();
        };
        self.about = Some(attempt_id);
        let word = |what: &str| format!("{} {what}", kind.word());
        let state = self.case.attempts[index].state;
        if !state.is_open() {
            // Only money that came after all still matters; anything else was there before.
            let came_after_all = kind == AttemptKind::Charge
                && matches!(state, AttemptState::Declined | AttemptState::Dropped)
                && matches!(answer, Answer::Succeeded { .. });
            if !came_after_all {
                return word("answered again");
            }
        }
        match answer {
            Answer::Succeeded { provider_ref, amount } => {
                self.end_attempt(index, AttemptState::Succeeded, None);
                self.case.attempts[index].provider_ref = Some(provider_ref.clone());
                self.case.saga.last_error = None;
                match kind {
                    AttemptKind::Charge => self.captured(payment, *amount, Some(provider_ref.clone())),
                    AttemptKind::Refund => {
                        self.given_back(payment, self.case.attempts[index].amount.amount_minor)
                    }
                }
                word("succeeded")
            }
            Answer::Declined { code, message } => {
                let why = format!("{code}: {message}");
                self.end_attempt(index, AttemptState::Declined, Some(why.clone()));
                self.case.saga.last_error = Some(why.clone());
                self.note = Some(why.clone());
                match kind {
                    AttemptKind::Charge => self.failed(payment, why),
                    AttemptKind::Refund => self.park(Park::RefundRefused),
                }
                word("declined")
            }
            Answer::Working => {
                let attempt = &mut self.case.attempts[index];
                attempt.in_doubt = true;
                attempt.next_at = Some(Timestamp::from_millis(self.now.as_millis() + POLL_MS));
                word("is being worked on")
            }
            Answer::Unknown => {
                let is_wanted = kind == AttemptKind::Refund || self.is_wanted();
                let attempt = &mut self.case.attempts[index];
                // Not wanted any more: it may still be on its way, so the question is put once more, finally.
                attempt.in_doubt = !is_wanted;
                attempt.next_at = Some(self.now);
                word("never arrived")
            }
            Answer::Closed => {
                let why = "it never reached the provider".to_owned();
                self.end_attempt(index, AttemptState::Dropped, Some(why.clone()));
                self.failed(payment, why);
                word("never arrived")
            }
            Answer::Unclear { error } => {
                let attempt = &mut self.case.attempts[index];
                attempt.tries += 1;
                attempt.in_doubt = true;
                attempt.error = Some(error.clone());
                attempt.next_at = Some(backoff(attempt.tries, attempt_id, self.now));
                let given_up = attempt.tries >= TRIES_MAX;
                if given_up {
                    attempt.state = AttemptState::Unclear;
                    attempt.next_at = None;
                }
                self.case.saga.last_error = Some(error.clone());
                self.note = Some(error.clone());
                if given_up {
                    self.park(match kind {
                        AttemptKind::Charge => Park::ChargeUnclear,
                        AttemptKind::Refund => Park::RefundUnclear,
                    });
                }
                word("unclear")
            }
            Answer::NotSent { error } => {
                let attempt = &mut self.case.attempts[index];
                attempt.error = Some(error.clone());
                attempt.next_at = Some(backoff(attempt.tries + 2, attempt_id, self.now));
                self.case.saga.last_error = Some(error.clone());
                self.note = Some(error.clone());
                word("not sent")
            }
        }
    }

    fn park(&mut self, why: Park) {
        self.case.saga.park = Some(why);
        self.case.saga.state = SagaState::Parked;
    }

    /// The payment failed. A buyer may try another card while the hold lasts.
    fn failed(&mut self, index: usize, why: String) {
        if self.case.payments[index].status != PaymentStatus::Pending {
            return;
        }
        let reason = Some(why.clone());
        self.change_payment(index, |payment| {
            payment.status = PaymentStatus::Failed;
            payment.failure = Some(why);
        });
        self.log_payment(PaymentEvent::PaymentFailed, index, self.case.payments[index].amount, reason);
    }

    /// The money is here: confirm what it was for, if that can be had.
    fn captured(&mut self, index: usize, amount: Money, provider_ref: Option<String>) {
        if matches!(self.case.payments[index].status, PaymentStatus::Success | PaymentStatus::Refunded) {
            return;
        }
        if self.case.saga.park == Some(Park::Abandoned) {
            self.case.saga.park = None;
        }
        let asked = self.case.payments[index].amount;
        let is_right = amount == asked && self.case.booking.as_ref().is_none_or(|b| b.price == amount);
        self.change_payment(index, |payment| {
            payment.captured_minor = amount.amount_minor;
            payment.amount = amount;
            payment.status = PaymentStatus::Success;
            payment.provider_ref = provider_ref.or(payment.provider_ref.take());
            payment.failure = (!is_right).then(|| format!("{asked} was asked for, {amount} was captured"));
        });
        self.note = self.case.payments[index].failure.clone().or(self.note.take());
        self.log_payment(PaymentEvent::PaymentCreated, index, amount, None);
        if !is_right {
            return;
        }
        let payment_id = self.case.payments[index].public_id();
        let Some(booking) = &self.case.booking else { return };
        let offering_id = booking.offering_id;
        match booking.state_at(self.now) {
            BookingState::Pending | BookingState::Reserved => {}
            BookingState::Expired => {
                if booking.state.is_hold() {
                    self.log_booking(BookingEvent::TicketExpired(Expired { offering_id, reason: None }));
                }
                let again = self.case.booking.as_ref().and_then(|booking| (self.seats_again)(booking));
                let Some(began) = again else {
                    self.note =
                        Some("the money came after the hold had ended, and the seats are gone".into());
                    return;
                };
                self.note = Some("the money came after the hold had ended; seats were taken again".into());
                self.log_booking(BookingEvent::TicketReserved(began));
            }
            BookingState::Confirmed | BookingState::Cancelled | BookingState::Refunded => return,
        }
        self.log_booking(BookingEvent::TicketConfirmed(Confirmed { offering_id, payment_id }));
    }

    fn given_back(&mut self, index: usize, amount_minor: i64) {
        let currency = self.case.payments[index].amount.currency;
        self.change_payment(index, |payment| {
            payment.refunded_minor += amount_minor;
            if payment.kept_minor() <= 0 {
                payment.status = PaymentStatus::Refunded;
            }
        });
        let amount = Money { amount_minor, currency };
        let reason = self.note.clone();
        self.log_payment(PaymentEvent::PaymentRefunded, index, amount, reason);
        let payment = &self.case.payments[index];
        let payment_id = payment.public_id();
        let is_all = payment.kept_minor() <= 0;
        let amount = Money { amount_minor: payment.refunded_minor, currency };
        if let Some(booking) = &self.case.booking
            && is_all
            && booking.state == BookingState::Cancelled
            && booking.payment_id.as_ref() == Some(&payment_id)
        {
            let offering_id = booking.offering_id;
            self.log_booking(BookingEvent::TicketRefunded(Refunded { offering_id, payment_id, amount }));
        }
    }

    fn told(&mut self, provider: &str, notice: &Notice) -> String {
        match notice {
            Notice::Paid { external_id, amount } => {
                let index = self.outside_payment(provider, external_id);
                let amount = amount.unwrap_or(self.case.payments[index].amount);
                let id = self.case.payments[index].id;
                self.end_open(id, AttemptKind::Charge, AttemptState::Succeeded, None);
                self.captured(index, amount, None);
                "payment succeeded".into()
            }
            Notice::Failed { external_id, reason } => {
                let index = match external_id {
                    Some(external_id) => Some(self.outside_payment(provider, external_id)),
                    None => self.awaited_payment(),
                };
                let why = reason.clone().unwrap_or_else(|| "the payment failed".into());
                self.note = Some(why.clone());
                let captured = index.is_some_and(|i| self.case.payments[i].status != PaymentStatus::Pending);
                if let Some(index) = index {
                    let id = self.case.payments[index].id;
                    self.end_open(id, AttemptKind::Charge, AttemptState::Declined, Some(why.clone()));
                    self.failed(index, why.clone());
                }
                if let Some(booking) = &self.case.booking
                    && !captured
                    && booking.state_at(self.now).is_hold()
                {
                    let (offering_id, reason) = (booking.offering_id, Some(why.clone()));
                    self.case.saga.last_error = Some(why);
                    self.log_booking(BookingEvent::TicketCancelled(Cancelled { offering_id, reason }));
                }
                "payment failed".into()
            }
            Notice::Refunded { external_id, amount } => {
                let index = match external_id {
                    Some(external_id) => Some(self.outside_payment(provider, external_id)),
                    None => self.case.payments.iter().position(|p| p.kept_minor() > 0),
                };
                if let Some(index) = index {
                    self.told_refunded(index, *amount);
                }
                "refund succeeded".into()
            }
        }
    }

    /// The outside service gave money back: as we asked, on its own, or before it told that it had it.
    fn told_refunded(&mut self, index: usize, amount: Option<Money>) {
        let id = self.case.payments[index].id;
        if matches!(self.case.payments[index].status, PaymentStatus::Pending | PaymentStatus::Failed) {
            let amount = amount.unwrap_or(self.case.payments[index].amount);
            self.end_open(id, AttemptKind::Charge, AttemptState::Succeeded, None);
            self.note = Some("the refund was told before the payment".into());
            self.change_payment(index, |payment| {
                payment.captured_minor = amount.amount_minor;
                payment.amount = amount;
                payment.status = PaymentStatus::Success;
            });
            self.log_payment(PaymentEvent::PaymentCreated, index, amount, None);
        }
        let left = self.case.payments[index].kept_minor();
        let back = amount.map_or(left, |amount| amount.amount_minor).min(left);
        if back <= 0 {
            return;
        }
        let asked = |a: &Attempt| a.payment_id == id && a.kind == AttemptKind::Refund && a.state.is_open();
        match self.case.attempts.iter().position(asked) {
            Some(open) => {
                self.case.attempts[open].amount.amount_minor = back;
                self.end_attempt(open, AttemptState::Succeeded, None);
            }
            None => {
                self.push_refund(index, self.refund_id(id), back, None);
                self.end_attempt(self.case.attempts.len() - 1, AttemptState::Succeeded, None);
            }
        }
        if let Some(booking) = &self.case.booking
            && back == left
            && booking.state == BookingState::Confirmed
            && booking.payment_id.as_ref() == Some(&self.case.payments[index].public_id())
        {
            // The money is gone, so the seats can't stay sold.
            let offering_id = booking.offering_id;
            let reason = Some("the payment service gave the money back".to_owned());
            self.log_booking(BookingEvent::TicketCancelled(Cancelled { offering_id, reason }));
        }
        self.given_back(index, back);
    }

    fn awaited_payment(&self) -> Option<usize> {
        let awaited = |p: &Payment| {
            p.external_id.is_none()
                && self.case.attempts.iter().any(|a| {
                    a.payment_id == p.id && a.kind == AttemptKind::Charge && a.state == AttemptState::Awaited
                })
        };
        self.case.payments.iter().position(awaited)
    }

    /// The payment that the outside service calls so: known by that name, ours that waits for one, or a new one.
    fn outside_payment(&mut self, provider: &str, external_id: &str) -> usize {
        let known =
            |p: &Payment| p.external_id.as_deref() == Some(external_id) || p.id.to_string() == external_id;
        if let Some(index) = self.case.payments.iter().position(known) {
            return index;
        }
        if let Some(index) = self.awaited_payment() {
            self.change_payment(index, |payment| payment.external_id = Some(external_id.to_owned()));
            return index;
        }
        self.push_outside(provider, external_id, PaymentStatus::Pending)
    }

    fn push_outside(&mut self, provider: &str, external_id: &str, status: PaymentStatus) -> usize {
        let saga = &self.case.saga;
        let booking = self.case.booking.as_ref();
        let amount = booking
            .map_or(Money { amount_minor: 0, currency: crate::domain::money::Currency::USD }, |b| b.price);
        self.case.payments.push(Payment {
            id: PaymentId(derived("outside payment", &format!("{} {external_id}", saga.id))),
            saga_id: saga.id,
            booking_id: saga.booking_id,
            reference: saga.id.to_string(),
            user_id: booking.map_or_else(|| UserId("system".into()), |b| b.user_id.clone()),
            external_id: Some(external_id.to_owned()),
            amount,
            captured_minor: if status == PaymentStatus::Success { amount.amount_minor } else { 0 },
            refunded_minor: 0,
            status,
            provider: provider.to_owned(),
            provider_ref: Some(external_id.to_owned()),
            failure: None,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        });
        let index = self.case.payments.len() - 1;
        self.case.saga.payment_id = Some(self.case.payments[index].id);
        index
    }

    fn vouched(&mut self, payment_id: &str, provider: &str, user_id: &UserId) {
        let known = |p: &Payment| p.public_id() == payment_id;
        if !self.case.payments.iter().any(known) {
            let index = self.push_outside(provider, payment_id, PaymentStatus::Success);
            self.case.payments[index].user_id = user_id.clone();
        }
    }

    fn end_open(
        &mut self,
        payment: PaymentId,
        kind: AttemptKind,
        state: AttemptState,
        error: Option<String>,
    ) {
        let open = |a: &Attempt| a.payment_id == payment && a.kind == kind && a.state.is_open();
        if let Some(index) = self.case.attempts.iter().position(open) {
            self.about = Some(self.case.attempts[index].id);
            self.end_attempt(index, state, error);
        }
    }

    fn refund(
        &mut self,
        payment_id: PaymentId,
        attempt_id: AttemptId,
        amount_minor: Option<i64>,
        reason: Option<&str>,
    ) -> Result<(), Rejection> {
        let unknown = || Rejection::UnknownPayment { id: payment_id.to_string() };
        let index = self.payment_index(payment_id).ok_or_else(unknown)?;
        let payment = &self.case.payments[index];
        if payment.status != PaymentStatus::Success {
            return Err(Rejection::PaymentState { status: payment.status, wanted: "refunded" });
        }
        let left = payment.kept_minor() - self.refunds_open(payment_id);
        let amount = amount_minor.unwrap_or(left);
        if amount <= 0 || amount > left {
            let left = Money { amount_minor: left.max(0), currency: payment.amount.currency };
            return Err(Rejection::RefundTooMuch { left });
        }
        let confirms = self.confirms(index);
        if let Some(booking) = &self.case.booking
            && confirms
            && amount == left
        {
            let (offering_id, reason) = (booking.offering_id, reason.map(str::to_owned));
            self.log_booking(BookingEvent::TicketCancelled(Cancelled { offering_id, reason }));
        }
        self.note = reason.map(str::to_owned);
        self.begin_refund(index, attempt_id, amount, reason.map(str::to_owned));
        Ok(())
    }

    /// Whether the booking is confirmed with this payment.
    fn confirms(&self, index: usize) -> bool {
        let Some(booking) = &self.case.booking else { return false };
        let payment = &self.case.payments[index];
        booking.state == BookingState::Confirmed && booking.payment_id.as_ref() == Some(&payment.public_id())
    }

    fn refunds_open(&self, payment: PaymentId) -> i64 {
        let open =
            self.case.attempts.iter().filter(|a| a.payment_id == payment && a.kind == AttemptKind::Refund);
        open.filter(|a| a.state.is_open()).map(|a| a.amount.amount_minor).sum()
    }

    fn refund_id(&self, payment: PaymentId) -> AttemptId {
        let refunds =
            self.case.attempts.iter().filter(|a| a.payment_id == payment && a.kind == AttemptKind::Refund);
        AttemptId(derived("refund", &format!("{payment} {}", refunds.count())))
    }

    fn push_refund(&mut self, index: usize, id: AttemptId, amount_minor: i64, reason: Option<String>) {
        let payment = &self.case.payments[index];
        let by_itself = payment.provider == EXTERNAL;
        self.about = Some(id);
        self.case.attempts.push(Attempt {
            id,
            payment_id: payment.id,
            saga_id: payment.saga_id,
            kind: AttemptKind::Refund,
            amount: Money { amount_minor, currency: payment.amount.currency },
            token: None,
            state: if by_itself { AttemptState::Awaited } else { AttemptState::Due },
            tries: 0,
            in_doubt: false,
            next_at: (!by_itself).then_some(self.now),
            provider_ref: None,
            error: None,
            reason,
            created_at: self.now,
            ended_at: None,
        });
    }

    fn begin_refund(&mut self, index: usize, id: AttemptId, amount_minor: i64, reason: Option<String>) {
        self.push_refund(index, id, amount_minor, reason);
        let payment = &self.case.payments[index];
        let (payment_id, currency) = (payment.public_id(), payment.amount.currency);
        if let Some(booking) = &self.case.booking {
            let offering_id = booking.offering_id;
            let amount = Money { amount_minor, currency };
            self.log_booking(BookingEvent::RefundRequested(RefundRequested {
                offering_id,
                payment_id,
                amount,
            }));
        }
    }

    fn operator(&mut self, action: OperatorMove, reason: &str) -> Result<(), Rejection> {
        let state = self.case.saga.state;
        let refused = |wanted| Rejection::SagaState { state: state.word(), wanted };
        self.note = Some(reason.to_owned());
        match action {
            OperatorMove::Retry => {
                let refused_refunds = self.case.saga.park == Some(Park::RefundRefused);
                let again = |a: &Attempt| matches!(a.state, AttemptState::Due | AttemptState::Unclear);
                if !refused_refunds && !self.case.attempts.iter().any(again) {
                    return Err(refused("retried"));
                }
                for attempt in self.case.attempts.iter_mut().filter(|a| again(a)) {
                    attempt.state = AttemptState::Due;
                    attempt.in_doubt = true;
                    attempt.tries = 0;
                    attempt.next_at = Some(self.now);
                }
                // A refused refund is begun anew by `settle`: the money is still owed.
                self.unpark();
            }
            OperatorMove::Compensate => {
                if !state.is_open() && state != SagaState::Confirmed {
                    return Err(refused("compensated"));
                }
                self.unpark();
                if let Some(booking) = &self.case.booking
                    && booking.state_at(self.now).has_seats()
                {
                    let (offering_id, reason) = (booking.offering_id, Some(reason.to_owned()));
                    self.log_booking(BookingEvent::TicketCancelled(Cancelled { offering_id, reason }));
                } else if self.case.booking.is_none() && state == SagaState::Confirmed {
                    for index in 0..self.case.payments.len() {
                        let (id, left) =
                            (self.case.payments[index].id, self.case.payments[index].kept_minor());
                        let left = left - self.refunds_open(id);
                        if left > 0 {
                            self.begin_refund(index, self.refund_id(id), left, Some(reason.to_owned()));
                        }
                    }
                }
                for attempt in self.case.attempts.iter_mut().filter(|a| a.state == AttemptState::Unclear) {
                    attempt.state = AttemptState::Due;
                    attempt.in_doubt = true;
                    attempt.tries = 0;
                    attempt.next_at = Some(self.now);
                }
            }
            OperatorMove::Abandon => {
                if !state.is_open() {
                    return Err(refused("abandoned"));
                }
                for index in 0..self.case.attempts.len() {
                    if self.case.attempts[index].state.is_open() {
                        self.end_attempt(index, AttemptState::Dropped, Some(format!("abandoned: {reason}")));
                    }
                }
                for index in 0..self.case.payments.len() {
                    self.failed(index, format!("abandoned: {reason}"));
                }
                self.case.saga.park = Some(Park::Abandoned);
                self.case.saga.last_error = Some(format!("abandoned: {reason}"));
            }
        }
        Ok(())
    }

    fn unpark(&mut self) {
        self.case.saga.park = None;
        if self.case.saga.state == SagaState::Parked {
            self.case.saga.state = SagaState::AwaitingPayment;
        }
    }

    /// Begins refunds for what is owed, and says where the saga stands now.
    fn settle(&mut self) {
        let is_wanted = self.is_wanted();
        if self.case.saga.park != Some(Park::Abandoned) {
            if self.case.saga.park != Some(Park::RefundRefused) {
                self.give_back_what_is_owed();
            }
            if !is_wanted {
                self.let_go_of_charges();
            }
        }
        let open = |kind| move |a: &&Attempt| a.kind == kind && a.state.is_open();
        let charging = self.case.attempts.iter().any(|a| open(AttemptKind::Charge)(&a));
        let refunding = self.case.attempts.iter().any(|a| open(AttemptKind::Refund)(&a));
        let captured = self.case.payments.iter().any(|p| p.captured_minor > 0);
        let saga = &mut self.case.saga;
        let hold_ends = self.case.booking.as_ref().map(|b| b.hold_expires_at);
        let mut next_at = self.case.attempts.iter().filter_map(|a| a.next_at).min();
        saga.state = match (saga.park, self.case.booking.as_ref().map(|b| b.state_at(self.now))) {
            (Some(Park::Abandoned), _) => SagaState::Cancelled,
            (Some(_), _) => SagaState::Parked,
            (None, None) if charging => SagaState::Charging,
            (None, None) if refunding => SagaState::Refunding,
            (None, None) => match self.case.payments.last().map(|p| p.status) {
                Some(PaymentStatus::Success) => SagaState::Confirmed,
                Some(PaymentStatus::Refunded) => SagaState::Refunded,
                Some(PaymentStatus::Failed) => SagaState::Cancelled,
                Some(PaymentStatus::Pending) | None => SagaState::AwaitingPayment,
            },
            (None, Some(BookingState::Pending | BookingState::Reserved)) => {
                next_at = next_at.or(hold_ends);
                if charging { SagaState::Charging } else { SagaState::AwaitingPayment }
            }
            (None, Some(_)) if charging => SagaState::Releasing,
            (None, Some(_)) if refunding => SagaState::Refunding,
            (None, Some(BookingState::Confirmed)) => SagaState::Confirmed,
            (None, Some(_)) if captured => SagaState::Refunded,
            (None, Some(BookingState::Expired)) => SagaState::Expired,
            (None, Some(BookingState::Cancelled | BookingState::Refunded)) => SagaState::Cancelled,
        };
        saga.next_at = next_at;
    }

    /// What was captured for a booking and does not confirm it goes back.
    fn give_back_what_is_owed(&mut self) {
        if self.case.booking.is_none() {
            return;
        }
        for index in 0..self.case.payments.len() {
            let payment = &self.case.payments[index];
            let owed = payment.kept_minor() - self.refunds_open(payment.id);
            if owed > 0 && !self.confirms(index) {
                let id = self.refund_id(payment.id);
                let reason = self.note.clone();
                self.begin_refund(index, id, owed, reason);
            }
        }
    }

    /// A charge that is not wanted any more may be on its way already: it is asked about, not sent. An outside
    /// service can't be asked; it tells if the money comes after all.
    fn let_go_of_charges(&mut self) {
        for index in 0..self.case.attempts.len() {
            let attempt = &mut self.case.attempts[index];
            if attempt.kind != AttemptKind::Charge {
                continue;
            }
            match attempt.state {
                AttemptState::Due if !attempt.in_doubt => {
                    attempt.in_doubt = true;
                    attempt.next_at = Some(self.now);
                }
                AttemptState::Awaited => {
                    let payment = attempt.payment_id;
                    let why = "the booking ended before it was paid".to_owned();
                    self.end_attempt(index, AttemptState::Dropped, Some(why.clone()));
                    if let Some(payment) = self.payment_index(payment) {
                        self.failed(payment, why);
                    }
                }
                AttemptState::Due
                | AttemptState::Succeeded
                | AttemptState::Declined
                | AttemptState::Dropped
                | AttemptState::Unclear => {}
            }
        }
    }
}
