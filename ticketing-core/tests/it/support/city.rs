//! A line of buses to book on, and short ways to say what is asked.

use super::place::BEGIN;
use ticketing_core::app::{App, AppError, commands};
use ticketing_core::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::booking::state::Booking;
use ticketing_core::domain::catalog::{
    Call, CatalogSet, LatePayment, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern, Route,
    RouteStop,
};
use ticketing_core::domain::event::LayoutDefined;
use ticketing_core::domain::id::{
    BookingId, LayoutId, OfferingId, PatternId, RouteId, StopId, UserId, derived,
};
use ticketing_core::domain::layout::LayoutSpec;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::{CommandError, Done, IdempotencyKey, Meta};
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::seed::{self, SeedCounts};
use tokio::task::JoinSet;

/// The fare of every departure: 25.00 USD.
pub const FARE: Money = Money { amount_minor: 2_500, currency: Currency::USD };

/// A line with departures that are all alike: a day after [`super::place::BEGIN`], an hour a leg.
pub struct Line {
    pub set: CatalogSet,
    pub offerings: Vec<OfferingId>,
}

/// Describes a line of `stops` stops with `departures` buses of `rows` rows with seats `columns`.
pub fn line(rows: u32, columns: &str, stops: u32, departures: usize) -> Line {
    let layout_id = LayoutId(derived("layout", "bus"));
    let spec = LayoutSpec {
        name: "bus".into(),
        rows,
        columns: columns.into(),
        blocked: Vec::new(),
        ..LayoutSpec::default()
    };
    let route_id = RouteId(derived("route", "line"));
    let pattern_id = PatternId(derived("pattern", &stops.to_string()));
    let stop = |n: u32| StopId(derived("stop", &n.to_string()));
    let name = |n: u32| format!("Stop {n}");
    let route = Route {
        id: route_id,
        external_id: Some("line".into()),
        name: "Line".into(),
        short_name: None,
        stops: (0..stops)
            .map(|n| RouteStop { id: stop(n), external_id: None, name: name(n), sequence: n })
            .collect(),
        fare: FARE,
        timezone: "UTC".into(),
    };
    let calls = (0..stops).map(|n| Call {
        stop_id: stop(n),
        external_id: None,
        name: name(n),
        sequence: n,
        arrival_s: n as i32 * 3_600,
        departure_s: n as i32 * 3_600,
        boards: true,
        alights: true,
    });
    let facts = |n: usize| OfferingFacts {
        id: OfferingId(derived("departure", &n.to_string())),
        kind: OfferingKind::Departure,
        route_id: Some(route_id),
        pattern_id,
        layout_id,
        external_id: Some(format!("trip-{n}")),
        service_date: "2026-11-21".into(),
        departs_at: BEGIN.plus_seconds(86_400),
        arrives_at: BEGIN.plus_seconds(86_400 + i64::from(stops - 1) * 3_600),
        fare: FARE,
        status: OfferingStatus::Open,
        late_payment: LatePayment::ReReserve,
        particulars: Particulars::default(),
    };
    let offerings: Vec<OfferingFacts> = (0..departures).map(facts).collect();
    Line {
        offerings: offerings.iter().map(|o| o.id).collect(),
        set: CatalogSet {
            layouts: vec![LayoutDefined { id: layout_id, spec }],
            routes: vec![route],
            patterns: vec![Pattern { id: pattern_id, calls: calls.collect() }],
            offerings,
            ..CatalogSet::default()
        },
    }
}

/// Who seeds and cancels in these tests.
pub fn operator() -> Actor {
    Actor { name: "olga".into(), reason: Some("test".into()), correlation_id: None }
}

/// Seeds a set and returns what the plan counted.
pub async fn seed(app: &App, set: CatalogSet) -> SeedCounts {
    let plan = seed::plan(app, "seed", set).await.unwrap();
    let counts = plan.counts;
    seed::execute(app, plan, &operator(), &mut |_, _| {}).await.unwrap();
    counts
}

/// Seeds a line and returns its departures.
pub async fn seed_line(
    app: &App,
    rows: u32,
    columns: &str,
    stops: u32,
    departures: usize,
) -> Vec<OfferingId> {
    let line = line(rows, columns, stops, departures);
    seed(app, line.set).await;
    line.offerings
}

/// Ann asks for any seat, the whole way, for 15 minutes.
pub fn ask(offering_id: OfferingId) -> Reserve {
    Reserve {
        booking_id: commands::new_booking_id(),
        offering_id,
        route_id: None,
        user_id: UserId("ann".into()),
        seats: SeatChoice::Any(1),
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds: 900,
        kind: HoldKind::Reserve,
    }
}

/// Ann asks for this seat.
pub fn ask_seat(offering_id: OfferingId, seat: &str) -> Reserve {
    Reserve { seats: SeatChoice::Named(vec![seat.into()]), ..ask(offering_id) }
}

/// The same between these stops.
pub fn between(ask: Reserve, from: u32, to: u32) -> Reserve {
    Reserve { from_stop: Some(format!("#{from}")), to_stop: Some(format!("#{to}")), ..ask }
}

pub fn passenger() -> Passenger {
    Passenger { name: "Ann".into(), email: "ann@example.org".into(), phone: None }
}

/// A request without a key.
pub fn meta() -> Meta {
    Meta { actor: "ann".into(), correlation_id: "test".into(), idempotency: None }
}

/// A request with a key; `request` stands for its content.
pub fn keyed(key: &str, request: u8) -> Meta {
    let key =
        IdempotencyKey { caller: "ann".into(), key: key.into(), request_hash: [request; 32], status: 201 };
    Meta { idempotency: Some(key), ..meta() }
}

pub async fn reserve(app: &App, command: Reserve) -> Result<Done, AppError> {
    commands::reserve(app, command, passenger(), meta()).await
}

/// Reserves and returns the booking; it must succeed.
pub async fn hold(app: &App, command: Reserve) -> Booking {
    std::sync::Arc::unwrap_or_clone(reserve(app, command).await.unwrap().booking.unwrap())
}

pub async fn change(app: &App, id: BookingId, change: Change) -> Result<Done, AppError> {
    commands::change(app, id, change, None, None, meta()).await
}

pub async fn confirm(app: &App, id: BookingId, payment: &str) -> Result<Done, AppError> {
    change(app, id, Change::Confirm { payment_id: payment.into() }).await
}

pub async fn cancel(app: &App, id: BookingId) -> Result<Done, AppError> {
    change(app, id, Change::Cancel { reason: None }).await
}

/// The labels of a booking's seats, `A1 B1`.
pub fn labels(booking: &Booking) -> String {
    booking.seats.iter().map(|s| s.label.as_str()).collect::<Vec<_>>().join(" ")
}

/// `OK`, the code of the rejection, or the name of the failure.
pub fn code<T>(outcome: &Result<T, AppError>) -> &'static str {
    match outcome {
        Ok(_) => "OK",
        Err(AppError::Command(error)) => match error {
            CommandError::Rejected(rejection) => rejection.code(),
            CommandError::VersionMoved => "VersionMoved",
            CommandError::IdempotencyReused => "IdempotencyReused",
            CommandError::IdempotencyInProgress => "IdempotencyInProgress",
            CommandError::Overloaded => "Overloaded",
            CommandError::Store(_) => "Store",
            CommandError::ShuttingDown => "ShuttingDown",
        },
        Err(AppError::NotFound { .. }) => "NotFound",
        Err(
            AppError::Ambiguous { .. }
            | AppError::VersionConflict { .. }
            | AppError::Exists { .. }
            | AppError::Locked { .. }
            | AppError::Invalid { .. },
        ) => "Ambiguous",
        Err(AppError::ReadModelBehind { .. }) => "ReadModelBehind",
        Err(AppError::Account(refusal)) => refusal.code(),
        Err(AppError::Store(_)) => "Store",
    }
}

/// Runs all of these at once and returns their outputs, in order of their end.
pub async fn at_once<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut set = JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    set.join_all().await
}
