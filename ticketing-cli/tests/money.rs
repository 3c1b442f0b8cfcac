//! Sagas, payments and `why` from end to end: the program itself, on stores where the provider's answers came as the
//! tests say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use serde_json::Value;
use std::path::PathBuf;
use support::{Place, Ran};
use ticketing_core::app::commands::{new_booking_id, reserve_and_pay};
use ticketing_core::app::payments::charge;
use ticketing_core::app::{App, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{AttemptId, OfferingId, SagaId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::{EngineConfig, IdempotencyKey, Meta, SagaAnswer, Work};
use ticketing_core::ops::people;
use ticketing_core::saga::definition::TRIES_MAX;
use ticketing_core::saga::{Answer, Input};
use ticketing_core::store::{payments, sagas};
use ticketing_core::worker::projector::Projector;
use uuid::Uuid;

const UNKNOWN: &str = "01234567-89ab-7000-8000-000000000000";

/// Works on a place's stores as a server does.
fn with_app<T>(place: &Place, work: impl AsyncFnOnce(&App) -> T) -> T {
    with_app_at(place, Clock::system(), work)
}

/// The same, by another clock.
fn with_app_at<T>(place: &Place, clock: Clock, work: impl AsyncFnOnce(&App) -> T) -> T {
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
fn booked_and_paid(place: &Place, seat: &str) -> String {
    booked_and_paid_at(place, seat, Clock::system())
}

fn booked_and_paid_at(place: &Place, seat: &str, clock: Clock) -> String {
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
fn answered(place: &Place, saga: &str, answer: impl Fn(AttemptId, Money) -> Answer) -> (AttemptId, Money) {
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

fn succeeded(id: AttemptId, amount: Money) -> Answer {
    Answer::Succeeded { provider_ref: format!("ref-{id}"), amount }
}

fn unclear(_: AttemptId, _: Money) -> Answer {
    Answer::Unclear { error: "connection reset".into() }
}

/// A booking whose charge nobody knows the outcome of.
fn parked(place: &Place, seat: &str) -> String {
    let id = booked_and_paid(place, seat);
    for _ in 0..TRIES_MAX {
        answered(place, &id, unclear);
    }
    id
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} of {value}"))
}

fn fits_80_columns(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

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
fn a_payment_is_given_back_in_part_and_then_with_its_booking() {
    let place = Place::seeded();
    let id = booked_and_paid(&place, "C1");
    let (_, price) = answered(&place, &id, succeeded);
    let payments = place.run(&["payment", "list", "-o", "json"]).ok().json();
    let payment = text(&payments, "/0/id").to_owned();
    assert_eq!(text(&payments, "/0/bookingId"), id);
    assert_eq!(payments[0]["amount"].to_string(), price.decimal().trim_end_matches('0'));
    fits_80_columns(&place.run(&["payment", "list"]).ok().out);

    for amount in ["0.501", "0", "0.00", "-1", "-1.00", "much"] {
        let refused = place.run(&["payment", "refund", &payment, "--amount", amount, "--yes"]);
        assert_eq!((refused.code, refused.err.contains("--amount")), (2, true), "{amount}: {refused:?}");
    }
    let much = place.run(&["payment", "refund", &payment, "--amount", "99", "--yes", "-o", "json"]);
    assert_eq!((much.code, text(&much.error(), "/code")), (5, "REFUND_TOO_MUCH"), "{much:?}");
    assert_eq!(text(&much.error(), "/hint"), format!("ticketctl payment show {payment}"));
    let by_booking = place.run(&["payment", "refund", &id, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(text(&by_booking, "/changes/0/id"), payment, "the booking's payment");

    let half = ["payment", "refund", &payment, "--amount", "0.50", "--reason", "late", "-o", "json"];
    let plan = place.run(&[&half[..], &["--dry-run"]].concat()).ok().json();
    assert_eq!(text(&plan, "/changes/0/after/refunding"), "0.50 USD");
    assert_eq!(text(&plan, "/changes/0/after/bookingStatus"), "CONFIRMED", "a part leaves the booking");
    assert_eq!(place.run(&half).code, 9);
    let key = [&half[..], &["--yes", "--idempotency-key", "r-1"]].concat();
    let first = place.run(&key).ok().json();
    assert_eq!(first["attempts"].as_array().unwrap().len(), 2);
    let again = place.run(&key).ok();
    assert_eq!(again.json()["attempts"].as_array().unwrap().len(), 2, "the same key refunds once");
    answered(&place, &id, succeeded);
    assert_eq!(
        place.run(&["payment", "show", &payment, "-o", "json"]).ok().json()["refunded"].to_string(),
        "0.5"
    );

    let plan = place.run(&["payment", "refund", &payment, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(text(&plan, "/changes/0/before/bookingStatus"), "CONFIRMED");
    assert_eq!(text(&plan, "/changes/0/after/bookingStatus"), "CANCELLED", "all of it cancels the booking");
    place.run(&["payment", "refund", &payment, "--yes", "--reason", "storm"]).ok();
    let nothing_left = place.run(&["payment", "refund", &payment, "--yes", "-o", "json"]);
    assert_eq!((nothing_left.code, text(&nothing_left.error(), "/code")), (5, "REFUND_TOO_MUCH"));
    answered(&place, &id, succeeded);
    let booking = place.run(&["booking", "get", &id, "-o", "json"]).ok().json();
    assert_eq!(text(&booking, "/status"), "REFUNDED");
    let books = place.run(&["payment", "books", "-o", "json"]).ok().json();
    assert_eq!(text(&books, "/0/currency"), "USD");
    assert_eq!(
        (books[0]["captured"].clone(), books[0]["kept"].to_string()),
        (books[0]["refunded"].clone(), "0.0".into())
    );
}

#[test]
fn the_books_balance_and_say_so_when_they_do_not() {
    let place = Place::seeded();
    assert_eq!(place.run(&["payment", "books"]).ok().err, "No payments yet.\n");
    let minor = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as i64;
    let figures = |ran: &Ran| {
        let books = ran.json();
        ["kept", "confirmed", "givenBack", "goingBack", "otherThings", "difference"]
            .map(|name| minor(&books[0][name]))
    };
    let (whole, part) = (booked_and_paid(&place, "C1"), booked_and_paid(&place, "D1"));
    answered(&place, &whole, succeeded);
    let (_, price) = answered(&place, &part, succeeded);
    let price = price.amount_minor;
    let meal = with_app(&place, async |app| {
        let amount = Money { amount_minor: 500, currency: Currency::USD };
        let meta = Meta { actor: "bob".into(), correlation_id: "meal".into(), idempotency: None };
        let bob = UserId("bob".into());
        charge(app, "meal-1".into(), amount, "tok_visa".into(), bob, None, meta).await.unwrap().body
    });
    let meal = text(&serde_json::from_str(&meal).unwrap(), "/id").to_owned();
    answered(&place, &meal, succeeded);
    let books = || place.run(&["payment", "books", "-o", "json"]).ok();
    assert_eq!(figures(&books()), [2 * price + 500, 2 * price, 0, 0, 500, 0]);
    // A part goes back, then all of another one, then some of the meal: first on its way, then done.
    place.run(&["payment", "refund", &part, "--amount", "0.50", "--yes"]).ok();
    assert_eq!(figures(&books()), [2 * price + 500, 2 * price, 50, 50, 500, 0]);
    answered(&place, &part, succeeded);
    place.run(&["booking", "cancel", &whole, "--yes"]).ok();
    assert_eq!(figures(&books()), [2 * price + 450, price, 50, price, 500, 0]);
    place.run(&["payment", "refund", &meal, "--amount", "1.00", "--yes"]).ok();
    assert_eq!(figures(&books()), [2 * price + 450, price, 50, price + 100, 400, 0]);
    let balanced = books();
    assert_eq!((balanced.err.as_str(), balanced.json()[0]["balanced"].as_bool()), ("", Some(true)));
    // The provider refuses to give the money back: nobody is at it any more.
    answered(&place, &whole, |_, _| Answer::Declined { code: "no".into(), message: "closed account".into() });
    let off = books();
    assert_eq!(figures(&off), [2 * price + 450, price, 50, 100, 400, price]);
    assert!(off.err.contains("ticketctl saga list --stuck"), "{}", off.err);
    let human = place.run(&["payment", "books"]).ok();
    fits_80_columns(&human.out);
    let difference = Money { amount_minor: price, currency: Currency::USD }.decimal();
    assert!(human.out.ends_with(&format!("{difference}\n")), "{}", human.out);
}

#[test]
fn the_status_tells_which_payments_are_open_and_that_nobody_runs_them() {
    let place = Place::seeded();
    let status = || place.run(&["status", "-o", "json"]).ok().json();
    let before = status();
    assert_eq!(
        (before["payments"]["notOver"].to_string(), &before["payments"]["warning"]),
        ("[]".into(), &Value::Null)
    );
    booked_and_paid(&place, "C1");
    parked(&place, "D1");
    let fresh = status();
    assert_eq!(text(&fresh, "/payments/notOver/0/state"), "CHARGING");
    assert_eq!(
        (fresh["payments"]["stuck"].as_u64(), fresh["payments"]["overdue"].as_u64()),
        (Some(1), Some(0))
    );
    // Another one is due for a minute, and nobody has come by.
    let a_minute_ago = Clock::system().now().plus_seconds(-60);
    booked_and_paid_at(&place, "C2", Clock::manual(a_minute_ago));
    let late = status();
    assert_eq!(late["payments"]["overdue"].as_u64(), Some(1));
    assert!(text(&late, "/payments/warning").contains("no saga worker seems to run"), "{late}");
    let human = place.run(&["status"]).ok().out;
    fits_80_columns(&human);
    for part in [
        "Stuck payments    1\n",
        "no saga worker seems",
        "Payments that are not over\n",
        "CHARGING",
        "PARKED",
    ] {
        assert!(human.contains(part), "{part} in {human}");
    }
}

#[test]
fn a_statement_is_compared_and_each_finding_names_what_mends_it() {
    let place = Place::seeded();
    let (a, b) = (booked_and_paid(&place, "C1"), booked_and_paid(&place, "D1"));
    let (call_a, price) = answered(&place, &a, succeeded);
    let (call_b, _) = answered(&place, &b, succeeded);
    let open = parked(&place, "C2");
    let price = price.decimal();
    let file = place.0.path().join("statement.csv");
    let head = "attempt_id,provider_ref,type,amount,currency,status,created\n";
    let around = format!(
        "{UNKNOWN},early,charge,1.00,USD,failed,2001-01-01\n{UNKNOWN},late,charge,1.00,USD,failed,2099-01-01\n"
    );
    let compare = |rows: &str| {
        std::fs::write(&file, format!("{head}{rows}")).unwrap();
        place.run(&["payment", "reconcile", "statement.csv", "-o", "json"])
    };
    let clean =
        format!("{call_a},,charge,{price},USD,succeeded,\n,ref-{call_b},charge,{price},USD,succeeded,\n");
    let ran = compare(&format!("{clean}{around}"));
    assert_eq!((ran.code, ran.out.as_str()), (0, "[]\n"), "{ran:?}");
    let human = place.run(&["payment", "reconcile", "statement.csv"]).ok();
    assert_eq!((human.out.as_str(), human.err.as_str()), ("", "4 rows compared: all agrees.\n"));

    let shown = place.run(&["saga", "show", &open, "-o", "json"]).ok().json();
    let call_open = text(&shown, "/providerCalls/0/id");
    let rows = format!(
        "{call_a},,charge,9.99,USD,succeeded,\n{call_a},ref-x,charge,{price},USD,succeeded,\n\
         {call_open},,charge,{price},USD,succeeded,\n,gh'ost,charge,5.00,USD,succeeded,\n\
         ,ghost,charge,5.001,USD,succeeded,\n{around}"
    );
    let ran = compare(&rows);
    assert_eq!((ran.code, text(&ran.error(), "/code")), (8, "NOT_RECONCILED"));
    let findings = ran.json();
    let found: Vec<(&str, Option<u64>, &str)> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (text(finding, "/kind"), finding["line"].as_u64(), text(finding, "/mend")))
        .collect();
    let payment = |index: usize| text(&findings[index], "/paymentId").to_owned();
    assert_eq!(found[0], ("UNREADABLE_ROW", Some(6), "correct the line, and compare again"));
    assert_eq!(found[1], ("AMOUNT_DIFFERS", Some(2), format!("ticketctl why {}", payment(1)).as_str()));
    assert_eq!((found[2].0, found[2].1), ("DOUBLE", Some(3)));
    assert_eq!(found[3], ("STATUS_DIFFERS", Some(4), format!("ticketctl saga retry {open}").as_str()));
    let harmless = "ticketctl payment list";
    assert_eq!(found[4], ("MISSING_HERE", Some(5), harmless), "no quote of the file gets into a command");
    assert_eq!((found[5].0, found[5].1), ("MISSING_THERE", None));
    assert_eq!(text(&findings[5], "/attemptId"), call_b.to_string());
    assert_eq!(found.len(), 6);
    let human = place.run(&["payment", "reconcile", "statement.csv"]);
    assert!(human.out.contains(&format!("  ticketctl saga retry {open}\n")), "{}", human.out);
    fits_80_columns(
        &human.out.lines().filter(|line| !line.contains("ticketctl")).collect::<Vec<_>>().join("\n"),
    );
    assert!(human.out.contains("is 9.99 USD there"), "{}", human.out);
    let lines: Vec<&str> = human.out.lines().collect();
    let retry = lines.iter().position(|line| line.contains("saga retry")).unwrap();
    assert!(lines[..retry].iter().any(|line| line.contains("STATUS_DIFFERS")), "{}", human.out);
    assert!(lines[retry + 1].contains("MISSING_HERE"), "its mend stands below it: {}", human.out);
    let nobody = place.run(&["payment", "reconcile", "statement.csv", "--provider", "nope"]);
    assert_eq!((nobody.code, nobody.err.contains("nope")), (2, true), "{nobody:?}");
    assert_eq!(place.run(&["payment", "reconcile", "none.csv"]).code, 3);
    std::fs::write(&file, "a,b\n").unwrap();
    let headless = place.run(&["payment", "reconcile", "statement.csv", "-o", "json"]);
    assert_eq!((headless.code, text(&headless.error(), "/code")), (1, "STATEMENT"));
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
