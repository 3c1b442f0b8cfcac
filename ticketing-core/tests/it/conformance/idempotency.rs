//! The same request twice is one command.

use crate::support::check::check;
use crate::support::city::{ask, ask_seat, at_once, code, hold, keyed, passenger, seed_line};
use crate::support::place::{BEGIN, Place, clock, count, on_both_engines};
use std::collections::BTreeSet;
use ticketing_core::app::{App, AppError, commands};
use ticketing_core::domain::booking::command::{Change, Reserve};
use ticketing_core::engine::Done;
use ticketing_core::store::idempotency;
use ticketing_core::worker::housekeeper::{ANSWERS_KEPT_SECONDS, forget_answers};

on_both_engines!(
    the_same_request_gets_the_first_answer_byte_for_byte,
    another_request_with_the_key_is_refused_and_another_callers_key_is_another_key,
    a_refused_request_may_use_its_key_again,
    of_the_same_request_many_times_at_once_one_runs,
    two_programs_with_the_same_key_at_once_have_one_effect_and_one_answer,
    an_answer_that_changed_nothing_is_kept_too,
    answers_are_forgotten_when_they_are_old,
    old_answers_are_looked_for_page_by_page,
);

/// A request: the booking's id is made anew each time, as the server does.
async fn send(app: &App, command: Reserve, key: &str, request: u8) -> Result<Done, AppError> {
    let command = Reserve { booking_id: commands::new_booking_id(), ..command };
    commands::reserve(app, command, passenger(), keyed(key, request)).await
}

async fn the_same_request_gets_the_first_answer_byte_for_byte(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let other = place.program(&clock).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let first = send(&app, ask(bus), "k", 1).await.unwrap();
    assert!(!first.replayed && first.status == 201);
    hold(&app, ask(bus)).await;
    clock.advance(3_600_000);
    for app in [&app, &other] {
        let again = send(app, ask(bus), "k", 1).await.unwrap();
        assert_eq!(
            (again.replayed, again.status, again.position, &again.body, again.changed),
            (true, 201, first.position, &first.body, 0)
        );
    }
    assert_eq!(count(&app.stores.write, "bookings").await, 2);
    check(&app).await;
}

async fn another_request_with_the_key_is_refused_and_another_callers_key_is_another_key(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    send(&app, ask(bus), "k", 1).await.unwrap();
    assert_eq!(code(&send(&app, ask(bus), "k", 2).await), "IdempotencyReused");
    let mut bobs = keyed("k", 2);
    bobs.idempotency.as_mut().unwrap().caller = "bob".into();
    assert_eq!(code(&commands::reserve(&app, ask(bus), passenger(), bobs).await), "OK");
    assert_eq!(count(&app.stores.write, "idempotency").await, 2);
    check(&app).await;
}

async fn a_refused_request_may_use_its_key_again(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "A", 2, 1).await[0];
    hold(&app, Reserve { hold_seconds: 60, ..ask(bus) }).await;
    assert_eq!(code(&send(&app, ask_seat(bus, "A1"), "k", 1).await), "SEAT_TAKEN");
    assert_eq!(code(&send(&app, ask_seat(bus, "A1"), "k", 1).await), "SEAT_TAKEN");
    clock.advance(60_000);
    let done = send(&app, ask_seat(bus, "A1"), "k", 1).await.unwrap();
    assert!(!done.replayed);
    assert!(send(&app, ask_seat(bus, "A1"), "k", 1).await.unwrap().replayed);
    check(&app).await;
}

async fn of_the_same_request_many_times_at_once_one_runs(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 25, "ABCD", 2, 1).await[0];
    let requests = (0..100).map(|_| {
        let app = app.clone();
        async move { send(&app, ask(bus), "k", 1).await }
    });
    let answers = at_once(requests).await;
    let ran = answers.iter().filter(|a| a.as_ref().is_ok_and(|done| !done.replayed)).count();
    assert_eq!(ran, 1);
    for answer in &answers {
        assert!(matches!(code(answer), "OK" | "IdempotencyInProgress"), "{answer:?}");
    }
    assert!(send(&app, ask(bus), "k", 1).await.unwrap().replayed);
    assert_eq!(count(&app.stores.write, "bookings").await, 1);
    check(&app).await;
}

async fn two_programs_with_the_same_key_at_once_have_one_effect_and_one_answer(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let bus = seed_line(&apps[0], 25, "ABCD", 2, 1).await[0];
    for round in 0..20 {
        let key = format!("k{round}");
        let requests = apps.iter().map(|app| {
            let (app, key) = (app.clone(), key.clone());
            async move { send(&app, ask(bus), &key, 1).await.unwrap() }
        });
        let answers = at_once(requests).await;
        assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1, "round {round}");
        let bodies: BTreeSet<_> = answers.iter().map(|a| (a.position, a.body.clone())).collect();
        assert_eq!(bodies.len(), 1, "round {round}: {bodies:?}");
    }
    assert_eq!(count(&apps[0].stores.write, "bookings").await, 20);
    check(&apps[1]).await;
}

async fn an_answer_that_changed_nothing_is_kept_too(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let bus = seed_line(&apps[0], 1, "A", 2, 1).await[0];
    let held = hold(&apps[0], ask(bus)).await;
    let confirm = |app: &App, key: &str| {
        let (app, meta) = (app.clone(), keyed(key, 1));
        let change = Change::Confirm { payment_id: "pay".into() };
        async move { commands::change(&app, held.id, change, None, None, meta).await }
    };
    let first = confirm(&apps[0], "one").await.unwrap();
    let same = at_once(apps.iter().map(|app| confirm(app, "two"))).await;
    for answer in same.into_iter().map(Result::unwrap) {
        assert_eq!((&answer.body, answer.changed), (&first.body, 0));
    }
    assert!(confirm(&apps[1], "two").await.unwrap().replayed);
    assert_eq!(count(&apps[0].stores.write, "idempotency").await, 2);
    check(&apps[0]).await;
}

async fn answers_are_forgotten_when_they_are_old(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "ABCD", 2, 1).await[0];
    for key in ["a", "b", "c"] {
        send(&app, ask(bus), key, 1).await.unwrap();
        clock.advance(60_000);
    }
    clock.advance(ANSWERS_KEPT_SECONDS * 1000 - 180_000);
    // Exactly as old as answers are kept: still kept.
    assert_eq!(forget_answers(&app).await.unwrap(), 0);
    clock.advance(60_001);
    assert_eq!(forget_answers(&app).await.unwrap(), 2);
    assert_eq!(forget_answers(&app).await.unwrap(), 0);
    assert_eq!(count(&app.stores.write, "idempotency").await, 1);
    assert!(send(&app, ask(bus), "c", 1).await.unwrap().replayed);
    assert_eq!(count(&app.stores.write, "bookings").await, 3);
}

async fn old_answers_are_looked_for_page_by_page(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 2, "ABCD", 2, 1).await[0];
    for key in ["c", "a", "d", "b"] {
        send(&app, ask(bus), key, 1).await.unwrap();
        clock.advance(60_000);
    }
    let (mut from, mut pages) = (idempotency::Place::default(), Vec::new());
    loop {
        // Only `c` and `a` are from before the third minute.
        let before = BEGIN.plus_seconds(61);
        let page = idempotency::forget(&app.stores.write, before, from, 2).await.unwrap();
        pages.push(page.count);
        match page.next {
            Some(next) => from = next,
            None => break,
        }
    }
    // [a b], [c d], and a page that finds the end.
    assert_eq!(pages, [1, 1, 0]);
    for (key, replayed) in [("d", true), ("b", true)] {
        assert_eq!(send(&app, ask(bus), key, 1).await.unwrap().replayed, replayed, "{key}");
    }
}
