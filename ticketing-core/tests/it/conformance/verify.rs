//! Verification: it finds nothing on stores that are right, also under load, and every fault that is made by hand.
//!
//! That it finds nothing is also checked wherever `support/check.rs` is: after every hard test of this suite.

use crate::support::check::{check, findings};
use crate::support::city::{
    ask, ask_seat, between, cancel, confirm, hold, keyed, meta, passenger, reserve, seed_line,
};
use crate::support::place::{Place, by_hand, clock, on_both_engines};
use std::time::{Duration, Instant};
use ticketing_core::app::{App, commands};
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::id::{BookingId, OfferingId};
use ticketing_core::engine::{Meta, SagaAnswer, Work};
use ticketing_core::ops::schedules;
use ticketing_core::ops::verify::{Check, Finding, Told, verify};
use ticketing_core::saga::{Answer, Input};
use ticketing_core::store::db::Db;
use ticketing_core::store::events;
use ticketing_core::store::payments::attempts_of_sagas;
use ticketing_core::worker::{Roles, Workers, sweeper};
use uuid::Uuid;

on_both_engines!(
    a_history_of_every_kind_verifies_clean,
    whatever_is_broken_by_hand_is_found_and_named,
    what_is_overdue_is_a_fault_after_a_minute_and_names_the_role,
    nothing_is_found_while_others_work,
    more_than_one_page_of_everything_verifies_clean,
);

/// One booking of each kind.
pub(super) struct History {
    pub(super) held: BookingId,
    pub(super) confirmed: BookingId,
    pub(super) paid: BookingId,
    pub(super) payment: Uuid,
    pub(super) refunded: BookingId,
    pub(super) offering: OfferingId,
}

pub(super) async fn paid(app: &App, bus: OfferingId) -> BookingId {
    let command = Reserve { kind: HoldKind::Book, ..ask(bus) };
    let id = command.booking_id;
    commands::reserve_and_pay(app, command, passenger(), Some("tok_visa".into()), meta()).await.unwrap();
    id
}

/// The provider does the last call that is open.
pub(super) async fn succeeded(app: &App, id: BookingId) {
    let attempts = attempts_of_sagas(&app.stores.write, &[id.into()]).await.unwrap();
    let open = attempts.into_iter().rev().find(|attempt| attempt.state.is_open()).unwrap();
    let answer = Answer::Succeeded { provider_ref: format!("ref-{}", open.id), amount: open.amount };
    let work = Work::Saga {
        saga_id: id.into(),
        input: Input::Answered { attempt_id: open.id, answer },
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Nothing,
    };
    app.engine.submit(work, Meta::system("provider".into())).await.unwrap();
}

pub(super) async fn history(app: &App) -> History {
    let buses = seed_line(app, 4, "ABCD", 3, 3).await;
    let bus = buses[0];
    let held = hold(app, Reserve { hold_seconds: 3_600, ..ask_seat(bus, "A1") }).await.id;
    let confirmed = hold(app, between(ask_seat(bus, "B1"), 0, 1)).await.id;
    confirm(app, confirmed, "vouched-1").await.unwrap();
    let cancelled = hold(app, ask_seat(bus, "C1")).await.id;
    cancel(app, cancelled).await.unwrap();
    let expired = hold(app, Reserve { hold_seconds: 30, ..ask_seat(bus, "D1") }).await.id;
    let bought = paid(app, bus).await;
    succeeded(app, bought).await;
    let refunded = paid(app, bus).await;
    succeeded(app, refunded).await;
    cancel(app, refunded).await.unwrap();
    succeeded(app, refunded).await;
    let keyed = commands::reserve(app, ask(bus), passenger(), keyed("key-1", 1)).await.unwrap();
    hold(app, ask(buses[1])).await;
    let schedule = ticketing_core::ops::lookup::offering(app, &buses[2].to_string()).await;
    if let Ok(offering) = schedule {
        let plan = schedules::plan_cancel(app, offering, "storm").await.unwrap();
        schedules::execute_cancel(app, plan, &crate::support::city::operator(), &mut |_, _| ())
            .await
            .unwrap();
    }
    app.clock.advance(31_000);
    sweeper::sweep(app).await.unwrap();
    let ids = [held, confirmed, cancelled, expired, bought, refunded];
    assert!(keyed.booking.is_some_and(|booking| !ids.contains(&booking.id)));
    let attempts = attempts_of_sagas(&app.stores.write, &[bought.into()]).await.unwrap();
    let payment = attempts[0].payment_id.0;
    History { held, confirmed, paid: bought, payment, refunded, offering: bus }
}

async fn a_history_of_every_kind_verifies_clean(place: Place) {
    let app = place.program(&clock()).await;
    history(&app).await;
    super::market::listed(&app, "sam").await;
    let fold = check(&app).await;
    let mut looked = Vec::new();
    let done = verify(&app, &Check::ALL, &mut |told| match told {
        Told::Progress { check, done, total } => looked.push((check, done, total)),
        Told::Found(finding) => panic!("{finding:?}"),
    })
    .await
    .unwrap();
    assert!(done.iter().all(|check| check.looked_at > 0 && check.findings == 0), "{done:?}");
    assert_eq!(done[0].looked_at, fold.entries.len() as u64);
    assert!(looked.iter().all(|(_, done, total)| total.is_none_or(|total| total >= *done)), "{looked:?}");
    // Behind is not wrong: the read model is judged by what it has read.
    hold(&app, ask(OfferingId(fold.bookings.values().next().unwrap().offering_id.0))).await;
    assert_eq!(findings(&app).await, []);
    // Only what is asked for is looked at.
    let done = verify(&app, &[Check::Log], &mut |_| ()).await.unwrap();
    assert_eq!(done.len(), 1);
}

/// A fault: which store, what breaks it, what mends it, and what must be found.
struct Fault {
    read: bool,
    breaks: String,
    mends: String,
    found: (&'static str, &'static str, String),
}

type Wanted<'a> = (&'static str, &'static str, &'a str);

/// A fault of the rows that a condition names: columns are set to other values, and back.
fn at(table: &str, condition: &str, set: &str, back: &str, found: Wanted<'_>) -> Fault {
    moved(table, (condition, condition), set, back, found)
}

/// The same where the change makes another condition name them.
fn moved(table: &str, (before, after): (&str, &str), set: &str, back: &str, found: Wanted<'_>) -> Fault {
    Fault {
        read: table.starts_with("view_"),
        breaks: format!("UPDATE {table} SET {set} WHERE {before}"),
        mends: format!("UPDATE {table} SET {back} WHERE {after}"),
        found: (found.0, found.1, found.2.to_owned()),
    }
}

/// An id that is nobody's.
pub(super) const STRAY: Uuid = Uuid::from_u128(0xffff_ffff_ffff_7fff_8fff_ffff_ffff_ffff);

/// Every fault. A row of a table is named by its id; the words that are looked for by id and finding.
#[rustfmt::skip]
fn faults(history: &History, is_sqlite: bool) -> Vec<Fault> {
    let History { held, confirmed, paid, payment, refunded, offering } = history;
    let is = |column: &str, id: Uuid| match is_sqlite {
        true => format!("{column} = x'{}'", id.simple()),
        false => format!("{column} = '{id}'"),
    };
    let stray = |table, column, id, found| {
        let (own, stray) = (is(column, id), is(column, STRAY));
        moved(table, (&own, &stray), &stray, &own, found)
    };
    let of_held = |table, column, set, back, found: Wanted<'_>| {
        at(table, &is(column, held.0), set, back, (found.0, found.1, &format!("{held}: {}", found.2)))
    };
    let of_confirmed = |table, column, set, back, found| at(table, &is(column, confirmed.0), set, back, found);
    let of_paid = |table, column, set: &str, back: &str, found| at(table, &is(column, paid.0), set, back, found);
    let of_bus = |set, back, found| at("view_departures", &is("id", offering.0), set, back, found);
    let step = |no: i32| format!("{} AND no = {no}", is("saga_id", paid.0));
    let (stop_7, stop_1) = ("replace(%, 'Stop 1', 'Stop 7')", "replace(%, 'Stop 7', 'Stop 1')");
    let renamed = |column: &str, to: &str| format!("{column} = {}", to.replace('%', column));
    vec![
        at("log_head", "id = 1", "head = head + 1", "head = head - 1", ("log", "log", "the log's head is")),
        moved("events", ("position = 7", "position = 100007"), "position = 100007", "position = 7",
            ("log", "log", "7: there is no event at position 7")),
        at("events", &is("stream_id", held.0), "stream_version = 5", "stream_version = 1",
            ("log", "event", "which has no version 4")),

        of_held("bookings", "id", "price_minor = price_minor + 1", "price_minor = price_minor - 1",
            ("bookings", "booking", "price is 25.01 USD, by its events 25.00 USD")),
        of_held("bookings", "id", "state = 'EXPIRED'", "state = 'RESERVED'",
            ("bookings", "booking", "state is EXPIRED, by its events RESERVED")),
        of_held("bookings", "id", "seats = '3:D1'", "seats = '0:A1'",
            ("bookings", "booking", "seats is 3:D1, by its events 0:A1")),
        of_held("bookings", "id", "version = 2", "version = 1", ("bookings", "booking", "version is 2")),
        of_held("bookings", "id", "hold_expires_at = hold_expires_at + 1", "hold_expires_at = hold_expires_at - 1",
            ("bookings", "booking", "holdExpiresAt is")),
        of_held("bookings", "id", "state = 'LOST'", "state = 'RESERVED'",
            ("bookings", "booking", "corrupt row in bookings.state")),
        of_confirmed("bookings", "id", "payment_id = 'other'", "payment_id = 'vouched-1'",
            ("bookings", "booking", "payment is other, by its events vouched-1")),
        stray("bookings", "id", held.0, ("bookings", "booking", "it begins at position")),
        stray("bookings", "id", held.0, ("bookings", "booking", "ffffffffffff: the log has no event of it")),
        at("events", "position = 9", "event_type = 'Unheard' || event_type", "event_type = substr(event_type, 8)",
            ("bookings", "event", "9: it can't be read: unknown event type Unheard")),

        of_confirmed("claims", "booking_id", "leg = leg + 50", "leg = leg - 50",
            ("claims", "booking", "it has no claim of seat 1 on leg 0")),
        of_confirmed("claims", "booking_id", "leg = leg + 50", "leg = leg - 50",
            ("claims", "claim", &format!("{offering}/1/50: its booking {confirmed} does not have this"))),
        stray("claims", "booking_id", held.0, ("claims", "claim", "does not exist")),
        stray("claims", "booking_id", held.0, ("claims", "booking", "is claimed by ffffffff")),
        at("bookings", &is("id", held.0), "state = 'CANCELLED'", "state = 'RESERVED'",
            ("claims", "claim", &format!("{offering}/0/0: its booking {held} is CANCELLED and has no seats"))),

        of_paid("sagas", "id", &is("booking_id", STRAY), "booking_id = id",
            ("money", "saga", "its booking ffffffff-ffff-7fff-8fff-ffffffffffff does not exist")),
        of_paid("sagas", "id", "state = 'AWAITING_PAYMENT'", "state = 'CONFIRMED'",
            ("money", "saga", "it is AWAITING_PAYMENT, its booking CONFIRMED")),
        moved("saga_steps", (&step(2), &step(9)), "no = 9", "no = 2", ("money", "saga", "step 9 follows step 1")),
        of_paid("payments", "booking_id", "captured_minor = captured_minor - 100", "captured_minor = 2500",
            ("money", "booking", "costs 25.00 USD, of which 24.00 USD was captured")),
        at("payments", &is("booking_id", refunded.0), "refunded_minor = 2400", "refunded_minor = 2500",
            ("money", "payment", "1.00 USD is kept for no confirmed booking")),
        of_paid("bookings", "id", "payment_id = 'nobody'", &format!("payment_id = '{payment}'"),
            ("money", "booking", "there is no payment nobody")),
        of_paid("payments", "booking_id", &is("saga_id", STRAY), "saga_id = booking_id",
            ("money", "payment", "it belongs to no saga")),
        of_paid("payment_attempts", "saga_id", &is("payment_id", STRAY), &is("payment_id", *payment),
            ("money", "attempt", "it is of no payment")),

        stray("passengers", "booking_id", held.0, ("passengers", "passenger", "there is no booking with this id")),

        at("view_cursors", "name = 'tickets'", "position = position + 1", "position = position - 1",
            ("checkpoints", "projection", "tickets: the read model is at")),
        at("idempotency", "key = 'key-1'", "position = position + 100000", "position = position - 100000",
            ("checkpoints", "idempotency key", "key-1: its answer to ann is of position")),

        of_held("view_tickets", "booking_id", "state = 'CONFIRMED'", "state = 'RESERVED'",
            ("tickets", "ticket", "state is CONFIRMED, by its events RESERVED")),
        of_held("view_tickets", "booking_id", "route_name = 'Elsewhere'", "route_name = 'Line'",
            ("tickets", "ticket", "routeName is Elsewhere, by its events Line")),
        of_held("view_tickets", "booking_id", "departs_at = departs_at + 1", "departs_at = departs_at - 1",
            ("tickets", "ticket", "departsAt is")),
        of_held("view_tickets", "booking_id", "version = version + 1", "version = version - 1",
            ("tickets", "ticket", "it is at version 2, the log has 1 events of it")),
        of_held("view_tickets", "booking_id", "seats = ''", "seats = '0:A1'",
            ("tickets", "ticket", "corrupt row in view_tickets.seats")),
        of_confirmed("view_tickets", "booking_id", "version = version - 1", "version = version + 1",
            ("tickets", "ticket", "the read model has read version")),
        stray("view_tickets", "booking_id", held.0, ("tickets", "ticket", "ffffffffffff: the log has no event of it")),
        stray("view_tickets", "booking_id", held.0, ("tickets", "ticket", "it has no ticket; the read model has read")),

        of_bus("fare_minor = 1", "fare_minor = 2500", ("catalog", "schedule", "fare is 0.01 USD, by its events 25.00")),
        of_bus("status = 'cancelled'", "status = 'open'",
            ("catalog", "schedule", "status is cancelled, by its events open")),
        stray("view_departures", "id", offering.0, ("catalog", "schedule", "it has no row; the read model has read")),
        stray("view_departures", "id", offering.0, ("catalog", "schedule", "the log has no event of it")),
        at("view_routes", "name = 'Line'", &renamed("data", stop_7), &renamed("data", stop_1),
            ("catalog", "route", "Stop 7")),
        at("view_patterns", "version = 1", &renamed("calls", stop_7), &renamed("calls", stop_1),
            ("catalog", "pattern", "Stop 7")),
        moved("view_layouts", ("version = 1", "version = 2"), "version = 2", "version = 1",
            ("catalog", "layout", "it is at version 2, the log has 1 events of it")),
    ]
}

pub(super) async fn put(db: &Db, text: &str) {
    let changed = by_hand(db, text, vec![]).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(changed > 0, "{text} changed nothing");
}

async fn whatever_is_broken_by_hand_is_found_and_named(place: Place) {
    let app = place.program(&clock()).await;
    let history = history(&app).await;
    check(&app).await;
    for fault in faults(&history, place.is_sqlite()) {
        let db = if fault.read { &app.stores.read } else { &app.stores.write };
        put(db, &fault.breaks).await;
        let found = findings(&app).await;
        let (check, kind, words) = &fault.found;
        let is_it = |finding: &Finding| {
            finding.check == *check
                && finding.kind == *kind
                && format!("{}: {}", finding.id, finding.finding).contains(words.as_str())
                && finding.command.starts_with("ticketctl ")
        };
        assert!(found.iter().any(is_it), "{}\n{words}\n{found:#?}", fault.breaks);
        put(db, &fault.mends).await;
    }
    assert_eq!(findings(&app).await, [], "all of it is mended");
}

async fn what_is_overdue_is_a_fault_after_a_minute_and_names_the_role(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let held = hold(&app, Reserve { hold_seconds: 600, ..ask(bus) }).await;
    let charged = paid(&app, bus).await;
    let all = async || {
        let mut found = Vec::new();
        let mut tell = |told| {
            if let Told::Found(finding) = told {
                found.push(finding);
            }
        };
        verify(&app, &Check::ALL, &mut tell).await.unwrap();
        found
    };
    assert_eq!(all().await, []);
    app.clock.advance(59_000);
    assert_eq!(all().await, [], "somebody may be at it");
    app.clock.advance(30_000);
    let found = all().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].finding.contains(&charged.to_string()) && found[0].command.ends_with("--roles saga"));
    app.clock.advance(600_000);
    let found = all().await;
    let hold = found.iter().find(|finding| finding.id == held.id.to_string()).unwrap();
    assert_eq!((hold.check, hold.command.as_str()), ("claims", "ticketctl serve --roles expiry"));
}

async fn nothing_is_found_while_others_work(place: Place) {
    let app = place.program(&clock()).await;
    let other = place.program(&app.clock).await;
    let buses = seed_line(&app, 10, "ABCD", 3, 4).await;
    let workers = Workers::start(&app, Roles { projector: true, expiry: true, ..Roles::default() });
    let until = Instant::now() + Duration::from_secs(4);
    let callers = (0..6).map(|n| {
        let app = if n % 2 == 0 { app.clone() } else { other.clone() };
        let buses = buses.clone();
        tokio::spawn(async move {
            let mut round = 0;
            while Instant::now() < until {
                round += 1;
                let command = Reserve { hold_seconds: 30, ..ask(buses[round % buses.len()]) };
                let Ok(done) = reserve(&app, command).await else { continue };
                let id = done.booking.unwrap().id;
                if round % 2 == 0 {
                    // Another caller's command may have been first.
                    let _ = confirm(&app, id, &format!("pay-{n}-{round}")).await;
                }
                let _ = cancel(&app, id).await;
                app.clock.advance(1);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let looker = place.program(&app.clock).await;
    let mut moved = 0;
    while Instant::now() < until {
        let before = events::head(&looker.stores.write).await.unwrap();
        assert_eq!(findings(&looker).await, []);
        moved += i64::from(events::head(&looker.stores.write).await.unwrap() > before);
    }
    assert!(moved >= 2, "others wrote during {moved} verifications");
    for caller in callers {
        caller.await.unwrap();
    }
    workers.stop().await;
    check(&app).await;
}

async fn more_than_one_page_of_everything_verifies_clean(place: Place) {
    let app = place.program(&clock()).await;
    let buses = seed_line(&app, 20, "ABCD", 3, 40).await;
    let mut waiting = Vec::new();
    for n in 0..2_300_usize {
        let (app, bus) = (app.clone(), buses[n % buses.len()]);
        waiting.push(tokio::spawn(async move {
            let key = keyed(&format!("key-{n}"), 1);
            commands::reserve(&app, ask(bus), passenger(), key).await.unwrap();
        }));
    }
    for one in waiting {
        one.await.unwrap();
    }
    let fold = check(&app).await;
    assert_eq!(fold.bookings.len(), 2_300);
    // The last of all is looked at, too.
    let last = fold.bookings.keys().next_back().unwrap();
    by_hand(
        &app.stores.read,
        "UPDATE view_tickets SET user_id = 'bob' WHERE booking_id = $1",
        vec![last.0.into()],
    )
    .await
    .unwrap();
    let found = findings(&app).await;
    assert_eq!((found.len(), found[0].id.clone()), (1, last.to_string()), "{found:?}");
}
