//! What a person may do to a saga that does not get on by itself.

use super::{Draft, EXTERNAL};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::payment::{Attempt, AttemptKind, AttemptState};
use crate::saga::definition::Park;
use crate::saga::input::OperatorMove;

impl Draft<'_, '_> {
    pub(super) fn operator(&mut self, action: OperatorMove, reason: &str) -> Result<(), Rejection> {
        let state = self.case.saga.state.word();
        let refused = |wanted| Err(Rejection::SagaState { state, wanted });
        self.note = Some(reason.to_owned());
        match action {
            OperatorMove::Retry => {
                if !self.ask_again(reason) {
                    return refused("retried");
                }
            }
            OperatorMove::Compensate => {
                // There are no seats to give back, and a charge under way can't be called back.
                if self.case.booking.is_none() && self.case.payments.iter().all(|p| p.kept_minor() == 0) {
                    return refused("compensated");
                }
                let gave_up = self.give_up_what_is_had(reason);
                let asked = self.ask_again(reason);
                if !gave_up && !asked {
                    return refused("compensated");
                }
            }
            OperatorMove::Abandon => {
                let is_open = self.case.attempts.iter().any(|a| a.state.is_open());
                let refused_refund = self.case.saga.park == Some(Park::RefundRefused);
                if !is_open && !refused_refund {
                    return refused("abandoned");
                }
                self.abandon(&format!("abandoned: {reason}"));
            }
        }
        Ok(())
    }

    /// Takes up again, from the first try on, whatever did not get through. Whether there was anything.
    fn ask_again(&mut self, reason: &str) -> bool {
        let mut any = false;
        let abandoned = self.case.saga.park == Some(Park::Abandoned);
        for index in 0..self.case.attempts.len() {
            let attempt = &self.case.attempts[index];
            let Some(payment) = self.payment_index(attempt.payment_id) else { continue };
            let by_itself = self.case.payments[payment].provider == EXTERNAL;
            let again = match (attempt.state, attempt.kind) {
                (AttemptState::Due | AttemptState::Unclear, _) => true,
                // It may have been on its way when it was given up: the same one goes on, so that the provider
                // knows it. A charge is only asked about, since its payment failed and its token is forgotten.
                (AttemptState::Dropped, AttemptKind::Charge) => {
                    abandoned && !by_itself && self.case.payments[payment].captured_minor == 0
                }
                (AttemptState::Dropped, AttemptKind::Refund) => {
                    let last = self.refunds(attempt.payment_id).next_back().map(|a| a.id);
                    last == Some(attempt.id)
                        && self.refund_undone(payment) == Some(AttemptState::Dropped)
                        && self.left(payment) >= attempt.amount.amount_minor
                }
                (AttemptState::Awaited | AttemptState::Succeeded | AttemptState::Declined, _) => false,
            };
            if again {
                any = true;
                let attempt = &mut self.case.attempts[index];
                attempt.state = if by_itself { AttemptState::Awaited } else { AttemptState::Due };
                attempt.in_doubt = !by_itself;
                attempt.tries = 0;
                attempt.next_at = (!by_itself).then_some(self.now);
                attempt.ended_at = None;
            }
        }
        for index in 0..self.case.payments.len() {
            if self.refund_undone(index).is_none() {
                continue;
            }
            // The provider has refused that one for good, or it is of more than is left: it gets another one.
            any = true;
            let id = self.case.payments[index].id;
            let last = self.refunds(id).next_back().map_or(0, |a| a.amount.amount_minor);
            let left = self.left(index);
            let amount = if self.stands(index) { last.min(left) } else { left };
            self.begin_refund(index, self.refund_id(id), amount, Some(reason.to_owned()));
        }
        if any {
            self.case.saga.park = None;
        }
        any
    }

    /// Gives back the seats, or, for a charge for no booking, the money. Whether there was anything.
    fn give_up_what_is_had(&mut self, reason: &str) -> bool {
        if self.booking_state().is_some_and(BookingState::has_seats) {
            // What was paid for it is owed from now on: `settle` gives it back.
            self.cancel_booking(Some(reason.to_owned()));
            return true;
        }
        let charging = |a: &Attempt| a.kind == AttemptKind::Charge && a.state.is_open();
        if self.booking_state() == Some(BookingState::Expired) && self.case.attempts.iter().any(charging) {
            // Its seats are free; money that comes after all is not to have them again.
            self.cancel_booking(Some(reason.to_owned()));
            return true;
        }
        let mut any = false;
        for index in 0..self.case.payments.len() {
            let left = self.left(index);
            if self.case.booking.is_none() && left > 0 && self.refund_undone(index).is_none() {
                any = true;
                let id = self.refund_id(self.case.payments[index].id);
                self.begin_refund(index, id, left, Some(reason.to_owned()));
            }
        }
        any
    }

    fn abandon(&mut self, why: &str) {
        for index in 0..self.case.attempts.len() {
            if self.case.attempts[index].state.is_open() {
                self.end_attempt(index, AttemptState::Dropped, Some(why.to_owned()));
            }
        }
        for index in 0..self.case.payments.len() {
            self.failed(index, why.to_owned());
        }
        self.case.saga.park = Some(Park::Abandoned);
        self.case.saga.last_error = Some(why.to_owned());
    }
}
