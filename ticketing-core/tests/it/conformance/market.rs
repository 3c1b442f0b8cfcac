//! Listings are offerings and orders are bookings: what the engine promises of seats, it promises of them.

use crate::support::check::{check, project};
use crate::support::city::{ask, at_once, code, hold, keyed, meta, operator, seed_line};
use crate::support::place::{BEGIN, Place, clock, count, on_both_engines};
use serde_json::{Value, json};
use ticketing_core::app::listings::{self, Edit};
use ticketing_core::app::{App, AppError, catalogue, commands, orders};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::catalog::Venue;
use ticketing_core::domain::id::{BookingId, OfferingId, UserId, VenueId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::{Done, Meta};
use ticketing_core::ops::{OpsError, audit, lookup, market, schedules};
use ticketing_core::store::catalog::Versioned;
use ticketing_core::store::events;
use uuid::Uuid;

on_both_engines!(
    a_hundred_buyers_of_one_listing_make_one_order,
    an_edit_and_an_order_at_once_never_both_have_their_way,
    of_two_edits_of_one_version_one_is_done,
    nobody_orders_their_own_and_nobody_edits_anothers,
    an_order_that_ends_frees_its_listing_and_keeps_its_price,
    a_listing_is_withdrawn_once_by_its_seller_or_an_operator,
    a_withdrawal_an_edit_and_an_order_at_once_never_undo_each_other,
    a_hundred_buyers_of_a_hundred_listings_each_get_what_was_free,
    what_is_new_and_there_already_is_named,
);

/// 25.00 USD.
const PRICE: Money = Money { amount_minor: 2_500, currency: Currency::USD };

pub(super) fn user(name: &str) -> UserId {
    UserId(name.to_owned())
}

pub(super) fn body(done: &Done) -> Value {
    serde_json::from_str(&done.body).unwrap()
}

pub(super) async fn listed(app: &App, seller: &str) -> OfferingId {
    let done = listings::create(app, &user(seller), "Jazz".into(), PRICE, &meta()).await.unwrap();
    OfferingId(Uuid::parse_str(body(&done)["id"].as_str().unwrap()).unwrap())
}

pub(super) async fn ordered(app: &App, ticket: OfferingId, buyer: &str) -> Result<Done, AppError> {
    orders::create(app, ticket, &user(buyer), 900, meta()).await
}

pub(super) fn to(price: &str, version: Option<u32>) -> Edit {
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

async fn a_listing_is_withdrawn_once_by_its_seller_or_an_operator(place: Place) {
    let app = place.program(&clock()).await;
    let (sam, eve) = (user("sam"), user("eve"));
    let ticket = listed(&app, "sam").await;
    assert_eq!(code(&listings::withdraw(&app, ticket, Some(&eve), &meta()).await), "NotFound");
    let bus = seed_line(&app, 2, "AB", 3, 1).await[0];
    assert_eq!(code(&listings::withdraw(&app, bus, None, &meta()).await), "NotFound");
    let first = listings::withdraw(&app, ticket, Some(&sam), &keyed("k-1", 1)).await.unwrap();
    assert_eq!((&body(&first)["status"], &body(&first)["version"]), (&json!("cancelled"), &json!(2)));
    // The same again, with the key, without it, and by another: nothing more happens.
    let head = events::head(&app.stores.write).await.unwrap();
    let again = listings::withdraw(&app, ticket, Some(&sam), &keyed("k-1", 1)).await.unwrap();
    assert_eq!((again.replayed, &again.body, again.position), (true, &first.body, first.position));
    for seller in [Some(&sam), None] {
        let again = listings::withdraw(&app, ticket, seller, &meta()).await.unwrap();
        assert_eq!((again.replayed, &again.body, again.position), (false, &first.body, first.position));
    }
    assert_eq!(market::withdraw(&app, ticket, &meta()).await.unwrap().body, first.body);
    assert_eq!(events::head(&app.stores.write).await.unwrap(), head);
    assert_eq!(audit::list(&app, None).await.unwrap().1, 1, "of the seeding only");
    // It is out of everybody's hands.
    assert_eq!(code(&ordered(&app, ticket, "ben").await), "OFFERING_CANCELLED");
    let edited = listings::edit(&app, ticket, &sam, to("1", None), &meta()).await;
    assert_eq!(code(&edited), "OFFERING_CANCELLED");

    // Held or sold it stays; given back, it goes.
    let ticket = listed(&app, "sam").await;
    let made = body(&ordered(&app, ticket, "ben").await.unwrap());
    let id = BookingId(Uuid::parse_str(made["id"].as_str().unwrap()).unwrap());
    let locked = listings::withdraw(&app, ticket, Some(&sam), &meta()).await;
    assert!(matches!(locked, Err(AppError::Locked { what: "ticket", .. })), "{locked:?}");
    let locked = market::withdraw(&app, ticket, &meta()).await;
    assert!(matches!(locked, Err(OpsError::App(AppError::Locked { .. }))), "{locked:?}");
    orders::cancel(&app, id, &user("ben"), meta()).await.unwrap();
    let down = market::withdraw(&app, ticket, &meta()).await.unwrap();
    assert_eq!(body(&down)["status"], json!("cancelled"));
    let (rows, count) = audit::list(&app, None).await.unwrap();
    assert_eq!((count, rows[0].action.as_str(), &rows[0].target), (2, "listing cancel", &ticket.to_string()));
    assert_eq!(rows[0].result, "done");

    // `ticketctl listing cancel` comes to the same row by the same event, with its reason and its orders.
    let ticket = listed(&app, "sam").await;
    ordered(&app, ticket, "ben").await.unwrap();
    project(&app).await;
    let offering = lookup::offering(&app, &ticket.to_string()).await.unwrap();
    let plan = schedules::plan_cancel(&app, offering, "a forgery").await.unwrap();
    assert_eq!(plan.plan.affected, 2);
    schedules::execute_cancel(&app, plan, &operator(), &mut |_, _| ()).await.unwrap();
    let shown: Value = serde_json::from_str(&listings::stored(&app, ticket).await.unwrap()).unwrap();
    assert_eq!((&shown["status"], &shown["version"]), (&json!("cancelled"), &json!(2)));
    let story = events::of_stream(&app.stores.write, ticket.0).await.unwrap();
    let names: Vec<&str> = story.iter().map(|entry| entry.event.type_name()).collect();
    assert_eq!(names, ["OfferingDefined", "OfferingDefined"]);
    assert!(story[1].event.data().contains(r#""reason":"a forgery""#), "{}", story[1].event.data());
    check(&app).await;
}

async fn a_withdrawal_an_edit_and_an_order_at_once_never_undo_each_other(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    for round in 0..10 {
        let ticket = listed(&apps[0], "sam").await;
        let sam = user("sam");
        let (withdrawing, editing) = (Meta::system(format!("w{round}")), Meta::system(format!("e{round}")));
        let (down, edited, made) = tokio::join!(
            listings::withdraw(&apps[round % 2], ticket, Some(&sam), &withdrawing),
            listings::edit(&apps[0], ticket, &sam, to("99.00", None), &editing),
            ordered(&apps[1], ticket, "ben"),
        );
        let said = |outcome: &Result<Done, AppError>| match outcome {
            Ok(_) => "done",
            Err(AppError::Locked { .. }) => "locked",
            Err(AppError::VersionConflict { .. }) => "conflict",
            Err(_) => code(outcome),
        };
        let told = (said(&down), said(&edited), said(&made));
        match made {
            // Whoever ordered has it at the price that it had then, and it is still there.
            Ok(made) => {
                assert!(matches!(told.0, "locked" | "conflict"), "round {round}: {told:?}");
                let price = body(&made)["price"].clone();
                let first = if told.1 == "done" { json!("99.00") } else { json!("25.00") };
                assert_eq!(price, first, "round {round}: {told:?}");
            }
            Err(_) => assert_eq!((told.0, told.2), ("done", "OFFERING_CANCELLED"), "round {round}"),
        }
        assert!(
            ["done", "locked", "conflict", "OFFERING_CANCELLED"].contains(&told.1),
            "round {round}: {told:?}"
        );
        let shown: Value = serde_json::from_str(&listings::stored(&apps[0], ticket).await.unwrap()).unwrap();
        assert_eq!(shown["status"] == json!("cancelled"), told.0 == "done", "round {round}: {told:?}");
        let versions = 1 + u32::from(told.0 == "done") + u32::from(told.1 == "done");
        assert_eq!(shown["version"], json!(versions), "round {round}: {told:?}");
    }
    check(&apps[0]).await;
}

async fn a_hundred_buyers_of_a_hundred_listings_each_get_what_was_free(place: Place) {
    let clock = clock();
    let apps = [place.program(&clock).await, place.program(&clock).await];
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(listed(&apps[0], "sam").await);
    }
    // Each ticket is wanted by five at once; some give up what they got, and somebody else may have it.
    let buyers = (0..100_usize).map(|n| {
        let (app, ticket) = (apps[n % 2].clone(), tickets[n % 20]);
        async move {
            let buyer = format!("buyer-{n}");
            let made = ordered(&app, ticket, &buyer).await;
            match made {
                Ok(done) if n % 3 == 0 => {
                    let id = BookingId(Uuid::parse_str(body(&done)["id"].as_str().unwrap()).unwrap());
                    orders::cancel(&app, id, &user(&buyer), meta()).await.unwrap();
                    "given up"
                }
                Ok(_) => "kept",
                Err(_) => code(&made),
            }
        }
    });
    let told = at_once(buyers).await;
    let of = |word: &str| told.iter().filter(|said| **said == word).count();
    assert_eq!(of("kept") + of("given up") + of("SOLD_OUT"), 100, "{told:?}");
    assert_eq!(count(&apps[0].stores.write, "claims").await, of("kept") as i64);
    check(&apps[0]).await;
}

async fn what_is_new_and_there_already_is_named(place: Place) {
    let app = place.program(&clock()).await;
    let venue = |name: &str| Venue {
        id: VenueId(Uuid::from_u128(7)),
        external_id: Some("opera".into()),
        name: name.into(),
        city: "Riverton".into(),
        address: None,
        layout_id: listings::layout().id,
        timezone: "America/Chicago".into(),
        closed: None,
    };
    let of = |name: &str, version: i32| catalogue::Change {
        layouts: vec![listings::layout()],
        venues: vec![Versioned { value: venue(name), version }],
        noun: "venue",
        ..catalogue::Change::default()
    };
    catalogue::store(&app, &meta(), &of("Opera", 1), "{}").await.unwrap();
    let again = catalogue::store(&app, &meta(), &of("Another", 1), "{}").await;
    assert_eq!(again.unwrap_err().to_string(), "There is a venue opera already.");
    catalogue::store(&app, &meta(), &of("Opera House", 2), "{}").await.unwrap();
    let stale = catalogue::store(&app, &meta(), &of("The Opera", 2), "{}").await;
    assert!(matches!(stale, Err(AppError::VersionConflict { what: "venue", current: 2 })), "{stale:?}");
    // A layout's name is that of one hall: nothing is made with another's seats in silence.
    let mut other = listings::layout();
    other.spec.rows = 2;
    let change = catalogue::Change { layouts: vec![other], noun: "venue", ..catalogue::Change::default() };
    let refused = catalogue::store(&app, &meta(), &change, "{}").await;
    assert_eq!(refused.unwrap_err().to_string(), "There is a layout single-ticket already.");
    check(&app).await;
}
