//! PostgreSQL goes away in the middle of the work, again and again.

use crate::support::check::check;
use crate::support::city::{ask, at_once, code, keyed, passenger, seed_line};
use crate::support::place::{Place, clock, count, rows};
use std::time::Duration;
use ticketing_core::app::{App, AppError, commands};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::id::{BookingId, OfferingId};
use ticketing_core::engine::{CommandError, Done};
use ticketing_core::store::error::StoreError;

const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'ticketing'";
const CUSTOMERS: usize = 16;
const BOOKINGS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_lost_connections_and_nothing_is_done_twice() {
    let Some(place) = Place::postgres().await else { return };
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let buses = seed_line(&apps[0], 8, "AB", 2, 8).await;
    let killer = tokio::spawn({
        let killer = place.stores().await.write;
        async move {
            let mut killed = 0;
            for _ in 0..12 {
                tokio::time::sleep(Duration::from_millis(40)).await;
                killed += rows::<(bool,)>(&killer, KILL, vec![]).await.len();
            }
            killed
        }
    });
    let customers = (0..CUSTOMERS).map(|n| customer(apps[n % 2].clone(), buses[n % buses.len()], n));
    let acknowledged: Vec<(BookingId, String)> = at_once(customers).await.into_iter().flatten().collect();
    assert!(killer.await.unwrap() >= 12, "connections were lost");
    assert_eq!(acknowledged.len(), CUSTOMERS * BOOKINGS);

    // The pools may hold connections that are dead: each costs one failed request, and no more.
    for app in &apps {
        let probe = async || code(&insist(|| confirm(app, acknowledged[0].0, "probe", "probe")).await);
        assert_eq!(probe().await, "INVALID_STATE");
    }
    let fold = check(&place.program(&clock).await).await;
    assert_eq!(fold.bookings.len(), CUSTOMERS * BOOKINGS, "nothing was done twice");
    for (id, payment) in &acknowledged {
        assert_eq!(fold.bookings[id].payment_id.as_ref(), Some(payment));
        assert_eq!(fold.story(*id), ["TicketReserved", "TicketConfirmed"]);
    }
    assert_eq!(count(&place.stores().await.write, "idempotency").await as usize, 2 * acknowledged.len());
}

/// Books and pays, each request again with its key until it is answered.
async fn customer(app: App, bus: OfferingId, n: usize) -> Vec<(BookingId, String)> {
    let mut booked = Vec::new();
    for i in 0..BOOKINGS {
        let key = format!("{n}-{i}");
        let done =
            insist(|| commands::reserve(&app, ask(bus), passenger(), keyed(&format!("reserve-{key}"), 1)))
                .await
                .unwrap();
        let body: serde_json::Value = serde_json::from_str(&done.body).unwrap();
        let id = BookingId(body["id"].as_str().unwrap().parse().unwrap());
        let payment = format!("pay-{key}");
        let key = format!("confirm-{key}");
        insist(|| confirm(&app, id, &payment, &key)).await.unwrap();
        booked.push((id, payment));
    }
    booked
}

async fn confirm(app: &App, id: BookingId, payment: &str, key: &str) -> Result<Done, AppError> {
    let change = Change::Confirm { payment_id: payment.into() };
    commands::change(app, id, change, None, None, keyed(key, 1)).await
}

/// Tries until the store answers; a store that is away says so, and nothing else.
async fn insist<F: Future<Output = Result<Done, AppError>>>(
    request: impl Fn() -> F,
) -> Result<Done, AppError> {
    for _ in 0..200 {
        match request().await {
            Err(AppError::Command(CommandError::Store(error))) => {
                assert!(matches!(*error, StoreError::Unavailable { store: "write", .. }), "{error:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer => return answer,
        }
    }
    panic!("the engine did not recover");
}
