//! The read model is made anew beside the one that serves, while everybody reads and writes.

use crate::support::check::{check, findings, project};
use crate::support::city::{ask, cancel, confirm, hold, operator, reserve, seed_line};
use crate::support::place::{Place, by_hand, clock, count, on_both_engines, rows};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use ticketing_core::app::App;
use ticketing_core::app::queries::tickets::my_tickets;
use ticketing_core::domain::booking::command::Reserve;
use ticketing_core::domain::id::UserId;
use ticketing_core::ops::projections::{self, ProjectionBody};
use ticketing_core::ops::{OpsError, audit, lists};
use ticketing_core::store::views::Target;
use ticketing_core::store::views::fold::Page;
use ticketing_core::store::views::rebuild::{self as made, Claim, Swap};
use ticketing_core::store::views::tickets::UserQuery;
use ticketing_core::worker::{Roles, Workers};

on_both_engines!(
    a_rebuild_makes_the_same_rows_and_keeps_those_of_before,
    what_was_wrong_is_right_after_a_rebuild_and_there_is_a_way_back,
    readers_and_projectors_go_on_while_it_is_rebuilt,
    an_event_that_cant_be_folded_parks_its_stream_and_no_other,
    two_at_once_are_one_and_a_sentence,
    what_a_stopped_or_killed_rebuild_leaves_is_gone_after_the_next,
    what_was_made_wrong_is_not_swapped,
    a_rebuild_that_slept_while_another_began_changes_nothing,
    only_the_last_claim_to_a_set_of_tables_stands,
    tables_beyond_the_log_are_made_anew,
);

pub(super) async fn rebuild(app: &App) -> Result<ProjectionBody, OpsError> {
    let plan = projections::plan_rebuild(app, "tickets").await?;
    projections::execute(app, plan, &operator(), &mut |_, _, _| ()).await
}

pub(super) async fn revert(app: &App) -> Result<ProjectionBody, OpsError> {
    let plan = projections::plan_revert(app, "tickets").await?;
    projections::execute(app, plan, &operator(), &mut |_, _, _| ()).await
}

/// A few bookings of every kind, folded.
async fn past(app: &App) {
    let buses = seed_line(app, 4, "ABCD", 3, 2).await;
    for n in 0..6 {
        let held = hold(app, ask(buses[n % 2])).await;
        if n % 3 > 0 {
            confirm(app, held.id, &format!("pay-{n}")).await.unwrap();
        }
        if n % 3 > 1 {
            cancel(app, held.id).await.unwrap();
        }
    }
    project(app).await;
}

/// The tables of a store, by name.
async fn tables(app: &App, like: &str) -> Vec<String> {
    let text = match app.stores.read.engine() {
        ticketing_core::store::db::Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE $1 ORDER BY name"
        }
        ticketing_core::store::db::Engine::Postgres => {
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE $1
             ORDER BY tablename"
        }
    };
    rows::<(String,)>(&app.stores.read, text, vec![like.into()])
        .await
        .into_iter()
        .map(|(name,)| name)
        .collect()
}

async fn a_rebuild_makes_the_same_rows_and_keeps_those_of_before(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    let before = lists::bookings(&app, None).await.unwrap();
    let written = async || {
        let mut counts = Vec::new();
        for table in ["events", "payments", "payment_attempts", "saga_steps", "idempotency"] {
            counts.push(count(&app.stores.write, table).await);
        }
        counts
    };
    let written_before = written().await;
    let events = written_before[0];
    // More than once: names and indexes must not be in each other's way.
    for round in 1..=3 {
        let live = projections::list(&app).await.unwrap().remove(0);
        let mut phases: Vec<String> = Vec::new();
        let plan = projections::plan_rebuild(&app, "tickets").await.unwrap();
        assert_eq!((plan.plan.affected, plan.plan.action.as_str()), (1, "projection rebuild"));
        let body = projections::execute(&app, plan, &operator(), &mut |phase, done, total| {
            assert!(total.is_none_or(|total| done <= total), "{phase} {done} of {total:?}");
            phases.push(phase.to_owned());
        })
        .await
        .unwrap();
        phases.dedup();
        assert_eq!(phases, ["loading", "indexing", "checking", "swapping"]);
        assert_eq!((body.position, body.lag, body.rows, body.parked), (events, 0, 6, 0));
        assert_eq!(body.before_position, Some(live.position));
        assert!(body.rebuilt_at.is_some());
        assert_eq!(lists::bookings(&app, None).await.unwrap(), before, "round {round}");
        assert_eq!(count(&app.stores.read, "before_tickets").await, 6);
        assert_eq!(tables(&app, "next_%").await, Vec::<String>::new());
        app.clock.advance(1_000);
        // Writing goes on as ever, by a projector that was there before.
        check(&app).await;
    }
    assert_eq!(
        audit::list(&app, None).await.unwrap().0.iter().filter(|row| row.target == "tickets").count(),
        3
    );
    assert_eq!(written().await, written_before, "nothing but the read model is written");
}

async fn what_was_wrong_is_right_after_a_rebuild_and_there_is_a_way_back(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    assert!(matches!(revert(&app).await, Err(OpsError::Invalid(_))), "there is nothing to go back to");
    by_hand(&app.stores.read, "UPDATE view_tickets SET user_id = 'bob'", vec![]).await.unwrap();
    assert_eq!(findings(&app).await.len(), 6);
    rebuild(&app).await.unwrap();
    assert_eq!(findings(&app).await, []);
    // What is wrong is not put back.
    let refused = revert(&app).await.unwrap_err();
    assert!(refused.to_string().contains("6 findings"), "{refused}");
    assert_eq!(count(&app.stores.read, "before_tickets").await, 6, "and is kept to be looked at");
    rebuild(&app).await.unwrap();
    let bus = lists::bookings(&app, None).await.unwrap()[0].booking.offering_id;
    let late = hold(&app, ask(bus)).await;
    project(&app).await;
    for _ in 0..2 {
        let body = revert(&app).await.unwrap();
        assert_eq!((body.rows, body.lag), (7, 0), "the tables of before were brought up to now");
        assert!(lists::bookings(&app, None).await.unwrap().iter().any(|row| row.booking.id == late.id));
        check(&app).await;
    }
}

async fn readers_and_projectors_go_on_while_it_is_rebuilt(place: Place) {
    let app = place.program(&clock()).await;
    let other = place.program(&app.clock).await;
    let operators = place.program(&app.clock).await;
    let buses = seed_line(&app, 30, "ABCD", 3, 6).await;
    for n in 0..40 {
        hold(&app, ask(buses[n % buses.len()])).await;
    }
    project(&app).await;
    let roles = || Roles { projector: true, ..Roles::default() };
    let workers = [Workers::start(&app, roles()), Workers::start(&other, roles())];
    let (stop, reads, writes) =
        (Arc::new(AtomicBool::new(false)), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut tasks = Vec::new();
    for reader in [app.clone(), other.clone(), app.clone()] {
        let (stop, reads) = (Arc::clone(&stop), Arc::clone(&reads));
        tasks.push(tokio::spawn(async move {
            let mut least = 0;
            while !stop.load(Ordering::Relaxed) {
                let query =
                    UserQuery { user_id: UserId("ann".into()), kind: None, state: None, page: 1, limit: 10 };
                let page = my_tickets(&reader, query, None).await.expect("a reader is never refused");
                assert!(page.total >= least.max(40), "{} after {least}", page.total);
                least = page.total;
                let listed = lists::bookings(&reader, None).await.expect("nor is a list");
                assert!(listed.len() >= 40);
                reads.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for (n, writer) in [app.clone(), other.clone()].into_iter().enumerate() {
        let (stop, writes, buses) = (Arc::clone(&stop), Arc::clone(&writes), buses.clone());
        tasks.push(tokio::spawn(async move {
            let mut round = n;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let command = Reserve { hold_seconds: 3_600, ..ask(buses[round % buses.len()]) };
                if let Ok(done) = reserve(&writer, command).await {
                    let id = done.booking.unwrap().id;
                    cancel(&writer, id).await.unwrap();
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    for round in 0..4 {
        let (read, written) = (reads.load(Ordering::Relaxed), writes.load(Ordering::Relaxed));
        rebuild(&operators).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        while reads.load(Ordering::Relaxed) < read + 3 || writes.load(Ordering::Relaxed) < written + 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        app.clock.advance(1_000);
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    // Who projects goes on by itself, to the end.
    let head = *app.engine.head().borrow();
    let began = std::time::Instant::now();
    while ticketing_core::store::views::fold::cursor(&app.stores.read).await.unwrap() < head {
        assert!(began.elapsed() < Duration::from_secs(20), "the projectors stand still");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for workers in workers {
        workers.stop().await;
    }
    check(&app).await;
}

async fn an_event_that_cant_be_folded_parks_its_stream_and_no_other(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    let broken = lists::bookings(&app, None).await.unwrap()[1].booking.id;
    let bad = "UPDATE events SET event_type = 'Unheard' WHERE stream_id = $1 AND stream_version = 1";
    by_hand(&app.stores.write, bad, vec![broken.0.into()]).await.unwrap();
    let body = rebuild(&app).await.unwrap();
    assert_eq!((body.rows, body.parked, body.lag), (5, 1, 0));
    let parked: Vec<(String, String, String)> =
        rows(&app.stores.read, "SELECT name, state, reason FROM view_parked ORDER BY position", vec![]).await;
    assert_eq!((parked[0].0.as_str(), parked[0].1.as_str()), ("tickets", "dead"));
    assert!(parked[0].2.contains("Unheard"), "{parked:?}");
    assert!(parked.len() > 1 && parked[1..].iter().all(|row| row.1 == "waiting"), "{parked:?}");
    // When it can be read, a rebuild has it again.
    let good = "UPDATE events SET event_type = 'TicketReserved' WHERE stream_id = $1 AND stream_version = 1";
    by_hand(&app.stores.write, good, vec![broken.0.into()]).await.unwrap();
    app.clock.advance(1);
    let body = rebuild(&app).await.unwrap();
    assert_eq!((body.rows, body.parked), (6, 0));
    check(&app).await;
}

async fn two_at_once_are_one_and_a_sentence(place: Place) {
    let app = place.program(&clock()).await;
    let other = place.program(&app.clock).await;
    past(&app).await;
    let plan = projections::plan_rebuild(&app, "tickets").await.unwrap();
    let second = async || rebuild(&other).await;
    let mut refused = None;
    let (asked, answer) = tokio::sync::oneshot::channel::<()>();
    let mut asked = Some(asked);
    let first = async {
        projections::execute(&app, plan, &operator(), &mut |_, _, _| {
            if let Some(asked) = asked.take() {
                let _ = asked.send(());
            }
        })
        .await
    };
    let other_one = async {
        answer.await.unwrap();
        refused = Some(second().await);
    };
    let (first, ()) = tokio::join!(first, other_one);
    first.unwrap();
    // The first may be done by the time that the second asks; then both are rebuilds, one after the other.
    match refused.unwrap() {
        Err(OpsError::UnderWay { what, .. }) => assert_eq!(what, "the projection tickets is being rebuilt"),
        Ok(body) => assert_eq!(body.lag, 0),
        Err(other) => panic!("{other}"),
    }
    let held = "UPDATE leases SET owner = $1 WHERE name = 'rebuild/tickets'";
    by_hand(&app.stores.write, held, vec![uuid::Uuid::now_v7().into()]).await.unwrap();
    assert!(matches!(rebuild(&other).await, Err(OpsError::UnderWay { .. })), "somebody is at it");
    app.clock.advance(31_000);
    rebuild(&other).await.expect("whoever does not beat is gone");
    check(&app).await;
}

async fn what_a_stopped_or_killed_rebuild_leaves_is_gone_after_the_next(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    let plan = projections::plan_rebuild(&app, "tickets").await.unwrap();
    let undo = plan.abandon(&app);
    let (begun, seen) = tokio::sync::oneshot::channel::<()>();
    let mut begun = Some(begun);
    let actor = operator();
    let mut tell = |_: &str, _: u64, _: Option<u64>| {
        if let Some(begun) = begun.take() {
            let _ = begun.send(());
        }
    };
    // Dropped where it stands, as by a signal.
    tokio::select! {
        biased;
        _ = seen => {}
        outcome = projections::execute(&app, plan, &actor, &mut tell) => panic!("{outcome:?}"),
    }
    assert_eq!(tables(&app, "next_%").await.len(), 8);
    undo.await;
    assert_eq!(tables(&app, "next_%").await, Vec::<String>::new());
    check(&app).await;
    // A crash leaves them, and the row that says that somebody is at it.
    by_hand(&app.stores.read, "CREATE TABLE next_tickets (other BIGINT)", vec![]).await.unwrap();
    by_hand(&app.stores.read, "INSERT INTO view_cursors (name, position) VALUES ('tickets/next', 3)", vec![])
        .await
        .unwrap();
    rebuild(&app).await.unwrap();
    check(&app).await;
}

async fn what_was_made_wrong_is_not_swapped(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    // Whoever spoils it must be in time; where he is too late, another rebuild is begun.
    for _ in 0..20 {
        if spoiled(&app).await {
            check(&app).await;
            return;
        }
    }
    panic!("nobody was in time to spoil a rebuild");
}

/// Rebuilds while somebody spoils what was loaded; false if he was too late.
async fn spoiled(app: &App) -> bool {
    let before = tables(app, "before_%").await;
    let plan = projections::plan_rebuild(app, "tickets").await.unwrap();
    let (told, mut phases) = tokio::sync::mpsc::unbounded_channel::<String>();
    let vandal = app.stores.read.clone();
    let breaks = async move {
        while let Some(phase) = phases.recv().await {
            if phase == "indexing" {
                let text = "UPDATE next_tickets SET price_minor = 1";
                if by_hand(&vandal, text, vec![]).await.is_ok_and(|changed| changed > 0) {
                    return;
                }
            }
        }
    };
    let actor = operator();
    let rebuild = async {
        // Gone with the rebuild, which ends the other.
        let mut tell = move |phase: &str, _: u64, _: Option<u64>| {
            let _ = told.send(phase.to_owned());
        };
        projections::execute(app, plan, &actor, &mut tell).await
    };
    let (outcome, ()) = tokio::join!(rebuild, breaks);
    let Err(error) = outcome else { return false };
    let error = error.to_string();
    assert!(error.contains("findings") && error.contains("the live tables are as they were"), "{error}");
    assert_eq!(tables(app, "next_%").await, Vec::<String>::new());
    assert_eq!(tables(app, "before_%").await, before);
    true
}

/// A rebuild that stands still when it first says `phase`: what tells that it does, what lets it go on, and its end.
pub(super) async fn sleeping(app: &App, phase: &'static str) -> Sleeping {
    let plan = projections::plan_rebuild(app, "tickets").await.unwrap();
    let (told, sleeps) = tokio::sync::oneshot::channel::<()>();
    let (wake, woken) = std::sync::mpsc::channel::<()>();
    let (app, mut told) = (app.clone(), Some(told));
    // On a thread that may stand still, and not one of those that everything else needs.
    let end = tokio::task::spawn_blocking(move || {
        let mut tell = move |now: &str, _: u64, _: Option<u64>| {
            if let Some(told) = told.take_if(|_| now == phase) {
                told.send(()).unwrap();
                woken.recv().unwrap();
            }
        };
        let actor = operator();
        let work = projections::execute(&app, plan, &actor, &mut tell);
        tokio::runtime::Handle::current().block_on(work)
    });
    sleeps.await.unwrap();
    Sleeping { wake, end }
}

pub(super) struct Sleeping {
    wake: std::sync::mpsc::Sender<()>,
    end: tokio::task::JoinHandle<Result<ProjectionBody, OpsError>>,
}

impl Sleeping {
    pub(super) async fn end(self) -> Result<ProjectionBody, OpsError> {
        self.wake.send(()).unwrap();
        self.end.await.unwrap()
    }
}

async fn a_rebuild_that_slept_while_another_began_changes_nothing(place: Place) {
    for phase in ["indexing", "checking", "swapping"] {
        let app = place.program(&clock()).await;
        let other = place.program(&app.clock).await;
        if phase == "indexing" {
            past(&app).await;
        }
        let first = sleeping(&app, phase).await;
        app.clock.advance(31_000);
        let second = sleeping(&other, "indexing").await;
        assert!(matches!(first.end().await, Err(OpsError::WorldMoved { .. })), "{phase}");
        assert_eq!(tables(&app, "next_%").await.len(), 8, "{phase}: what is half made is the other's");
        assert_eq!(second.end().await.unwrap().rows, 6, "{phase}");
        check(&app).await;
    }
}

async fn only_the_last_claim_to_a_set_of_tables_stands(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    rebuild(&app).await.unwrap();
    let read = &app.stores.read;
    for (target, count) in [(Target::Next, 8), (Target::Before, 8)] {
        let claims = ["a", "b"].map(|stamp| Claim::of(target, format!("{target:?}{stamp}").to_lowercase()));
        let mut at = 0;
        for claim in &claims {
            at = made::begin(read, claim).await.unwrap().unwrap();
        }
        let [old, new] = &claims;
        // Both are at the same place: that alone does not tell them apart.
        let page = Page::default();
        assert!(!made::apply(read, old, &page, (at, at + 1)).await.unwrap());
        assert!(!made::index(read, old, at, &mut |_, _| ()).await.unwrap());
        assert!(Swap::begin(read, old, at).await.unwrap().is_none());
        made::give_up(read, old).await.unwrap();
        assert_eq!(tables(&app, &format!("{}%", target.prefix())).await.len(), count);
        assert!(Swap::begin(read, new, at + 1).await.unwrap().is_none(), "it is not there");
        assert!(!made::apply(read, new, &page, (at + 1, at + 2)).await.unwrap());
        assert!(made::apply(read, new, &page, (at, at)).await.unwrap());
        Swap::begin(read, new, at).await.unwrap().unwrap().let_go().await.unwrap();
        made::give_up(read, new).await.unwrap();
        assert!(!made::apply(read, new, &page, (at, at)).await.unwrap());
    }
    assert_eq!(tables(&app, "next_%").await, Vec::<String>::new());
    assert_eq!(count(read, "view_cursors").await, 2, "of the live tables, and of those of before");
    assert_eq!(revert(&app).await.unwrap().rows, 6);
    check(&app).await;
}

async fn tables_beyond_the_log_are_made_anew(place: Place) {
    let app = place.program(&clock()).await;
    past(&app).await;
    let head = count(&app.stores.write, "events").await;
    // As a read model is that was kept while the log was restored.
    by_hand(&app.stores.read, "UPDATE view_cursors SET position = position + 100", vec![]).await.unwrap();
    let found = findings(&app).await;
    assert!(found.iter().any(|one| one.finding.contains("beyond the log's head")), "{found:?}");
    let body = rebuild(&app).await.unwrap();
    assert_eq!((body.position, body.lag, body.rows), (head, 0, 6));
    check(&app).await;
}
