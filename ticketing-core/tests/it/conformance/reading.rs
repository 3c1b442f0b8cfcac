//! The read model and its cache.

use crate::support::check::{check, project};
use crate::support::city::{ask, ask_seat, at_once, cancel, code, confirm, hold, reserve, seed_line};
use crate::support::place::{Place, by_hand, clock, on_both_engines};
use std::time::{Duration, Instant};
use ticketing_core::app::queries::tickets::{details, my_tickets};
use ticketing_core::app::{App, AppError};
use ticketing_core::args;
use ticketing_core::domain::booking::command::Reserve;
use ticketing_core::domain::id::UserId;
use ticketing_core::store::views::tickets::UserQuery;
use ticketing_core::store::{events, parked, views};
use ticketing_core::worker::projector::Projector;
use ticketing_core::worker::{Roles, Workers};

on_both_engines!(
    an_event_that_comes_again_changes_nothing,
    a_page_that_comes_again_with_news_keeps_the_news,
    two_projectors_at_once_write_each_event_once,
    a_query_waits_for_its_position_and_gives_up_after_two_seconds,
    a_buyers_page_is_never_older_than_the_position_asked_for,
    a_hold_reads_expired_exactly_at_its_time_also_from_the_cache,
    the_history_of_a_ticket_tells_every_event,
    an_event_that_can_not_be_folded_parks_its_stream_and_nothing_else,
);

async fn story(app: &App, seats: u32) {
    let bus = seed_line(app, seats, "A", 2, 1).await[0];
    for n in 0..seats {
        let held = hold(app, ask(bus)).await;
        match n % 4 {
            0 => {}
            1 => drop(confirm(app, held.id, &format!("pay-{n}")).await.unwrap()),
            2 => drop(cancel(app, held.id).await.unwrap()),
            _ => {
                confirm(app, held.id, &format!("pay-{n}")).await.unwrap();
                cancel(app, held.id).await.unwrap();
            }
        }
    }
}

async fn rewind(app: &App, position: i64) {
    let back = "UPDATE view_cursors SET position = $1 WHERE name = 'tickets'";
    by_hand(&app.stores.read, back, args![position]).await.unwrap();
}

async fn an_event_that_comes_again_changes_nothing(place: Place) {
    let app = place.program(&clock()).await;
    story(&app, 20).await;
    let head = check(&app).await.entries.len() as i64;
    for position in [0, head / 2, head - 1] {
        rewind(&app, position).await;
        check(&app).await;
    }
}

async fn a_page_that_comes_again_with_news_keeps_the_news(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let held = hold(&app, ask(bus)).await;
    project(&app).await;
    confirm(&app, held.id, "pay").await.unwrap();
    rewind(&app, 0).await;
    check(&app).await;
    cancel(&app, held.id).await.unwrap();
    rewind(&app, 0).await;
    check(&app).await;
}

async fn two_projectors_at_once_write_each_event_once(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    story(&apps[0], 40).await;
    let head = events::head(&apps[0].stores.write).await.unwrap();
    for _ in 0..3 {
        let projectors = apps.iter().cloned().map(|app| async move {
            for target in 1..=head {
                Projector::default().reach(&app, target).await.unwrap();
            }
        });
        at_once(projectors).await;
        check(&apps[0]).await;
        rewind(&apps[1], 0).await;
    }
    let mut projector = Projector::default();
    let none = tokio::time::timeout(Duration::from_secs(5), projector.reach(&apps[0], head + 9));
    none.await.expect("a projector does not wait for what is not in the log").unwrap();
}

async fn a_query_waits_for_its_position_and_gives_up_after_two_seconds(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let other = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let workers = Workers::start(&app, Roles { projector: true, ..Roles::default() });
    let done = reserve(&app, ask(bus)).await.unwrap();
    // The program that projects is told; the other looks.
    for reader in [&app, &other] {
        let page = my_tickets(reader, anns(), Some(done.position)).await.unwrap();
        assert_eq!(page.total, 1);
    }
    let began = Instant::now();
    let outcome = my_tickets(&other, anns(), Some(done.position + 1)).await;
    let waited = began.elapsed();
    assert!(
        matches!(outcome, Err(AppError::ReadModelBehind { at, wanted })
            if at == done.position && wanted == done.position + 1),
        "{outcome:?}"
    );
    assert!((2_000..3_500).contains(&waited.as_millis()), "{waited:?}");
    workers.stop().await;
}

fn anns() -> UserQuery {
    UserQuery { user_id: UserId("ann".into()), kind: None, state: None, page: 1, limit: 10 }
}

async fn page(app: &App, position: Option<i64>) -> String {
    my_tickets(app, anns(), position).await.unwrap().data.to_string()
}

async fn a_buyers_page_is_never_older_than_the_position_asked_for(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let other = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let workers = Workers::start(&app, Roles { projector: true, ..Roles::default() });
    for round in 0..15 {
        let held = hold(&app, ask_seat(bus, "A1")).await;
        let steps = [
            confirm(&app, held.id, &format!("pay-{round}")).await.unwrap(),
            cancel(&app, held.id).await.unwrap(),
        ];
        let status = format!("\"id\":\"{}\"", held.id);
        for reader in [&app, &other, &app, &other] {
            let text = page(reader, Some(steps[1].position)).await;
            assert!(text.contains(&status) && !text.contains("CONFIRMED"), "round {round}: {text}");
        }
    }
    // Without a position, the projecting program's own page is right as soon as it has projected.
    let done = confirm(&app, hold(&app, ask_seat(bus, "A1")).await.id, "last").await.unwrap();
    assert!(app.read.reached(&app.stores, done.position).await.unwrap());
    assert!(page(&app, None).await.contains("CONFIRMED"));
    workers.stop().await;
}

async fn a_hold_reads_expired_exactly_at_its_time_also_from_the_cache(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let held = hold(&app, Reserve { hold_seconds: 60, ..ask(bus) }).await;
    hold(&app, ask(bus)).await;
    project(&app).await;
    clock.advance(59_999);
    for _ in 0..2 {
        assert!(!page(&app, None).await.contains("EXPIRED"));
    }
    clock.advance(1);
    for _ in 0..2 {
        assert_eq!(page(&app, None).await.matches("EXPIRED").count(), 1);
    }
    assert!(details(&app, held.id, None, None).await.unwrap().contains("EXPIRED"));
    let states = [("RESERVED", 1), ("EXPIRED", 1), ("CONFIRMED", 0)];
    for (word, total) in states {
        let state = ticketing_core::domain::booking::state::BookingState::parse(word);
        let found = my_tickets(&app, UserQuery { state, ..anns() }, None).await.unwrap();
        assert_eq!((found.total, found.data.matches(word).count()), (total, total as usize), "{word}");
    }
}

async fn the_history_of_a_ticket_tells_every_event(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "A", 2, 1).await[0];
    let held = hold(&app, ask(bus)).await;
    confirm(&app, held.id, "pay").await.unwrap();
    cancel(&app, held.id).await.unwrap();
    project(&app).await;
    let text = details(&app, held.id, Some(&UserId("ann".into())), None).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&text).unwrap();
    let types: Vec<&str> =
        body["history"].as_array().unwrap().iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["TicketReserved", "TicketConfirmed", "TicketCancelled", "RefundRequested"]);
    assert_eq!(body["passenger"]["name"], "Ann");
    let other = details(&app, held.id, Some(&UserId("bob".into())), None).await;
    assert_eq!(code(&other), "NotFound");
    assert_eq!(views::tickets::count_all(&app.stores.read).await.unwrap(), 1);
}

async fn an_event_that_can_not_be_folded_parks_its_stream_and_nothing_else(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "A", 2, 1).await[0];
    project(&app).await;
    let broken = hold(&app, ask(bus)).await;
    let head = events::head(&app.stores.write).await.unwrap();
    let good = hold(&app, ask(bus)).await;
    cancel(&app, broken.id).await.unwrap();
    let of_broken = events::of_stream(&app.stores.write, broken.id.0).await.unwrap();
    let rename = "UPDATE events SET event_type = $1 WHERE position = $2";
    by_hand(&app.stores.write, rename, args!["TicketTeleported", head]).await.unwrap();
    let mut projector = Projector::default();
    projector.reach(&app, head + 2).await.unwrap();
    let read = &app.stores.read;
    let parked = async || parked::page(read, i64::MAX, true, 10).await.unwrap();
    let stand = async || -> Vec<(i64, &'static str)> {
        parked().await.iter().rev().map(|p| (p.position, p.state.word())).collect()
    };
    assert_eq!(stand().await, [(head, "dead"), (head + 2, "waiting")]);
    assert!(parked().await[1].reason.contains("TicketTeleported"), "{:?}", parked().await);
    assert_eq!(views::fold::cursor(read).await.unwrap(), head + 2);
    assert_eq!(views::tickets::count_all(read).await.unwrap(), 1, "the good one is there");
    // What follows in the parked stream waits, also for a projector that has just begun; others go on.
    confirm(&app, good.id, "pay").await.unwrap();
    Projector::default().reach(&app, head + 3).await.unwrap();
    assert_eq!(stand().await.len(), 2);
    // Somebody else frees the stream: the projector that believed it parked looks again before it writes.
    let known = of_broken[0].event.type_name();
    by_hand(&app.stores.write, rename, args![known, head]).await.unwrap();
    by_hand(read, "DELETE FROM view_parked", args![]).await.unwrap();
    let next = hold(&app, ask(bus)).await;
    projector.reach(&app, head + 4).await.unwrap();
    assert!(stand().await.is_empty());
    assert!(details(&app, next.id, None, None).await.unwrap().contains("RESERVED"));
}
