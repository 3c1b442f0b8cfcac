//! Charges for no booking.

use super::support::{Do, PRICE, Row, Run, Seats, captured, check_from, declined, succeeded};
use crate::domain::money::Money;
use crate::saga::input::OperatorMove;
use Do::{Answer as Says, GivesUp, Operator, Pay, Refund};

#[test]
fn a_charge_for_no_booking_succeeds_fails_or_goes_back() {
    let row = |what, done, end, log| Row { what, seats: Seats::Gone, done, end, log };
    let less = captured(Money { amount_minor: 1, ..PRICE });
    let back = "PaymentCreated PaymentRefunded";
    check_from(
        |_| Run::standalone(),
        vec![
            row("begun", vec![Pay], "- CHARGING 0", ""),
            row(
                "success",
                vec![Pay, Says(0, succeeded()), Says(0, succeeded())],
                "- CONFIRMED 2500",
                "PaymentCreated",
            ),
            row("decline", vec![Pay, Says(0, declined())], "- CANCELLED 0", "PaymentFailed"),
            row(
                "success after the decline",
                vec![Pay, Says(0, declined()), Says(0, succeeded())],
                "- CONFIRMED 2500",
                "PaymentFailed PaymentCreated",
            ),
            row("unclear", vec![Pay, GivesUp(0)], "- PARKED(CHARGE_UNCLEAR) 0", ""),
            row(
                "a refund",
                vec![Pay, Says(0, succeeded()), Refund(0, None)],
                "- REFUNDING 2500",
                "PaymentCreated",
            ),
            row(
                "refunded",
                vec![Pay, Says(0, succeeded()), Refund(0, None), Says(1, succeeded())],
                "- REFUNDED 0",
                back,
            ),
            row(
                "a part",
                vec![Pay, Says(0, succeeded()), Refund(0, Some(1_000)), Says(1, succeeded())],
                "- CONFIRMED 1500",
                back,
            ),
            row(
                "compensated",
                vec![Pay, Says(0, succeeded()), Operator(OperatorMove::Compensate), Says(1, succeeded())],
                "- REFUNDED 0",
                back,
            ),
            row("a wrong amount", vec![Pay, Says(0, less), Says(1, succeeded())], "- REFUNDED 0", back),
        ],
    );
}

#[test]
fn a_charge_for_no_booking_is_made_once() {
    let mut run = Run::standalone();
    run.act(&Pay).unwrap();
    assert!(run.act(&Pay).is_err());
    assert!(run.act(&Operator(OperatorMove::Compensate)).is_err(), "there is nothing to give back yet");
    run.act(&Says(0, succeeded())).unwrap();
    assert!(run.act(&Pay).is_err());
}
