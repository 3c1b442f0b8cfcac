//! Commands one after the other and all at once, and the rows that they leave.

use crate::support::check::check;
use crate::support::city::{
    ask, ask_seat, at_once, between, cancel, change, code, confirm, hold, keyed, labels, meta, passenger,
    reserve, seed_line,
};
use crate::support::place::{Place, by_hand, clock, count, on_both_engines};
use std::time::Duration;
use ticketing_core::app::{App, commands};
use ticketing_core::args;
use ticketing_core::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::engine::{EngineConfig, Work};
use uuid::Uuid;

on_both_engines!(
    a_booking_goes_from_hold_to_refund_and_leaves_the_rows_that_its_events_say,
    a_booking_of_several_seats_has_all_of_them_or_none,
    three_hundred_buyers_of_the_last_seat_get_one_success_and_clean_refusals,
    any_seat_is_the_one_that_fits_best,
    two_passengers_share_a_seat_on_legs_that_do_not_overlap,
    a_payment_confirms_one_booking,
    another_users_booking_is_unknown_and_a_moved_one_is_left_alone,
    a_claim_without_a_booking_takes_its_seat_and_no_other,
    a_command_that_the_store_refuses_fails_alone,
    a_thousand_commands_at_once_are_written_in_few_batches,
    what_was_accepted_is_done_also_when_callers_go_away_and_the_program_ends,
    a_full_queue_refuses_and_forgets_the_key,
);

async fn a_booking_goes_from_hold_to_refund_and_leaves_the_rows_that_its_events_say(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "AB", 4, 1).await[0];
    let db = &app.stores.write;

    let held = hold(&app, Reserve { kind: HoldKind::Book, ..ask_seat(bus, "A1") }).await;
    assert_eq!((held.state, held.version), (BookingState::Pending, 1));
    assert_eq!(count(db, "claims").await, 3, "a row a leg");
    let paid = confirm(&app, held.id, "pay-1").await.unwrap();
    assert_eq!(paid.booking.as_ref().unwrap().state, BookingState::Confirmed);
    let again = confirm(&app, held.id, "pay-1").await.unwrap();
    assert_eq!((again.changed, &again.body), (0, &paid.body), "the same answer again");
    assert_eq!(code(&confirm(&app, held.id, "pay-2").await), "INVALID_STATE");
    assert_eq!(code(&change(&app, held.id, Change::Expire).await), "OK");
    let given_back = cancel(&app, held.id).await.unwrap();
    assert!(given_back.booking.unwrap().refund_due());
    assert_eq!(code(&cancel(&app, held.id).await), "INVALID_STATE");
    assert_eq!(count(db, "claims").await, 0);

    let other = hold(&app, ask_seat(bus, "A1")).await;
    assert_eq!(code(&cancel(&app, other.id).await), "OK");
    let third = hold(&app, ask_seat(bus, "A1")).await;
    let ended = Change::ForceExpire { reason: "a test".into() };
    assert_eq!(code(&change(&app, third.id, ended.clone()).await), "OK");
    assert_eq!(code(&change(&app, third.id, ended).await), "INVALID_STATE");
    assert_eq!(code(&confirm(&app, BookingId(Uuid::nil()), "p").await), "BOOKING_NOT_FOUND");
    assert_eq!(code(&reserve(&app, ask(OfferingId(Uuid::nil()))).await), "SCHEDULE_NOT_FOUND");

    let fold = check(&app).await;
    let story = ["TicketBooked", "TicketConfirmed", "TicketCancelled", "RefundRequested"];
    assert_eq!(fold.story(held.id), story);
    assert_eq!(fold.story(other.id), ["TicketReserved", "TicketCancelled"]);
    assert_eq!(fold.story(third.id), ["TicketReserved", "TicketExpired"]);
}

async fn a_booking_of_several_seats_has_all_of_them_or_none(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "ABC", 3, 1).await[0];
    let named = |labels: &[&str]| Reserve {
        seats: SeatChoice::Named(labels.iter().map(ToString::to_string).collect()),
        ..ask(bus)
    };
    let pair = hold(&app, named(&["C2", "A1"])).await;
    assert_eq!((labels(&pair), pair.price.amount_minor), ("C2 A1".into(), 5_000));
    assert_eq!(code(&reserve(&app, named(&["B1", "A1"])).await), "SEAT_TAKEN");
    assert_eq!(code(&reserve(&app, named(&["B1", "b1"])).await), "UNKNOWN_SEAT");
    assert_eq!(code(&reserve(&app, named(&[])).await), "UNKNOWN_SEAT");
    for none in [0, usize::MAX] {
        let outcome = reserve(&app, Reserve { seats: SeatChoice::Any(none), ..ask(bus) }).await;
        assert_ne!(code(&outcome), "OK", "{none} seats");
    }
    assert_eq!(code(&reserve(&app, Reserve { seats: SeatChoice::Any(5), ..ask(bus) }).await), "SOLD_OUT");
    let rest = hold(&app, Reserve { seats: SeatChoice::Any(4), ..ask(bus) }).await;
    assert_eq!(labels(&rest), "B1 C1 A2 B2");
    assert_eq!(code(&reserve(&app, ask(bus)).await), "SOLD_OUT");
    cancel(&app, pair.id).await.unwrap();
    assert_eq!(labels(&hold(&app, ask(bus)).await), "A1");
    check(&app).await;
}

async fn three_hundred_buyers_of_the_last_seat_get_one_success_and_clean_refusals(place: Place) {
    let app = place.program(&clock()).await;
    let buses = seed_line(&app, 1, "A", 3, 2).await;
    let rows = [(ask_seat(buses[0], "A1"), "SEAT_TAKEN"), (ask(buses[1]), "SOLD_OUT")];
    for (command, refusal) in rows {
        let buyers = (0..300).map(|_| {
            let (app, mut command) = (app.clone(), command.clone());
            command.booking_id = commands::new_booking_id();
            async move { code(&reserve(&app, command).await) }
        });
        let answers = at_once(buyers).await;
        assert_eq!(answers.iter().filter(|a| **a == "OK").count(), 1);
        assert_eq!(answers.iter().filter(|a| **a == refusal).count(), 299, "{answers:?}");
    }
    check(&app).await;
}

async fn any_seat_is_the_one_that_fits_best(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "ABCD", 7, 1).await[0];
    hold(&app, between(ask_seat(bus, "D1"), 0, 2)).await;
    hold(&app, between(ask_seat(bus, "C1"), 4, 6)).await;
    let rows = [((2, 6), "D1"), ((0, 1), "C1"), ((1, 4), "C1"), ((0, 6), "A1"), ((5, 6), "B1")];
    for ((from, to), seat) in rows {
        assert_eq!(labels(&hold(&app, between(ask(bus), from, to)).await), seat, "{from} to {to}");
    }
    check(&app).await;
}

async fn two_passengers_share_a_seat_on_legs_that_do_not_overlap(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "A", 5, 1).await[0];
    let middle = hold(&app, between(ask_seat(bus, "A1"), 1, 3)).await;
    for ((from, to), expected) in [
        ((0, 2), "SEAT_TAKEN"),
        ((2, 4), "SEAT_TAKEN"),
        ((0, 4), "SEAT_TAKEN"),
        ((1, 3), "SEAT_TAKEN"),
        ((3, 4), "OK"),
        ((0, 1), "OK"),
        ((3, 1), "STOP_ORDER"),
    ] {
        let outcome = reserve(&app, between(ask_seat(bus, "A1"), from, to)).await;
        assert_eq!(code(&outcome), expected, "{from} to {to}");
    }
    cancel(&app, middle.id).await.unwrap();
    assert_eq!(code(&reserve(&app, between(ask(bus), 1, 3)).await), "OK");
    check(&app).await;
}

async fn a_payment_confirms_one_booking(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 10, "AB", 2, 1).await[0];
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(hold(&app, ask(bus)).await.id);
    }
    let tries = held.iter().map(|id| {
        let (app, id) = (app.clone(), *id);
        async move { code(&confirm(&app, id, "one").await) }
    });
    let answers = at_once(tries).await;
    assert_eq!(answers.iter().filter(|a| **a == "OK").count(), 1);
    assert_eq!(answers.iter().filter(|a| **a == "PAYMENT_USED").count(), 19, "{answers:?}");
    check(&app).await;
}

async fn another_users_booking_is_unknown_and_a_moved_one_is_left_alone(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "A", 2, 1).await[0];
    let held = hold(&app, ask(bus)).await;
    let cancel = |owner: Option<&str>, version| {
        let owner = owner.map(|name| UserId(name.into()));
        let change = Change::Cancel { reason: None };
        commands::change(&app, held.id, change, owner, version, meta())
    };
    assert_eq!(code(&cancel(Some("bob"), None).await), "BOOKING_NOT_FOUND");
    assert_eq!(code(&cancel(Some("ann"), Some(2)).await), "VersionMoved");
    assert_eq!(code(&cancel(Some("ann"), Some(1)).await), "OK");
    check(&app).await;
}

async fn a_claim_without_a_booking_takes_its_seat_and_no_other(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "ABC", 5, 1).await[0];
    hold(&app, ask_seat(bus, "C1")).await; // So the engine remembers the bus without these claims:
    let stray = Uuid::now_v7();
    for (seat, leg) in [(0, 1), (1, 3)] {
        let insert = "INSERT INTO claims (offering_id, seat_no, leg, booking_id) VALUES ($1, $2, $3, $4)";
        by_hand(&app.stores.write, insert, args![bus.0, seat, leg, stray]).await.unwrap();
    }
    let later = place.program(&app.clock).await;
    for app in [&app, &later] {
        for (seat, from, to, expected) in [
            ("A1", 0, 4, "SEAT_TAKEN"),
            ("A1", 1, 2, "SEAT_TAKEN"),
            ("B1", 3, 4, "SEAT_TAKEN"),
            ("B1", 1, 2, "OK"),
            ("A1", 3, 4, "OK"),
        ] {
            let outcome = reserve(app, between(ask_seat(bus, seat), from, to)).await;
            assert_eq!(code(&outcome), expected, "{seat} {from} to {to}");
            if let Ok(done) = outcome {
                cancel(app, done.booking.unwrap().id).await.unwrap();
            }
        }
        assert_eq!(code(&reserve(app, ask(bus)).await), "SOLD_OUT", "no seat is free all the way");
    }
}

async fn a_command_that_the_store_refuses_fails_alone(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 20, "ABCD", 2, 1).await[0];
    let buyers = (0..60).map(|n| {
        let app = app.clone();
        async move {
            let name = if n % 20 == 7 { "A\0nn" } else { "Ann" };
            let person = Passenger { name: name.into(), ..passenger() };
            (n, code(&commands::reserve(&app, ask(bus), person, meta()).await))
        }
    });
    for (n, answer) in at_once(buyers).await {
        // SQLite keeps what PostgreSQL has no room for.
        let expected = if n % 20 == 7 && !place.is_sqlite() { "Store" } else { "OK" };
        assert_eq!(answer, expected, "{n}");
    }
    let odd_key = keyed("a\0b", 1);
    let outcome = commands::reserve(&app, ask(bus), passenger(), odd_key).await;
    assert_eq!(code(&outcome), if place.is_sqlite() { "OK" } else { "Store" });
    assert_eq!(code(&reserve(&app, ask(bus)).await), "OK");
    check(&app).await;
}

async fn a_thousand_commands_at_once_are_written_in_few_batches(place: Place) {
    let config = EngineConfig { batch_max: 256, queue_max: 2_000, ..EngineConfig::default() };
    let (app, reports) = place.watched_program(&clock(), config).await;
    let buses = seed_line(&app, 20, "AB", 4, 25).await;
    let buyers = (0..1_000).map(|n| {
        let (app, bus) = (app.clone(), buses[n % buses.len()]);
        async move { code(&reserve(&app, ask(bus)).await) }
    });
    assert!(at_once(buyers).await.iter().all(|answer| *answer == "OK"));
    let reports = reports.take();
    assert!(reports.len() < 200, "{} batches", reports.len());
    assert_eq!(reports.iter().map(|r| r.reserved).sum::<usize>(), 1_000);
    check(&app).await;
}

async fn what_was_accepted_is_done_also_when_callers_go_away_and_the_program_ends(place: Place) {
    let config = EngineConfig { batch_max: 8, queue_max: 1_000, ..EngineConfig::default() };
    let stores = place.stores().await;
    let (app, task) = App::start(stores, clock(), config, |_| {});
    let bus = seed_line(&app, 50, "ABCD", 2, 1).await[0];
    for _ in 0..200 {
        let work = Work::Reserve { command: ask(bus), passenger: passenger(), charge: None };
        // It is handed in, and its caller goes away.
        let _ = tokio::time::timeout(Duration::ZERO, app.engine.submit(work, meta())).await;
    }
    drop(app);
    tokio::time::timeout(Duration::from_secs(20), task.finished()).await.expect("the engine ends");
    assert_eq!(check(&place.program(&clock()).await).await.bookings.len(), 200);
}

async fn a_full_queue_refuses_and_forgets_the_key(place: Place) {
    let config = EngineConfig { batch_max: 2, queue_max: 2, ..EngineConfig::default() };
    let (app, _) = place.watched_program(&clock(), config).await;
    let bus = seed_line(&app, 50, "ABCD", 2, 1).await[0];
    let buyers = (0..100).map(|n| {
        let app = app.clone();
        async move {
            let key = keyed(&format!("k{n}"), 1);
            (n, code(&commands::reserve(&app, ask(bus), passenger(), key).await))
        }
    });
    let answers = at_once(buyers).await;
    let refused: Vec<i32> = answers.iter().filter(|a| a.1 == "Overloaded").map(|a| a.0).collect();
    assert!(!refused.is_empty(), "{answers:?}");
    assert!(answers.iter().all(|a| matches!(a.1, "OK" | "Overloaded")), "{answers:?}");
    for n in refused {
        let key = keyed(&format!("k{n}"), 1);
        assert_eq!(code(&commands::reserve(&app, ask(bus), passenger(), key).await), "OK");
    }
    assert_eq!(check(&app).await.bookings.len(), 100);
}
