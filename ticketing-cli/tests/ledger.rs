//! Refunds, the books, statements and the state of payments from end to end: the program itself, on stores where the
//! provider's answers came as the tests say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use serde_json::Value;
use support::paid::*;
use support::{Place, Ran};
use ticketing_core::app::payments::charge;
use ticketing_core::clock::Clock;
use ticketing_core::domain::id::UserId;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::Meta;
use ticketing_core::saga::Answer;

#[test]
fn a_payment_is_given_back_in_part_and_then_with_its_booking() {
    let place = Place::seeded();
    let id = booked_and_paid(&place, "C1");
    let (_, price) = answered(&place, &id, succeeded);
    let payments = place.run(&["payment", "list", "-o", "json"]).ok().json();
    let payment = text(&payments, "/0/id").to_owned();
    assert_eq!(text(&payments, "/0/bookingId"), id);
    assert_eq!(payments[0]["amount"].to_string(), price.decimal().trim_end_matches('0'));
    // The fields of `/v1` are there under their own names.
    assert_eq!(payments[0]["amount_cents"], price.amount_minor);
    assert_eq!(
        (&payments[0]["refunded_cents"], text(&payments, "/0/merchant_order_id")),
        (&0.into(), id.as_str())
    );
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
