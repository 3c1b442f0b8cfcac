//! A hundred thousand listings: pages of them, filtered and sorted in many ways.

use crate::{city, millis};
use std::time::{Duration, Instant};
use ticketing_core::app::listings::{self, ListingStatus, Wanted};
use ticketing_core::app::{App, StoreConfig, commands};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::catalog::CatalogSet;
use ticketing_core::domain::id::{OfferingId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::db::Engine;
use ticketing_core::store::views::search::Order;
use ticketing_core::worker::projector::Projector;
use uuid::Uuid;

/// Listings put up.
const LISTINGS: usize = 100_000;
/// Of so many listings, one is held by an order.
const HELD_OF: usize = 50;
/// Who sells them.
const SELLERS: usize = 500;
/// Pages asked for of each kind, and lines of each.
const PAGES: usize = 200;
const LINES: u32 = 20;
/// Pages of each search.
const LEAVES: usize = 3;
const WHO: [&str; 8] = ["Radiohead", "Aida", "Hamlet", "Derby", "Carmen", "Jazz", "Ballet", "Opera"];
const WHERE: [&str; 5] = ["Lisbon", "Oslo", "Vienna", "Porto", "Ghent"];

/// Fills a store and asks.
pub(crate) async fn measure(stores: &StoreConfig, name: &str) {
    let offerings = (0..LISTINGS).map(|n| {
        let title = format!("{} in {}, row {}", WHO[n % WHO.len()], WHERE[n / 8 % WHERE.len()], n % 97);
        let currency = if n % 3 == 0 { Currency::parse("EUR").expect("euros") } else { Currency::USD };
        let price = Money { amount_minor: 500 + (n as i64 * 7_919) % 40_000, currency };
        listings::facts(id(n), &UserId(format!("seller-{}", n % SELLERS)), title, price).expect("a listing")
    });
    let set = CatalogSet {
        layouts: vec![listings::layout()],
        patterns: vec![listings::pattern()],
        offerings: offerings.collect(),
        ..CatalogSet::default()
    };
    let (app, _task) = city::open(stores, EngineConfig::default(), set).await;
    hold(&app).await;
    if app.stores.write.engine() == Engine::Postgres {
        // What the server's own housekeeping would have done by then.
        let url = stores.database_url.as_deref().unwrap_or_default();
        crate::pgbench::analyze(url).expect("statistics");
    }
    let none = Wanted {
        text: None,
        seller: None,
        currency: None,
        price_min: None,
        price_max: None,
        status: Some(ListingStatus::Open),
        order: Order::Newest,
    };
    let by = |n: usize| i64::try_from(n).unwrap_or(0) * 150;
    let cheap = |n: usize| Wanted {
        currency: Some(Currency::USD),
        price_min: Some(1_000 + by(n)),
        price_max: Some(9_000 + by(n)),
        order: Order::Cheapest,
        ..none.clone()
    };
    let text = |n: usize| Wanted { text: Some(WHO[n % WHO.len()].to_lowercase()), ..cheap(n) };
    let words = |n: usize| Wanted {
        text: Some(format!("{} {}", WHERE[n % WHERE.len()], WHO[n % WHO.len()])),
        order: Order::Dearest,
        ..none.clone()
    };
    let seller = |n: usize| Wanted {
        seller: Some(UserId(format!("seller-{}", n % SELLERS))),
        status: None,
        ..none.clone()
    };
    let held = |_: usize| Wanted { status: Some(ListingStatus::Reserved), ..none.clone() };
    pages(&app, name, "open, newest first", |_| none.clone()).await;
    pages(&app, name, "open, a currency and price range, cheapest first", cheap).await;
    pages(&app, name, "the same and a word", text).await;
    pages(&app, name, "two words, dearest first", words).await;
    pages(&app, name, "of a seller, newest first", seller).await;
    pages(&app, name, "held by an order, newest first", held).await;
    app.stores.close().await;
}

async fn hold(app: &App) {
    let mut last = 0;
    for n in (0..LISTINGS).step_by(HELD_OF) {
        let buyer = format!("buyer-{n}");
        let command = Reserve {
            booking_id: commands::new_booking_id(),
            offering_id: id(n),
            route_id: None,
            user_id: UserId(buyer.clone()),
            seats: SeatChoice::Any(1),
            from_stop: None,
            to_stop: None,
            expected_price: None,
            hold_seconds: 3_600,
            kind: HoldKind::Reserve,
        };
        let meta = city::meta(&buyer, n as u64);
        last = commands::reserve(app, command, city::passenger(), meta).await.expect("an order").position;
    }
    Projector::default().reach(app, last).await.expect("projected");
}

async fn pages(app: &App, name: &str, what: &str, wanted: impl Fn(usize) -> Wanted) {
    let mut times: Vec<Duration> = Vec::with_capacity(PAGES);
    let mut total = 0;
    for n in 0..PAGES {
        // Each search is leafed through: its first three pages.
        let wanted = wanted(n / LEAVES);
        let leaf = (n % LEAVES) as u32 + 1;
        let asked = Instant::now();
        let page = listings::search(app, &wanted, leaf, LINES, None).await.expect("a page");
        times.push(asked.elapsed());
        total = total.max(page.total);
    }
    times.sort_unstable();
    let (p50, p99) = (times[PAGES / 2], times[PAGES * 99 / 100]);
    let what = format!("listings, {name}: {what}");
    println!("{what:<72}{:>13}  < 5    ms: p50 {:.2}, p99 {:.2}; of {total}", "", millis(p50), millis(p99));
}

fn id(n: usize) -> OfferingId {
    OfferingId(Uuid::from_u128(0x0bec_0000_0000_4000_a000_0000_0000_0000 + n as u128))
}
