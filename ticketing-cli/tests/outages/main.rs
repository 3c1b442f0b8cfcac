//! What the platform stands on goes away, comes back, gets slow or falls silent, while people book: they book on, and
//! afterwards nothing is lost.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod brokers;
mod connections;
#[path = "../rig/mod.rs"]
#[allow(dead_code, reason = "each file of tests uses its part")]
mod rig;

use rig::broker::{PaymentService, Wire};
use rig::buyers::Buyers;
use rig::checks;
use rig::feed;
use rig::plan::{self, Item};
use rig::platform::Platform;
use rig::postgres::TestDatabase;
use rig::service::say;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use uuid::Uuid;

/// One is begun so often.
const PACE: Duration = Duration::from_millis(25);
/// Whoever books has an answer by then, whatever is away.
const ANSWERED_WITHIN_MS: u64 = 10_000;
/// All must be at rest so long after the last booking.
const AT_REST_WITHIN: Duration = Duration::from_secs(120);
/// Somebody must have each lease by then.
const HELD_WITHIN: Duration = Duration::from_secs(30);

/// One at a time: each has a whole platform of processes.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What an outage does to those who book.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noticed {
    /// Nothing: all are answered at once.
    ByNobody,
    /// They are told to come again later.
    ByAll,
}

/// A platform on PostgreSQL, with these settings.
struct Place {
    platform: Platform,
    prefix: String,
    /// Dropped after the processes.
    _database: TestDatabase,
}

impl Place {
    fn new(database: TestDatabase, settings: &[(&str, &str)]) -> Self {
        let prefix = format!("o{}-", Uuid::new_v4().simple());
        let url = database.url();
        let common =
            [("DATABASE_URL", url.as_str()), ("TOPIC_PREFIX", prefix.as_str()), ("HOLD_SECONDS", "3600")];
        let platform = Platform::new(&[&common, settings].concat());
        Self { platform, prefix, _database: database }
    }

    /// Starts the processes, has people book while `outage` goes on, and sees that all came out as planned.
    async fn books_through(
        &self,
        wire: Wire,
        bookings: usize,
        noticed: Noticed,
        outage: impl AsyncFnOnce(&Buyers, &[Item]),
    ) {
        let platform = &self.platform;
        platform.run(&["migrate", "up"]).ok();
        let items = plan::items(bookings, &feed::seed(platform));
        for roles in ["api", "relay,projector", "saga,expiry"] {
            platform.start(roles);
        }
        for lease in ["relay", "projector", "inbound"] {
            platform.held(lease, HELD_WITHIN).await;
        }
        let buyers = Buyers::new(Arc::clone(&platform.doors), PaymentService::start(wire.clone()));
        let began = Instant::now();
        let (bookings, ()) = tokio::join!(buyers.live(&items, PACE), outage(&buyers, &items));
        let lived = began.elapsed();
        let slowest_ms = buyers.slowest_ms.load(Ordering::SeqCst);
        let (unanswered, given_up) =
            (buyers.unanswered.load(Ordering::SeqCst), buyers.given_up.load(Ordering::SeqCst));
        say(&format!(
            "lived in {lived:?}; slowest answer {slowest_ms} ms; {unanswered} sent again, {given_up} of them unheard"
        ));
        checks::settled(platform, &items, &bookings, AT_REST_WITHIN).await;
        say(&format!("at rest {:?} later", began.elapsed() - lived));
        assert!(slowest_ms < ANSWERED_WITHIN_MS, "{slowest_ms} ms\n{}", platform.logs());
        assert_eq!(given_up, 0, "\n{}", platform.logs());
        if noticed == Noticed::ByNobody {
            assert_eq!(unanswered, 0, "\n{}", platform.logs());
        }
        platform.assert_all_well();
        checks::no_seat_is_sold_twice(platform, &items, &bookings);
        checks::money_is_as_planned(platform, &items);
        checks::letters_are_as_planned_with_repeats(platform, &items, &wire).await;
        checks::is_sound(platform);
        checks::log_is_published(platform, &wire).await;
    }
}

/// Bookings go on for as long as this takes.
async fn while_they_book(buyers: &Buyers, least: usize, outage: impl AsyncFnOnce()) {
    let before = buyers.booked.load(Ordering::SeqCst);
    outage().await;
    let booked = buyers.booked.load(Ordering::SeqCst) - before;
    say(&format!("{booked} bookings meanwhile"));
    assert!(booked >= least, "only {booked} bookings meanwhile");
}
