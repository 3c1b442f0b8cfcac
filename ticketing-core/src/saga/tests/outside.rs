//! What an outside payment service tells: in any order, twice, or unasked.

use super::support::{Do, PRICE, Row, Run, Seats, captured, check, failed, paid, refunded, succeeded};
use crate::domain::booking::event::{BookingEvent, Confirmed};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::evolve;
use crate::domain::money::Money;
use crate::domain::payment::AttemptState;
use crate::saga::input::{Input, Notice};
use Do::{Answer as Says, Cancel, HoldEnds, Pay, PayOutside, Sweep, Told, Vouch};
use Seats::{Gone, Same};

fn row(what: &'static str, done: Vec<Do>, end: &'static str, log: &'static str) -> Row {
    Row { what, seats: Same, done, end, log }
}

#[test]
fn an_outside_payment_confirms_and_its_failure_cancels() {
    check(vec![
        row(
            "asked for and paid",
            vec![PayOutside, paid("x"), paid("x")],
            "CONFIRMED CONFIRMED 2500",
            "PaymentRequested PaymentCreated TicketConfirmed",
        ),
        row("paid unasked", vec![paid("x")], "CONFIRMED CONFIRMED 2500", "PaymentCreated TicketConfirmed"),
        row(
            "failed",
            vec![PayOutside, failed(Some("x")), failed(Some("x"))],
            "CANCELLED CANCELLED 0",
            "PaymentRequested PaymentFailed TicketCancelled",
        ),
        row(
            "failed without a name",
            vec![PayOutside, failed(None), failed(None)],
            "CANCELLED CANCELLED 0",
            "PaymentRequested PaymentFailed TicketCancelled",
        ),
        row("failed before it was asked for", vec![failed(None)], "CANCELLED CANCELLED 0", "TicketCancelled"),
        row(
            "failed after it was paid",
            vec![PayOutside, paid("x"), failed(Some("x"))],
            "CONFIRMED CONFIRMED 2500",
            "PaymentRequested PaymentCreated TicketConfirmed",
        ),
        row(
            "paid after it failed",
            vec![PayOutside, failed(Some("x")), paid("x"), refunded(Some("x"), None)],
            "CANCELLED REFUNDED 0",
            "PaymentRequested PaymentFailed TicketCancelled PaymentCreated RefundRequested PaymentRefunded",
        ),
        row(
            "another one failed after one was paid",
            vec![paid("x"), failed(Some("y"))],
            "CONFIRMED CONFIRMED 2500",
            "PaymentCreated TicketConfirmed PaymentFailed",
        ),
    ]);
}

#[test]
fn a_second_outside_payment_goes_back() {
    check(vec![
        row(
            "two",
            vec![paid("x"), paid("y"), refunded(Some("y"), None)],
            "CONFIRMED CONFIRMED 2500",
            "PaymentCreated TicketConfirmed PaymentCreated RefundRequested PaymentRefunded",
        ),
        row(
            "one of ours, and one outside while it is under way",
            vec![Pay, paid("x"), Says(0, succeeded()), Says(1, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            "PaymentCreated TicketConfirmed PaymentCreated RefundRequested PaymentRefunded",
        ),
        row(
            "one of ours that never arrived",
            vec![Pay, paid("x"), Says(0, crate::saga::input::Answer::Closed)],
            "CONFIRMED CONFIRMED 2500",
            "PaymentCreated TicketConfirmed PaymentFailed",
        ),
        row(
            "of ours, still under way",
            vec![Pay, paid("x")],
            "CONFIRMED RELEASING 2500",
            "PaymentCreated TicketConfirmed",
        ),
    ]);
}

#[test]
fn a_wrong_outside_amount_confirms_nothing_and_goes_back() {
    let less =
        || Told(Notice::Paid { external_id: "x".into(), amount: Some(Money { amount_minor: 1, ..PRICE }) });
    check(vec![
        row("less", vec![less(), less()], "PENDING REFUNDING 1", "PaymentCreated RefundRequested"),
        row(
            "given back",
            vec![less(), refunded(None, None), HoldEnds, Sweep],
            "EXPIRED REFUNDED 0",
            "PaymentCreated RefundRequested PaymentRefunded TicketExpired",
        ),
    ]);
}

#[test]
fn outside_money_that_comes_late_takes_seats_again_or_goes_back() {
    let late = || vec![PayOutside, HoldEnds, Sweep, paid("x")];
    check(vec![
        row(
            "seats are there",
            late(),
            "CONFIRMED CONFIRMED 2500",
            "PaymentRequested TicketExpired PaymentFailed PaymentCreated TicketReserved TicketConfirmed",
        ),
        Row {
            what: "seats are gone",
            seats: Gone,
            done: [late(), vec![refunded(Some("x"), None)]].concat(),
            end: "EXPIRED REFUNDED 0",
            log: "PaymentRequested TicketExpired PaymentFailed PaymentCreated RefundRequested PaymentRefunded",
        },
    ]);
}

#[test]
fn a_refund_that_is_told_before_its_payment_keeps_nothing() {
    check(vec![
        row(
            "whole",
            vec![PayOutside, refunded(Some("x"), None), paid("x")],
            "PENDING AWAITING_PAYMENT 0",
            "PaymentRequested PaymentCreated PaymentRefunded",
        ),
        row(
            "without a name",
            vec![PayOutside, refunded(None, None), refunded(None, None), paid("x")],
            "CONFIRMED CONFIRMED 2500",
            "PaymentRequested PaymentCreated PaymentRefunded PaymentCreated TicketConfirmed",
        ),
        row(
            "a part: the rest is owed",
            vec![PayOutside, refunded(Some("x"), Some(500)), paid("x"), refunded(Some("x"), Some(2_000))],
            "PENDING AWAITING_PAYMENT 0",
            "PaymentRequested PaymentCreated PaymentRefunded RefundRequested PaymentRefunded",
        ),
        row(
            "of nothing we know, in the end",
            vec![HoldEnds, Sweep, refunded(None, None)],
            "EXPIRED EXPIRED 0",
            "TicketExpired",
        ),
    ]);
}

#[test]
fn a_refund_that_nobody_asked_for_cancels_the_booking_when_all_is_gone() {
    check(vec![
        row(
            "all",
            vec![paid("x"), refunded(Some("x"), None), refunded(Some("x"), None)],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed TicketCancelled PaymentRefunded TicketRefunded",
        ),
        row(
            "a part",
            vec![paid("x"), refunded(Some("x"), Some(500))],
            "CONFIRMED CONFIRMED 2000",
            "PaymentCreated TicketConfirmed PaymentRefunded",
        ),
    ]);
    // A provider that we ask names the charge by its own name.
    let mut run = Run::booked(Same);
    for step in [Pay, Says(0, succeeded())] {
        run.act(&step).unwrap();
    }
    let notice = Notice::Refunded { external_id: Some("ref".into()), amount: None };
    run.input(&Input::Told { provider: "simulated".into(), notice }).unwrap();
    assert_eq!(run.end(), "REFUNDED REFUNDED 0");
    assert_eq!(run.case.payments.len(), 1);
}

#[test]
fn a_refund_in_parts_that_we_asked_for_as_one_asks_for_the_rest() {
    check(vec![row(
        "two parts",
        vec![paid("x"), Cancel, refunded(Some("x"), Some(1_000)), refunded(Some("x"), Some(1_500))],
        "REFUNDED REFUNDED 0",
        "PaymentCreated TicketConfirmed TicketCancelled RefundRequested PaymentRefunded RefundRequested \
         PaymentRefunded TicketRefunded",
    )]);
}

#[test]
fn a_service_s_word_stands_for_the_payment_and_is_given_back_as_one() {
    check(vec![
        row("confirmed", vec![Vouch("w"), Vouch("w")], "CONFIRMED CONFIRMED 2500", "TicketConfirmed"),
        row(
            "cancelled",
            vec![Vouch("w"), Cancel, refunded(Some("w"), None)],
            "REFUNDED REFUNDED 0",
            "TicketConfirmed TicketCancelled RefundRequested PaymentRefunded TicketRefunded",
        ),
        row(
            "and the same payment told",
            vec![Vouch("w"), paid("w")],
            "CONFIRMED CONFIRMED 2500",
            "TicketConfirmed",
        ),
        row(
            "for the payment that was asked for",
            vec![PayOutside, Vouch("w"), paid("w")],
            "CONFIRMED CONFIRMED 2500",
            "PaymentRequested TicketConfirmed PaymentCreated",
        ),
        row(
            "while a charge of ours is under way",
            vec![Pay, Vouch("w"), Says(0, succeeded()), Says(1, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            "TicketConfirmed PaymentCreated RefundRequested PaymentRefunded",
        ),
    ]);
}

#[test]
fn nobody_s_word_stands_for_money_that_went_back_or_is_another_amount() {
    let less = Notice::Paid { external_id: "w".into(), amount: Some(Money { amount_minor: 1, ..PRICE }) };
    for told in [refunded(Some("w"), None), refunded(Some("w"), Some(500)), Told(less)] {
        let mut run = Run::booked(Same);
        run.act(&told).unwrap();
        let before = run.case.clone();
        assert!(matches!(run.act(&Vouch("w")), Err(Rejection::PaymentState { .. })), "{told:?}");
        assert_eq!(run.case, before);
    }
}

#[test]
fn a_booking_that_was_confirmed_before_there_were_sagas_is_given_back_too() {
    let mut run = Run::booked(Same);
    let booking = run.case.booking.take().unwrap();
    let confirmed = Confirmed { offering_id: booking.offering_id, payment_id: "old".into() };
    let id = booking.id;
    run.case.booking = evolve(Some(booking), id, &BookingEvent::TicketConfirmed(confirmed), run.now);
    run.act(&Cancel).unwrap();
    assert_eq!(run.end(), "CANCELLED REFUNDING 2500");
    run.act(&refunded(Some("old"), None)).unwrap();
    assert_eq!(run.end(), "REFUNDED REFUNDED 0");
}

#[test]
fn a_failure_that_a_provider_of_ours_tells_is_a_decline() {
    let mut run = Run::booked(Same);
    run.act(&Pay).unwrap();
    let id = run.case.payments[0].id.to_string();
    let notice = Notice::Failed { external_id: Some(id), reason: None };
    run.input(&Input::Told { provider: "simulated".into(), notice }).unwrap();
    assert_eq!(run.end(), "PENDING AWAITING_PAYMENT 0");
    run.act(&Pay).unwrap();
    let notice = Notice::Paid { external_id: run.case.payments[1].id.to_string(), amount: None };
    run.input(&Input::Told { provider: "simulated".into(), notice }).unwrap();
    assert_eq!(run.case.attempts[1].state, AttemptState::Succeeded, "nobody asks about it any more");
    run.act(&Says(1, captured(PRICE))).unwrap();
    assert_eq!(run.end(), "CONFIRMED CONFIRMED 2500");
}
