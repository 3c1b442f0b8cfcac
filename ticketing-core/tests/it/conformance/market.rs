//! Listings are offerings and orders are bookings: what the engine promises of seats, it promises of them.

use crate::support::check::check;
use crate::support::city::{ask, at_once, code, hold, meta, seed_line};
use crate::support::place::{BEGIN, Place, clock, count, on_both_engines};
use serde_json::{Value, json};
use ticketing_core::app::listings::{self, Edit};
use ticketing_core::app::{App, AppError, commands, orders};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::Done;
use uuid::Uuid;

on_both_engines!(
    a_hundred_buyers_of_one_listing_make_one_order,
    an_edit_and_an_order_at_once_never_both_have_their_way,
    of_two_edits_of_one_version_one_is_done,
    nobody_orders_their_own_and_nobody_edits_anothers,
    an_order_that_ends_frees_its_listing_and_keeps_its_price,
);

/// 25.00 USD.
const PRICE: Money = Money { amount_minor: 2_500, currency: Currency::USD };

fn user(name: &str) -> UserId {
    UserId(name.to_owned())
}

fn body(done: &Done) -> Value {
    serde_json::from_str(&done.body).unwrap()
}

async fn listed(app: &App, seller: &str) -> OfferingId {
    let done = listings::create(app, &user(seller), "Jazz".into(), PRICE, &meta()).await.unwrap();
    OfferingId(Uuid::parse_str(body(&done)["id"].as_str().unwrap()).unwrap())
}

async fn ordered(app: &App, ticket: OfferingId, buyer: &str) -> Result<Done, AppError> {
    orders::create(app, ticket, &user(buyer), 900, meta()).await
}

fn to(price: &str, version: Option<u32>) -> Edit {
    Edit { title: "Rock".into(), price: price.into(), currency: None, version }
}

async fn a_hundred_buyers_of_one_listing_make_one_order(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let ticket = listed(&apps[0], "sam").await;
    let buyers = (0..100).map(|n| {
        let app = apps[n % 2].clone();
        async move { ordered(&app, ticket, &format!("buyer-{n}")).await }
    });
    let outcomes = at_once(buyers).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused = outcomes.iter().filter(|outcome| code(outcome) == "SOLD_OUT").count();
    assert_eq!((won, refused), (1, 99));
    assert_eq!(count(&apps[0].stores.write, "claims").await, 1);
    check(&apps[0]).await;
}

async fn an_edit_and_an_order_at_once_never_both_have_their_way(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    for round in 0..10 {
        let ticket = listed(&apps[0], "sam").await;
        let (seller, buyer) = (apps[0].clone(), apps[1].clone());
        let (edited, made) = tokio::join!(
            async { listings::edit(&seller, ticket, &user("sam"), to("99.00", None), &meta()).await },
            ordered(&buyer, ticket, "ben"),
        );
        // Nobody is in a buyer's way; the order has the price that the listing had when it was made.
        let price = body(&made.unwrap())["price"].clone();
        match edited {
            Ok(_) => assert!(price == json!("99.00"), "round {round}: {price}"),
            Err(AppError::Locked { .. }) => assert_eq!(price, json!("25.00"), "round {round}"),
            Err(other) => panic!("round {round}: {other}"),
        }
    }
    check(&apps[0]).await;
}

async fn of_two_edits_of_one_version_one_is_done(place: Place) {
    let app = place.program(&clock()).await;
    let ticket = listed(&app, "sam").await;
    let edits = (0..4).map(|n| {
        let app = app.clone();
        let edit = to(&format!("{}.00", 30 + n), Some(1));
        async move { listings::edit(&app, ticket, &user("sam"), edit, &meta()).await }
    });
    let outcomes = at_once(edits).await;
    let conflict = |outcome: &Result<Done, AppError>| {
        matches!(outcome, Err(AppError::VersionConflict { current: 2, .. }))
    };
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| conflict(outcome)).count(), 3);
    let again = listings::edit(&app, ticket, &user("sam"), to("2.505", Some(2)), &meta()).await;
    assert!(matches!(again, Err(AppError::Invalid { field: "price", .. })), "{again:?}");
    let again = listings::edit(&app, ticket, &user("sam"), to("50", Some(2)), &meta()).await.unwrap();
    assert_eq!((&body(&again)["version"], &body(&again)["price"]), (&json!(3), &json!("50.00")));
    check(&app).await;
}

async fn nobody_orders_their_own_and_nobody_edits_anothers(place: Place) {
    let app = place.program(&clock()).await;
    let ticket = listed(&app, "sam").await;
    assert_eq!(code(&ordered(&app, ticket, "sam").await), "OWN_LISTING");
    let other = listings::edit(&app, ticket, &user("eve"), to("1", None), &meta()).await;
    assert_eq!(code(&other), "NotFound");
    let bus = seed_line(&app, 2, "AB", 3, 1).await[0];
    assert_eq!(code(&ordered(&app, bus, "ben").await), "NotFound");
    let held = hold(&app, ask(bus)).await;
    assert_eq!(code(&orders::cancel(&app, held.id, &user("ann"), meta()).await), "NotFound");
    let made = body(&ordered(&app, ticket, "ben").await.unwrap());
    let id = BookingId(Uuid::parse_str(made["id"].as_str().unwrap()).unwrap());
    assert_eq!(code(&orders::cancel(&app, id, &user("eve"), meta()).await), "NotFound");
    let paid = orders::pay(&app, id, "tok_visa".into(), &user("eve"), meta()).await;
    assert_eq!(code(&paid), "NotFound");
    check(&app).await;
    assert_eq!(code(&orders::get(&app, id, &user("eve"), None).await), "NotFound");
    let shown: Value =
        serde_json::from_str(&orders::get(&app, id, &user("ben"), None).await.unwrap()).unwrap();
    assert_eq!(shown, made);
    let free = Money { amount_minor: 0, ..PRICE };
    let nobodys = listings::create(&app, &user("sam"), "x".into(), free, &meta()).await;
    assert!(matches!(nobodys, Err(AppError::Invalid { field: "price", .. })));
}

async fn an_order_that_ends_frees_its_listing_and_keeps_its_price(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let ticket = listed(&app, "sam").await;
    let made = body(&ordered(&app, ticket, "ben").await.unwrap());
    assert_eq!(made["expiresAt"], json!(BEGIN.plus_seconds(900)));
    let locked = listings::edit(&app, ticket, &user("sam"), to("30", None), &meta()).await;
    assert!(matches!(locked, Err(AppError::Locked { .. })), "{locked:?}");
    clock.advance(900_000);
    // From its time on, whether or not anybody has written it down.
    listings::edit(&app, ticket, &user("sam"), to("30", None), &meta()).await.unwrap();
    let second = body(&ordered(&app, ticket, "eve").await.unwrap());
    assert_eq!((&second["price"], &second["ticket"]["title"]), (&json!("30.00"), &json!("Rock")));
    check(&app).await;
    let id = BookingId(Uuid::parse_str(made["id"].as_str().unwrap()).unwrap());
    let old: Value = serde_json::from_str(&orders::get(&app, id, &user("ben"), None).await.unwrap()).unwrap();
    assert_eq!((&old["status"], &old["price"]), (&json!("cancelled"), &json!("25.00")));
    // Once it is somebody's, its seller can't change it any more.
    let id = BookingId(Uuid::parse_str(second["id"].as_str().unwrap()).unwrap());
    let confirm = Change::Confirm { payment_id: "pay-1".into() };
    commands::change(&app, id, confirm, None, None, meta()).await.unwrap();
    let sold = listings::edit(&app, ticket, &user("sam"), to("1", None), &meta()).await;
    assert!(matches!(sold, Err(AppError::Locked { .. })), "{sold:?}");
    check(&app).await;
}
