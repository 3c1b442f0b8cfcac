//! What other services tell, or give their word for: money that came, failed or went back without our asking.

use super::{Draft, EXTERNAL};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::id::{PaymentId, UserId, derived};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{AttemptKind, AttemptState, Payment, PaymentEvent, PaymentStatus};
use crate::saga::input::Notice;

impl Draft<'_, '_> {
    pub(super) fn told(&mut self, provider: &str, notice: &Notice) -> String {
        match notice {
            Notice::Paid { external_id, amount } => {
                let index = self.outside_payment(provider, external_id);
                let payment = &self.case.payments[index];
                let amount = amount.unwrap_or(payment.amount);
                let id = payment.id;
                let provider_ref = payment.provider_ref.clone();
                let named = Some(external_id.clone()).filter(|name| *name != id.to_string());
                self.end_charge(id, AttemptState::Succeeded, None);
                self.captured(index, amount, provider_ref.or(named));
                "payment succeeded".into()
            }
            Notice::Failed { external_id, reason } => {
                let why = reason.clone().unwrap_or_else(|| "the payment failed".into());
                self.told_failed(provider, external_id.as_deref(), why);
                "payment failed".into()
            }
            Notice::Refunded { external_id, amount } => {
                let index = match external_id {
                    Some(external_id) => Some(self.outside_payment(provider, external_id)),
                    None => self.payment_given_back(provider),
                };
                if let Some(index) = index {
                    self.told_refunded(index, *amount);
                }
                "refund succeeded".into()
            }
        }
    }

    fn told_failed(&mut self, provider: &str, external_id: Option<&str>, why: String) {
        let index = match external_id {
            Some(external_id) => Some(self.outside_payment(provider, external_id)),
            None => self.awaited_payment(provider),
        };
        self.note = Some(why.clone());
        let is_new = index.is_none_or(|index| self.case.payments[index].status == PaymentStatus::Pending);
        // What a provider says of a charge that we sent is a decline: the buyer may try another card.
        let is_ours = index.is_some_and(|index| {
            let payment = &self.case.payments[index];
            payment.provider != EXTERNAL && self.case.attempts.iter().any(|a| a.payment_id == payment.id)
        });
        if let Some(index) = index {
            let id = self.case.payments[index].id;
            self.end_charge(id, AttemptState::Declined, Some(why.clone()));
            self.failed(index, why.clone());
        }
        if is_new && self.booking_state().is_some_and(BookingState::is_hold) {
            self.case.saga.last_error = Some(why.clone());
            if !is_ours {
                self.cancel_booking(Some(why));
            }
        }
    }

    /// Which payment is meant by a service that gave money back and doesn't say of which: the one whose refund
    /// is under way, else one that has money, else the one that is awaited if none ever came.
    fn payment_given_back(&self, provider: &str) -> Option<usize> {
        let payments = &self.case.payments;
        let asked = |p: &Payment| p.kept_minor() > 0 && self.refunds(p.id).any(|a| a.state.is_open());
        let none_came = payments.iter().all(|p| p.captured_minor == 0);
        let before_it_came = || self.awaited_payment(provider).filter(|_| none_came);
        payments
            .iter()
            .position(asked)
            .or_else(|| payments.iter().position(|p| p.kept_minor() > 0))
            .or_else(before_it_came)
    }

    /// The outside service gave money back: as we asked, on its own, or before it told that it had it.
    fn told_refunded(&mut self, index: usize, amount: Option<Money>) {
        let payment = &self.case.payments[index];
        let id = payment.id;
        if matches!(payment.status, PaymentStatus::Pending | PaymentStatus::Failed) {
            // It had at least what it gives back. What was asked for and is not given back is then owed: the
            // payment is told later, and would be nothing new.
            let asked = payment.amount;
            let captured = amount
                .filter(|a| a.currency != asked.currency || a.amount_minor > asked.amount_minor)
                .unwrap_or(asked);
            self.end_charge(id, AttemptState::Succeeded, None);
            self.note = Some("the refund was told before the payment".into());
            self.change_payment(index, |payment| {
                payment.captured_minor = captured.amount_minor.max(0);
                payment.amount = captured;
                payment.status = PaymentStatus::Success;
                payment.failure = Some("the refund was told before the payment".into());
            });
            self.log_payment(PaymentEvent::PaymentCreated, index, captured, None);
        }
        let payment = &self.case.payments[index];
        if amount.is_some_and(|amount| amount.currency != payment.amount.currency) {
            self.note = Some("a refund in another currency than the payment's".into());
            return;
        }
        let kept = payment.kept_minor();
        let back = amount.map_or(kept, |amount| amount.amount_minor).min(kept);
        if back <= 0 {
            return;
        }
        let mut open = (0..self.case.attempts.len()).filter(|&n| {
            let attempt = &self.case.attempts[n];
            attempt.payment_id == id && attempt.kind == AttemptKind::Refund && attempt.state.is_open()
        });
        // One of just this amount is the one that is meant. Else one that is waited for, which then was done in
        // part or with others. A refund that we send ourselves gets its own answer.
        let same = open.clone().find(|&n| self.case.attempts[n].amount.amount_minor == back);
        let awaited = |&n: &usize| self.case.attempts[n].state == AttemptState::Awaited;
        let reason = match same.or_else(|| open.find(awaited)) {
            Some(n) => {
                self.about = Some(self.case.attempts[n].id);
                self.case.attempts[n].amount.amount_minor = back;
                self.end_attempt(n, AttemptState::Succeeded, None);
                self.case.attempts[n].reason.clone()
            }
            None => {
                let reason = Some("the payment service gave the money back".to_owned());
                self.push_refund(index, self.refund_id(id), back, reason.clone());
                self.end_attempt(self.case.attempts.len() - 1, AttemptState::Succeeded, None);
                reason
            }
        };
        self.given_back(index, back, reason);
    }

    fn awaited_payment(&self, provider: &str) -> Option<usize> {
        let awaited = |p: &Payment| {
            let charge = |kind, state| kind == AttemptKind::Charge && state == AttemptState::Awaited;
            p.external_id.is_none()
                && p.provider == provider
                && self.case.attempts.iter().any(|a| a.payment_id == p.id && charge(a.kind, a.state))
        };
        self.case.payments.iter().position(awaited)
    }

    /// The payment that the outside service calls so: known by that name, ours that waits for one, or a new one.
    fn outside_payment(&mut self, provider: &str, external_id: &str) -> usize {
        let known = |p: &Payment| {
            let by_ref = p.provider == provider && p.provider_ref.as_deref() == Some(external_id);
            by_ref || p.external_id.as_deref() == Some(external_id) || p.id.to_string() == external_id
        };
        if let Some(index) = self.case.payments.iter().position(known) {
            return index;
        }
        if let Some(index) = self.awaited_payment(provider) {
            self.change_payment(index, |payment| payment.external_id = Some(external_id.to_owned()));
            return index;
        }
        self.push_outside(provider, external_id, PaymentStatus::Pending)
    }

    fn push_outside(&mut self, provider: &str, external_id: &str, status: PaymentStatus) -> usize {
        let saga = &self.case.saga;
        let booking = self.case.booking.as_ref();
        let first = self.case.payments.first();
        let nothing = Money { amount_minor: 0, currency: Currency::USD };
        let amount = booking.map(|b| b.price).or(first.map(|p| p.amount)).unwrap_or(nothing);
        let user_id = booking.map(|b| &b.user_id).or(first.map(|p| &p.user_id)).cloned();
        let payment = Payment {
            id: PaymentId(derived("outside payment", &format!("{} {external_id}", saga.id))),
            saga_id: saga.id,
            booking_id: saga.booking_id,
            reference: saga.id.to_string(),
            user_id: user_id.unwrap_or_else(|| UserId("system".into())),
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
        };
        self.case.payments.push(payment);
        self.case.payments.len() - 1
    }

    /// A service gives its word that the booking is paid, which stands for the payment; but not for one that we
    /// know to be of another amount, or to have gone back.
    pub(super) fn vouched(
        &mut self,
        payment_id: &str,
        provider: &str,
        user_id: &UserId,
    ) -> Result<(), Rejection> {
        let known = self.case.payments.iter().position(|p| p.public_id() == payment_id);
        let index = known.or_else(|| self.awaited_payment(provider)).unwrap_or_else(|| {
            let index = self.push_outside(provider, payment_id, PaymentStatus::Success);
            self.case.payments[index].user_id = user_id.clone();
            index
        });
        let payment = &self.case.payments[index];
        let id = payment.id;
        let price = self.case.booking.as_ref().map_or(payment.amount, |b| b.price);
        let came = matches!(payment.status, PaymentStatus::Success | PaymentStatus::Refunded);
        // Money that stands for nothing is on its way back at once, all of it; a part of what confirmed may be too.
        let is_gone = came && price.amount_minor > 0 && (self.left(index) <= 0 || payment.failure.is_some());
        if payment.amount != price || is_gone {
            return Err(Rejection::PaymentState { status: payment.status, wanted: "confirmed" });
        }
        self.case.saga.payment_id = Some(id);
        if matches!(payment.status, PaymentStatus::Pending | PaymentStatus::Failed) {
            let amount = payment.amount;
            let named = Some(payment_id.to_owned()).filter(|_| payment.public_id() != payment_id);
            self.end_charge(id, AttemptState::Succeeded, None);
            self.change_payment(index, |payment| {
                payment.external_id = named.or(payment.external_id.take());
                payment.captured_minor = amount.amount_minor;
                payment.status = PaymentStatus::Success;
                payment.failure = None;
            });
            self.log_payment(PaymentEvent::PaymentCreated, index, amount, None);
        }
        Ok(())
    }

    /// A booking that was confirmed on somebody's word before there were sagas has no payment here yet: it is
    /// written down, so that it is given back when the booking is cancelled.
    pub(super) fn recall_what_confirmed(&mut self) {
        let Some(booking) = &self.case.booking else { return };
        let Some(payment_id) = booking.payment_id.clone() else { return };
        let was_paid = matches!(booking.state, BookingState::Confirmed | BookingState::Cancelled);
        if was_paid && !self.case.payments.iter().any(|p| p.public_id() == payment_id) {
            let index = self.push_outside(EXTERNAL, &payment_id, PaymentStatus::Success);
            self.case.saga.payment_id = Some(self.case.payments[index].id);
        }
    }
}
