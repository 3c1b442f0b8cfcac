//! Given what happened, when this is asked, then that: every refusal and every move of a booking.

use super::command::{Change, HoldKind, Reserve, SeatChoice};
use super::decide::{change, reserve};
use super::event::{
    BookingEvent, Cancelled, Confirmed, Expired, HoldBegan, RefundRequested, Refunded, SeatRef,
};
use super::rejection::{Rejection, RejectionClass};
use super::state::{Booking, BookingState, evolve};
use crate::domain::catalog::{
    Call, LatePayment, Offering, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern,
};
use crate::domain::id::{BookingId, LayoutId, OfferingId, PatternId, RouteId, StopId, UserId};
use crate::domain::layout::{Layout, LayoutSpec};
use crate::domain::money::{Currency, Money};
use crate::domain::occupancy::{Held, Occupancy};
use crate::domain::payment::PaymentStatus;
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

mod random;

const FARE: Money = Money { amount_minor: 2_500, currency: Currency::USD };
const OFFERING: OfferingId = OfferingId(Uuid::from_u128(1));
const BOOKING: BookingId = BookingId(Uuid::from_u128(2));
/// It leaves stop 0 then, and each further stop an hour later.
const DEPARTS: Timestamp = Timestamp::from_millis(100_000_000);
const NOW: Timestamp = Timestamp::from_millis(50_000_000);
const HOLD_ENDS: Timestamp = NOW.plus_seconds(900);

/// A bus of two rows `AB`, A2 blocked, that calls at stops #0 to #4; nobody boards at #1 or leaves at #2.
fn bus() -> Offering {
    let call = |n: u32| Call {
        stop_id: StopId(Uuid::from_u128(u128::from(n) + 100)),
        external_id: None,
        name: format!("Stop {n}"),
        sequence: n,
        arrival_s: n as i32 * 3_600,
        departure_s: n as i32 * 3_600,
        boards: n != 1,
        alights: n != 2,
    };
    let pattern_id = PatternId(Uuid::from_u128(3));
    let layout_id = LayoutId(Uuid::from_u128(4));
    let spec = LayoutSpec {
        name: "bus".into(),
        rows: 2,
        columns: "AB".into(),
        blocked: vec!["A2".into()],
        ..LayoutSpec::default()
    };
    Offering::new(
        OfferingFacts {
            id: OFFERING,
            kind: OfferingKind::Departure,
            route_id: Some(RouteId(Uuid::from_u128(5))),
            pattern_id,
            layout_id,
            external_id: None,
            service_date: "1970-01-02".into(),
            departs_at: DEPARTS,
            arrives_at: DEPARTS.plus_seconds(4 * 3_600),
            fare: FARE,
            status: OfferingStatus::Open,
            late_payment: LatePayment::ReReserve,
            particulars: Particulars::default(),
        },
        Arc::new(Pattern { id: pattern_id, calls: (0..5).map(call).collect() }),
        Arc::new(Layout::new(layout_id, spec).unwrap()),
    )
}

fn empty(bus: &Offering) -> Occupancy {
    Occupancy::empty(bus.for_sale(), bus.pattern.leg_count())
}

fn ask() -> Reserve {
    Reserve {
        booking_id: BOOKING,
        offering_id: OFFERING,
        route_id: None,
        user_id: UserId("ann".into()),
        seats: SeatChoice::Any(1),
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds: 900,
        kind: HoldKind::Reserve,
    }
}

fn named(labels: &[&str]) -> SeatChoice {
    SeatChoice::Named(labels.iter().map(ToString::to_string).collect())
}

fn stop(n: u32) -> Option<String> {
    Some(format!("#{n}"))
}

fn usd(amount_minor: i64) -> Option<Money> {
    Some(Money { amount_minor, ..FARE })
}

#[test]
fn a_reservation_is_refused_for_the_first_rule_that_forbids_it() {
    let seat_taken = |seat: &str| Rejection::SeatTaken { seat: seat.into() };
    let unknown_seat = |seat: &str| Rejection::UnknownSeat { seat: seat.into() };
    let unknown_stop = |field, stop: &str| Rejection::UnknownStop { field, stop: stop.into() };
    let yen = Some(Money { amount_minor: 2_500, currency: Currency::parse("JPY").unwrap() });
    let other_route = Some(RouteId(Uuid::from_u128(9)));
    // Given a bus on which A1 is held all the way, at this time, when this is asked:
    let rows: Vec<(&str, Reserve, Timestamp, Rejection)> = vec![
        ("another route", Reserve { route_id: other_route, ..ask() }, NOW, Rejection::RouteMismatch),
        ("no such stop", Reserve { from_stop: stop(9), ..ask() }, NOW, unknown_stop("fromStop", "#9")),
        ("no such end", Reserve { to_stop: Some("x".into()), ..ask() }, NOW, unknown_stop("toStop", "x")),
        (
            "the wrong way",
            Reserve { from_stop: stop(3), to_stop: stop(0), ..ask() },
            NOW,
            Rejection::StopOrder { to: "#0".into() },
        ),
        (
            "nobody boards",
            Reserve { from_stop: stop(1), ..ask() },
            NOW,
            Rejection::NoBoarding { field: "fromStop", stop: "Stop 1".into() },
        ),
        (
            "nobody leaves",
            Reserve { to_stop: stop(2), ..ask() },
            NOW,
            Rejection::NoBoarding { field: "toStop", stop: "Stop 2".into() },
        ),
        ("no such seat", Reserve { seats: named(&["B1", "C1"]), ..ask() }, NOW, unknown_seat("C1")),
        (
            "a seat twice",
            Reserve { seats: named(&["B1", "1b"]), ..ask() },
            NOW,
            Rejection::SeatRepeated { seat: "1b".into() },
        ),
        ("no seat named", Reserve { seats: named(&[]), ..ask() }, NOW, unknown_seat("")),
        ("none of any", Reserve { seats: SeatChoice::Any(0), ..ask() }, NOW, unknown_seat("")),
        ("as it leaves", ask(), DEPARTS, Rejection::Departed { at: DEPARTS, kind: OfferingKind::Departure }),
        (
            "as it leaves on the way",
            Reserve { from_stop: stop(3), ..ask() },
            DEPARTS.plus_seconds(3 * 3_600),
            Rejection::Departed { at: DEPARTS.plus_seconds(3 * 3_600), kind: OfferingKind::Departure },
        ),
        (
            "another price",
            Reserve { expected_price: usd(2_499), ..ask() },
            NOW,
            Rejection::PriceMismatch { fare: FARE },
        ),
        (
            "another currency",
            Reserve { expected_price: yen, ..ask() },
            NOW,
            Rejection::PriceMismatch { fare: FARE },
        ),
        (
            "the price of one for two",
            Reserve { seats: SeatChoice::Any(2), expected_price: usd(2_500), ..ask() },
            NOW,
            Rejection::PriceMismatch { fare: Money { amount_minor: 5_000, ..FARE } },
        ),
        ("a taken seat", Reserve { seats: named(&["B1", "a1"]), ..ask() }, NOW, seat_taken("A1")),
        (
            "a seat taken on a part",
            Reserve { seats: named(&["A1"]), from_stop: stop(2), to_stop: stop(3), ..ask() },
            NOW,
            seat_taken("A1"),
        ),
        (
            "a blocked seat",
            Reserve { seats: named(&["A2"]), ..ask() },
            NOW,
            Rejection::SeatKept { seat: "A2".into() },
        ),
        (
            "more than are free",
            Reserve { seats: SeatChoice::Any(3), ..ask() },
            NOW,
            Rejection::SoldOut { kind: OfferingKind::Departure },
        ),
        (
            "far more",
            Reserve { seats: SeatChoice::Any(usize::MAX), ..ask() },
            NOW,
            Rejection::SoldOut { kind: OfferingKind::Departure },
        ),
    ];
    let bus = bus();
    let mut seats = empty(&bus);
    let all_the_way = LegRange::new(0, 4).unwrap();
    let held = Held { seats: vec![SeatNo(0)], legs: all_the_way, hold_expires_at: Some(HOLD_ENDS) };
    seats.claim(BookingId(Uuid::from_u128(7)), held);
    for (what, command, now, expected) in rows {
        let before = format!("{seats:?}");
        assert_eq!(reserve(&bus, &seats, &command, now), Err(expected), "{what}");
        assert_eq!(format!("{seats:?}"), before, "a refusal changes nothing");
    }
    let mut cancelled = bus;
    cancelled.facts.status = OfferingStatus::Cancelled;
    assert_eq!(
        reserve(&cancelled, &seats, &ask(), DEPARTS),
        Err(Rejection::OfferingCancelled { kind: OfferingKind::Departure })
    );
    let wrong = Reserve { seats: named(&["C9"]), ..ask() };
    assert_eq!(reserve(&cancelled, &seats, &wrong, NOW), Err(unknown_seat("C9")), "never right comes first");
}

#[test]
fn a_reservation_holds_the_seats_for_its_legs_at_the_fare_until_its_time() {
    let bus = bus();
    let route = bus.facts.route_id;
    type Row = (Reserve, Timestamp, &'static str, (u16, u16), i64);
    let rows: Vec<Row> = vec![
        (ask(), NOW, "A1", (0, 4), 2_500),
        (Reserve { route_id: route, expected_price: usd(2_500), ..ask() }, NOW, "A1", (0, 4), 2_500),
        (Reserve { seats: named(&["2b", "a1"]), ..ask() }, NOW, "B2 A1", (0, 4), 5_000),
        (Reserve { seats: SeatChoice::Any(3), ..ask() }, NOW, "A1 B1 B2", (0, 4), 7_500),
        (Reserve { from_stop: stop(2), to_stop: stop(3), ..ask() }, NOW, "A1", (2, 3), 2_500),
        (ask(), Timestamp::from_millis(DEPARTS.as_millis() - 1), "A1", (0, 4), 2_500),
        (Reserve { from_stop: stop(2), ..ask() }, DEPARTS, "A1", (2, 4), 2_500),
    ];
    for (command, now, labels, (from, to), price) in rows {
        for kind in [HoldKind::Book, HoldKind::Reserve] {
            let command = Reserve { kind, ..command.clone() };
            let event = reserve(&bus, &empty(&bus), &command, now).unwrap();
            let (BookingEvent::TicketBooked(began) | BookingEvent::TicketReserved(began)) = &event else {
                panic!("{event:?}");
            };
            assert_eq!(matches!(event, BookingEvent::TicketBooked(_)), kind == HoldKind::Book);
            let held: Vec<&str> = began.seats.iter().map(|s| s.label.as_str()).collect();
            assert_eq!(held.join(" "), labels);
            assert_eq!((began.legs.from(), began.legs.to()), (from, to));
            assert_eq!(began.price, Money { amount_minor: price, ..FARE });
            assert_eq!(began.hold_expires_at, now.plus_seconds(900));
            assert_eq!(began.user_id, command.user_id);
        }
    }
}

fn began() -> HoldBegan {
    HoldBegan {
        offering_id: OFFERING,
        user_id: UserId("ann".into()),
        seats: vec![SeatRef { no: SeatNo(0), label: "A1".into() }],
        legs: LegRange::new(0, 4).unwrap(),
        price: FARE,
        hold_expires_at: HOLD_ENDS,
    }
}

fn confirmed(payment: &str) -> BookingEvent {
    BookingEvent::TicketConfirmed(Confirmed { offering_id: OFFERING, payment_id: payment.into() })
}

fn cancelled(reason: Option<&str>) -> BookingEvent {
    BookingEvent::TicketCancelled(Cancelled { offering_id: OFFERING, reason: reason.map(Into::into) })
}

fn expired(reason: Option<&str>) -> BookingEvent {
    BookingEvent::TicketExpired(Expired { offering_id: OFFERING, reason: reason.map(Into::into) })
}

fn refund(payment: &str) -> BookingEvent {
    let payment_id = payment.into();
    BookingEvent::RefundRequested(RefundRequested { offering_id: OFFERING, payment_id, amount: FARE })
}

fn refunded(payment: &str) -> BookingEvent {
    BookingEvent::TicketRefunded(Refunded { offering_id: OFFERING, payment_id: payment.into(), amount: FARE })
}

/// The booking after these events.
fn given(events: &[BookingEvent]) -> Booking {
    events.iter().fold(None, |state, event| evolve(state, BOOKING, event, NOW)).unwrap()
}

#[test]
fn every_move_of_every_state_is_made_or_refused_as_the_contract_says() {
    let booked = || BookingEvent::TicketBooked(began());
    let reserved = || BookingEvent::TicketReserved(began());
    let confirm = |payment: &str| Change::Confirm { payment_id: payment.into() };
    let cancel = || Change::Cancel { reason: Some("rain".into()) };
    let force = || Change::ForceExpire { reason: "fraud".into() };
    let too_late = || Err(Rejection::HoldExpired { at: HOLD_ENDS });
    let invalid = |state, wanted| Err(Rejection::InvalidState { state, wanted });
    let last_ms = Timestamp::from_millis(HOLD_ENDS.as_millis() - 1);
    use BookingState::{Cancelled, Confirmed, Expired, Refunded};
    type Row = (Vec<BookingEvent>, Timestamp, Change, Result<Vec<BookingEvent>, Rejection>);
    let mut rows: Vec<Row> = Vec::new();
    for hold in [booked, reserved] {
        rows.extend([
            (vec![hold()], last_ms, confirm("p"), Ok(vec![confirmed("p")])),
            (vec![hold()], last_ms, cancel(), Ok(vec![cancelled(Some("rain"))])),
            (vec![hold()], last_ms, Change::Expire, Ok(vec![])),
            (vec![hold()], last_ms, force(), Ok(vec![expired(Some("fraud"))])),
            (vec![hold()], HOLD_ENDS, confirm("p"), too_late()),
            (vec![hold()], HOLD_ENDS, cancel(), too_late()),
            (vec![hold()], HOLD_ENDS, Change::Expire, Ok(vec![expired(None)])),
            (vec![hold()], HOLD_ENDS, force(), Ok(vec![expired(Some("fraud"))])),
        ]);
    }
    let sold = || vec![booked(), confirmed("p")];
    let owed = || vec![booked(), confirmed("p"), cancelled(None), refund("p")];
    let back = || [owed(), vec![refunded("p")]].concat();
    let dropped = || vec![booked(), cancelled(None)];
    let ended = || vec![booked(), expired(None)];
    for now in [last_ms, HOLD_ENDS] {
        rows.extend([
            (sold(), now, confirm("p"), Ok(vec![])),
            (sold(), now, confirm("q"), invalid(Confirmed, "confirmed")),
            (sold(), now, cancel(), Ok(vec![cancelled(Some("rain"))])),
            (sold(), now, Change::Expire, Ok(vec![])),
            (sold(), now, force(), invalid(Confirmed, "expired")),
            (ended(), now, confirm("p"), too_late()),
            (ended(), now, cancel(), too_late()),
            (ended(), now, Change::Expire, Ok(vec![])),
            (ended(), now, force(), invalid(Expired, "expired")),
        ]);
        for (story, state) in [(dropped(), Cancelled), (owed(), Cancelled), (back(), Refunded)] {
            rows.extend([
                (story.clone(), now, confirm("p"), invalid(state, "confirmed")),
                (story.clone(), now, cancel(), invalid(state, "cancelled")),
                (story.clone(), now, Change::Expire, Ok(vec![])),
                (story, now, force(), invalid(state, "expired")),
            ]);
        }
    }
    for (events, now, asked, expected) in rows {
        let answer = change(&given(&events), &asked, now);
        assert_eq!(answer, expected, "given {events:?}, when {asked:?} at {now}");
    }
}

#[test]
fn a_ticket_that_cost_nothing_is_cancelled_without_a_refund() {
    let free = HoldBegan { price: Money { amount_minor: 0, ..FARE }, ..began() };
    let booking = given(&[BookingEvent::TicketBooked(free), confirmed("p")]);
    let events = change(&booking, &Change::Cancel { reason: None }, NOW).unwrap();
    assert_eq!(events, [cancelled(None)]);
    let after = events.iter().try_fold(booking, |b, e| evolve(Some(b), BOOKING, e, NOW)).unwrap();
    assert!(!after.refund_due());
}

#[test]
fn a_booking_is_what_its_events_say() {
    let booked = || BookingEvent::TicketBooked(began());
    use BookingState::{Cancelled, Confirmed, Expired, Pending, Refunded, Reserved};
    type Row = (Vec<BookingEvent>, BookingState, Option<&'static str>, bool);
    let rows: Vec<Row> = vec![
        (vec![booked()], Pending, None, false),
        (vec![BookingEvent::TicketReserved(began())], Reserved, None, false),
        (vec![booked(), confirmed("p")], Confirmed, Some("p"), false),
        (vec![booked(), cancelled(Some("x"))], Cancelled, None, false),
        (vec![booked(), expired(None)], Expired, None, false),
        (vec![booked(), confirmed("p"), cancelled(None)], Cancelled, Some("p"), true),
        (vec![booked(), confirmed("p"), cancelled(None), refund("p")], Cancelled, Some("p"), true),
        (
            vec![booked(), confirmed("p"), cancelled(None), refund("p"), refunded("p")],
            Refunded,
            Some("p"),
            false,
        ),
    ];
    for (events, state, payment, owed) in rows {
        let booking = given(&events);
        assert_eq!((booking.state, booking.payment_id.as_deref()), (state, payment), "{events:?}");
        assert_eq!(booking.refund_due(), owed, "{events:?}");
        assert_eq!(booking.version as usize, events.len());
        assert_eq!(booking.confirmed_at.is_some(), payment.is_some());
    }
    for event in [confirmed("p"), cancelled(None), expired(None), refund("p"), refunded("p")] {
        assert_eq!(evolve(None, BOOKING, &event, NOW), None, "a stream without a beginning: {event:?}");
    }
}

#[test]
fn every_rejection_has_its_code_its_class_its_sentence_and_its_facts() {
    use RejectionClass::{Conflict, Forbidden, Invalid, NotFound};
    let id = || "x".to_owned();
    let rows = [
        (Rejection::UnknownOffering { id: id() }, "SCHEDULE_NOT_FOUND", NotFound, "scheduleId", "id"),
        (Rejection::UnknownBooking { id: id() }, "BOOKING_NOT_FOUND", NotFound, "bookingId", "id"),
        (Rejection::RouteMismatch, "ROUTE_MISMATCH", Invalid, "routeId", "message"),
        (Rejection::UnknownStop { field: "toStop", stop: id() }, "UNKNOWN_STOP", Invalid, "toStop", "stop"),
        (Rejection::StopOrder { to: id() }, "STOP_ORDER", Invalid, "toStop", "stop"),
        (Rejection::NoBoarding { field: "fromStop", stop: id() }, "NO_BOARDING", Invalid, "fromStop", "stop"),
        (Rejection::UnknownSeat { seat: id() }, "UNKNOWN_SEAT", Invalid, "seatNumber", "seat"),
        (Rejection::SeatRepeated { seat: id() }, "UNKNOWN_SEAT", Invalid, "seatNumber", "seat"),
        (Rejection::SeatTaken { seat: id() }, "SEAT_TAKEN", Conflict, "seatNumber", "seat"),
        (Rejection::SoldOut { kind: OfferingKind::Departure }, "SOLD_OUT", Conflict, "seatNumber", "message"),
        (
            Rejection::Departed { at: NOW, kind: OfferingKind::Departure },
            "DEPARTED",
            Conflict,
            "scheduleId",
            "departureTime",
        ),
        (
            Rejection::OfferingCancelled { kind: OfferingKind::Departure },
            "OFFERING_CANCELLED",
            Conflict,
            "scheduleId",
            "status",
        ),
        (Rejection::PriceMismatch { fare: FARE }, "PRICE_MISMATCH", Conflict, "price", "fare"),
        (Rejection::HoldExpired { at: NOW }, "HOLD_EXPIRED", Conflict, "status", "state"),
        (
            Rejection::InvalidState { state: BookingState::Cancelled, wanted: "confirmed" },
            "INVALID_STATE",
            Conflict,
            "status",
            "state",
        ),
        (Rejection::PaymentUsed { payment_id: id() }, "PAYMENT_USED", Conflict, "paymentId", "paymentId"),
        (Rejection::UnknownPayment { id: id() }, "PAYMENT_NOT_FOUND", NotFound, "paymentId", "id"),
        (
            Rejection::PaymentState { status: PaymentStatus::Failed, wanted: "refunded" },
            "PAYMENT_STATE",
            Conflict,
            "status",
            "state",
        ),
        (Rejection::PaymentInProgress, "PAYMENT_IN_PROGRESS", Conflict, "bookingId", "message"),
        (Rejection::TooManyPayments { max: 20 }, "TOO_MANY_PAYMENTS", Conflict, "bookingId", "message"),
        (
            Rejection::AmountMismatch { amount: FARE },
            "AMOUNT_MISMATCH",
            Invalid,
            "amount_cents",
            "amount_cents",
        ),
        (Rejection::RefundTooMuch { left: FARE }, "REFUND_TOO_MUCH", Invalid, "amount_cents", "amount_cents"),
        (Rejection::UnknownSaga { id: id() }, "SAGA_NOT_FOUND", NotFound, "id", "id"),
        (
            Rejection::SagaState { state: "REFUNDED", wanted: "retried" },
            "SAGA_STATE",
            Conflict,
            "state",
            "state",
        ),
        (Rejection::NotForBuyers, "CONFIRM_FORBIDDEN", Forbidden, "paymentId", "message"),
    ];
    for (rejection, code, class, field, fact) in rows {
        assert_eq!((rejection.code(), rejection.class()), (code, class));
        assert!(rejection.message().ends_with('.'), "{}", rejection.message());
        let details = rejection.details();
        assert_eq!(details[0]["field"], field, "{code}");
        assert!(!details[0][fact].is_null(), "{code}: {details:?}");
    }
    let details = Rejection::PriceMismatch { fare: FARE }.details();
    assert_eq!((details[0]["fare"].as_f64(), &details[0]["currency"]), (Some(25.0), &"USD".into()));
}

#[test]
fn a_refusal_speaks_of_what_is_sold_as_its_sellers_do() {
    let at = NOW;
    let sentences = |kind| {
        [
            Rejection::OfferingCancelled { kind }.message(),
            Rejection::Departed { at, kind }.message(),
            Rejection::SoldOut { kind }.message(),
        ]
    };
    let foreign = [
        (OfferingKind::Event, ["schedule", "journey", "departure", "It left"]),
        (OfferingKind::Listing, ["schedule", "journey", "departure", "event"]),
    ];
    for (kind, words) in foreign {
        for sentence in sentences(kind) {
            assert!(words.iter().all(|word| !sentence.contains(word)), "{sentence}");
        }
        let details = Rejection::OfferingCancelled { kind }.details();
        assert_ne!(details[0]["field"], "scheduleId");
    }
    let kept = Rejection::SeatKept { seat: "A1".into() };
    assert_eq!((kept.code(), kept.class()), ("SEAT_TAKEN", RejectionClass::Conflict));
    assert_eq!(kept.message(), "Seat A1 is kept back by the operator.");
    assert_eq!(kept.details()[0]["seat"], "A1");
}
