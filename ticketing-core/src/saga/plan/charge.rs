//! How money comes: a charge is asked for, the provider answers, and what it was for is confirmed.

use super::{Draft, EXTERNAL};
use crate::domain::booking::event::{BookingEvent, Confirmed, Expired};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::id::AttemptId;
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind, AttemptState, Payment, PaymentEvent, PaymentStatus};
use crate::saga::definition::{CHARGES_MAX, Park, TRIES_MAX, backoff, not_sent_at, poll_at};
use crate::saga::input::{Answer, NewCharge};

impl Draft<'_, '_> {
    pub(super) fn pay(&mut self, charge: &NewCharge) -> Result<(), Rejection> {
        if self.has_attempt(charge.attempt_id) {
            return Ok(());
        }
        let amount = self.price_of(charge)?;
        if self.case.attempts.iter().any(|a| a.kind == AttemptKind::Charge && a.state.is_open()) {
            return Err(Rejection::PaymentInProgress);
        }
        if self.case.saga.attempts >= CHARGES_MAX {
            return Err(Rejection::TooManyPayments { max: CHARGES_MAX });
        }
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
        self.take_up_again();
        self.about = Some(charge.attempt_id);
        let last = self.case.payments.len() - 1;
        if amount.amount_minor == 0 {
            // Nothing to collect, and no provider takes a charge of nothing.
            self.end_attempt(self.case.attempts.len() - 1, AttemptState::Succeeded, None);
            self.captured(last, amount, None);
        } else if by_itself {
            self.log_payment(PaymentEvent::PaymentRequested, last, amount, None);
        }
        Ok(())
    }

    /// What is to be charged, if it may be.
    fn price_of(&self, charge: &NewCharge) -> Result<Money, Rejection> {
        let Some(booking) = &self.case.booking else {
            // A charge for no booking is one payment, with a saga of its own.
            return match (self.case.payments.last(), charge.amount) {
                (None, Some(amount)) => Ok(amount),
                (None, None) => Err(Rejection::UnknownPayment { id: charge.payment_id.to_string() }),
                (Some(payment), _) => {
                    Err(Rejection::PaymentState { status: payment.status, wanted: "paid again" })
                }
            };
        };
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
        Ok(booking.price)
    }

    pub(super) fn answered(&mut self, attempt_id: AttemptId, answer: &Answer) -> String {
        let Some(index) = self.case.attempts.iter().position(|a| a.id == attempt_id) else {
            return "an answer to nothing we asked".into();
        };
        let (kind, state) = (self.case.attempts[index].kind, self.case.attempts[index].state);
        let Some(payment) = self.payment_index(self.case.attempts[index].payment_id) else {
            return "an answer without a payment".into();
        };
        let word = |what: &str| format!("{} {what}", kind.word());
        let matters = match state {
            AttemptState::Due => true,
            // Only what it tells by itself says what became of it.
            AttemptState::Awaited => matches!(answer, Answer::Succeeded { .. } | Answer::Declined { .. }),
            // A person looks already; only news help.
            AttemptState::Unclear => !matches!(answer, Answer::Unclear { .. } | Answer::NotSent { .. }),
            // Money that moved after all still matters; anything else was there before.
            AttemptState::Declined | AttemptState::Dropped => matches!(answer, Answer::Succeeded { .. }),
            AttemptState::Succeeded => false,
        };
        if !matters {
            return word("answered again");
        }
        self.about = Some(attempt_id);
        match answer {
            Answer::Succeeded { provider_ref, amount } => {
                self.end_attempt(index, AttemptState::Succeeded, None);
                self.case.attempts[index].provider_ref = Some(provider_ref.clone());
                self.case.saga.last_error = None;
                match kind {
                    AttemptKind::Charge => self.captured(payment, *amount, Some(provider_ref.clone())),
                    AttemptKind::Refund => self.refund_succeeded(payment, index, *amount),
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
                    // That the money is still owed is for a person: see `settle`.
                    AttemptKind::Refund => {}
                }
                word("declined")
            }
            Answer::Working => {
                let attempt = &mut self.case.attempts[index];
                attempt.state = AttemptState::Due;
                attempt.in_doubt = true;
                attempt.next_at = Some(poll_at(attempt.created_at, self.now));
                word("is being worked on")
            }
            // A refund is always wanted: nobody closes one.
            Answer::Closed | Answer::Unknown if kind == AttemptKind::Refund => {
                let attempt = &mut self.case.attempts[index];
                attempt.state = AttemptState::Due;
                attempt.in_doubt = false;
                attempt.next_at = Some(self.now);
                word("never arrived")
            }
            Answer::Unknown => {
                // A payment that failed already is only asked about; see `OperatorMove::Retry`.
                let is_pending = self.case.payments[payment].status == PaymentStatus::Pending;
                if is_pending && self.is_wanted() {
                    let attempt = &mut self.case.attempts[index];
                    attempt.state = AttemptState::Due;
                    attempt.in_doubt = false;
                    attempt.next_at = Some(self.now);
                } else {
                    // It may still be on its way: the question is put once more, so that nothing happens after it.
                    let attempt = &mut self.case.attempts[index];
                    attempt.state = AttemptState::Due;
                    attempt.in_doubt = true;
                    attempt.next_at = Some(self.now);
                }
                word("never arrived")
            }
            Answer::Closed => {
                let why = "it never reached the provider".to_owned();
                self.end_attempt(index, AttemptState::Dropped, Some(why.clone()));
                self.failed(payment, why);
                word("closed")
            }
            Answer::Unclear { error } => {
                let attempt = &mut self.case.attempts[index];
                attempt.tries += 1;
                attempt.in_doubt = true;
                attempt.error = Some(error.clone());
                attempt.next_at = Some(backoff(attempt.tries, attempt_id, self.now));
                if attempt.tries >= TRIES_MAX {
                    attempt.state = AttemptState::Unclear;
                    attempt.next_at = None;
                }
                self.case.saga.last_error = Some(error.clone());
                self.note = Some(error.clone());
                word("unclear")
            }
            Answer::NotSent { error } => {
                // A charge that nobody wants any more is asked about until the provider says that it has none:
                // what was not sent now may be the question, and an earlier process may have sent the charge.
                let attempt = &mut self.case.attempts[index];
                attempt.error = Some(error.clone());
                attempt.next_at = Some(not_sent_at(attempt.tries, attempt_id, attempt.created_at, self.now));
                self.case.saga.last_error = Some(error.clone());
                self.note = Some(error.clone());
                word("not sent")
            }
        }
    }

    /// The payment failed. A buyer may try another card while the hold lasts.
    pub(super) fn failed(&mut self, index: usize, why: String) {
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
    pub(super) fn captured(&mut self, index: usize, amount: Money, provider_ref: Option<String>) {
        if matches!(self.case.payments[index].status, PaymentStatus::Success | PaymentStatus::Refunded) {
            return;
        }
        self.take_up_again();
        let asked = self.case.payments[index].amount;
        let is_right = amount == asked && self.case.booking.as_ref().is_none_or(|b| b.price == amount);
        self.change_payment(index, |payment| {
            payment.captured_minor = amount.amount_minor.max(0);
            payment.amount = amount;
            payment.status = PaymentStatus::Success;
            payment.provider_ref = provider_ref.or(payment.provider_ref.take());
            payment.failure = (!is_right).then(|| format!("{asked} was asked for, {amount} was captured"));
        });
        self.note = self.case.payments[index].failure.clone().or(self.note.take());
        self.log_payment(PaymentEvent::PaymentCreated, index, amount, None);
        if is_right {
            self.confirm_with(index);
        }
    }

    fn confirm_with(&mut self, index: usize) {
        let payment_id = self.case.payments[index].public_id();
        let Some(booking) = &self.case.booking else { return };
        let offering_id = booking.offering_id;
        match booking.state_at(self.now) {
            BookingState::Pending | BookingState::Reserved => {}
            BookingState::Expired => {
                if booking.state.is_hold() {
                    self.log_booking(BookingEvent::TicketExpired(Expired { offering_id, reason: None }));
                }
                // Whose hold a person has ended is not to have its seats again.
                let booking = self.case.booking.as_ref().filter(|booking| booking.cancel_reason.is_none());
                let again = booking.and_then(|booking| (self.seats_again)(booking));
                let Some(began) = again else {
                    self.note =
                        Some("the money came after the hold had ended, and the seats are gone".into());
                    return;
                };
                self.note = Some("the money came after the hold had ended; seats were taken again".into());
                self.log_booking(BookingEvent::TicketReserved(began));
            }
            BookingState::Confirmed => {
                self.note = Some("the booking is paid already".into());
                return;
            }
            BookingState::Cancelled | BookingState::Refunded => {
                self.note = Some("the money came after the booking was cancelled".into());
                return;
            }
        }
        self.case.saga.payment_id = Some(self.case.payments[index].id);
        self.case.saga.last_error = None;
        self.log_booking(BookingEvent::TicketConfirmed(Confirmed { offering_id, payment_id }));
    }

    /// What was abandoned goes on: something new happened to it.
    pub(super) fn take_up_again(&mut self) {
        if self.case.saga.park == Some(Park::Abandoned) {
            self.case.saga.park = None;
        }
    }
}
