//! Late, doubled and wrong answers of a provider that we ask.

use super::support::{Do, PRICE, Row, Run, Seats, captured, check, check_from, declined, succeeded, unclear};
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::BookingState;
use crate::domain::money::{Currency, Money};
use crate::saga::definition::SagaState;
use crate::saga::input::{Answer, Input};
use Do::{Answer as Says, Cancel, GivesUp, HoldEnds, Pay, Sweep};
use Seats::{Gone, Others, Same};

const PAID: &str = "PaymentCreated TicketConfirmed";

#[test]
fn success_after_the_hold_ended_takes_seats_again_or_goes_back() {
    let again = "PaymentCreated TicketExpired TicketReserved TicketConfirmed";
    let swept = "TicketExpired PaymentCreated TicketReserved TicketConfirmed";
    let row = |what, seats, done, end, log| Row { what, seats, done, end, log };
    check(vec![
        row("the same", Same, vec![Pay, HoldEnds, Says(0, succeeded())], "CONFIRMED CONFIRMED 2500", again),
        row("others", Others, vec![Pay, HoldEnds, Says(0, succeeded())], "CONFIRMED CONFIRMED 2500", again),
        row(
            "the same, after the sweeper",
            Same,
            vec![Pay, HoldEnds, Sweep, Says(0, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            swept,
        ),
        row(
            "none",
            Gone,
            vec![Pay, HoldEnds, Says(0, succeeded())],
            "EXPIRED REFUNDING 2500",
            "PaymentCreated TicketExpired RefundRequested",
        ),
        row(
            "none, to the end",
            Gone,
            vec![Pay, HoldEnds, Sweep, Says(0, succeeded()), Says(1, succeeded())],
            "EXPIRED REFUNDED 0",
            "TicketExpired PaymentCreated RefundRequested PaymentRefunded",
        ),
    ]);
}

#[test]
fn seats_that_are_taken_again_are_the_same_booking_s() {
    let mut run = Run::booked(Others);
    for step in [Pay, HoldEnds, Sweep, Says(0, succeeded())] {
        run.act(&step).unwrap();
    }
    let booking = run.case.booking.unwrap();
    assert_eq!(booking.created_at, super::support::NOW);
    assert_eq!(booking.seats[0].label, "S7");
    // TicketBooked, TicketExpired, PaymentCreated, TicketReserved, TicketConfirmed.
    assert_eq!(booking.version, 5);
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let row = |what, done, end, log| Row { what, seats: Same, done, end, log };
    check(vec![
        row(
            "success twice",
            vec![Pay, Says(0, succeeded()), Says(0, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            PAID,
        ),
        row(
            "failure after success",
            vec![Pay, Says(0, succeeded()), Says(0, declined())],
            "CONFIRMED CONFIRMED 2500",
            PAID,
        ),
        row(
            "decline twice",
            vec![Pay, Says(0, declined()), Says(0, declined())],
            "PENDING AWAITING_PAYMENT 0",
            "PaymentFailed",
        ),
        row(
            "a refund done twice",
            vec![Pay, Says(0, succeeded()), Cancel, Says(1, succeeded()), Says(1, succeeded())],
            "REFUNDED REFUNDED 0",
            "PaymentCreated TicketConfirmed TicketCancelled RefundRequested PaymentRefunded TicketRefunded",
        ),
        row("an answer to nothing", vec![Says(3, succeeded())], "PENDING AWAITING_PAYMENT 0", ""),
    ]);
}

#[test]
fn a_decline_leaves_the_booking_for_another_card_until_the_hold_ends() {
    let row = |what, seats, done, end, log| Row { what, seats, done, end, log };
    check(vec![
        row(
            "another card",
            Same,
            vec![Pay, Says(0, declined()), Pay, Says(1, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            "PaymentFailed PaymentCreated TicketConfirmed",
        ),
        row(
            "after the hold",
            Same,
            vec![Pay, HoldEnds, Sweep, Says(0, declined())],
            "EXPIRED EXPIRED 0",
            "TicketExpired PaymentFailed",
        ),
        row(
            "success after the decline",
            Same,
            vec![Pay, Says(0, declined()), Says(0, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            "PaymentFailed PaymentCreated TicketConfirmed",
        ),
        row(
            "the declined card and another one both succeed",
            Same,
            vec![
                Pay,
                Says(0, declined()),
                Pay,
                Says(1, succeeded()),
                Says(0, succeeded()),
                Says(2, succeeded()),
            ],
            "CONFIRMED CONFIRMED 2500",
            "PaymentFailed PaymentCreated TicketConfirmed PaymentCreated RefundRequested PaymentRefunded",
        ),
        row(
            "the declined card succeeds while another one is under way, which then fails",
            Same,
            vec![Pay, Says(0, declined()), Pay, Says(0, succeeded()), Says(1, declined())],
            "CONFIRMED CONFIRMED 2500",
            "PaymentFailed PaymentCreated TicketConfirmed PaymentFailed",
        ),
    ]);
}

#[test]
fn a_wrong_amount_or_currency_confirms_nothing_and_goes_back() {
    let less = captured(Money { amount_minor: 2_499, ..PRICE });
    let yen = captured(Money { amount_minor: 2_500, currency: Currency::parse("JPY").unwrap() });
    let row = |what, done, end, log| Row { what, seats: Same, done, end, log };
    check(vec![
        row(
            "less",
            vec![Pay, Says(0, less.clone())],
            "PENDING REFUNDING 2499",
            "PaymentCreated RefundRequested",
        ),
        row(
            "less, then the right one",
            vec![Pay, Says(0, less), Says(1, succeeded()), Pay, Says(2, succeeded())],
            "CONFIRMED CONFIRMED 2500",
            "PaymentCreated RefundRequested PaymentRefunded PaymentCreated TicketConfirmed",
        ),
        row(
            "another currency",
            vec![Pay, Says(0, yen), HoldEnds, Sweep, Says(1, succeeded())],
            "EXPIRED REFUNDED 0",
            "PaymentCreated RefundRequested TicketExpired PaymentRefunded",
        ),
    ]);
}

#[test]
fn a_cancellation_that_races_with_the_charge_ends_without_money() {
    let row = |what, done, end, log| Row { what, seats: Same, done, end, log };
    check(vec![
        row("under way", vec![Pay, Cancel], "CANCELLED RELEASING 0", "TicketCancelled"),
        row(
            "it succeeds",
            vec![Pay, Cancel, Says(0, succeeded()), Says(1, succeeded())],
            "CANCELLED REFUNDED 0",
            "TicketCancelled PaymentCreated RefundRequested PaymentRefunded",
        ),
        row(
            "it is declined",
            vec![Pay, Cancel, Says(0, declined())],
            "CANCELLED CANCELLED 0",
            "TicketCancelled PaymentFailed",
        ),
        row(
            "it never arrived",
            vec![Pay, Cancel, Says(0, unclear()), Says(0, Answer::Unknown), Says(0, Answer::Closed)],
            "CANCELLED CANCELLED 0",
            "TicketCancelled PaymentFailed",
        ),
        row(
            "it never arrived, and then did",
            vec![Pay, Cancel, Says(0, Answer::Closed), Says(0, succeeded()), Says(1, succeeded())],
            "CANCELLED REFUNDED 0",
            "TicketCancelled PaymentFailed PaymentCreated RefundRequested PaymentRefunded",
        ),
        row(
            "nobody knows",
            vec![Pay, Cancel, GivesUp(0)],
            "CANCELLED PARKED(CHARGE_UNCLEAR) 0",
            "TicketCancelled",
        ),
    ]);
}

#[test]
fn an_unclear_charge_is_parked_and_any_later_news_takes_it_up() {
    let row = |what, done, end, log| Row { what, seats: Same, done, end, log };
    check(vec![
        row("parked", vec![Pay, GivesUp(0)], "PENDING PARKED(CHARGE_UNCLEAR) 0", ""),
        row("still", vec![Pay, GivesUp(0), Says(0, unclear())], "PENDING PARKED(CHARGE_UNCLEAR) 0", ""),
        row("success", vec![Pay, GivesUp(0), Says(0, succeeded())], "CONFIRMED CONFIRMED 2500", PAID),
        row(
            "decline",
            vec![Pay, GivesUp(0), Says(0, declined())],
            "PENDING AWAITING_PAYMENT 0",
            "PaymentFailed",
        ),
        row("working", vec![Pay, GivesUp(0), Says(0, Answer::Working)], "PENDING CHARGING 0", ""),
        row("unknown", vec![Pay, GivesUp(0), Says(0, Answer::Unknown)], "PENDING CHARGING 0", ""),
        row(
            "the hold ends",
            vec![Pay, GivesUp(0), HoldEnds, Sweep],
            "EXPIRED PARKED(CHARGE_UNCLEAR) 0",
            "TicketExpired",
        ),
    ]);
}

#[test]
fn what_is_not_wanted_any_more_is_asked_about_and_not_sent() {
    let mut run = Run::booked(Same);
    for step in [Pay, Cancel] {
        run.act(&step).unwrap();
    }
    let attempt = run.case.attempts[0].clone();
    assert!(
        attempt.in_doubt && attempt.next_at > Some(run.now),
        "it may be under way: it gets time to arrive"
    );
    // What could not be sent may be the question, so it says nothing about the charge.
    run.act(&Says(0, super::support::not_sent())).unwrap();
    assert_eq!(run.end(), "CANCELLED RELEASING 0");
    assert!(run.case.attempts[0].in_doubt);
}

#[test]
fn a_provider_that_works_for_long_is_asked_ever_less_often() {
    let mut run = Run::booked(Same);
    run.act(&Pay).unwrap();
    let mut asked = 0;
    let day = run.now.plus_seconds(86_400);
    while run.now < day {
        run.act(&Says(0, Answer::Working)).unwrap();
        let next = run.case.attempts[0].next_at.unwrap();
        assert!(next.as_millis() >= run.now.as_millis() + 2_000);
        run.now = next;
        asked += 1;
    }
    assert!(asked < 200, "{asked} questions a day");
    let hold_ends = run.case.booking.as_ref().unwrap().hold_expires_at;
    assert!(
        run.case.saga.moved_at < hold_ends.plus_seconds(600),
        "answers that tell nothing are no progress"
    );
    assert!(run.case.saga.is_stuck(run.now), "so it is seen that it does not get on");
}

#[test]
fn a_booking_is_paid_only_once_at_a_time_at_its_price_and_while_it_is_held() {
    let mut run = Run::booked(Same);
    run.act(&Pay).unwrap();
    assert_eq!(run.act(&Pay), Err(Rejection::PaymentInProgress));
    run.act(&GivesUp(0)).unwrap();
    assert_eq!(run.act(&Pay), Err(Rejection::PaymentInProgress), "an unclear one may still have the money");
    let mut other = Run::booked(Same);
    let wrong = Some(Money { amount_minor: 1, ..PRICE });
    let charge = crate::saga::input::NewCharge { amount: wrong, ..other.charge("simulated") };
    assert_eq!(other.input(&Input::Pay(charge)), Err(Rejection::AmountMismatch { amount: PRICE }));
    for n in 0..20 {
        other.act(&Pay).unwrap();
        other.act(&Says(n, declined())).unwrap();
    }
    assert_eq!(other.act(&Pay), Err(Rejection::TooManyPayments { max: 20 }));
    other.act(&HoldEnds).unwrap();
    assert!(matches!(other.act(&Pay), Err(Rejection::HoldExpired { .. })));
    run.act(&Says(0, succeeded())).unwrap();
    let confirmed = Rejection::InvalidState { state: BookingState::Confirmed, wanted: "paid" };
    assert_eq!(run.act(&Pay), Err(confirmed));
}

#[test]
fn what_costs_nothing_is_confirmed_at_once_and_cancelled_without_a_refund() {
    let free = |seats| Run::booked_at(seats, Money { amount_minor: 0, ..PRICE });
    let row = |what, done, end, log| Row { what, seats: Same, done, end, log };
    check_from(
        free,
        vec![
            row("paid", vec![Pay], "CONFIRMED CONFIRMED 0", PAID),
            row("paid outside", vec![Do::PayOutside], "CONFIRMED CONFIRMED 0", PAID),
            row(
                "cancelled",
                vec![Pay, Cancel],
                "CANCELLED CANCELLED 0",
                "PaymentCreated TicketConfirmed TicketCancelled",
            ),
        ],
    );
}

#[test]
fn the_next_thing_due_is_the_next_try_or_the_hold_s_end() {
    let mut run = Run::booked(Same);
    run.input(&Input::Booked { charge: None }).unwrap();
    let hold_ends = run.case.booking.as_ref().map(|b| b.hold_expires_at);
    assert_eq!(run.case.saga.next_at, hold_ends);
    run.act(&Pay).unwrap();
    assert_eq!(run.case.saga.next_at, Some(run.now));
    run.act(&GivesUp(0)).unwrap();
    assert_eq!((run.case.saga.next_at, run.case.saga.state), (hold_ends, SagaState::Parked));
    run.act(&Says(0, succeeded())).unwrap();
    assert_eq!(run.case.saga.next_at, None);
}
