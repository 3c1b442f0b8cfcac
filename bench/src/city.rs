//! A network made for measuring: departures between two stops, far in the future, each with many seats.

use ticketing_core::app::{App, EngineTask, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::booking::passenger::Passenger;
use ticketing_core::domain::catalog::{
    Call, CatalogSet, OfferingFacts, OfferingKind, OfferingStatus, Pattern, Route, RouteStop,
};
use ticketing_core::domain::event::LayoutDefined;
use ticketing_core::domain::id::{LayoutId, OfferingId, PatternId, RouteId, StopId, UserId, derived};
use ticketing_core::domain::layout::LayoutSpec;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::engine::{EngineConfig, IdempotencyKey, Meta};
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::seed;
use ticketing_core::worker::projector::Projector;
use uuid::Uuid;

/// The fare of every departure.
pub(crate) const FARE: Money = Money { amount_minor: 2_500, currency: Currency::USD };

/// Returns the id of the departure with this number.
pub(crate) fn offering_id(n: usize) -> OfferingId {
    OfferingId(Uuid::from_u128(0x0bec_0000_0000_4000_8000_0000_0000_0000 + n as u128))
}

/// The one route.
pub(crate) fn route_id() -> RouteId {
    RouteId(Uuid::from_u128(0x0bec_0000_0000_4000_9000_0000_0000_0000))
}

/// `count` departures of `rows` × 20 seats.
pub(crate) fn catalog(count: usize, rows: u32) -> CatalogSet {
    let stops = ["A", "B"].map(|name| StopId(derived("stop", name)));
    let call = |i: usize, at: i32| Call {
        stop_id: stops[i],
        external_id: None,
        name: ["A", "B"][i].into(),
        sequence: i as u32 + 1,
        arrival_s: at,
        departure_s: at,
        boards: true,
        alights: true,
    };
    let route_stop = |i: usize| RouteStop {
        id: stops[i],
        external_id: None,
        name: ["A", "B"][i].into(),
        sequence: i as u32 + 1,
    };
    let pattern_id = PatternId(derived("pattern", "bench"));
    let layout_id = LayoutId(derived("layout", &format!("bench-{rows}")));
    let columns = "ABCDEFGHIJKLMNOPQRST".into();
    let spec = LayoutSpec {
        name: format!("bench-{rows}"),
        rows,
        columns,
        blocked: Vec::new(),
        ..LayoutSpec::default()
    };
    let departs_at = Clock::system().now().plus_seconds(30 * 86_400);
    let offering = |n: usize| OfferingFacts {
        id: offering_id(n),
        kind: OfferingKind::Departure,
        route_id: Some(route_id()),
        pattern_id,
        layout_id,
        external_id: Some(format!("bench-{n}")),
        service_date: "2030-01-01".into(),
        departs_at,
        arrives_at: departs_at.plus_seconds(3_600),
        fare: FARE,
        status: OfferingStatus::Open,
        late_payment: ticketing_core::domain::catalog::LatePayment::default(),
        particulars: ticketing_core::domain::catalog::Particulars::default(),
    };
    CatalogSet {
        layouts: vec![LayoutDefined { id: layout_id, spec }],
        routes: vec![Route {
            id: route_id(),
            external_id: Some("bench".into()),
            name: "Bench".into(),
            short_name: None,
            stops: vec![route_stop(0), route_stop(1)],
            fare: FARE,
            timezone: "UTC".into(),
        }],
        patterns: vec![Pattern { id: pattern_id, calls: vec![call(0, 0), call(1, 3_600)] }],
        offerings: (0..count).map(offering).collect(),
        ..CatalogSet::default()
    }
}

/// Opens stores and brings a catalogue into them, and into the read model.
pub(crate) async fn open(config: &StoreConfig, engine: EngineConfig, set: CatalogSet) -> (App, EngineTask) {
    let clock = Clock::system();
    let stores = Stores::open_and_migrate(config, clock.now()).await.expect("stores open");
    let (app, task) = App::start(stores, clock, engine, |_| ());
    let plan = seed::plan(&app, "bench", set).await.expect("a plan");
    let actor = Actor { name: "bench".into(), reason: None, correlation_id: None };
    let seeded = seed::execute(&app, plan, &actor, &mut |_, _| ()).await.expect("seeded");
    Projector::default().reach(&app, seeded.position).await.expect("projected");
    (app, task)
}

/// One hold of any seat.
pub(crate) fn reserve(offering: usize, user: &str, hold_seconds: u32) -> (Reserve, Passenger) {
    let command = Reserve {
        booking_id: ticketing_core::app::commands::new_booking_id(),
        offering_id: offering_id(offering),
        route_id: Some(route_id()),
        user_id: UserId(user.into()),
        seats: SeatChoice::Any(1),
        from_stop: None,
        to_stop: None,
        expected_price: Some(FARE),
        hold_seconds,
        kind: HoldKind::Reserve,
    };
    (command, passenger())
}

/// Who travels.
pub(crate) fn passenger() -> Passenger {
    let email = "rosalind.franklin@example.org".into();
    Passenger { name: "Rosalind Franklin".into(), email, phone: None }
}

/// The metadata of a request with its own idempotency key.
pub(crate) fn meta(user: &str, n: u64) -> Meta {
    let key = format!("{user}-{n}");
    Meta {
        actor: user.into(),
        correlation_id: key.clone(),
        idempotency: Some(IdempotencyKey { caller: user.into(), key, request_hash: [7; 32], status: 201 }),
    }
}

/// Now, for naming things.
pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}
