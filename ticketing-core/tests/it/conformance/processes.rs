//! Several programs on one store.

use crate::support::check::{check, check_bookings};
use crate::support::city::{
    ask, ask_seat, at_once, between, cancel, code, confirm, hold, reserve, seed_line,
};
use crate::support::place::{Place, Reports, clock, on_both_engines, rows};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::App;
use ticketing_core::args;
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::Reserve;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::event::{CatalogEvent, Event, LayoutDefined};
use ticketing_core::domain::id::{BookingId, LayoutId, OfferingId};
use ticketing_core::domain::layout::LayoutSpec;
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::batch;
use ticketing_core::store::events::LogEntry;
use ticketing_core::worker::sweeper;
use uuid::Uuid;

on_both_engines!(
    three_programs_hammer_the_same_departures_and_every_memory_stays_right,
    the_last_seat_is_sold_once_by_two_programs,
    one_payment_confirms_once_in_two_programs,
    what_one_program_changed_the_other_knows_at_its_next_command,
    rows_that_were_sent_ahead_give_way_to_a_program_that_has_the_log,
);

const PROGRAMS: usize = 3;
const SEATS: u32 = 6;
const LEGS: u32 = 4;

/// A small generator of numbers (xorshift), so that a run can be told from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn ask(&mut self, bus: OfferingId) -> Reserve {
        let from = self.roll(u64::from(LEGS)) as u32;
        let to = from + 1 + self.roll(u64::from(LEGS - from)) as u32;
        let command = match self.roll(3) {
            0 => ask(bus),
            _ => ask_seat(bus, ["A1", "B1", "C1", "D1", "E1", "F1"][self.roll(u64::from(SEATS)) as usize]),
        };
        Reserve { hold_seconds: 1 + self.roll(5) as u32, ..between(command, from, to) }
    }
}

/// What was acknowledged: the booking and the state it was said to have.
type Acknowledged = Vec<(BookingId, BookingState)>;

async fn customer(app: App, buses: Vec<OfferingId>, seed: u64, payments: Arc<AtomicU64>) -> Acknowledged {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed + 1));
    let mut acknowledged = Vec::new();
    for _ in 0..25 {
        let bus = buses[dice.roll(buses.len() as u64) as usize];
        let outcome = reserve(&app, dice.ask(bus)).await;
        let Ok(done) = outcome else {
            assert!(matches!(code(&outcome), "SEAT_TAKEN" | "SOLD_OUT"), "{outcome:?}");
            app.clock.advance(7);
            continue;
        };
        let id = done.booking.unwrap().id;
        acknowledged.push((id, BookingState::Reserved));
        let outcome = match dice.roll(4) {
            0 => continue,
            1 => cancel(&app, id).await,
            _ => {
                let payment = format!("pay-{}", payments.fetch_add(1, Ordering::SeqCst));
                confirm(&app, id, &payment).await
            }
        };
        match &outcome {
            Ok(done) => acknowledged.push((id, done.booking.as_ref().unwrap().state)),
            Err(_) => assert_eq!(code(&outcome), "HOLD_EXPIRED", "{outcome:?}"),
        }
        if matches!(&outcome, Ok(done) if done.booking.as_ref().unwrap().state == BookingState::Confirmed)
            && dice.roll(2) == 0
        {
            cancel(&app, id).await.unwrap();
            acknowledged.push((id, BookingState::Cancelled));
        }
    }
    acknowledged
}

async fn three_programs_hammer_the_same_departures_and_every_memory_stays_right(place: Place) {
    let clock = clock();
    let mut apps = Vec::new();
    let mut reports = Vec::new();
    for _ in 0..PROGRAMS {
        let (app, told) = place.watched_program(&clock, EngineConfig::default()).await;
        apps.push(app);
        reports.push(told);
    }
    let buses = seed_line(&apps[0], 1, "ABCDEF", LEGS + 1, 3).await;
    let payments = Arc::new(AtomicU64::new(0));
    let customers =
        (0..12).map(|n| customer(apps[n % PROGRAMS].clone(), buses.clone(), n as u64, Arc::clone(&payments)));
    let sweeping = async {
        for _ in 0..10 {
            sweeper::sweep(&apps[1]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let (acknowledged, ()) = tokio::join!(at_once(customers), sweeping);

    let fold = check(&apps[0]).await;
    let mut made = BTreeSet::new();
    for (id, state) in acknowledged.into_iter().flatten() {
        made.insert(id);
        let story = fold.story(id);
        let event = match state {
            BookingState::Reserved => "TicketReserved",
            BookingState::Confirmed => "TicketConfirmed",
            _ => "TicketCancelled",
        };
        assert_eq!(story.iter().filter(|t| **t == event).count(), 1, "{id}: {state:?} is not in {story:?}");
    }
    let stored: BTreeSet<BookingId> = fold.bookings.keys().copied().collect();
    assert_eq!(made, stored, "every booking was acknowledged, and every acknowledged one is there");
    for (app, told) in apps.iter().zip(&reports) {
        memory_agrees_with_the_store(app, told, &clock, &buses).await;
    }
    check(&apps[0]).await;
}

/// Asks for each seat and leg: what is claimed must be refused, what is free must be had, and neither may
/// take the engine a second look.
async fn memory_agrees_with_the_store(app: &App, reports: &Reports, clock: &Clock, buses: &[OfferingId]) {
    clock.advance(10_000);
    while sweeper::sweep(app).await.unwrap() {}
    // The first command folds what others wrote.
    assert_eq!(code(&reserve(app, ask_seat(buses[0], "nowhere")).await), "UNKNOWN_SEAT");
    reports.take();
    for bus in buses {
        let claimed: Vec<(i32, i32)> =
            rows(&app.stores.write, "SELECT seat_no, leg FROM claims WHERE offering_id = $1", args![bus.0])
                .await;
        for (seat, label) in ["A1", "B1", "C1", "D1", "E1", "F1"].iter().enumerate() {
            for leg in 0..LEGS {
                let taken = claimed.contains(&(seat as i32, leg as i32));
                let outcome = reserve(app, between(ask_seat(*bus, label), leg, leg + 1)).await;
                assert_eq!(code(&outcome), if taken { "SEAT_TAKEN" } else { "OK" }, "{label} leg {leg}");
                if let Ok(done) = outcome {
                    cancel(app, done.booking.unwrap().id).await.unwrap();
                }
            }
        }
    }
    let retries: u32 = reports.take().iter().map(|r| r.retries).sum();
    assert_eq!(retries, 0, "memory and store agree at first sight");
}

async fn the_last_seat_is_sold_once_by_two_programs(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    for (n, bus) in seed_line(&apps[0], 1, "A", 2, 8).await.into_iter().enumerate() {
        let buyers = (0..40).map(|buyer| {
            let app = apps[buyer % 2].clone();
            let command = if buyer % 3 == 0 { ask(bus) } else { ask_seat(bus, "A1") };
            async move { code(&reserve(&app, command).await) }
        });
        let answers = at_once(buyers).await;
        assert_eq!(answers.iter().filter(|a| **a == "OK").count(), 1, "bus {n}: {answers:?}");
        assert!(answers.iter().all(|a| matches!(*a, "OK" | "SEAT_TAKEN" | "SOLD_OUT")), "{answers:?}");
    }
    check(&apps[0]).await;
}

async fn one_payment_confirms_once_in_two_programs(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let bus = seed_line(&apps[0], 20, "AB", 2, 1).await[0];
    for round in 0..10 {
        let held = [hold(&apps[0], ask(bus)).await.id, hold(&apps[1], ask(bus)).await.id];
        let payment = format!("pay-{round}");
        let tries = held.iter().zip(&apps).map(|(id, app)| {
            let (app, id, payment) = (app.clone(), *id, payment.clone());
            async move { code(&confirm(&app, id, &payment).await) }
        });
        let mut answers = at_once(tries).await;
        answers.sort_unstable();
        assert_eq!(answers, ["OK", "PAYMENT_USED"], "round {round}");
    }
    check(&apps[0]).await;
}

async fn what_one_program_changed_the_other_knows_at_its_next_command(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let bus = seed_line(&apps[0], 1, "AB", 2, 1).await[0];
    for round in 0..6 {
        let (app, other) = (&apps[round % 2], &apps[(round + 1) % 2]);
        let held = hold(app, ask_seat(bus, "A1")).await;
        assert_eq!(code(&reserve(other, ask_seat(bus, "A1")).await), "SEAT_TAKEN");
        assert_eq!(code(&confirm(other, held.id, &format!("pay-{round}")).await), "OK");
        assert_eq!(code(&confirm(app, held.id, "another").await), "INVALID_STATE");
        assert_eq!(code(&cancel(app, held.id).await), "OK");
        assert_eq!(code(&cancel(other, held.id).await), "INVALID_STATE");
    }
    check(&apps[1]).await;
}

/// Far below PostgreSQL's `lock_timeout`, by which alone the circle would end.
const GIVES_WAY_WITHIN: Duration = Duration::from_secs(2);

async fn rows_that_were_sent_ahead_give_way_to_a_program_that_has_the_log(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 5, "AB", 2, 1).await[0];
    // Now the engine knows the bus, and a hold takes it no reading.
    hold(&app, ask_seat(bus, "A1")).await;
    let mut other = app.stores.write.begin().await.unwrap();
    batch::lock_head(&mut other).await.unwrap();

    // The first batch waits for the log, and the second, whose rows are sent already, for the first.
    let mut buyers = Vec::new();
    for seat in ["A2", "A3"] {
        let (app, command) = (app.clone(), ask_seat(bus, seat));
        buyers.push(tokio::spawn(async move { reserve(&app, command).await }));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // More events than the first batch has: they want the position that the second one's rows took.
    let began = Instant::now();
    let layout = |n: u32| {
        let id = LayoutId(Uuid::new_v4());
        let spec = LayoutSpec {
            name: format!("{n}"),
            rows: 1,
            columns: "A".into(),
            blocked: Vec::new(),
            ..LayoutSpec::default()
        };
        LogEntry {
            position: 0,
            stream_id: id.0,
            stream_version: 1,
            recorded_at: app.clock.now(),
            actor: "olga".into(),
            correlation_id: "test".into(),
            causation_id: None,
            event: Event::Catalog(CatalogEvent::LayoutDefined(LayoutDefined { id, spec })),
        }
    };
    batch::append(&mut other, (0..3).map(layout).collect()).await.unwrap();
    other.commit().await.unwrap();
    for buyer in buyers {
        assert_eq!(code(&buyer.await.unwrap()), "OK");
    }
    assert!(began.elapsed() < GIVES_WAY_WITHIN, "{:?}", began.elapsed());
    check_bookings(&app).await;
}
