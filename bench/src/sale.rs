//! Everybody at once on one event: an arena of 20,000 numbered seats, sold out over real sockets.
//!
//! Each seat is asked for by somebody, and each of the last ones by many. What was sold is counted in the write store
//! afterwards, seat by seat.

use crate::http::{self, Client};
use crate::load::Rate;
use crate::{city, millis, pgbench};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::{App, StoreConfig, commands, queries};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::catalog::{CatalogSet, LatePayment, Venue};
use ticketing_core::domain::event::LayoutDefined;
use ticketing_core::domain::id::{LayoutId, OfferingId, UserId, VenueId, derived};
use ticketing_core::domain::layout::{Layout, LayoutSpec, SectionSpec};
use ticketing_core::domain::occasion::{NewEvent, announce};
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::offerings;
use ticketing_server::auth::{Role, mint};
use ticketing_server::start::Running;
use uuid::Uuid;

/// Sections of the arena, each with so many rows of so many seats: 20,000.
const SECTIONS: u32 = 100;
const ROWS: u32 = 10;
const SEATS: u32 = 20;
/// Seats that a group of friends wants.
const GROUP: usize = 4;
/// Halls that are nearly sold before the measurement begins; one of them would be sold out in a blink.
const NEARLY_SOLD: usize = 20;
/// Of so many groups in a hall that is nearly sold, one is left: 5 %.
const LEFT_OF: usize = 20;
/// Seats sold each second while maps are asked for.
const SOLD_A_SECOND: u64 = 1_000;
/// Maps asked for, each time.
const MAPS: usize = 200;

/// Sells arenas beside departures, on one server.
pub(crate) async fn measure(stores: &StoreConfig, callers: usize, seconds: u64) {
    let mut set = city::catalog(crate::OFFERINGS, crate::ROWS);
    let arena = Arena::new();
    // Two that are sold from the first seat, one for maps, and two kinds of nearly sold ones.
    let events = arena.add_to(&mut set, 3 + 2 * NEARLY_SOLD);
    let (app, task) = city::open(stores, EngineConfig::default(), set).await;
    let (fresh, nearly) = events.split_at(3);
    let left = arena.nearly_sold(&app, nearly, callers).await;
    app.stores.close().await;
    drop(app);
    task.finished().await;
    if let Some(url) = &stores.database_url {
        pgbench::analyze(url).and_then(|()| pgbench::settle(url)).expect("statistics");
    }
    let server = http::serve(stores.clone()).await;
    caught_up(server.app()).await;

    let transit = http::reserves(&server, callers, seconds, crate::OFFERINGS).await;
    crate::line("transit over HTTP, one seat a booking", &transit, None);
    let base = transit.per_second;

    let groups = shuffled(arena.groups(|n| 1 + n % GROUP));
    let named = sell(&server, callers, Wanted::named(fresh[0], groups)).await;
    seats("on-sale: 20,000 seats by name, 1 to 4 at once, seats/s", &named, base, "0.8");
    arena.check(server.app(), fresh[0], &named).await;
    let best = sell(&server, callers, Wanted::best(fresh[1], 20_000 / GROUP + callers)).await;
    seats("on-sale: the best 4 together, until sold out, seats/s", &best, named.per_second(), "0.5");
    arena.check(server.app(), fresh[1], &best).await;

    let (by_name, by_best) = nearly.split_at(NEARLY_SOLD);
    let named: Vec<_> = by_name.iter().flat_map(|id| left.iter().map(|g| (*id, Some(g.clone())))).collect();
    let named = sell(&server, callers, Wanted { asks: shuffled(named) }).await;
    seats("halls sold to 95 %: 4 seats by name, seats/s", &named, base, "");
    let best: Vec<_> = by_best.iter().flat_map(|id| left.iter().map(|_| (*id, None))).collect();
    let best = sell(&server, callers, Wanted { asks: shuffled(best) }).await;
    seats("halls sold to 95 %: the best 4 together, seats/s", &best, named.per_second(), "0.5");
    for id in nearly {
        arena.check_sold_out(server.app(), *id).await;
    }

    let quiet = maps(&server, fresh[2]).await;
    maps_line("availability of 20,000 seats", &quiet, None);
    let selling = Selling::start(server.app(), fresh[2], &arena);
    let busy = maps(&server, fresh[2]).await;
    maps_line("the same while 1,000 seats/s of it are sold", &busy, Some(&quiet));
    let sold = selling.stop().await;
    println!("    {:.0} seats/s were sold meanwhile", sold);
    server.stop().await;
}

/// What came of a sale.
struct Sold {
    seats: usize,
    took: Duration,
    refused: u64,
    failed: u64,
    latencies: Vec<Duration>,
}

impl Sold {
    fn per_second(&self) -> f64 {
        self.seats as f64 / self.took.as_secs_f64()
    }
}

fn seats(what: &str, sold: &Sold, base: f64, wanted: &str) {
    let wanted = if wanted.is_empty() { String::new() } else { format!(">= {wanted}") };
    let rate = Rate::of(sold.latencies.clone(), sold.took, sold.failed);
    println!(
        "{what:<62}{:>13.0}{:>10.2}  {wanted:<6} {} bookings in {:.2} s, p50 {:.1} ms, p99 {:.1} ms; {} refused, {} failed",
        sold.per_second(),
        sold.per_second() / base,
        sold.latencies.len(),
        sold.took.as_secs_f64(),
        millis(rate.p50),
        millis(rate.p99),
        sold.refused,
        sold.failed,
    );
}

/// Requests in the order in which they are made: an event, and the labels of its seats, or the best four.
struct Wanted {
    asks: Vec<(OfferingId, Option<Vec<String>>)>,
}

impl Wanted {
    fn named(id: OfferingId, groups: Vec<Vec<String>>) -> Self {
        Self { asks: groups.into_iter().map(|labels| (id, Some(labels))).collect() }
    }

    fn best(id: OfferingId, count: usize) -> Self {
        Self { asks: vec![(id, None); count] }
    }

    fn body(&self, n: usize) -> Option<(String, usize)> {
        let (id, labels) = self.asks.get(n)?;
        Some(match labels {
            Some(labels) => {
                let list = labels.iter().map(|l| format!("\"{l}\"")).collect::<Vec<_>>().join(",");
                (format!(r#"{{"eventId":"{id}","seatIds":[{list}]}}"#), labels.len())
            }
            None => (format!(r#"{{"eventId":"{id}","quantity":{GROUP},"together":true}}"#), GROUP),
        })
    }
}

async fn sell(server: &Running, connections: usize, wanted: Wanted) -> Sold {
    let (wanted, next) = (Arc::new(wanted), Arc::new(AtomicUsize::new(0)));
    let run = city::now().as_millis();
    let mut clients = Vec::with_capacity(connections);
    for n in 0..connections {
        let user = format!("fan-{run}-{n}");
        let token = mint(server.secret(), &user, Role::User, Duration::from_secs(3600)).expect("a token");
        clients.push((user, token.clone(), Client::connect(server.address(), token).await));
    }
    let began = Instant::now();
    let mut tasks = Vec::with_capacity(connections);
    for (user, token, mut client) in clients {
        let (wanted, next) = (Arc::clone(&wanted), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let (mut latencies, mut seats, mut refused, mut failed) = (Vec::new(), 0, 0, 0);
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some((body, count)) = wanted.body(n) else { break };
                let request = format!(
                    "POST /v1/seats/reserve HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
                     Idempotency-Key: {user}-{n}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len(),
                );
                let asked = Instant::now();
                match client.ask(request.as_bytes()).await {
                    Some(201) => {
                        latencies.push(asked.elapsed());
                        seats += count;
                    }
                    Some(409) => refused += 1,
                    Some(_) | None => failed += 1,
                }
            }
            (latencies, seats, refused, failed)
        }));
    }
    let mut sold = Sold { seats: 0, took: Duration::ZERO, refused: 0, failed: 0, latencies: Vec::new() };
    for task in tasks {
        let (latencies, seats, refused, failed) = task.await.expect("a buyer ends");
        sold.latencies.extend(latencies);
        sold.seats += seats;
        sold.refused += refused;
        sold.failed += failed;
    }
    sold.took = began.elapsed();
    sold
}

/// The times of so many maps, one after the other over one connection.
async fn maps(server: &Running, id: OfferingId) -> Vec<Duration> {
    let mut client = Client::connect(server.address(), String::new()).await;
    let request = format!("GET /v1/seats/availability?eventId={id} HTTP/1.1\r\nHost: bench\r\n\r\n");
    // The first reads who has which seats.
    assert_eq!(client.ask(request.as_bytes()).await, Some(200), "a map is an answer");
    let mut times = Vec::with_capacity(MAPS);
    for _ in 0..MAPS {
        let asked = Instant::now();
        assert_eq!(client.ask(request.as_bytes()).await, Some(200), "a map is an answer");
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    times.sort_unstable();
    times
}

fn maps_line(what: &str, times: &[Duration], against: Option<&[Duration]>) {
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let ratio = against.map(|other| p50.as_secs_f64() / other[other.len() / 2].as_secs_f64());
    let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
    println!("{what:<62}{:>13}{ratio:>10}  < 10   ms: p50 {:.1}, p99 {:.1}", "", millis(p50), millis(p99));
}

/// Somebody who buys four seats at a time, at an even rate, until told to stop.
struct Selling {
    stop: Arc<AtomicBool>,
    began: Instant,
    sold: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Selling {
    fn start(app: &App, id: OfferingId, arena: &Arena) -> Self {
        let (stop, sold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (app, groups) = (app.clone(), arena.groups(|_| GROUP));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&sold));
        let task = tokio::spawn(async move {
            let mut every =
                tokio::time::interval(Duration::from_millis(1_000 * GROUP as u64 / SOLD_A_SECOND));
            for (n, group) in groups.into_iter().enumerate() {
                every.tick().await;
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (app, count) = (app.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    reserve(&app, id, group, n as u64).await;
                    count.fetch_add(GROUP as u64, Ordering::Relaxed);
                });
            }
        });
        Self { stop, began: Instant::now(), sold, task }
    }

    /// Stops; returns how many seats a second were sold.
    async fn stop(self) -> f64 {
        let rate = self.sold.load(Ordering::Relaxed) as f64 / self.began.elapsed().as_secs_f64();
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the buyer ends");
        rate
    }
}

async fn reserve(app: &App, id: OfferingId, labels: Vec<String>, n: u64) {
    let user = format!("crowd-{id}");
    let command = Reserve {
        booking_id: commands::new_booking_id(),
        offering_id: id,
        route_id: None,
        user_id: UserId(user.clone()),
        seats: SeatChoice::Named(labels),
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds: 3_600,
        kind: HoldKind::Reserve,
    };
    commands::reserve(app, command, city::passenger(), city::meta(&user, n))
        .await
        .expect("seats that are free");
}

/// The hall, and who knows its seats.
struct Arena {
    spec: LayoutSpec,
    layout: Layout,
    labels: Vec<String>,
}

impl Arena {
    fn new() -> Self {
        let section = |n: u32| SectionSpec {
            name: format!("{}", 101 + n),
            rows: ROWS,
            seats: SEATS,
            category: Some("SEAT".into()),
        };
        let spec = LayoutSpec {
            name: "bench-arena".into(),
            sections: (0..SECTIONS).map(section).collect(),
            ..LayoutSpec::default()
        };
        let layout = Layout::new(LayoutId(derived("layout", &spec.name)), spec.clone()).expect("a hall");
        let labels = layout.seats().map(|seat| layout.label(seat)).collect();
        Self { spec, layout, labels }
    }

    /// Adds `count` events in this hall.
    fn add_to(&self, set: &mut CatalogSet, count: usize) -> Vec<OfferingId> {
        let venue = Venue {
            id: VenueId(derived("venue", "bench")),
            external_id: Some("bench".into()),
            name: "Bench Arena".into(),
            city: "Bench".into(),
            address: None,
            layout_id: self.layout.id(),
            timezone: "UTC".into(),
            closed: None,
        };
        let begins_at = city::now().plus_seconds(30 * 86_400);
        set.layouts.push(LayoutDefined { id: self.layout.id(), spec: self.spec.clone() });
        let mut ids = Vec::with_capacity(count);
        for n in 0..count {
            let event = NewEvent {
                external_id: Some(format!("bench-event-{n}")),
                title: format!("Concert {n}"),
                event_type: Some("concert".into()),
                description: None,
                begins_at,
                ends_at: begins_at.plus_seconds(7_200),
                price: city::FARE,
                prices: Default::default(),
                late_payment: LatePayment::default(),
            };
            let (pattern, facts) = announce(&venue, &self.layout, event, Uuid::now_v7()).expect("an event");
            if set.patterns.iter().all(|known| known.id != pattern.id) {
                set.patterns.push(pattern);
            }
            ids.push(facts.id);
            set.offerings.push(facts);
        }
        set.venues.push(venue);
        ids
    }

    /// All seats, in groups of neighbours in one row.
    fn groups(&self, size: impl Fn(usize) -> usize) -> Vec<Vec<String>> {
        let mut groups = Vec::new();
        for row in self.labels.chunks(SEATS as usize) {
            let mut rest = row;
            while !rest.is_empty() {
                let (group, more) = rest.split_at(size(groups.len()).min(rest.len()));
                groups.push(group.to_vec());
                rest = more;
            }
        }
        groups
    }

    /// Sells 95 % of these halls, leaving the same groups in each; returns the groups that are left.
    async fn nearly_sold(&self, app: &App, events: &[OfferingId], callers: usize) -> Vec<Vec<String>> {
        let groups = shuffled(self.groups(|_| GROUP));
        let (left, sold) = groups.split_at(groups.len() / LEFT_OF);
        let asks: Vec<_> = events.iter().flat_map(|id| sold.iter().map(|g| (*id, g.clone()))).collect();
        let (asks, next) = (Arc::new(asks), Arc::new(AtomicUsize::new(0)));
        let mut tasks = Vec::with_capacity(callers);
        for _ in 0..callers {
            let (app, asks, next) = (app.clone(), Arc::clone(&asks), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some((id, group)) = asks.get(n) else { return };
                    reserve(&app, *id, group.clone(), n as u64).await;
                }
            }));
        }
        for task in tasks {
            task.await.expect("a buyer ends");
        }
        left.to_vec()
    }

    /// Every seat is sold, once, and to those who were told so.
    async fn check(&self, app: &App, id: OfferingId, sold: &Sold) {
        let all = self.labels.len();
        assert_eq!(sold.seats, all, "what buyers were told makes the hall");
        assert_eq!(sold.failed, 0, "nobody was answered with a fault");
        self.check_sold_out(app, id).await;
    }

    async fn check_sold_out(&self, app: &App, id: OfferingId) {
        let claims = offerings::claims(&app.stores.write, &[id]).await.expect("claims");
        let mut seen = HashSet::new();
        for held in claims.get(&id).into_iter().flat_map(|bookings| bookings.values()) {
            for seat in &held.seats {
                assert!(seen.insert(*seat), "a seat was sold twice");
            }
        }
        assert_eq!(seen.len(), self.labels.len(), "the hall is sold out");
    }
}

/// Returns them in an order that is always the same, with no neighbours together (Fisher–Yates, xorshift).
fn shuffled<T>(mut all: Vec<T>) -> Vec<T> {
    let mut x = 0x9e37_79b9_7f4a_7c15_u64;
    for n in (1..all.len()).rev() {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        all.swap(n, (x % (n as u64 + 1)) as usize);
    }
    all
}

async fn caught_up(app: &App) {
    let began = Instant::now();
    let head = *app.engine.head().borrow();
    while queries::wait_for(app, Some(head)).await.is_err() && began.elapsed() < Duration::from_secs(120) {}
}
