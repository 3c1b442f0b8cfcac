//! Venues among many: events that are sold while they are withdrawn, venues that are closed while events are announced
//! there, and the day of an event where it is held.

use super::halls::{best, event, event_in, id_of, new_event, new_venue, reserve, sections, states};
use super::rebuilding::rebuild;
use crate::support::check::{check, project};
use crate::support::city::{at_once, code, confirm, meta, operator};
use crate::support::place::{Place, by_hand, clock, count, on_both_engines};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use ticketing_core::app::queries::events::{self as queries, EventsQuery};
use ticketing_core::app::{App, AppError, events, payments, venues};
use ticketing_core::domain::booking::command::SeatChoice;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::event::Event;
use ticketing_core::domain::id::{BookingId, UserId, VenueId};
use ticketing_core::domain::layout::SectionSpec;
use ticketing_core::domain::occasion::NewEvent;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::jobs::JobPlan;
use ticketing_core::ops::venues::{ClosePlan, execute_close, plan_close};
use ticketing_core::ops::{self, OpsError, jobs, lookup, schedules};
use ticketing_core::projection::venue::EventStatus;
use ticketing_core::store::db::Role;
use ticketing_core::store::jobs::JobState;
use ticketing_core::store::{events as log, migrate};
use ticketing_core::worker::jobs::{JobContext, run as do_jobs};

on_both_engines!(
    a_hall_is_sold_out_seat_by_seat_to_buyers_who_name_them_in_any_order,
    an_event_that_is_withdrawn_while_it_is_sold_leaves_nobody_with_a_seat,
    a_hold_of_what_was_withdrawn_is_neither_confirmed_nor_paid,
    a_withdrawal_whose_process_dies_is_gone_on_with_by_another,
    a_venue_is_closed_or_has_a_new_event_and_never_both,
    events_are_searched_by_the_day_of_their_venue,
    a_read_store_of_before_knows_the_days_of_its_events_once_it_is_migrated,
);

async fn a_hall_is_sold_out_seat_by_seat_to_buyers_who_name_them_in_any_order(place: Place) {
    let (one, two) = (place.program(&clock()).await, place.program(&clock()).await);
    let hall = vec![SectionSpec { name: "F".into(), rows: 3, seats: 8, category: Some("GOLD".into()) }];
    let event = event_in(&one, hall).await;
    let all: Vec<String> =
        ["A", "B", "C"].iter().flat_map(|row| (1..=8).map(move |n| format!("F-{row}{n}"))).collect();
    let buyers = (0..120_usize).map(|n| {
        let app = if n % 2 == 0 { one.clone() } else { two.clone() };
        // Three seats that lie apart, each buyer's in an order of its own.
        let mut wanted: Vec<String> =
            (0..3).map(|i| all[(n * 7 + i * (1 + n % 5)) % all.len()].clone()).collect();
        wanted.rotate_left(n % 3);
        if n % 4 < 2 {
            wanted.reverse();
        }
        let event = event.clone();
        async move { reserve(&app, &event, SeatChoice::Named(wanted), &format!("buyer-{n}")).await }
    });
    let began = Instant::now();
    let outcomes = at_once(buyers).await;
    // Two that wait for each other would be told so by the store, after seconds.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let mut taken = BTreeSet::new();
    for outcome in &outcomes {
        match outcome {
            Ok(done) => {
                let booking = done.booking.as_ref().unwrap();
                assert_eq!(booking.seats.len(), 3, "all or none");
                for seat in &booking.seats {
                    assert!(taken.insert(seat.label.clone()), "{} was sold twice", seat.label);
                }
            }
            Err(_) => assert_eq!(code(outcome), "SEAT_TAKEN"),
        }
    }
    assert!(taken.len() >= 12, "{taken:?}");
    assert_eq!(count(&one.stores.write, "claims").await, taken.len() as i64);
    check(&one).await;
}

/// What one of many did.
enum Did {
    Bought(BookingId, bool),
    Refused(&'static str),
    Withdrew(&'static str),
}

async fn an_event_that_is_withdrawn_while_it_is_sold_leaves_nobody_with_a_seat(place: Place) {
    let (one, two) = (place.program(&clock()).await, place.program(&clock()).await);
    let event = event(&one).await;
    let workers = tokio::spawn(do_jobs(one.clone(), JobContext::default()));
    let tasks = (0..60_usize).map(|n| {
        let app = if n % 2 == 0 { one.clone() } else { two.clone() };
        let event = event.clone();
        async move {
            if n == 20 || n == 41 {
                let outcome = ops::halls::withdraw(&app, &event, "storm", &meta()).await;
                return Did::Withdrew(code(&outcome));
            }
            match reserve(&app, &event, best(1 + n % 3, false, None), &format!("buyer-{n}")).await {
                Ok(done) => {
                    let id = done.booking.as_ref().unwrap().id;
                    let sold = confirm(&app, id, &format!("cash-{n}")).await;
                    // The event may have been withdrawn in between.
                    assert!(["OK", "INVALID_STATE", "OFFERING_CANCELLED"].contains(&code(&sold)), "{sold:?}");
                    Did::Bought(id, sold.is_ok())
                }
                refused => Did::Refused(code(&refused)),
            }
        }
    });
    let (mut all, mut paid) = (Vec::new(), 0);
    for did in at_once(tasks).await {
        match did {
            Did::Bought(id, is_paid) => {
                all.push(id);
                paid += usize::from(is_paid);
            }
            Did::Refused(code) => assert!(["OFFERING_CANCELLED", "SOLD_OUT"].contains(&code), "{code}"),
            Did::Withdrew(code) => assert!(["OK", "OFFERING_CANCELLED"].contains(&code), "{code}"),
        }
    }
    // What was sold in the last moment is given back by the job.
    let began = Instant::now();
    while count(&one.stores.write, "claims").await > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "{} of {} paid", paid, all.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(states(&one, &all).await.iter().all(|state| *state == BookingState::Cancelled));
    assert_eq!(code(&reserve(&two, &event, best(1, false, None), "late").await), "OFFERING_CANCELLED");
    let owed = log::after(&one.stores.write, 0, i64::MAX).await.unwrap();
    let owed = owed.iter().filter(|entry| entry.event.type_name() == "RefundRequested").count();
    assert_eq!(owed, paid, "everybody who paid is paid back once");
    workers.abort();
    check(&one).await;
}

async fn a_hold_of_what_was_withdrawn_is_neither_confirmed_nor_paid(place: Place) {
    let app = place.program(&clock()).await;
    let event = event(&app).await;
    let mut holds = Vec::new();
    for n in 0..6 {
        let done = reserve(&app, &event, best(1, false, None), &format!("buyer-{n}")).await.unwrap();
        holds.push(done.booking.as_ref().unwrap().id);
    }
    project(&app).await;
    let offering = lookup::event(&app, &event).await.unwrap();
    // One a second: for a while the event is withdrawn, and the job has not come to its holds.
    let planned = schedules::plan_cancel(&app, offering, "flood").await.unwrap();
    let slow = JobPlan { rate: Some(1), ..schedules::job_of(&planned) };
    jobs::create(&app, &slow, &operator(), false).await.unwrap();
    let workers = tokio::spawn(do_jobs(app.clone(), JobContext::default()));
    let began = Instant::now();
    while code(&reserve(&app, &event, best(1, false, None), "late").await) != "OFFERING_CANCELLED" {
        assert!(began.elapsed() < Duration::from_secs(30), "the job withdraws the event");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut refused = 0;
    for (n, hold) in holds.iter().enumerate() {
        let owner = UserId(format!("buyer-{n}"));
        let outcome = match n % 2 {
            0 => confirm(&app, *hold, &format!("cash-{n}")).await,
            _ => payments::pay(&app, *hold, "tok_visa".into(), owner.clone(), Some(owner), meta()).await,
        };
        match code(&outcome) {
            "OFFERING_CANCELLED" => refused += 1,
            // The job was faster.
            other => assert_eq!(other, "INVALID_STATE"),
        }
    }
    assert!(refused >= 2, "{refused} of {} were refused before the job came to them", holds.len());
    workers.abort();
    project(&app).await;
    check(&app).await;
}

async fn a_withdrawal_whose_process_dies_is_gone_on_with_by_another(place: Place) {
    let app = place.program(&clock()).await;
    let event = event(&app).await;
    let mut all = Vec::new();
    for n in 0..4 {
        let done = reserve(&app, &event, best(2, true, None), &format!("buyer-{n}")).await.unwrap();
        all.push(done.booking.as_ref().unwrap().id);
    }
    project(&app).await;
    let offering = lookup::event(&app, &event).await.unwrap();
    let planned = schedules::plan_cancel(&app, offering, "flood").await.unwrap();
    // Its owner writes it down, and is never heard of again.
    let job = jobs::create(&app, &schedules::job_of(&planned), &operator(), true).await.unwrap();
    assert_eq!(job.state, JobState::Running);
    let others = tokio::spawn(do_jobs(app.clone(), JobContext::default()));
    let began = Instant::now();
    loop {
        let job = jobs::one(&app, job.id).await.unwrap();
        if job.state.is_over() {
            // The event, and its bookings.
            assert_eq!((job.state, job.done, job.total), (JobState::Done, 5, Some(5)));
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{job:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    others.abort();
    assert!(states(&app, &all).await.iter().all(|state| *state == BookingState::Cancelled));
    check(&app).await;
}

async fn close(app: &App, id: VenueId) -> Result<i64, OpsError> {
    match plan_close(app, id, "the lease ended").await? {
        ClosePlan::Ready(closing) => execute_close(app, *closing, &operator()).await,
        ClosePlan::InTheWay(events) => {
            assert_eq!(events.count, events.first.len());
            Err(OpsError::WorldMoved { what: "an event".into() })
        }
    }
}

async fn a_venue_is_closed_or_has_a_new_event_and_never_both(place: Place) {
    let (one, two) = (place.program(&clock()).await, place.program(&clock()).await);
    let (mut closed, mut announced) = (0, 0);
    for round in 0..8 {
        let key = format!("hall-{round}");
        let made = venues::create(&one, new_venue(&key, sections()), meta()).await.unwrap();
        let id = VenueId(id_of(&made).parse().unwrap());
        let (closing, announcing) = {
            let (app, other, event) = (one.clone(), two.clone(), new_event(&two, "Gala"));
            let closing = tokio::spawn(async move { close(&app, id).await });
            let announcing = tokio::spawn(async move { events::create(&other, &key, event, meta()).await });
            (closing.await.unwrap(), announcing.await.unwrap())
        };
        match (&closing, &announcing) {
            (Ok(_), Err(error)) => {
                closed += 1;
                assert_eq!(code(&announcing), "VENUE_CLOSED", "{error}");
            }
            (Err(OpsError::WorldMoved { .. }), Ok(_)) => announced += 1,
            other => panic!("in round {round}: {other:?}"),
        }
    }
    assert_eq!(closed + announced, 8);
    // One that is closed stays so, says why, and is shown so.
    let made = venues::create(&one, new_venue("last", sections()), meta()).await.unwrap();
    let id = VenueId(id_of(&made).parse().unwrap());
    close(&one, id).await.unwrap();
    let again = close(&two, id).await.unwrap_err();
    assert!(matches!(again, OpsError::App(AppError::Command(_))), "{again:?}");
    assert_eq!(again.to_string(), "Opera House is closed (the lease ended): no event is announced there.");
    project(&one).await;
    let body = venues::get(&one, "last", None).await.unwrap();
    assert!(body.contains(r#""status":"CLOSED","reason":"the lease ended""#), "{body}");
    rebuild(&one).await.unwrap();
    assert_eq!(venues::get(&one, "last", None).await.unwrap(), body);
    let log = log::after(&one.stores.write, 0, i64::MAX).await.unwrap();
    let is_closing = |event: &Event| event.type_name() == "VenueClosed";
    assert_eq!(log.iter().filter(|entry| is_closing(&entry.event)).count(), closed + 1);
    check(&one).await;
}

/// Two halls, a day apart by their clocks, with an event each that begins at the same instant.
async fn two_days(app: &App) -> Timestamp {
    let at = Timestamp::parse("2026-12-24T11:30:00Z").unwrap();
    for (key, timezone) in [("east", "Pacific/Auckland"), ("west", "Pacific/Honolulu")] {
        let venue = venues::NewVenue { timezone: timezone.into(), ..new_venue(key, sections()) };
        venues::create(app, venue, meta()).await.unwrap();
        let event = NewEvent {
            begins_at: at,
            ends_at: at.plus_seconds(7_200),
            prices: BTreeMap::new(),
            ..new_event(app, key)
        };
        events::create(app, key, event, meta()).await.unwrap();
    }
    project(app).await;
    at
}

async fn found(app: &App, query: EventsQuery) -> Vec<String> {
    let query = EventsQuery { page: 1, limit: 10, ..query };
    let page = queries::search(app, &query, None).await.unwrap();
    let found: Vec<serde_json::Value> = serde_json::from_str(&page.data).unwrap();
    assert_eq!(found.len() as u64, page.total);
    found.iter().map(|event| event["title"].as_str().unwrap().to_owned()).collect()
}

fn on(day: &str) -> EventsQuery {
    EventsQuery { day: Some(day.into()), ..EventsQuery::default() }
}

async fn days_are_right(app: &App) {
    // 11:30 in UTC is half past midnight of the 25th in Auckland, and half past one of the 24th in Honolulu.
    assert_eq!(found(app, on("2026-12-25")).await, ["east"]);
    assert_eq!(found(app, on("2026-12-24")).await, ["west"]);
    assert_eq!(found(app, on("2026-12-23")).await, Vec::<String>::new());
    let narrowed = |text: Option<&str>, city: Option<&str>| EventsQuery {
        text: text.map(str::to_owned),
        city: city.map(str::to_owned),
        ..on("2026-12-24")
    };
    assert_eq!(found(app, narrowed(Some("wes"), None)).await, ["west"]);
    assert_eq!(found(app, narrowed(Some("east"), None)).await, Vec::<String>::new());
    assert_eq!(found(app, narrowed(None, Some("RIVERTON"))).await, ["west"]);
    assert_eq!(found(app, narrowed(None, Some("elsewhere"))).await, Vec::<String>::new());
}

async fn events_are_searched_by_the_day_of_their_venue(place: Place) {
    let app = place.program(&clock()).await;
    let at = two_days(&app).await;
    days_are_right(&app).await;
    rebuild(&app).await.unwrap();
    days_are_right(&app).await;
    let status = |status| EventsQuery { status: Some(status), ..on("2026-12-24") };
    for (ahead_s, expected) in [(0, EventStatus::Started), (7_200, EventStatus::Ended)] {
        let ahead = at.plus_seconds(ahead_s).as_millis() - app.clock.now().as_millis();
        app.clock.advance(ahead);
        for wanted in EventStatus::ALL {
            let is_it = wanted == expected;
            assert_eq!(found(&app, status(wanted)).await.len(), usize::from(is_it), "{wanted:?}");
        }
    }
    check(&app).await;
}

async fn a_read_store_of_before_knows_the_days_of_its_events_once_it_is_migrated(place: Place) {
    let app = place.program(&clock()).await;
    two_days(&app).await;
    let read = &app.stores.read;
    for statement in [
        "DROP INDEX view_tickets_kind",
        "DROP INDEX view_tickets_kind_user",
        "DROP INDEX view_sales_day",
        "ALTER TABLE view_sales DROP COLUMN local_date",
        "ALTER TABLE view_sales DROP COLUMN ends_at",
        "DELETE FROM schema_migrations WHERE store = 'read' AND version >= 5",
    ] {
        by_hand(read, statement, vec![]).await.unwrap();
    }
    assert_eq!(migrate::up(read, Role::Read, app.clock.now()).await.unwrap().first(), Some(&5));
    days_are_right(&app).await;
    check(&app).await;
}
