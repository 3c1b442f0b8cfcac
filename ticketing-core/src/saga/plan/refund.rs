//! How money goes back: asked for by a person or by `settle`, and what comes of it.

use super::{Draft, EXTERNAL};
use crate::domain::booking::event::{BookingEvent, RefundRequested, Refunded};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::id::{AttemptId, PaymentId, derived};
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind, AttemptState, PaymentEvent, PaymentStatus};

impl Draft<'_, '_> {
    pub(super) fn refund(
        &mut self,
        payment_id: PaymentId,
        attempt_id: AttemptId,
        amount_minor: Option<i64>,
        reason: Option<&str>,
    ) -> Result<(), Rejection> {
        if self.has_attempt(attempt_id) {
            return Ok(());
        }
        let unknown = || Rejection::UnknownPayment { id: payment_id.to_string() };
        let index = self.payment_index(payment_id).ok_or_else(unknown)?;
        let payment = &self.case.payments[index];
        if payment.status != PaymentStatus::Success {
            return Err(Rejection::PaymentState { status: payment.status, wanted: "refunded" });
        }
        let left = self.left(index);
        let amount = amount_minor.unwrap_or(left);
        if amount <= 0 || amount > left {
            let left = Money { amount_minor: left.max(0), currency: payment.amount.currency };
            return Err(Rejection::RefundTooMuch { left });
        }
        let reason = reason.map(str::to_owned);
        if self.confirms(index) && amount == left {
            // A booking whose money is all gone can't stay sold.
            self.cancel_booking(reason.clone());
        }
        self.note.clone_from(&reason);
        self.begin_refund(index, attempt_id, amount, reason);
        Ok(())
    }

    /// What a payment has that is neither given back nor about to be, in minor units. Below zero if a service
    /// gave back on its own what was being given back.
    pub(super) fn left(&self, index: usize) -> i64 {
        let payment = &self.case.payments[index];
        let open = self.refunds(payment.id).filter(|a| a.state.is_open());
        payment.kept_minor() - open.map(|a| a.amount.amount_minor).sum::<i64>()
    }

    pub(super) fn refunds(&self, payment: PaymentId) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.case.attempts.iter().filter(move |a| a.payment_id == payment && a.kind == AttemptKind::Refund)
    }

    /// How the last refund of a payment ended without the money going back, if there is money left.
    pub(super) fn refund_undone(&self, index: usize) -> Option<AttemptState> {
        let last = self.refunds(self.case.payments[index].id).next_back()?.state;
        let undone = matches!(last, AttemptState::Declined | AttemptState::Dropped);
        (undone && self.left(index) > 0).then_some(last)
    }

    /// The id of the next refund that we begin by ourselves.
    pub(super) fn refund_id(&self, payment: PaymentId) -> AttemptId {
        AttemptId(derived("refund", &format!("{payment} {}", self.refunds(payment).count())))
    }

    pub(super) fn push_refund(
        &mut self,
        index: usize,
        id: AttemptId,
        amount_minor: i64,
        reason: Option<String>,
    ) {
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

    pub(super) fn begin_refund(
        &mut self,
        index: usize,
        id: AttemptId,
        amount_minor: i64,
        reason: Option<String>,
    ) {
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

    /// The provider did it. Where it says that it moved less than was asked, the rest is still owed.
    pub(super) fn refund_succeeded(&mut self, index: usize, attempt: usize, moved: Money) {
        let asked = self.case.attempts[attempt].amount;
        let says_less =
            moved.currency == asked.currency && (1..asked.amount_minor).contains(&moved.amount_minor);
        let amount = if says_less { moved } else { asked };
        self.case.attempts[attempt].amount = amount;
        let reason = self.case.attempts[attempt].reason.clone();
        self.given_back(index, amount.amount_minor, reason);
    }

    /// Writes down that money went back: never more than there was, whoever says so.
    pub(super) fn given_back(&mut self, index: usize, amount_minor: i64, reason: Option<String>) {
        let payment = &self.case.payments[index];
        let (payment_id, currency) = (payment.public_id(), payment.amount.currency);
        let amount_minor = amount_minor.min(payment.kept_minor());
        if amount_minor <= 0 {
            return;
        }
        self.take_up_again();
        let confirmed = self.confirms(index);
        self.change_payment(index, |payment| {
            payment.refunded_minor += amount_minor;
            if payment.kept_minor() <= 0 {
                payment.status = PaymentStatus::Refunded;
            }
        });
        if self.case.payments[index].kept_minor() <= 0 && confirmed {
            // A booking whose money is all gone can't stay sold.
            self.cancel_booking(reason.clone());
        }
        self.log_payment(PaymentEvent::PaymentRefunded, index, Money { amount_minor, currency }, reason);
        let payment = &self.case.payments[index];
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
}
