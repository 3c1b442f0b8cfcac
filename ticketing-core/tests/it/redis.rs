//! What only Redis brings, and what its absence costs: time.

use crate::support::check::project;
use crate::support::city::{ask, at_once, cancel, confirm, hold, seed_line};
use crate::support::place::{Place, clock};
use crate::support::redis::{self, Line, PATIENT, Way};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::redis::{Limits, Rate, Redis, RedisConfig, Verdict};
use ticketing_core::app::App;
use ticketing_core::app::ports::{CacheWrite, CachedPage, SharedCache};
use ticketing_core::app::queries::tickets::my_tickets;
use ticketing_core::domain::booking::command::Reserve;
use ticketing_core::domain::id::UserId;
use ticketing_core::store::views::tickets::UserQuery;
use uuid::Uuid;

/// Soon is what a Redis that stands still may cost a call; the rest as it is set.
const SOON: Limits = Limits { call_timeout: Duration::from_millis(150), ..PATIENT };

fn system() -> String {
    Uuid::new_v4().to_string()
}

async fn sharing(app: App, config: &RedisConfig, system: &str, limits: Limits) -> (App, Arc<Redis>) {
    let redis = Arc::new(Redis::start(config, system, limits).await.unwrap());
    (app.sharing(Arc::clone(&redis) as _), redis)
}

async fn total(app: &App, user: &str, position: Option<i64>) -> u64 {
    let query = UserQuery { user_id: UserId(user.into()), kind: None, state: None, page: 1, limit: 10 };
    my_tickets(app, query, position).await.unwrap().total
}

fn empty(as_of: i64) -> Arc<CachedPage> {
    Arc::new(CachedPage { data: "[]".into(), total: 0, as_of, good_until: None })
}

/// After, to, and the subject's last.
type Known = (i64, i64, Option<i64>);
/// From, to, and whose.
type Told<'a> = (i64, i64, &'a [&'a str]);

fn changed(from: i64, to: i64, subjects: &[&str]) -> CacheWrite {
    CacheWrite::Changed { from, to, subjects: subjects.iter().map(|s| (*s).to_owned()).collect() }
}

/// Returns the range and the subject's last change, by the way of a page.
async fn changes(redis: &Redis, subject: &str) -> Option<Known> {
    redis.write(&[CacheWrite::Keep { key: "probe".into(), page: empty(0) }]).await;
    let found = redis.find("probe", subject).await.expect("the page is there");
    found.changes.map(|c| (c.after, c.to, c.last))
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_range_that_a_cache_was_told_of_has_no_gap() {
    let Some(config) = redis::config() else { return };
    let big = 1_i64 << 52;
    #[rustfmt::skip]
    let rows: &[(&[Told<'_>], Known)] = &[
        (&[(0, 5, &["ann"])], (0, 5, Some(5))),
        (&[(0, 5, &["ann"]), (5, 9, &["bob"])], (0, 9, Some(5))),
        (&[(0, 5, &["ann"]), (5, 9, &["ann", "bob"])], (0, 9, Some(9))),
        (&[(0, 5, &["ann"]), (6, 9, &[])], (6, 9, Some(5))), // one was lost
        (&[(5, 9, &["ann"]), (0, 5, &["ann"])], (0, 9, Some(9))), // in disorder
        (&[(5, 9, &[]), (0, 4, &["ann"])], (5, 9, Some(4))), // too early to close the gap
        (&[(0, 5, &[]), (0, 5, &["ann"])], (0, 5, Some(5))), // twice
        (&[(3, 5, &[]), (0, 9, &["ann"])], (0, 9, Some(9))), // around
        (&[(3, 9, &[]), (4, 5, &["ann"])], (3, 9, Some(5))), // within
        (&[(big, big + 1, &["ann"]), (big + 1, big + 3, &[])], (big, big + 3, Some(big + 1))),
    ];
    for (told, expected) in rows {
        let redis = Redis::start(&config, &system(), PATIENT).await.unwrap();
        assert_eq!(changes(&redis, "ann").await, None);
        for (from, to, subjects) in *told {
            redis.write(&[changed(*from, *to, subjects)]).await;
        }
        assert_eq!(changes(&redis, "ann").await, Some(*expected), "{told:?}");
    }
}

#[tokio::test]
async fn systems_and_pages_never_meet() {
    let Some(config) = redis::config() else { return };
    let (one, other) = (system(), system());
    let one = Redis::start(&config, &one, PATIENT).await.unwrap();
    let other = Redis::start(&config, &other, PATIENT).await.unwrap();
    one.write(&[CacheWrite::Keep { key: "a".into(), page: empty(7) }, changed(0, 9, &["ann"])]).await;
    assert_eq!(one.find("a", "ann").await.unwrap().page, *empty(7));
    assert!(one.find("b", "ann").await.is_none() && other.find("a", "ann").await.is_none());
    assert_eq!(changes(&other, "ann").await, None);
}

#[tokio::test]
async fn changes_of_others_leave_the_page_of_a_program_that_only_looks() {
    let Some(config) = redis::config() else { return };
    let (place, clock, system) = (Place::sqlite(), clock(), system());
    let (app, redis) = sharing(place.program(&clock).await, &config, &system, PATIENT).await;
    let (other, _) = sharing(place.program(&clock).await, &config, &system, PATIENT).await;
    let alone = place.program(&clock).await;
    let bus = seed_line(&app, 10, "AB", 2, 1).await[0];
    hold(&app, ask(bus)).await;
    project(&app).await;
    let told = async |position| {
        until("the change is told", async || changes(&redis, "").await.is_some_and(|c| c.1 >= position))
            .await;
    };
    told(app.read.known()).await;
    for n in 0..10 {
        let wanted = Reserve { user_id: UserId(format!("bob-{n}")), ..ask(bus) };
        hold(&app, wanted).await;
        project(&app).await;
        let position = app.read.known();
        told(position).await;
        for reader in [&app, &other, &alone] {
            assert_eq!(total(reader, "ann", Some(position)).await, 1);
        }
    }
    // The one that projects has it at home; the one that looks finds it; the one without reads each time.
    assert_eq!(app.tickets.counts().loads, 1);
    assert_eq!((other.tickets.counts().loads, other.tickets.counts().shared_hits), (0, 10));
    assert_eq!(alone.tickets.counts().loads, 10);
}

#[tokio::test]
async fn a_change_that_redis_was_not_told_of_makes_no_old_page_good() {
    let (Some(config), Some(line)) = (redis::config(), Line::to_redis(Way::Open).await) else { return };
    let (place, clock, system) = (Place::sqlite(), clock(), system());
    let (app, of_app) = sharing(place.program(&clock).await, &line.config(), &system, PATIENT).await;
    let (other, redis) = sharing(place.program(&clock).await, &config, &system, PATIENT).await;
    let bus = seed_line(&app, 10, "AB", 2, 1).await[0];
    project(&app).await;
    assert_eq!(total(&other, "ann", Some(app.read.known())).await, 0);
    let key = "tickets:0:::1:10:ann";
    until("the page is kept", async || redis.find(key, "ann").await.is_some()).await;
    let old = Arc::new(redis.find(key, "ann").await.unwrap().page);
    for lost in 1..=3 {
        line.set(Way::Cut);
        until("it is noticed", async || !of_app.answers().await).await;
        hold(&app, ask(bus)).await;
        project(&app).await;
        let position = app.read.known();
        assert_eq!(total(&other, "ann", Some(position)).await, lost);
        assert_eq!(total(&app, "ann", None).await, lost);
        line.set(Way::Open);
        until("it is back", async || of_app.answers().await).await;
        // The next telling leaves a gap before it, and does not cover the one that was lost.
        let wanted = Reserve { user_id: UserId("bob".into()), ..ask(bus) };
        hold(&app, wanted).await;
        project(&app).await;
        let after = app.read.known();
        until("told", async || changes(&redis, "").await.is_some_and(|c| c.1 >= after)).await;
        assert!(changes(&redis, "").await.unwrap().0 >= position);
        // Whoever finds the page from before must see that it can't be known to be good.
        redis.write(&[CacheWrite::Keep { key: key.into(), page: Arc::clone(&old) }]).await;
        let newcomer = place.program(&clock).await;
        let (newcomer, _) = sharing(newcomer, &config, &system, PATIENT).await;
        assert_eq!(total(&newcomer, "ann", Some(after)).await, lost);
    }
}

/// Books, asks and books again; all must be right at every step.
async fn a_day(app: &App) {
    let bus = seed_line(app, 20, "AB", 2, 1).await[0];
    for n in 1..=10 {
        let held = hold(app, ask(bus)).await;
        project(app).await;
        assert_eq!(total(app, "ann", Some(app.read.known())).await, n);
        confirm(app, held.id, &format!("pay-{n}")).await.unwrap();
        cancel(app, held.id).await.unwrap();
        project(app).await;
        let askers = (0..20).map(|_| app.clone());
        let totals = at_once(askers.map(|app| async move { total(&app, "ann", None).await })).await;
        assert!(totals.iter().all(|total| *total == n), "{n}: {totals:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_from_the_start_costs_nothing_and_is_used_when_it_comes() {
    // Nobody listens at this port for as long as it is held but not listened at.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nowhere = RedisConfig::parse(&format!("redis://{}", held.local_addr().unwrap())).unwrap();
    let place = Place::sqlite();
    let (app, redis) = sharing(place.program(&clock()).await, &nowhere, &system(), SOON).await;
    a_day(&app).await;
    let counts = redis.counts();
    assert_eq!((counts.answered, counts.failed), (0, 0), "{counts:?}");
    assert!(counts.skipped > 0 && !redis.answers().await);

    let Some(line) = Line::to_redis(Way::Cut).await else { return };
    let place = Place::sqlite();
    let (app, redis) = sharing(place.program(&clock()).await, &line.config(), &system(), PATIENT).await;
    a_day(&app).await;
    assert_eq!(redis.counts().answered, 0);
    line.set(Way::Open);
    until("it is used", async || redis.answers().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_connections_and_never_answers_is_not_asked() {
    let still = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = RedisConfig::parse(&format!("redis://{}", still.local_addr().unwrap())).unwrap();
    let limits = Limits { connect_timeout: Duration::from_millis(300), ..SOON };
    let began = Instant::now();
    let place = Place::sqlite();
    let (app, redis) = sharing(place.program(&clock()).await, &config, &system(), limits).await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "the start waits for it no longer than for a connection"
    );
    a_day(&app).await;
    let counts = redis.counts();
    assert_eq!((counts.answered, counts.failed), (0, 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_cut_off_or_stands_still_in_the_middle_costs_a_few_slow_calls() {
    let Some(line) = Line::to_redis(Way::Open).await else { return };
    for way in [Way::Cut, Way::Still] {
        let place = Place::sqlite();
        // It is not connected anew while this lasts: what is counted are the calls on the way to giving it up.
        let limits = Limits { look_every: Duration::from_secs(3600), ..SOON };
        let (app, redis) = sharing(place.program(&clock()).await, &line.config(), &system(), limits).await;
        assert!(redis.answers().await);
        line.set(way);
        a_day(&app).await;
        let counts = redis.counts();
        assert!((1..=8).contains(&counts.failed), "{way:?}: {counts:?}");
        assert!(counts.skipped > 10, "{way:?}: {counts:?}");
        line.set(Way::Open);
    }
    // The task that keeps the connection gets it back.
    let place = Place::sqlite();
    let (app, redis) = sharing(place.program(&clock()).await, &line.config(), &system(), SOON).await;
    for way in [Way::Still, Way::Cut] {
        line.set(way);
        until("it is given up", async || !redis.answers().await).await;
        line.set(Way::Open);
        until("it is back", async || redis.answers().await).await;
    }
    a_day(&app).await;
}

#[tokio::test]
async fn a_client_is_counted_for_all_processes_together() {
    let Some(config) = redis::config() else { return };
    let system = system();
    let one = Redis::start(&config, &system, PATIENT).await.unwrap();
    let other = Redis::start(&config, &system, PATIENT).await.unwrap();
    let rate = Rate { count: 4, period: Duration::from_secs(3600) };
    for (redis, left) in [(&one, 3), (&other, 2), (&one, 1), (&other, 0)] {
        let verdict = redis.ask(rate, "192.0.2.1").await;
        assert_eq!(verdict, Some(Verdict::Passes { remaining: left }));
    }
    for redis in [&one, &other, &one] {
        let Some(Verdict::Waits(wait)) = redis.ask(rate, "192.0.2.1").await else { panic!("it is refused") };
        // What is refused does not count: the wait only shrinks.
        assert!(wait <= Duration::from_secs(900) && wait > Duration::from_secs(840), "{wait:?}");
    }
    assert_eq!(one.ask(rate, "192.0.2.2").await, Some(Verdict::Passes { remaining: 3 }));
    let more = Rate { count: 5, ..rate };
    assert_eq!(one.ask(more, "192.0.2.1").await, Some(Verdict::Passes { remaining: 4 }));
}

#[tokio::test]
async fn a_client_that_waits_is_let_through_again_one_by_one() {
    let Some(config) = redis::config() else { return };
    let redis = Redis::start(&config, &system(), PATIENT).await.unwrap();
    let rate = Rate { count: 2, period: Duration::from_secs(1) };
    let (began, mut passed) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_millis(2_600) {
        match redis.ask(rate, "c").await.unwrap() {
            Verdict::Passes { .. } => passed += 1,
            Verdict::Waits(wait) => tokio::time::sleep(wait).await,
        }
    }
    // Two at once, then one each half second: the fifth may fall behind on a machine that is busy.
    let most = 2 + (began.elapsed().as_millis() / 500) as u32;
    assert!(passed <= most && passed >= 4, "{passed} of {most}");
    let fast = Rate { count: 1_000_000, period: Duration::from_secs(1) };
    for _ in 0..100 {
        let verdict = redis.ask(fast, "d").await.unwrap();
        assert!(matches!(verdict, Verdict::Passes { remaining } if remaining >= 999_900), "{verdict:?}");
    }
}
