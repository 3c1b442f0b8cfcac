//! Seeding beside buyers, and withdrawing what was seeded.

use crate::support::check::{check, project};
use crate::support::city::{
    FARE, ask, ask_seat, at_once, code, confirm, hold, labels, line, operator, reserve, seed,
};
use crate::support::place::{Place, clock, count, on_both_engines};
use ticketing_core::app::queries::network;
use ticketing_core::app::{App, AppError};
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::OfferingId;
use ticketing_core::domain::money::Money;
use ticketing_core::engine::CommandError;
use ticketing_core::ops::seed::SeedCounts;
use ticketing_core::ops::{OpsError, schedules, seed as seeding};
use ticketing_core::store::events;

on_both_engines!(
    seeding_twice_changes_nothing,
    a_changed_departure_is_updated_everywhere_unless_it_is_booked,
    a_layout_that_was_booked_between_plan_and_execution_is_left_alone,
    two_programs_that_seed_at_once_do_it_once,
    a_withdrawn_departure_refunds_its_bookings_and_is_sold_by_nobody,
    a_withdrawal_that_was_cut_short_goes_on,
);

async fn seeding_twice_changes_nothing(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let set = line(10, "AB CD", 5, 30).set;
    let first = seed(&app, set.clone()).await;
    assert_eq!(first, SeedCounts { new: 33, ..SeedCounts::default() });
    let head = events::head(&app.stores.write).await.unwrap();
    for app in [&app, &place.program(&clock).await] {
        let plan = seeding::plan(app, "seed", set.clone()).await.unwrap();
        assert_eq!(plan.plan.affected, 0, "{:?}", plan.plan.changes);
        let again = seed(app, set.clone()).await;
        assert_eq!(again, SeedCounts { unchanged: 32, ..SeedCounts::default() });
    }
    assert_eq!(events::head(&app.stores.write).await.unwrap(), head);
    check(&app).await;
}

async fn a_changed_departure_is_updated_everywhere_unless_it_is_booked(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let mut line = line(1, "AB", 3, 2);
    seed(&apps[0], line.set.clone()).await;
    for bus in &line.offerings {
        // Both remember both departures.
        assert_eq!(code(&reserve(&apps[1], ask_seat(*bus, "Z9")).await), "UNKNOWN_SEAT");
    }
    hold(&apps[0], ask(line.offerings[0])).await;
    let dearer = Money { amount_minor: 3_000, ..FARE };
    for bus in &mut line.set.offerings {
        bus.fare = dearer;
    }
    let plan = seeding::plan(&apps[0], "seed", line.set.clone()).await.unwrap();
    assert_eq!((plan.counts.changed, plan.counts.kept, plan.kept.len()), (1, 1, 1));
    assert_eq!(plan.kept[0].id, line.offerings[0].0);
    seeding::execute(&apps[0], plan, &operator(), &mut |_, _| {}).await.unwrap();
    for app in &apps {
        for (bus, fare) in [(line.offerings[0], FARE), (line.offerings[1], dearer)] {
            let expected = ticketing_core::domain::booking::command::Reserve {
                expected_price: Some(Money { amount_minor: 1, ..FARE }),
                ..ask(bus)
            };
            let outcome = reserve(app, expected).await;
            assert!(
                matches!(&outcome, Err(AppError::Command(CommandError::Rejected(
                    Rejection::PriceMismatch { fare: found }))) if *found == fare),
                "{outcome:?}"
            );
        }
    }
    check(&apps[0]).await;
    let shown = network::find_offering(&apps[1], &line.offerings[1].to_string()).await.unwrap();
    assert_eq!(shown.facts.fare, dearer);
}

async fn a_layout_that_was_booked_between_plan_and_execution_is_left_alone(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let mut line = line(1, "AB", 3, 2);
    seed(&apps[0], line.set.clone()).await;
    line.set.layouts[0].spec.columns = "AX".into();
    let change = seeding::plan(&apps[0], "seed", line.set.clone()).await.unwrap();
    let held = hold(&apps[1], ask_seat(line.offerings[0], "B1")).await;
    let outcome = seeding::execute(&apps[0], change, &operator(), &mut |_, _| {}).await;
    assert!(matches!(outcome, Err(OpsError::WorldMoved { .. })), "{outcome:?}");
    let plan = seeding::plan(&apps[0], "seed", line.set.clone()).await.unwrap();
    assert_eq!((plan.counts.kept, plan.plan.affected), (1, 0));
    crate::support::city::cancel(&apps[1], held.id).await.unwrap();
    assert_eq!(seed(&apps[0], line.set.clone()).await.changed, 1);
    for app in &apps {
        assert_eq!(code(&reserve(app, ask_seat(line.offerings[0], "B1")).await), "UNKNOWN_SEAT");
    }
    assert_eq!(labels(&hold(&apps[1], ask_seat(line.offerings[0], "X1")).await), "X1");
    check(&apps[0]).await;
}

async fn two_programs_that_seed_at_once_do_it_once(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let set = line(10, "AB CD", 5, 200).set;
    let seeders = apps.iter().cloned().map(|app| {
        let set = set.clone();
        async move {
            let plan = seeding::plan(&app, "seed", set).await?;
            seeding::execute(&app, plan, &operator(), &mut |_, _| {}).await
        }
    });
    let outcomes = at_once(seeders).await;
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(_) | Err(OpsError::WorldMoved { .. })), "{outcome:?}");
    }
    assert_eq!(check(&apps[0]).await.entries.len(), 203);
    assert_eq!(count(&apps[0].stores.read, "view_departures").await, 200);
}

async fn withdraw(app: &App, bus: OfferingId) -> Result<i64, OpsError> {
    project(app).await;
    let offering = network::find_offering(app, &bus.to_string()).await?;
    let plan = schedules::plan_cancel(app, offering, "snow").await?;
    schedules::execute_cancel(app, plan, &operator(), &mut |_, _| {}).await
}

async fn a_withdrawn_departure_refunds_its_bookings_and_is_sold_by_nobody(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let line = line(1, "ABC", 3, 2);
    seed(&apps[0], line.set.clone()).await;
    let bus = line.offerings[0];
    let held = hold(&apps[1], ask(bus)).await.id;
    let sold = hold(&apps[1], ask(bus)).await.id;
    confirm(&apps[1], sold, "pay").await.unwrap();
    let untouched = hold(&apps[1], ask(line.offerings[1])).await.id;

    withdraw(&apps[0], bus).await.unwrap();
    for app in [&apps[1], &apps[0]] {
        assert_eq!(code(&reserve(app, ask(bus)).await), "OFFERING_CANCELLED");
        assert_eq!(code(&confirm(app, held, "late").await), "INVALID_STATE");
    }
    let fold = check(&apps[0]).await;
    assert_eq!(fold.story(held), ["TicketReserved", "TicketCancelled"]);
    assert_eq!(fold.story(sold), ["TicketReserved", "TicketConfirmed", "TicketCancelled", "RefundRequested"]);
    assert_eq!(fold.bookings[&sold].cancel_reason.as_deref(), Some("snow"));
    assert_eq!(fold.bookings[&untouched].state, BookingState::Reserved);
    let again = withdraw(&apps[0], bus).await;
    assert!(again.is_err(), "there is nothing left to withdraw");
    // Seeding the same again leaves it withdrawn.
    assert_eq!(seed(&apps[1], line.set).await.changed, 0);
    assert_eq!(code(&reserve(&apps[1], ask(bus)).await), "OFFERING_CANCELLED");
}

async fn a_withdrawal_that_was_cut_short_goes_on(place: Place) {
    let app = place.program(&clock()).await;
    let line = line(1, "ABC", 3, 1);
    seed(&app, line.set.clone()).await;
    let bus = line.offerings[0];
    let sold = hold(&app, ask(bus)).await.id;
    confirm(&app, sold, "pay").await.unwrap();
    // The program died after the first half.
    let mut facts = line.set.offerings[0].clone();
    facts.status = ticketing_core::domain::catalog::OfferingStatus::Cancelled;
    withdraw_only(&app, facts).await;
    assert_eq!(code(&reserve(&app, ask(bus)).await), "OFFERING_CANCELLED");
    withdraw(&app, bus).await.unwrap();
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&sold].state, BookingState::Cancelled);
    assert!(withdraw(&app, bus).await.is_err(), "now it is done");
}

async fn withdraw_only(app: &App, value: ticketing_core::domain::catalog::OfferingFacts) {
    use ticketing_core::domain::event::{CatalogEvent, Event, OfferingCancelled};
    use ticketing_core::store::catalog::{self, Versioned};
    let event = CatalogEvent::OfferingCancelled(OfferingCancelled { id: value.id, reason: "snow".into() });
    let entry = events::LogEntry {
        position: 0,
        stream_id: value.id.0,
        stream_version: 2,
        recorded_at: app.clock.now(),
        actor: "olga".into(),
        correlation_id: "test".into(),
        causation_id: None,
        event: Event::Catalog(event),
    };
    let mut tx = app.stores.write.begin().await.unwrap();
    catalog::put_offerings(&mut tx, &[Versioned { value, version: 2 }]).await.unwrap();
    ticketing_core::store::batch::append(&mut tx, vec![entry]).await.unwrap();
    tx.commit().await.unwrap();
}
