//! Money that goes back: of cancelled bookings, in parts, refused, unclear.

use super::support::{Do, PRICE, Row, Run, Seats, captured, check, declined, paid, succeeded};
use crate::domain::booking::rejection::Rejection;
use crate::domain::money::Money;
use crate::domain::payment::{AttemptKind, AttemptState, PaymentStatus};
use crate::saga::input::{Answer, OperatorMove};
use Do::{Answer as Says, Cancel, GivesUp, HoldEnds, Operator, Pay, Refund, Sweep};
use Seats::{Gone, Same};

fn row(what: &'static str, done: Vec<Do>, end: &'static str, log: &'static str) -> Row {
    Row { what, seats: Same, done, end, log }
}

fn part(amount_minor: i64) -> Answer {
    captured(Money { amount_minor, ..PRICE })
}

#[test]
fn a_confirmed_booking_that_is_cancelled_ends_refunded() {
    check(vec![
        row(
            "under way",
            vec![Pay, Says(0, succeeded()), Cancel],
            "CANCELLED REFUNDING 2500",
            "PaymentCreated TicketConfirmed TicketCancelled RefundRequested",
        ),
        row(
            "done",
            vec![Pay, Says(0, succeeded()), Cancel, Says(1, succeeded())],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed TicketCancelled RefundRequested PaymentRefunded TicketRefunded",
        ),
        row(
            "done in two moves of the provider's",
            vec![Pay, Says(0, succeeded()), Cancel, Says(1, part(1_000)), Says(2, part(1_500))],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed TicketCancelled RefundRequested PaymentRefunded RefundRequested \
             PaymentRefunded TicketRefunded",
        ),
        row(
            "the provider lost it, and gets it again",
            vec![Pay, Says(0, succeeded()), Cancel, Says(1, Answer::Unknown), Says(1, succeeded())],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed TicketCancelled RefundRequested PaymentRefunded TicketRefunded",
        ),
    ]);
}

#[test]
fn a_part_that_goes_back_leaves_the_booking_and_all_of_it_cancels_it() {
    check(vec![
        row(
            "a part",
            vec![Pay, Says(0, succeeded()), Refund(0, Some(1_000)), Says(1, part(1_000))],
            "CONFIRMED CONFIRMED 1500",
            "PaymentCreated TicketConfirmed RefundRequested PaymentRefunded",
        ),
        row(
            "a part under way",
            vec![Pay, Says(0, succeeded()), Refund(0, Some(1_000))],
            "CONFIRMED REFUNDING 2500",
            "PaymentCreated TicketConfirmed RefundRequested",
        ),
        row(
            "a part and the rest",
            vec![
                Pay,
                Says(0, succeeded()),
                Refund(0, Some(1_000)),
                Refund(0, None),
                Says(2, part(1_500)),
                Says(1, part(1_000)),
            ],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed RefundRequested TicketCancelled RefundRequested PaymentRefunded \
             PaymentRefunded TicketRefunded",
        ),
        row(
            "a part, then the booking is cancelled",
            vec![
                Pay,
                Says(0, succeeded()),
                Refund(0, Some(1_000)),
                Says(1, part(1_000)),
                Cancel,
                Says(2, part(1_500)),
            ],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed RefundRequested PaymentRefunded TicketCancelled RefundRequested \
             PaymentRefunded TicketRefunded",
        ),
        row(
            "all of it",
            vec![Pay, Says(0, succeeded()), Refund(0, Some(2_500))],
            "CANCELLED REFUNDING 2500",
            "PaymentCreated TicketConfirmed TicketCancelled RefundRequested",
        ),
    ]);
}

#[test]
fn more_than_is_left_is_never_given_back() {
    let mut run = Run::booked(Same);
    assert!(matches!(run.act(&Refund(0, None)), Err(Rejection::UnknownPayment { .. })));
    run.act(&Pay).unwrap();
    let pending = Rejection::PaymentState { status: PaymentStatus::Pending, wanted: "refunded" };
    assert_eq!(run.act(&Refund(0, None)), Err(pending));
    run.act(&Says(0, succeeded())).unwrap();
    let left = |amount_minor| Err(Rejection::RefundTooMuch { left: Money { amount_minor, ..PRICE } });
    assert_eq!(run.act(&Refund(0, Some(2_501))), left(2_500));
    assert_eq!(run.act(&Refund(0, Some(0))), left(2_500));
    assert_eq!(run.act(&Refund(0, Some(-1))), left(2_500));
    run.act(&Refund(0, Some(2_000))).unwrap();
    assert_eq!(run.act(&Refund(0, Some(501))), left(500), "what is under way is not there any more");
    run.act(&Refund(0, Some(500))).unwrap();
    assert_eq!(run.act(&Refund(0, None)), left(0));
    for refund in [1, 2] {
        run.act(&Says(refund, succeeded())).unwrap();
    }
    assert_eq!((run.end().as_str(), run.kept()), ("REFUNDED REFUNDED 0", 0));
    let gone = Rejection::PaymentState { status: PaymentStatus::Refunded, wanted: "refunded" };
    assert_eq!(run.act(&Refund(0, None)), Err(gone));
}

#[test]
fn a_refund_that_does_not_get_through_is_parked_until_a_person_or_news_help() {
    let retry = || Operator(OperatorMove::Retry);
    let owed = |rest: Vec<Do>| [vec![Pay, Says(0, succeeded()), Cancel], rest].concat();
    let begun = "PaymentCreated TicketConfirmed TicketCancelled RefundRequested";
    let done =
        "PaymentCreated TicketConfirmed TicketCancelled RefundRequested PaymentRefunded TicketRefunded";
    let twice = "PaymentCreated TicketConfirmed TicketCancelled RefundRequested RefundRequested \
                 PaymentRefunded TicketRefunded";
    check(vec![
        row("refused", owed(vec![Says(1, declined())]), "CANCELLED PARKED(REFUND_REFUSED) 2500", begun),
        row("unclear", owed(vec![GivesUp(1)]), "CANCELLED PARKED(REFUND_UNCLEAR) 2500", begun),
        row("unclear, then done", owed(vec![GivesUp(1), Says(1, succeeded())]), "REFUNDED REFUNDED 0", done),
        row(
            "refused, then done",
            owed(vec![Says(1, declined()), Says(1, succeeded())]),
            "REFUNDED REFUNDED 0",
            done,
        ),
        row(
            "refused, tried anew",
            owed(vec![Says(1, declined()), retry(), Says(2, succeeded())]),
            "REFUNDED REFUNDED 0",
            twice,
        ),
        row(
            "unclear, asked again",
            owed(vec![GivesUp(1), retry(), Says(1, succeeded())]),
            "REFUNDED REFUNDED 0",
            done,
        ),
    ]);
}

#[test]
fn a_refused_refund_of_a_second_payment_leaves_the_booking_confirmed_and_the_saga_parked() {
    let mut run = Run::booked(Same);
    for step in
        [Pay, Says(0, declined()), Pay, Says(1, succeeded()), Says(0, succeeded()), Says(2, declined())]
    {
        run.act(&step).unwrap();
    }
    assert_eq!(run.end(), "CONFIRMED PARKED(REFUND_REFUSED) 5000");
    // More money that is owed goes back by itself all the same.
    run.act(&paid("x")).unwrap();
    let open = run.case.attempts.iter().filter(|a| a.kind == AttemptKind::Refund && a.state.is_open());
    assert_eq!(open.map(|a| a.state).collect::<Vec<_>>(), [AttemptState::Awaited]);
    run.act(&Operator(OperatorMove::Retry)).unwrap();
    assert_eq!(run.end(), "CONFIRMED REFUNDING 7500");
}

#[test]
fn a_late_payment_of_a_cancelled_booking_is_refunded_and_the_booking_stays_cancelled() {
    check(vec![Row {
        what: "cancelled, and then the hold would have ended",
        seats: Gone,
        done: vec![Pay, Cancel, HoldEnds, Sweep, Says(0, succeeded()), Says(1, succeeded())],
        end: "CANCELLED REFUNDED 0",
        log: "TicketCancelled PaymentCreated RefundRequested PaymentRefunded",
    }]);
}
