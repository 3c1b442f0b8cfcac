//! What an operator gave up of the read model stays so, however often the read model is made anew.

use super::rebuilding::{rebuild, revert, sleeping};
use crate::support::check::{findings, project};
use crate::support::city::{ask, cancel, confirm, hold, operator, seed_line};
use crate::support::place::{Place, by_hand, clock, on_both_engines};
use ticketing_core::app::App;
use ticketing_core::domain::booking::state::Booking;
use ticketing_core::domain::id::BookingId;
use ticketing_core::ops::dlq::work::{Counts, Queue, discard, open_of, release_stranded};
use ticketing_core::ops::verify::{Check, Finding, Told, verify};
use ticketing_core::ops::{dlq, lists, seed};
use ticketing_core::store::dead_letters::LetterState;
use ticketing_core::store::parked;

on_both_engines!(
    an_event_that_was_given_up_stays_so_when_the_read_model_is_made_anew,
    an_event_that_is_given_up_while_the_read_model_is_made_anew_stays_so,
    a_booking_whose_beginning_was_given_up_has_no_ticket_and_none_is_missed,
    a_departure_that_is_as_it_was_before_an_event_that_was_given_up_is_no_fault,
);

/// The type of one event of a stream becomes one that nobody knows; returns what it was.
async fn unheard(app: &App, id: BookingId, version: i32) {
    let bad =
        "UPDATE events SET event_type = 'Unheard' || event_type WHERE stream_id = $1 AND stream_version = $2";
    by_hand(&app.stores.write, bad, vec![id.0.into(), version.into()]).await.unwrap();
}

async fn heard_again(app: &App) {
    let good = "UPDATE events SET event_type = substr(event_type, 8) WHERE event_type LIKE 'Unheard%'";
    assert_eq!(by_hand(&app.stores.write, good, vec![]).await.unwrap(), 1);
}

/// Gives up the first event that the stream waits for.
async fn give_up(app: &App, id: BookingId) -> Counts {
    let queue = Queue::Parked(id.0);
    let first = open_of(app, &queue, 1).await.unwrap();
    let mut counts = Counts::default();
    discard(app, &queue, &first, "olga", &mut counts).await.unwrap();
    assert_eq!((counts.discarded, counts.failed), (1, 0), "{counts:?}");
    counts
}

/// What is parked, each with its state and who moved it last.
async fn set_aside(app: &App) -> Vec<(i64, LetterState, Option<String>)> {
    let rows = parked::page(&app.stores.read, i64::MAX, false, 100).await.unwrap();
    rows.into_iter().map(|row| (row.position, row.state, row.moved_by)).collect()
}

/// What verification finds of the read model.
async fn of_view(app: &App) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tell = |told| match told {
        Told::Found(finding) => found.push(finding),
        Told::Progress { .. } => {}
    };
    verify(app, &Check::OF_VIEW, &mut tell).await.unwrap();
    found
}

async fn tickets(app: &App) -> Vec<Booking> {
    let mut tickets: Vec<Booking> =
        lists::bookings(app, None).await.unwrap().into_iter().map(|row| row.booking).collect();
    tickets.sort_by_key(|booking| booking.id);
    tickets
}

/// A booking with an event that can't be folded, and others behind it; and another booking.
async fn parked_booking(app: &App) -> BookingId {
    let bus = seed_line(app, 4, "ABCD", 3, 2).await[0];
    hold(app, ask(bus)).await;
    let id = hold(app, ask(bus)).await.id;
    project(app).await;
    confirm(app, id, "pay-1").await.unwrap();
    cancel(app, id).await.unwrap();
    // Its confirmation.
    unheard(app, id, 2).await;
    project(app).await;
    let states: Vec<LetterState> = set_aside(app).await.into_iter().rev().map(|row| row.1).collect();
    assert_eq!(states[0], LetterState::Dead);
    assert!(states.len() > 1 && states[1..].iter().all(|state| *state == LetterState::Waiting), "{states:?}");
    assert_eq!(of_view(app).await, [], "that its stream waits is known");
    id
}

async fn an_event_that_was_given_up_stays_so_when_the_read_model_is_made_anew(place: Place) {
    let app = place.program(&clock()).await;
    let id = parked_booking(&app).await;
    // It is made anew as it is, with the stream that waits.
    assert_eq!(rebuild(&app).await.unwrap().parked, 1);
    assert_eq!(of_view(&app).await, []);
    let counts = give_up(&app, id).await;
    assert!(counts.redriven > 0, "those behind it went on: {counts:?}");
    let (before, aside) = (tickets(&app).await, set_aside(&app).await);
    let last = aside.last().unwrap();
    assert_eq!((last.1, last.2.as_deref()), (LetterState::Discarded, Some("olga")));
    assert_eq!(of_view(&app).await, [], "what was given up is in no row");
    for _ in 0..2 {
        let body = rebuild(&app).await.unwrap();
        assert_eq!((body.parked, body.lag), (0, 0));
        assert_eq!(tickets(&app).await, before);
        assert_eq!(
            set_aside(&app).await.as_slice(),
            std::slice::from_ref(last),
            "and nothing else is set aside"
        );
        assert_eq!(of_view(&app).await, []);
    }
    // Also once it could be read.
    heard_again(&app).await;
    assert_eq!(findings(&app).await, []);
    rebuild(&app).await.unwrap();
    assert_eq!((tickets(&app).await, set_aside(&app).await), (before.clone(), vec![last.clone()]));
    assert_eq!(findings(&app).await, []);
    revert(&app).await.unwrap();
    assert_eq!((tickets(&app).await, set_aside(&app).await), (before, vec![last.clone()]));
    assert_eq!(findings(&app).await, []);
    // A row that has it all the same is found.
    let back = "UPDATE view_tickets SET payment_id = 'pay-1' WHERE booking_id = $1";
    by_hand(&app.stores.read, back, vec![id.0.into()]).await.unwrap();
    assert_eq!(of_view(&app).await.len(), 1);
}

async fn an_event_that_is_given_up_while_the_read_model_is_made_anew_stays_so(place: Place) {
    let app = place.program(&clock()).await;
    let id = parked_booking(&app).await;
    let slept = sleeping(&app, "swapping").await;
    give_up(&app, id).await;
    let before = tickets(&app).await;
    slept.end().await.unwrap();
    let last = set_aside(&app).await.pop().unwrap();
    assert_eq!((last.1, last.2.as_deref()), (LetterState::Discarded, Some("olga")));
    // Those behind it wait for nothing any more.
    assert!(release_stranded(&app).await.unwrap() > 0);
    assert_eq!(tickets(&app).await, before);
    assert_eq!(of_view(&app).await, []);
    assert!(dlq::list(&app, None, true).await.unwrap().is_empty());
    // In the tables of before it was given up, too.
    revert(&app).await.unwrap();
    assert_eq!((tickets(&app).await, of_view(&app).await), (before, vec![]));
}

async fn a_booking_whose_beginning_was_given_up_has_no_ticket_and_none_is_missed(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 4, "ABCD", 3, 2).await[0];
    hold(&app, ask(bus)).await;
    let id = hold(&app, ask(bus)).await.id;
    cancel(&app, id).await.unwrap();
    unheard(&app, id, 1).await;
    project(&app).await;
    give_up(&app, id).await;
    heard_again(&app).await;
    assert_eq!((tickets(&app).await.len(), findings(&app).await), (1, vec![]));
    rebuild(&app).await.unwrap();
    assert_eq!((tickets(&app).await.len(), findings(&app).await), (1, vec![]));
}

async fn a_departure_that_is_as_it_was_before_an_event_that_was_given_up_is_no_fault(place: Place) {
    let app = place.program(&clock()).await;
    let mut line = crate::support::city::line(2, "AB", 2, 1);
    let bus = line.offerings[0];
    crate::support::city::seed(&app, line.set.clone()).await;
    project(&app).await;
    line.set.offerings[0].departs_at = line.set.offerings[0].departs_at.plus_seconds(600);
    let plan = seed::plan(&app, "seed", line.set).await.unwrap();
    seed::execute(&app, plan, &operator(), &mut |_, _| {}).await.unwrap();
    unheard(&app, BookingId(bus.0), 2).await;
    project(&app).await;
    give_up(&app, BookingId(bus.0)).await;
    // What is booked of it says when it departed before.
    hold(&app, ask(bus)).await;
    project(&app).await;
    heard_again(&app).await;
    assert_eq!(findings(&app).await, []);
    rebuild(&app).await.unwrap();
    assert_eq!(findings(&app).await, []);
}
