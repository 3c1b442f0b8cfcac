//! How often a lone command goes to PostgreSQL and back: that many times the way there is what it takes from afar.

use crate::support::check::check;
use crate::support::city::{ask, cancel, confirm, hold, keyed, passenger, seed_line};
use crate::support::place::{Place, clock};
use crate::support::round_trips::Counted;
use ticketing_core::app::{App, Stores, commands};
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::id::OfferingId;
use ticketing_core::engine::EngineConfig;

/// Of a hold: all of it is one statement.
const HOLD: usize = 1;
/// Of what changes more: the log's head, everything else, the commit.
const CHANGE: usize = 3;
/// Of folding what another program wrote.
const CATCH_UP: usize = 1;
/// Of looking up whether a command was done before, by its key and its booking; both at once.
const DOUBTS: usize = 2;
/// Of looking at the departure again, and at its seats; both at once.
const DEPARTURE: usize = 2;
/// More than the commands that look first whether another program has written, after one did.
const ALONE: usize = 40;
/// A connection that is new to a statement needs one more for it: of so many the best one counts.
const TRIES: usize = 6;

struct Far {
    near: App,
    app: App,
    counted: Counted,
    bus: OfferingId,
}

impl Far {
    async fn book(&self) {
        let command = Reserve { kind: HoldKind::Book, ..ask(self.bus) };
        let key = command.booking_id.to_string();
        commands::reserve_and_pay(&self.app, command, passenger(), None, keyed(&key, 1)).await.unwrap();
    }

    async fn reserve(&self) {
        let command = ask(self.bus);
        let key = command.booking_id.to_string();
        commands::reserve(&self.app, command, passenger(), keyed(&key, 1)).await.unwrap();
    }

    /// Another program writes.
    async fn they_write(&self) {
        let held = hold(&self.near, ask(self.bus)).await;
        confirm(&self.near, held.id, &held.id.to_string()).await.unwrap();
    }

    /// Nobody else has written for a while.
    async fn quiet(&self) {
        for _ in 0..ALONE {
            let held = hold(&self.app, ask(self.bus)).await;
            cancel(&self.app, held.id).await.unwrap();
        }
    }
}

/// What `command` takes at best, each time after `before`.
async fn trips(far: &Far, before: impl AsyncFn(), command: impl AsyncFn()) -> usize {
    let mut best = usize::MAX;
    for _ in 0..TRIES {
        before().await;
        far.counted.take();
        command().await;
        best = best.min(far.counted.take());
    }
    best
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_command_takes_few_round_trips() {
    let Some(place) = Place::postgres().await else { return };
    let clock = clock();
    let config = EngineConfig { provider: "external", ..EngineConfig::default() };
    let near = place.program(&clock).await;
    let bus = seed_line(&near, 100, "AB", 2, 1).await[0];
    let counted = Counted::open(&place.config).await;
    let stores = Stores::open(&counted.config).await.unwrap();
    let (app, _task) = App::start(stores, clock, config, |_| {});
    let far = Far { near, app, counted, bus };
    let (book, reserve) = (async || far.book().await, async || far.reserve().await);
    let change = async || {
        let held = hold(&far.app, ask(bus)).await;
        cancel(&far.app, held.id).await.unwrap();
    };
    let quiet = async || {};
    let other = async || far.they_write().await;
    let surprise = async || {
        far.quiet().await;
        far.they_write().await;
    };

    let found = [
        ("reserve", trips(&far, quiet, reserve).await, HOLD),
        ("book", trips(&far, quiet, book).await, CHANGE),
        ("reserve and cancel", trips(&far, quiet, change).await, HOLD + CHANGE),
        (
            "reserve when another program has written, for the first time",
            trips(&far, surprise, reserve).await,
            HOLD + CATCH_UP + DOUBTS + DEPARTURE + HOLD,
        ),
        (
            "reserve when another program writes all the time",
            trips(&far, other, reserve).await,
            CATCH_UP + HOLD,
        ),
        ("book when another program writes all the time", trips(&far, other, book).await, CATCH_UP + CHANGE),
    ];
    check(&far.near).await;
    for (what, trips, expected) in found {
        assert_eq!(trips, expected, "{what}");
    }
}
