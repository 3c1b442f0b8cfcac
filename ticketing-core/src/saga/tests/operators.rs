//! What an operator may do, in every state of a saga.

use super::support::{Do, Run, Seats, declined, refunded, succeeded};
use crate::saga::definition::SagaState;
use crate::saga::input::{Answer, OperatorMove};
use Do::{Answer as Says, Cancel, GivesUp, HoldEnds, Operator, Pay, PayOutside, Sweep};
use OperatorMove::{Abandon, Compensate, Retry};
use Seats::Same;

/// A saga in each state, and where each move takes it; `None` where it is refused.
#[test]
fn every_move_of_an_operator_is_made_or_refused_in_every_state() {
    use SagaState as S;
    type Row = (S, Vec<Do>, Option<&'static str>, Option<&'static str>, Option<&'static str>);
    let confirmed = || vec![Pay, Says(0, succeeded())];
    let cancelled = || [confirmed(), vec![Cancel]].concat();
    let rows: Vec<Row> = vec![
        (S::AwaitingPayment, vec![Pay, Says(0, declined())], None, Some("CANCELLED CANCELLED 0"), None),
        (
            S::Charging,
            vec![Pay],
            Some("PENDING CHARGING 0"),
            Some("CANCELLED RELEASING 0"),
            Some("PENDING AWAITING_PAYMENT(ABANDONED) 0"),
        ),
        (
            S::AwaitingPayment,
            vec![PayOutside],
            None,
            Some("CANCELLED CANCELLED 0"),
            Some("PENDING AWAITING_PAYMENT(ABANDONED) 0"),
        ),
        (S::Confirmed, confirmed(), None, Some("CANCELLED REFUNDING 2500"), None),
        (
            S::Releasing,
            vec![Pay, Cancel],
            Some("CANCELLED RELEASING 0"),
            Some("CANCELLED RELEASING 0"),
            Some("CANCELLED CANCELLED(ABANDONED) 0"),
        ),
        (
            S::Refunding,
            cancelled(),
            Some("CANCELLED REFUNDING 2500"),
            Some("CANCELLED REFUNDING 2500"),
            Some("CANCELLED CANCELLED(ABANDONED) 2500"),
        ),
        (S::Cancelled, vec![Pay, Says(0, declined()), Cancel], None, None, None),
        (S::Expired, vec![Pay, Says(0, declined()), HoldEnds, Sweep], None, None, None),
        (S::Refunded, [cancelled(), vec![Says(1, succeeded())]].concat(), None, None, None),
        (
            S::Parked,
            vec![Pay, GivesUp(0)],
            Some("PENDING CHARGING 0"),
            Some("CANCELLED RELEASING 0"),
            Some("PENDING AWAITING_PAYMENT(ABANDONED) 0"),
        ),
        (
            S::Parked,
            [cancelled(), vec![GivesUp(1)]].concat(),
            Some("CANCELLED REFUNDING 2500"),
            Some("CANCELLED REFUNDING 2500"),
            Some("CANCELLED CANCELLED(ABANDONED) 2500"),
        ),
        (
            S::Parked,
            [cancelled(), vec![Says(1, declined())]].concat(),
            Some("CANCELLED REFUNDING 2500"),
            Some("CANCELLED REFUNDING 2500"),
            Some("CANCELLED CANCELLED(ABANDONED) 2500"),
        ),
    ];
    for (state, done, retry, compensate, abandon) in rows {
        for (action, end) in [(Retry, retry), (Compensate, compensate), (Abandon, abandon)] {
            let mut run = Run::booked(Same);
            for step in &done {
                run.act(step).unwrap();
            }
            assert_eq!(run.case.saga.state, state, "{done:?}");
            let before = run.case.clone();
            let answer = run.act(&Operator(action));
            assert_eq!(answer.is_ok(), end.is_some(), "{action:?} after {done:?}: {answer:?}");
            match end {
                Some(end) => assert_eq!(run.end(), end, "{action:?} after {done:?}"),
                None => assert_eq!(run.case, before),
            }
        }
    }
}

fn after(done: &[Do]) -> Run {
    let mut run = Run::booked(Same);
    for step in done {
        run.act(step).unwrap();
    }
    run
}

#[test]
fn money_that_comes_after_a_saga_was_abandoned_is_still_used_or_given_back() {
    let run = after(&[Pay, Operator(Abandon), Says(0, succeeded())]);
    assert_eq!(run.end(), "CONFIRMED CONFIRMED 2500");
    let run = after(&[Pay, Cancel, Operator(Abandon), Says(0, succeeded())]);
    assert_eq!(run.end(), "CANCELLED REFUNDING 2500");
}

#[test]
fn what_a_person_took_on_is_not_given_back_again_when_other_money_comes() {
    let paid_by_hand = [Pay, Says(0, succeeded()), Cancel, Says(1, declined()), Operator(Abandon)];
    let mut run = after(&paid_by_hand);
    assert_eq!(run.end(), "CANCELLED CANCELLED(ABANDONED) 2500");
    run.act(&super::support::paid("x")).unwrap();
    let refunds = run.case.attempts.iter().filter(|a| a.payment_id == run.case.payments[0].id).count();
    assert_eq!(refunds, 2, "the charge and its one refund");
    run.act(&refunded(Some("x"), None)).unwrap();
    assert_eq!(
        run.end(),
        "CANCELLED PARKED(REFUND_REFUSED) 2500",
        "the old one is shown again, not done again"
    );
}

#[test]
fn a_refund_that_comes_after_it_was_abandoned_ends_it() {
    let run = after(&[Pay, Says(0, succeeded()), Cancel, Operator(Abandon), Says(1, succeeded())]);
    assert_eq!(run.end(), "REFUNDED REFUNDED 0");
}

#[test]
fn an_abandoned_saga_is_taken_up_again_by_a_retry() {
    let mut run = after(&[Pay, Says(0, succeeded()), Cancel, Operator(Abandon), Operator(Retry)]);
    assert_eq!(run.end(), "CANCELLED REFUNDING 2500");
    assert!(run.case.attempts[1].in_doubt, "it may have been done: it is asked about, by the same id");
    run.act(&Says(1, succeeded())).unwrap();
    assert_eq!(run.end(), "REFUNDED REFUNDED 0");
    // A charge is asked about, and never sent again: its payment failed, its token is forgotten.
    let mut run = after(&[Pay, Operator(Abandon), Operator(Retry), Says(0, Answer::Closed)]);
    assert_eq!(run.end(), "PENDING AWAITING_PAYMENT 0");
    run.act(&Pay).unwrap();
    assert_eq!(run.end(), "PENDING CHARGING 0");
}

#[test]
fn a_booking_whose_charge_was_abandoned_can_be_paid_with_another_card() {
    let run = after(&[Pay, GivesUp(0), Operator(Abandon), Pay, Says(1, succeeded())]);
    assert_eq!(run.end(), "CONFIRMED CONFIRMED 2500");
}
