//! A hold ends exactly at its time, whoever has looked or not.

use crate::support::check::check;
use crate::support::city::{
    ask, ask_seat, at_once, between, cancel, code, confirm, hold, meta, reserve, seed_line,
};
use crate::support::place::{Place, by_hand, clock, count, on_both_engines};
use std::time::Duration;
use ticketing_core::args;
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{Reserve, SeatChoice};
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::OfferingId;
use ticketing_core::engine::{EngineConfig, Work};
use ticketing_core::worker::{Roles, Workers, sweeper};

on_both_engines!(
    a_hold_can_be_confirmed_until_its_last_millisecond,
    from_its_time_on_a_hold_is_anybodys_without_a_sweeper,
    a_sweep_writes_each_ended_hold_down_once,
    thousands_of_ended_holds_are_swept_in_batches,
    an_ended_hold_never_stands_in_the_way_however_many_there_are,
    a_hold_that_can_not_be_read_stops_no_other,
    the_expiry_worker_sweeps_a_hold_of_its_own_and_of_another_program_within_a_second,
);

const HOLD_MS: i64 = 60_000;

fn minute(ask: Reserve) -> Reserve {
    Reserve { hold_seconds: 60, ..ask }
}

async fn a_hold_can_be_confirmed_until_its_last_millisecond(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let held = hold(&app, minute(ask_seat(bus, "A1"))).await;
    let other = hold(&app, minute(ask_seat(bus, "B1"))).await;
    assert_eq!(held.hold_expires_at, clock.now().plus_seconds(60));
    clock.advance(HOLD_MS - 1);
    assert_eq!(code(&reserve(&app, ask_seat(bus, "A1")).await), "SEAT_TAKEN");
    assert_eq!(code(&confirm(&app, held.id, "pay").await), "OK");
    clock.advance(1);
    assert_eq!(code(&confirm(&app, held.id, "pay").await), "OK", "a sold seat does not end");
    assert_eq!(code(&reserve(&app, ask_seat(bus, "A1")).await), "SEAT_TAKEN");
    assert_eq!(code(&confirm(&app, other.id, "pay-2").await), "HOLD_EXPIRED");
    assert_eq!(code(&cancel(&app, other.id).await), "HOLD_EXPIRED");
    check(&app).await;
}

async fn from_its_time_on_a_hold_is_anybodys_without_a_sweeper(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let buses = seed_line(&app, 1, "A", 3, 3).await;
    let mut held = Vec::new();
    for bus in &buses {
        held.push(hold(&app, minute(ask_seat(*bus, "A1"))).await.id);
    }
    clock.advance(HOLD_MS);
    // One engine remembers the hold, the other finds it in the store; named and any; whole and in part.
    let fresh = place.program(&clock).await;
    assert_eq!(code(&reserve(&app, ask_seat(buses[0], "A1")).await), "OK");
    assert_eq!(code(&reserve(&fresh, ask(buses[1])).await), "OK");
    assert_eq!(code(&reserve(&fresh, between(ask(buses[2]), 1, 2)).await), "OK");
    for (app, id) in [(&app, held[0]), (&fresh, held[1]), (&app, held[2])] {
        assert_eq!(code(&confirm(app, id, "late").await), "HOLD_EXPIRED");
    }
    assert!(!sweeper::sweep(&app).await.unwrap(), "the buyers' commands wrote the expiry down");
    let fold = check(&app).await;
    for id in held {
        assert_eq!(fold.story(id), ["TicketReserved", "TicketExpired"]);
        let expiry = fold.entries.iter().find(|e| e.stream_id == id.0 && e.stream_version == 2).unwrap();
        assert_eq!(expiry.actor, "system", "the hold ended by itself, whoever came by");
    }
}

async fn a_sweep_writes_each_ended_hold_down_once(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let other = place.program(&clock).await;
    let bus = seed_line(&app, 5, "AB", 2, 1).await[0];
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(hold(&app, minute(ask(bus))).await.id);
    }
    confirm(&app, held[0], "pay").await.unwrap();
    clock.advance(HOLD_MS - 1);
    assert!(!sweeper::sweep(&app).await.unwrap(), "nothing is due a millisecond before");
    clock.advance(1);
    let (one, two) = tokio::join!(sweeper::sweep(&app), sweeper::sweep(&other));
    one.unwrap();
    two.unwrap();
    app.engine.submit(Work::Expire(held.clone()), meta()).await.unwrap();
    assert!(!sweeper::sweep(&app).await.unwrap());
    let fold = check(&other).await;
    assert_eq!(fold.bookings[&held[0]].state, BookingState::Confirmed);
    for id in &held[1..] {
        assert_eq!(fold.story(*id), ["TicketReserved", "TicketExpired"]);
    }
    assert_eq!(count(&app.stores.write, "claims").await, 1);
}

/// Fills buses with holds of a minute: all at once, so quickly.
async fn fill(app: &ticketing_core::app::App, buses: &[OfferingId], seats: usize) {
    let buyers = buses.iter().flat_map(|bus| (0..seats).map(|_| minute(ask(*bus)))).map(|command| {
        let app = app.clone();
        async move { code(&reserve(&app, command).await) }
    });
    assert!(at_once(buyers).await.iter().all(|answer| *answer == "OK"));
}

async fn thousands_of_ended_holds_are_swept_in_batches(place: Place) {
    let clock = clock();
    let (app, reports) = place.watched_program(&clock, EngineConfig::default()).await;
    let buses = seed_line(&app, 50, "ABCD", 2, 25).await;
    fill(&app, &buses, 200).await;
    clock.advance(HOLD_MS);
    reports.take();
    while sweeper::sweep(&app).await.unwrap() {}
    let reports = reports.take();
    assert_eq!(reports.iter().map(|r| r.expired).sum::<usize>(), 5_000);
    assert_eq!(reports.len(), 5, "a thousand a batch");
    assert_eq!(count(&app.stores.write, "claims").await, 0);
    check(&app).await;
}

async fn an_ended_hold_never_stands_in_the_way_however_many_there_are(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let halls = seed_line(&app, 275, "ABCD", 2, 3).await;
    fill(&app, &halls, 1_100).await;
    clock.advance(HOLD_MS);
    let named = (256..276).map(|row| {
        let (app, command) = (app.clone(), ask_seat(halls[0], &format!("D{row}")));
        async move { code(&reserve(&app, command).await) }
    });
    assert_eq!(at_once(named).await, ["OK"; 20]);
    let everything = Reserve { seats: SeatChoice::Any(1_100), ..ask(halls[1]) };
    assert_eq!(code(&reserve(&app, everything).await), "OK");
    let pairs = (0..550).map(|_| {
        let (app, command) = (app.clone(), Reserve { seats: SeatChoice::Any(2), ..ask(halls[2]) });
        async move { code(&reserve(&app, command).await) }
    });
    assert!(at_once(pairs).await.iter().all(|answer| *answer == "OK"));
    check(&app).await;
}

async fn a_hold_that_can_not_be_read_stops_no_other(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "ABC", 2, 1).await[0];
    let broken = hold(&app, minute(ask_seat(bus, "A1"))).await.id;
    let sound = hold(&app, minute(ask_seat(bus, "B1"))).await.id;
    let spoil = "UPDATE bookings SET seats = 'nonsense' WHERE id = $1";
    by_hand(&app.stores.write, spoil, args![broken.0]).await.unwrap();
    clock.advance(HOLD_MS);
    let fresh = place.program(&clock).await;
    assert_eq!(code(&confirm(&fresh, broken, "p").await), "Store");
    assert_eq!(code(&reserve(&fresh, ask_seat(bus, "B1")).await), "OK");
    assert_eq!(code(&reserve(&fresh, ask_seat(bus, "A1")).await), "SEAT_TAKEN");
    assert_eq!(code(&confirm(&fresh, sound, "p").await), "HOLD_EXPIRED");
    hold(&fresh, minute(ask_seat(bus, "C1"))).await;
    clock.advance(HOLD_MS);
    let latest = place.program(&clock).await;
    sweeper::sweep(&latest).await.unwrap();
    assert_eq!(count(&app.stores.write, "events WHERE event_type = 'TicketExpired'").await, 2);
}

async fn the_expiry_worker_sweeps_a_hold_of_its_own_and_of_another_program_within_a_second(place: Place) {
    let app = place.program(&Clock::system()).await;
    let other = place.program(&Clock::system()).await;
    let mut line = crate::support::city::line(1, "ABC", 2, 1);
    for bus in &mut line.set.offerings {
        bus.departs_at = Clock::system().now().plus_seconds(86_400);
        bus.arrives_at = bus.departs_at.plus_seconds(3_600);
    }
    crate::support::city::seed(&app, line.set).await;
    let bus = line.offerings[0];
    let workers = Workers::start(&app, Roles { projector: true, expiry: true, ..Roles::default() });
    let second = |seat: &str| Reserve { hold_seconds: 1, ..ask_seat(bus, seat) };
    let long = Reserve { hold_seconds: 3_600, ..ask_seat(bus, "C1") };
    hold(&app, long).await;
    hold(&app, second("A1")).await;
    hold(&other, second("B1")).await;
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    assert_eq!(count(&app.stores.write, "events WHERE event_type = 'TicketExpired'").await, 2);
    assert_eq!(count(&app.stores.read, "view_tickets WHERE state = 'EXPIRED'").await, 2);
    workers.stop().await;
    check(&app).await;
}
