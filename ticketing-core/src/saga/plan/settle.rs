//! After every input: what is owed is given back, what nobody wants is let go, and the saga's state follows.

use super::Draft;
use crate::domain::booking::state::BookingState;
use crate::domain::payment::{Attempt, AttemptKind, AttemptState, PaymentStatus};
use crate::domain::time::Timestamp;
use crate::saga::definition::{LET_GO_MS, Park, SagaState};

impl Draft<'_, '_> {
    /// Begins refunds for what is owed, and says where the saga stands now.
    pub(super) fn settle(&mut self) {
        self.give_back_what_is_owed();
        self.let_go_of_charges();
        self.let_go_of_refunds();
        self.case.saga.park = self.park();
        self.case.saga.state = self.state();
        let hold_ends = self.case.booking.as_ref().filter(|_| self.is_wanted()).map(|b| b.hold_expires_at);
        let tries = self.case.attempts.iter().filter_map(|a| a.next_at);
        self.case.saga.next_at = tries.chain(hold_ends).min();
    }

    /// What was captured and stands for nothing goes back. Where a refund was refused or given up, a person is
    /// to say how it goes on.
    fn give_back_what_is_owed(&mut self) {
        for index in 0..self.case.payments.len() {
            let owed = self.left(index);
            if owed > 0 && !self.stands(index) && self.refund_undone(index).is_none() {
                let id = self.refund_id(self.case.payments[index].id);
                let cancelled = self.case.booking.as_ref().and_then(|b| b.cancel_reason.clone());
                let reason = self.note.clone().or(cancelled);
                self.begin_refund(index, id, owed, reason);
            }
        }
    }

    /// A charge that is not wanted any more may be on its way already: it is asked about, not sent, and not
    /// before it had time to arrive. An outside service can't be asked; it tells if the money comes after all.
    fn let_go_of_charges(&mut self) {
        if self.is_wanted() {
            return;
        }
        for index in 0..self.case.attempts.len() {
            let attempt = &mut self.case.attempts[index];
            if attempt.kind != AttemptKind::Charge {
                continue;
            }
            match attempt.state {
                AttemptState::Due if !attempt.in_doubt => {
                    attempt.in_doubt = true;
                    attempt.next_at = Some(Timestamp::from_millis(self.now.as_millis() + LET_GO_MS));
                }
                AttemptState::Awaited => {
                    let payment = attempt.payment_id;
                    let why = match self.booking_state() {
                        Some(BookingState::Confirmed) => "the booking was paid otherwise",
                        Some(
                            BookingState::Pending
                            | BookingState::Reserved
                            | BookingState::Cancelled
                            | BookingState::Expired
                            | BookingState::Refunded,
                        )
                        | None => "the booking ended before it was paid",
                    };
                    self.end_attempt(index, AttemptState::Dropped, Some(why.to_owned()));
                    if let Some(payment) = self.payment_index(payment) {
                        self.failed(payment, why.to_owned());
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

    /// Nobody waits for a service to give back what it has given back already.
    fn let_go_of_refunds(&mut self) {
        for index in 0..self.case.attempts.len() {
            let attempt = &self.case.attempts[index];
            let is_awaited = attempt.kind == AttemptKind::Refund && attempt.state == AttemptState::Awaited;
            let payment = self.payment_index(attempt.payment_id);
            if is_awaited && payment.is_some_and(|p| self.case.payments[p].kept_minor() <= 0) {
                self.end_attempt(index, AttemptState::Dropped, Some("given back already".into()));
            }
        }
    }

    /// Why a person must decide, from what there is now; that somebody abandoned it is remembered.
    fn park(&self) -> Option<Park> {
        let unclear =
            |kind| self.case.attempts.iter().any(|a| a.kind == kind && a.state == AttemptState::Unclear);
        let undone = |state| (0..self.case.payments.len()).any(|p| self.refund_undone(p) == Some(state));
        let abandoned = self.case.saga.park == Some(Park::Abandoned);
        if unclear(AttemptKind::Charge) {
            Some(Park::ChargeUnclear)
        } else if unclear(AttemptKind::Refund) {
            Some(Park::RefundUnclear)
        } else if undone(AttemptState::Declined) && !abandoned {
            Some(Park::RefundRefused)
        } else if abandoned || undone(AttemptState::Dropped) {
            Some(Park::Abandoned)
        } else {
            None
        }
    }

    fn state(&self) -> SagaState {
        match self.case.saga.park {
            Some(Park::ChargeUnclear | Park::RefundUnclear | Park::RefundRefused) => {
                return SagaState::Parked;
            }
            Some(Park::Abandoned) | None => {}
        }
        let open = |kind| self.case.attempts.iter().any(|a| a.kind == kind && a.state.is_open());
        // What an outside service collects by itself is waited for, as one waits for a buyer.
        let asked = |a: &Attempt| {
            a.kind == AttemptKind::Charge && a.state.is_open() && a.state != AttemptState::Awaited
        };
        let (charging, refunding) = (self.case.attempts.iter().any(asked), open(AttemptKind::Refund));
        let state = self.booking_state();
        // Also where it was paid otherwise: the charge is not wanted any more.
        let is_over = state.is_some_and(|state| !state.is_hold());
        match state {
            None | Some(_) if charging && is_over => SagaState::Releasing,
            None | Some(_) if charging => SagaState::Charging,
            None | Some(_) if refunding => SagaState::Refunding,
            None => self.state_of_charge(),
            Some(BookingState::Pending | BookingState::Reserved) => SagaState::AwaitingPayment,
            Some(BookingState::Confirmed) => SagaState::Confirmed,
            Some(BookingState::Cancelled | BookingState::Refunded) => {
                self.state_without_seats(SagaState::Cancelled)
            }
            Some(BookingState::Expired) => self.state_without_seats(SagaState::Expired),
        }
    }

    /// Where the saga of a booking that is over stands when nothing of it is open; `unpaid` if no money ever came.
    fn state_without_seats(&self, unpaid: SagaState) -> SagaState {
        let payments = &self.case.payments;
        if payments.iter().all(|p| p.captured_minor == 0) {
            unpaid
        } else if payments.iter().all(|p| p.kept_minor() == 0) {
            SagaState::Refunded
        } else {
            // A person took it on: see `Park::Abandoned`.
            SagaState::Cancelled
        }
    }

    /// Where a charge for no booking stands when nothing of it is open.
    fn state_of_charge(&self) -> SagaState {
        let own = self.case.payments.iter().find(|p| p.id.0 == self.case.saga.id.0);
        match own.or(self.case.payments.last()).map(|p| p.status) {
            Some(PaymentStatus::Success) => SagaState::Confirmed,
            Some(PaymentStatus::Refunded) => SagaState::Refunded,
            Some(PaymentStatus::Failed) => SagaState::Cancelled,
            Some(PaymentStatus::Pending) | None => SagaState::AwaitingPayment,
        }
    }
}
