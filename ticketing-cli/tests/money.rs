//! Sagas and `why` from end to end: the program itself, on stores where the provider's answers came as the tests say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use serde_json::Value;
use support::Place;
use support::paid::*;
use ticketing_core::app::App;
use ticketing_core::app::payments::charge;
use ticketing_core::domain::id::{SagaId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::{IdempotencyKey, Meta};
use ticketing_core::store::sagas;
use uuid::Uuid;

#[test]
fn sagas_are_listed_and_those_that_are_stuck_say_what_to_do() {
    let place = Place::seeded();
    assert_eq!(place.run(&["saga", "list"]).ok().err, "No sagas match.\n");
    let (paid, stuck) = (booked_and_paid(&place, "C1"), parked(&place, "D1"));
    answered(&place, &paid, succeeded);

    let all = place.run(&["saga", "list", "-o", "json"]).ok().json();
    let ids: Vec<&str> = all.as_array().unwrap().iter().map(|saga| text(saga, "/id")).collect();
    assert_eq!(ids, [&stuck, &paid], "the newest first");
    assert_eq!((text(&all[1], "/state"), text(&all[1], "/step")), ("CONFIRMED", "charge succeeded"));
    let first = &all[0];
    assert_eq!((text(first, "/state"), text(first, "/lastError")), ("PARKED", "connection reset"));
    assert_eq!((first["stuck"].as_bool(), first["attempts"].as_u64()), (Some(true), Some(1)));
    assert_eq!(text(first, "/safeAction"), format!("ticketctl saga retry {stuck}"));
    assert!(text(first, "/stuckReason").contains("may have taken the money"));
    assert_eq!(first["steps"].as_array().unwrap().len(), 11);

    assert_eq!(place.run(&["saga", "list", "--stuck", "-o", "name"]).ok().names(), [&stuck]);
    let table = place.run(&["saga", "list"]).ok();
    fits_80_columns(&table.out);
    assert!(table.out.starts_with("ID "), "{}", table.out);
    let table = place.run(&["saga", "list", "--stuck"]).ok();
    assert!(table.out.contains("ticketctl saga retry"), "{}", table.out);
    for (query, expected) in [
        ("stuck=true", vec![&stuck]),
        ("state=CONFIRMED attempts=1", vec![&paid]),
        ("error~reset provider=simulated", vec![&stuck]),
        ("age>1h", vec![]),
    ] {
        let found = place.run(&["saga", "list", "--query", query, "-o", "name"]).ok();
        assert_eq!(found.names(), expected, "{query}");
    }
    let wrong = place.run(&["saga", "list", "--query", "stat=PARKED"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("did you mean state?"), "{}", wrong.err);
    let csv = place.run(&["saga", "list", "--query", "age>1h", "-o", "csv"]).ok().out;
    assert!(csv.starts_with("id,state,step,attempts,lastError,nextAt,stuck,bookingId,"), "{csv}");
}

#[test]
fn a_saga_is_shown_with_its_steps_calls_and_money_by_any_of_its_names() {
    let place = Place::seeded();
    let id = booked_and_paid(&place, "C1");
    let open = place.run(&["saga", "show", &id, "-o", "json"]).ok().json();
    assert_eq!((text(&open, "/state"), text(&open, "/bookingStatus")), ("CHARGING", "PENDING"));
    let timers: Vec<&str> =
        open["timers"].as_array().unwrap().iter().map(|timer| text(timer, "/what")).collect();
    assert_eq!(timers.len(), 3, "{timers:?}");
    assert!(timers[0].ends_with("is sent to the provider"), "{timers:?}");

    let (call, _) = answered(&place, &id, succeeded);
    let shown = place.run(&["saga", "show", &id[..18], "-o", "json"]).ok().json();
    assert_eq!(text(&shown, "/payments/0/status"), "SUCCESS");
    assert_eq!(shown["payments"][0]["captured"].to_string(), shown["payments"][0]["amount"].to_string());
    assert_eq!(text(&shown, "/providerCalls/0/providerRef"), format!("ref-{call}"));
    let payment = text(&shown, "/payments/0/id");
    for name in [payment, &call.0.to_string(), &format!("ref-{call}")] {
        assert_eq!(text(&place.run(&["saga", "show", name, "-o", "json"]).ok().json(), "/id"), id);
        assert_eq!(text(&place.run(&["payment", "show", name, "-o", "json"]).ok().json(), "/id"), payment);
    }
    let human = place.run(&["saga", "show", &id]).ok().out;
    fits_80_columns(&human);
    for part in ["Id         ", "\nSteps\n", "\nPayments\n", "\nCalls to the provider\n", "charge succeeded"]
    {
        assert!(human.contains(part), "{part} in {human}");
    }
    let unknown = place.run(&["saga", "show", UNKNOWN, "-o", "json"]);
    assert_eq!((unknown.code, text(&unknown.error(), "/code")), (3, "SAGA_NOT_FOUND"));
}

#[test]
fn a_stuck_charge_is_retried_and_what_came_of_it_is_told() {
    let place = Place::seeded();
    let (id, other) = (parked(&place, "C1"), parked(&place, "D1"));
    let dry = place.run(&["saga", "retry", &id, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!((text(&dry, "/action"), dry["affected"].as_u64()), ("saga retry", Some(1)));
    assert_eq!(text(&dry, "/changes/0/before/state"), "PARKED");
    assert_eq!(text(&dry, "/changes/0/after/state"), "CHARGING");
    let rows = place.audit_rows();
    let unknown = place.run(&["saga", "retry", &id, UNKNOWN, "-o", "json"]);
    assert_eq!((unknown.code, place.audit_rows()), (3, rows), "of several one unknown: nothing is done");
    let retried = place.run(&["saga", "retry", &id, "--reason", "it is back", "-o", "json"]).ok().json();
    assert_eq!((text(&retried, "/state"), retried["stuck"].as_bool()), ("CHARGING", Some(false)));
    assert_eq!(text(&retried, "/steps/11/note"), "it is back");
    assert_eq!(text(&retried, "/steps/11/actor"), "tester");
    assert_eq!(place.audit_rows(), rows + 1);
    answered(&place, &id, succeeded);
    let over = place.run(&["saga", "retry", &id, "-o", "json"]);
    assert_eq!((over.code, text(&over.error(), "/code")), (5, "SAGA_STATE"), "{over:?}");
    let several = place.run(&["saga", "retry", &other, &id, "-o", "json"]);
    let error = several.error();
    assert!(text(&error, "/message").starts_with(&format!("Saga {id}: ")), "{several:?}");
    assert_eq!(text(&error, "/hint"), format!("ticketctl saga show {id}"));
    let listed = place.run(&["saga", "list", "--stuck", "-o", "name"]).ok().out;
    let piped = place.finish(&mut place.command(&["saga", "retry", "-", "-o", "name"]), &listed).ok();
    assert_eq!(piped.names(), [&other]);
}

#[test]
fn compensating_gives_seats_and_money_back_and_asks_first() {
    let place = Place::seeded();
    let id = booked_and_paid(&place, "C1");
    answered(&place, &id, succeeded);
    let unasked = place.run(&["saga", "compensate", &id]);
    assert_eq!(unasked.code, 9);
    assert!(unasked.err.contains("try: ticketctl saga compensate"), "{}", unasked.err);
    let done = ["saga", "compensate", &id, "--yes", "--reason", "paid twice", "-o", "json"];
    let done = place.run(&done).ok().json();
    assert_eq!((text(&done, "/state"), text(&done, "/bookingStatus")), ("REFUNDING", "CANCELLED"));
    for again in ["compensate", "retry"] {
        let plan = place.run(&["saga", again, &id, "--dry-run", "-o", "json"]).ok().json();
        assert_eq!(
            (&plan["affected"], &plan["changes"]),
            (&0.into(), &Value::Array(vec![])),
            "{again}: {plan}"
        );
    }
    answered(&place, &id, unclear);
    let plan = place.run(&["saga", "retry", &id, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(plan["affected"].as_u64(), Some(1), "its tries are counted anew: {plan}");
    answered(&place, &id, succeeded);
    let after = place.run(&["saga", "show", &id, "-o", "json"]).ok().json();
    assert_eq!((text(&after, "/state"), text(&after, "/bookingStatus")), ("REFUNDED", "REFUNDED"));
    assert_eq!(after["payments"][0]["refunded"], after["payments"][0]["captured"]);
}

#[test]
fn abandoning_says_what_money_it_leaves() {
    let place = Place::seeded();
    let id = parked(&place, "C1");
    let plan = place.run(&["saga", "abandon", &id, "--dry-run", "-o", "json"]).ok().json();
    assert!(text(&plan, "/changes/0/after/leaves").contains("may have been taken, and nobody asks any more"));
    assert_eq!(place.run(&["saga", "abandon", &id]).code, 9);
    let done = place.run(&["saga", "abandon", &id, "--yes", "--reason", "cash", "-o", "json"]).ok().json();
    // The seats stay held until the hold ends, and may be paid with another card.
    assert_eq!((text(&done, "/state"), text(&done, "/park")), ("AWAITING_PAYMENT", "ABANDONED"));
    assert_eq!(text(&done, "/lastError"), "abandoned: cash");
    assert_eq!(place.run(&["saga", "abandon", &id, "--yes"]).code, 5);
    let audit = place.run(&["audit", "list", "--limit", "1", "-o", "json"]).ok().json();
    assert_eq!((text(&audit, "/0/action"), text(&audit, "/0/target")), ("saga abandon", id.as_str()));
}

#[test]
fn why_tells_one_story_by_every_name() {
    let place = Place::seeded();
    let id = booked_and_paid(&place, "C1");
    let (call, _) = answered(&place, &id, succeeded);
    place.run(&["booking", "cancel", &id, "--yes", "--reason", "ill"]).ok();
    let story = place.run(&["why", &id, "-o", "json"]).ok().json();
    assert_eq!((text(&story, "/subject"), text(&story, "/id")), ("booking", id.as_str()));
    let summary = text(&story, "/summary");
    assert!(summary.contains("is CANCELLED: seat C1 was given up by tester (ill)."), "{summary}");
    assert!(summary.ends_with("Money is on its way back."), "{summary}");
    let entries = story["story"].as_array().unwrap();
    let kinds: Vec<&str> = entries.iter().map(|entry| text(entry, "/kind")).collect();
    for kind in ["command", "event", "call", "step", "audit", "key"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let events: Vec<&str> =
        entries.iter().filter(|e| e["kind"] == "event").map(|e| text(e, "/details/type")).collect();
    assert_eq!(
        events,
        ["TicketBooked", "PaymentCreated", "TicketConfirmed", "TicketCancelled", "RefundRequested"]
    );
    let times: Vec<&str> = entries.iter().map(|entry| text(entry, "/at")).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(entries.iter().any(|e| text(e, "/what").contains(&format!("as ref-{call}"))));
    assert!(text(&story, "/next/0/what").contains("refund"), "{story}");

    let position = entries.iter().find(|e| e["kind"] == "event").unwrap()["position"].as_str().unwrap();
    let shown = place.run(&["saga", "show", &id, "-o", "json"]).ok().json();
    let payment = text(&shown, "/payments/0/id");
    let seat = format!("{}/C1", place.schedule());
    for (name, subject) in [
        (&id[..18], "booking"),
        (payment, "payment"),
        (&call.to_string(), "payment"),
        (&seat, "seat"),
        (position, "event"),
        ("request-C1", "correlation"),
        ("ada-C1", "key"),
    ] {
        let told = place.run(&["why", name, "-o", "json"]).ok().json();
        assert_eq!(text(&told, "/subject"), subject, "{name}");
        assert_eq!(told["story"], story["story"], "{name}");
    }
    let seat = place.run(&["why", &seat, "-o", "json"]).ok().json();
    assert!(text(&seat, "/summary").starts_with("Seat C1 is free on every leg."), "{seat}");

    let human = place.run(&["why", &id]).ok().out;
    fits_80_columns(&human);
    assert!(human.contains("What happens next"), "{human}");
    let unknown = place.run(&["why", "nobody-knows-this"]);
    assert_eq!(unknown.code, 3);
    assert!(
        unknown.err.contains("nor an idempotency key") && unknown.err.contains("nor the correlation id"),
        "{}",
        unknown.err
    );
    assert_eq!(place.run(&["why", UNKNOWN]).code, 3);
}

#[test]
fn a_key_tells_of_what_its_answer_names_and_of_nobody_else() {
    let place = Place::seeded();
    let pay = |app: &App, reference: &str, key: &str| {
        let idempotency =
            IdempotencyKey { caller: "bob".into(), key: key.into(), request_hash: [2; 32], status: 201 };
        let meta =
            Meta { actor: "bob".into(), correlation_id: key.to_owned(), idempotency: Some(idempotency) };
        let (app, reference) = (app.clone(), reference.to_owned());
        async move {
            let amount = Money { amount_minor: 500, currency: Currency::USD };
            let bob = UserId("bob".into());
            charge(&app, reference, amount, "tok_visa".into(), bob, None, meta).await.unwrap()
        }
    };
    // The log's last event is Ada's booking when Bob's charges are answered: they write no event of their own yet.
    let booking = booked_and_paid(&place, "C1");
    let payments = with_app(&place, async |app| {
        let id = |body: &str| text(&serde_json::from_str(body).unwrap(), "/id").to_owned();
        let (first, second) = (pay(app, "meal-1", "ck1").await.body, pay(app, "meal-2", "ck2").await.body);
        [id(&first), id(&second)]
    });
    let keys = |story: &Value| {
        let entries = story["story"].as_array().unwrap();
        let keys = entries.iter().filter(|entry| entry["kind"] == "key");
        keys.map(|entry| text(entry, "/details/key").to_owned()).collect::<Vec<_>>()
    };
    for (name, about, key) in [
        ("ck1", &payments[0], "ck1"),
        (payments[1].as_str(), &payments[1], "ck2"),
        ("ada-C1", &booking, "ada-C1"),
        (booking.as_str(), &booking, "ada-C1"),
    ] {
        let story = place.run(&["why", name, "-o", "json"]).ok().json();
        assert!(text(&story, "/summary").contains(about.as_str()), "{name}: {story}");
        assert_eq!(keys(&story), [key], "{name}: {story}");
    }
}

#[test]
fn why_names_the_one_safe_action_for_what_is_stuck() {
    let place = Place::seeded();
    let id = parked(&place, "C1");
    let story = place.run(&["why", &id, "-o", "json"]).ok().json();
    assert_eq!(text(&story, "/safeAction"), format!("ticketctl saga retry {id}"));
    let human = place.run(&["why", &id]).ok().out;
    assert!(human.ends_with(&format!("The one safe action: ticketctl saga retry {id}\n")), "{human}");
}

#[test]
fn faults_are_injected_in_development_only_and_taken_once() {
    let place = Place::seeded();
    let id = booked_and_paid(&place, "C1");
    let inject = ["saga", "inject-error", &id, "--step", "charge", "--kind", "timeout", "-o", "json"];
    let refused = place.finish(place.command(&inject).env("APP_ENV", "production"), "");
    assert_eq!((refused.code, text(&refused.error(), "/code")), (9, "NOT_IN_DEVELOPMENT"));
    let drill = place.run(&inject).ok().json();
    assert_eq!((text(&drill, "/kind"), drill["timesLeft"].as_u64()), ("timeout", Some(1)));
    let shown = place.run(&["saga", "show", &id, "-o", "json"]).ok().json();
    assert_eq!(shown["drills"], serde_json::json!([drill]));
    let saga_id = SagaId(Uuid::parse_str(&id).unwrap());
    let taken = with_app(&place, async |app| {
        let db = &app.stores.write;
        let case = sagas::cases(db, &[saga_id]).await.unwrap().pop().unwrap();
        let take = || ticketing_core::store::drills::take_fault(db, &case.attempts[0]);
        (take().await.unwrap().map(|fault| fault.word()), take().await.unwrap())
    });
    assert_eq!(taken, (Some("timeout"), None));
    assert_eq!(place.run(&["saga", "inject-error", UNKNOWN, "--step", "refund", "--kind", "error"]).code, 3);

    // A reserved booking has no saga yet: the fault waits for the one that its payment begins.
    let reserved = place.booking(&[]);
    for id in [&reserved[..], &reserved[..20]] {
        place.run(&["saga", "inject-error", id, "--step", "charge", "--kind", "decline"]).ok();
    }
    let waiting = with_app(&place, async |app| {
        let saga_id = SagaId(Uuid::parse_str(&reserved).unwrap());
        ticketing_core::store::drills::waiting(&app.stores.write, saga_id).await.unwrap().len()
    });
    assert_eq!(waiting, 2);
    place.run(&["booking", "cancel", &reserved, "--yes"]).ok();
    let over = place.run(&["saga", "inject-error", &reserved, "--step", "charge", "--kind", "decline"]);
    assert_eq!(over.code, 3, "{over:?}");
}

#[test]
fn faults_that_wait_are_told_and_can_be_taken_away() {
    let place = Place::seeded();
    let id = place.booking(&["--seat", "C1"]);
    let inject = |more: &[&str]| place.run(&[&["saga", "inject-error", &id], more].concat());
    let charge = ["--step", "charge", "--kind", "decline"];
    inject(&[&charge[..], &["--times", "2"]].concat()).ok();
    let again = inject(&charge).ok();
    assert!(again.err.contains("2 faults wait for this step already"), "{again:?}");
    inject(&["--step", "refund", "--kind", "error"]).ok();
    assert_eq!(inject(&["--off", "--kind", "error"]).code, 2);
    assert_eq!(inject(&["--step", "charge"]).code, 2);
    let dry = inject(&["--off", "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(dry["affected"], 3);
    let taken = inject(&["--off", "--step", "charge", "-o", "json"]).ok().json();
    let taken: Vec<&str> = taken.as_array().unwrap().iter().map(|drill| text(drill, "/step")).collect();
    assert_eq!(taken, ["charge", "charge"]);
    inject(&["--off"]).ok();
    assert_eq!(inject(&["--off"]).ok().err, "Nothing to change.\n");
}
