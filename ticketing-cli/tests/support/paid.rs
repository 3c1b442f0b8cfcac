//! Bookings that are paid for, on stores where the provider's answers come as the tests say.

use super::Place;
use serde_json::Value;
use std::path::PathBuf;
use ticketing_core::app::commands::{new_booking_id, reserve_and_pay};
use ticketing_core::app::{App, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{AttemptId, OfferingId, SagaId, UserId};
use ticketing_core::domain::money::Money;
use ticketing_core::engine::{EngineConfig, IdempotencyKey, Meta, SagaAnswer, Work};
use ticketing_core::ops::people;
use ticketing_core::saga::definition::TRIES_MAX;
use ticketing_core::saga::{Answer, Input};
use ticketing_core::store::payments;
use ticketing_core::worker::projector::Projector;
use uuid::Uuid;

pub const UNKNOWN: &str = "01234567-89ab-7000-8000-000000000000";

/// Works on a place's stores as a server does.
pub fn with_app<T>(place: &Place, work: impl AsyncFnOnce(&App) -> T) -> T {
    with_app_at(place, Clock::system(), work)
}

/// The same, by another clock.
pub fn with_app_at<T>(place: &Place, clock: Clock, work: impl AsyncFnOnce(&App) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let data_dir: PathBuf = place.0.path().join("data");
        let config = StoreConfig { data_dir, database_url: None, read_database_url: None };
        let stores = Stores::open(&config).await.unwrap();
        let (app, engine) = App::start(stores.clone(), clock, EngineConfig::default(), |_| ());
        let outcome = work(&app).await;
        let head = ticketing_core::store::events::head(&app.stores.write).await.unwrap();
        Projector::default().reach(&app, head).await.unwrap();
        drop(app);
        engine.finished().await;
        stores.close().await;
        outcome
    })
}

/// Ada books a seat and pays it with a token, by a request with the key `ada-1`.
pub fn booked_and_paid(place: &Place, seat: &str) -> String {
    booked_and_paid_at(place, seat, Clock::system())
}

pub fn booked_and_paid_at(place: &Place, seat: &str, clock: Clock) -> String {
    let schedule = place.schedule();
    with_app_at(place, clock, async |app| {
        let command = Reserve {
            booking_id: new_booking_id(),
            offering_id: OfferingId(Uuid::parse_str(&schedule).unwrap()),
            route_id: None,
            user_id: UserId("ada".into()),
            seats: SeatChoice::Named(vec![seat.into()]),
            from_stop: None,
            to_stop: None,
            expected_price: None,
            hold_seconds: 900,
            kind: HoldKind::Book,
        };
        let key = IdempotencyKey {
            caller: "ada".into(),
            key: format!("ada-{seat}"),
            request_hash: [1; 32],
            status: 201,
        };
        let meta =
            Meta { actor: "ada".into(), correlation_id: format!("request-{seat}"), idempotency: Some(key) };
        let person = people::passenger("Ada", "ada@example.org", None).unwrap();
        let id = command.booking_id;
        reserve_and_pay(app, command, person, Some("tok_visa".into()), meta).await.unwrap();
        id.to_string()
    })
}

/// The provider answers the newest open charge or refund of a saga; returns that call's id and amount.
pub fn answered(
    place: &Place,
    saga: &str,
    answer: impl Fn(AttemptId, Money) -> Answer,
) -> (AttemptId, Money) {
    let saga_id = SagaId(Uuid::parse_str(saga).unwrap());
    with_app(place, async |app| {
        let attempts = payments::attempts_of_sagas(&app.stores.write, &[saga_id]).await.unwrap();
        let open = attempts.iter().rev().find(|attempt| attempt.state.is_open()).unwrap();
        let input = Input::Answered { attempt_id: open.id, answer: answer(open.id, open.amount) };
        let work = Work::Saga {
            saga_id,
            input,
            owner: None,
            expected_version: None,
            message: None,
            answer: SagaAnswer::Nothing,
        };
        app.engine.submit(work, Meta::system("provider".into())).await.unwrap();
        (open.id, open.amount)
    })
}

pub fn succeeded(id: AttemptId, amount: Money) -> Answer {
    Answer::Succeeded { provider_ref: format!("ref-{id}"), amount }
}

pub fn unclear(_: AttemptId, _: Money) -> Answer {
    Answer::Unclear { error: "connection reset".into() }
}

/// A booking whose charge nobody knows the outcome of.
pub fn parked(place: &Place, seat: &str) -> String {
    let id = booked_and_paid(place, seat);
    for _ in 0..TRIES_MAX {
        answered(place, &id, unclear);
    }
    id
}

pub fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} of {value}"))
}

pub fn fits_80_columns(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
