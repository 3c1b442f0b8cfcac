//! What the cache of tickets promises, without Redis and with one: the same.

use crate::support::check::project;
use crate::support::city::{ask, ask_seat, at_once, cancel, confirm, hold, seed_line};
use crate::support::place::{Place, clock};
use crate::support::redis::{self, PATIENT};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::redis::Redis;
use ticketing_core::app::App;
use ticketing_core::app::queries::tickets::my_tickets;
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::Reserve;
use ticketing_core::domain::id::UserId;
use ticketing_core::store::views::identity::identity;
use ticketing_core::store::views::tickets::UserQuery;
use ticketing_core::worker::{Roles, Workers};

/// Stores, and programs that share a Redis if there is to be one.
struct House {
    place: Place,
    is_shared: bool,
}

impl House {
    async fn program(&self, clock: &Clock) -> App {
        let app = self.place.program(clock).await;
        if !self.is_shared {
            return app;
        }
        let system = identity(&app.stores.read).await.unwrap().to_string();
        let redis = Redis::start(&redis::config().unwrap(), &system, PATIENT).await.unwrap();
        assert!(redis.answers().await, "TEST_REDIS_URL answers");
        app.sharing(Arc::new(redis))
    }
}

macro_rules! with_each_cache {
    ($($name:ident),+ $(,)?) => {
        mod in_process {
            use super::House;
            use crate::support::place::Place;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(House { place: Place::sqlite(), is_shared: false }).await;
                }
            )+
        }

        mod with_redis {
            use super::House;
            use crate::support::place::Place;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if crate::support::redis::url().is_some() {
                        super::$name(House { place: Place::sqlite(), is_shared: true }).await;
                    }
                }
            )+
        }

        mod with_redis_and_postgres {
            use super::House;
            use crate::support::place::Place;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if crate::support::redis::url().is_none() {
                        return;
                    }
                    if let Some(place) = Place::postgres().await {
                        super::$name(House { place, is_shared: true }).await;
                    }
                }
            )+
        }
    };
}

with_each_cache!(
    a_page_that_was_read_is_not_read_again,
    many_who_ask_for_a_cold_page_at_once_cause_one_reading,
    a_change_is_on_the_next_page,
    a_page_ends_with_the_first_hold_on_it,
    what_one_program_projects_another_shows_at_once_by_position_and_soon_without,
    programs_that_all_ask_and_change_never_show_an_older_page_than_asked_for,
);

fn of(user: &str) -> UserQuery {
    UserQuery { user_id: UserId(user.into()), kind: None, state: None, page: 1, limit: 10 }
}

async fn page(app: &App, position: Option<i64>) -> String {
    my_tickets(app, of("ann"), position).await.unwrap().data.to_string()
}

async fn a_page_that_was_read_is_not_read_again(house: House) {
    let app = house.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    hold(&app, ask(bus)).await;
    project(&app).await;
    let first = page(&app, None).await;
    for _ in 0..10 {
        assert_eq!(page(&app, Some(app.read.known())).await, first);
    }
    let counts = app.tickets.counts();
    assert_eq!((counts.loads, counts.hits), (1, 10), "{counts:?}");
}

async fn many_who_ask_for_a_cold_page_at_once_cause_one_reading(house: House) {
    let app = house.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    hold(&app, ask(bus)).await;
    project(&app).await;
    let pages = at_once((0..200).map(|_| app.clone()).map(|app| async move { page(&app, None).await })).await;
    assert!(pages.iter().all(|text| text.contains("RESERVED")));
    assert_eq!(app.tickets.counts().loads, 1);
}

async fn a_change_is_on_the_next_page(house: House) {
    let app = house.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    assert_eq!(page(&app, None).await, "[]");
    let held = hold(&app, ask(bus)).await;
    project(&app).await;
    assert!(page(&app, None).await.contains("RESERVED"));
    confirm(&app, held.id, "pay").await.unwrap();
    project(&app).await;
    assert!(page(&app, None).await.contains("CONFIRMED"));
    cancel(&app, held.id).await.unwrap();
    project(&app).await;
    assert!(!page(&app, None).await.contains("CONFIRMED"));
    assert_eq!(app.tickets.counts().loads, 4);
}

async fn a_page_ends_with_the_first_hold_on_it(house: House) {
    let clock = clock();
    let (app, other) = (house.program(&clock).await, house.program(&clock).await);
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    hold(&app, Reserve { hold_seconds: 60, ..ask(bus) }).await;
    project(&app).await;
    for (advance, word) in [(0, "RESERVED"), (59_999, "RESERVED"), (1, "EXPIRED")] {
        clock.advance(advance);
        for reader in [&app, &app, &other, &other] {
            assert!(page(reader, Some(app.read.known())).await.contains(word), "{advance} {word}");
        }
    }
}

async fn what_one_program_projects_another_shows_at_once_by_position_and_soon_without(house: House) {
    let clock = clock();
    let (app, other) = (house.program(&clock).await, house.program(&clock).await);
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let looks = Workers::start(&other, Roles::default());
    let projects = Workers::start(&app, Roles { projector: true, ..Roles::default() });
    for round in 0..5 {
        let held = hold(&app, ask_seat(bus, "A1")).await;
        let done = confirm(&app, held.id, &format!("pay-{round}")).await.unwrap();
        assert!(page(&other, Some(done.position)).await.contains("CONFIRMED"), "round {round}");
        cancel(&app, held.id).await.unwrap();
        let began = Instant::now();
        while page(&other, None).await.contains("CONFIRMED") {
            assert!(began.elapsed() < Duration::from_secs(5), "round {round}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    looks.stop().await;
    projects.stop().await;
}

async fn programs_that_all_ask_and_change_never_show_an_older_page_than_asked_for(house: House) {
    let clock = clock();
    let apps = [house.program(&clock).await, house.program(&clock).await, house.program(&clock).await];
    let bus = seed_line(&apps[0], 8, "ABCD", 2, 1).await[0];
    // Two project, against each other; the third only looks.
    let workers: Vec<_> = apps
        .iter()
        .enumerate()
        .map(|(n, app)| Workers::start(app, Roles { projector: n < 2, ..Roles::default() }))
        .collect();
    let buyers = (0..6_usize).map(|n| {
        let (app, readers) = (apps[n % 3].clone(), apps.clone());
        async move {
            let user = format!("buyer-{n}");
            for round in 0..8 {
                let wanted = Reserve { user_id: UserId(user.clone()), ..ask(bus) };
                let held = hold(&app, wanted).await;
                let done = confirm(&app, held.id, &format!("pay-{n}-{round}")).await.unwrap();
                for reader in &readers {
                    let found = my_tickets(reader, of(&user), Some(done.position)).await.unwrap();
                    assert_eq!(
                        found.data.matches("\"CONFIRMED\"").count(),
                        1,
                        "{user} {round}: {}",
                        found.data
                    );
                }
                let done = cancel(&app, held.id).await.unwrap();
                for reader in readers.iter().rev() {
                    let found = my_tickets(reader, of(&user), Some(done.position)).await.unwrap();
                    assert_eq!(
                        found.data.matches("\"CONFIRMED\"").count(),
                        0,
                        "{user} {round}: {}",
                        found.data
                    );
                    assert_eq!(found.total, round + 1);
                }
            }
        }
    });
    at_once(buyers).await;
    for worker in workers {
        worker.stop().await;
    }
}
