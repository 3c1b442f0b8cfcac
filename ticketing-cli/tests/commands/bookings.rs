//! Bookings and holds, from the seat to its end.

use crate::UNKNOWN;
use crate::support::Place;
use serde_json::Value;

#[test]
fn a_booking_is_held_confirmed_and_cancelled() {
    let place = Place::seeded();
    let schedule = place.schedule();
    let plan = place.reserve(&schedule, &["--dry-run", "--seat", "c1"]).ok().json();
    assert_eq!((plan["action"].as_str(), plan["affected"].as_u64()), (Some("booking reserve"), Some(1)));
    assert_eq!(plan["changes"][0]["id"], Value::Null);
    assert_eq!(plan["changes"][0]["after"]["seatNumber"], "C1");
    assert_eq!(place.audit_rows(), 1, "a dry run leaves no row");

    let held = place.reserve(&schedule, &["--seat", "c1", "--user", "bob", "--hold", "1h"]).ok().json();
    assert_eq!((held["status"].as_str(), held["userId"].as_str()), (Some("RESERVED"), Some("bob")));
    let id = held["id"].as_str().unwrap();
    let taken = place.reserve(&schedule, &["--seat", "C1"]);
    assert_eq!((taken.code, taken.error()["code"].as_str()), (5, Some("SEAT_TAKEN")));
    assert_eq!(taken.error()["hint"], format!("ticketctl seat map {schedule}"));
    assert_eq!(place.reserve(&schedule, &["--seat", "Z9"]).code, 1);

    // The read store has it when the command returns.
    let list = place.run(&["booking", "list", "--user", "bob", "--status", "reserved", "-o", "name"]).ok();
    assert_eq!(list.names(), [id]);
    let map = place.run(&["seat", "map", &schedule]).ok().out;
    assert!(map.contains("\n 1  . .   h .\n") && map.ends_with("x blocked 0\n"), "{map}");

    let confirmed =
        place.run(&["booking", "confirm", &id[..18], "--payment", "pay-1", "-o", "json"]).ok().json();
    assert_eq!(confirmed["status"], "CONFIRMED");
    let again = place.run(&["booking", "confirm", id, "--payment", "pay-1", "-o", "json"]).ok();
    assert_eq!(
        (again.json()["confirmedAt"].clone(), again.err.as_str()),
        (confirmed["confirmedAt"].clone(), "Nothing to change.\n")
    );
    let other = place.run(&["booking", "confirm", id, "--payment", "pay-2", "-o", "json"]);
    assert_eq!((other.code, other.error()["code"].as_str()), (5, Some("INVALID_STATE")));

    let unasked = place.run(&["booking", "cancel", id]);
    assert_eq!(unasked.code, 9);
    assert!(
        unasked.err.ends_with(&format!("  try: ticketctl booking cancel {id} --yes\n")),
        "{}",
        unasked.err
    );
    let cancelled =
        place.run(&["booking", "cancel", id, "--yes", "--reason", "ill", "-o", "json"]).ok().json();
    assert_eq!(
        (cancelled["status"].as_str(), cancelled["refund"]["status"].as_str()),
        (Some("CANCELLED"), Some("PENDING"))
    );
    assert_eq!(place.run(&["booking", "cancel", id, "--yes"]).code, 5);

    let details = place.run(&["booking", "get", id, "-o", "json"]).ok().json();
    assert_eq!(
        (details["passenger"]["name"].as_str(), details["reason"].as_str()),
        (Some("Ada"), Some("ill"))
    );
    let types: Vec<_> =
        details["history"].as_array().unwrap().iter().map(|h| h["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["TicketReserved", "TicketConfirmed", "TicketCancelled", "RefundRequested"]);
    let audit = place.run(&["audit", "list", "--limit", "1", "-o", "json"]).ok().json();
    assert_eq!((audit[0]["actor"].as_str(), audit[0]["reason"].as_str()), (Some("tester"), Some("ill")));
    assert_eq!((audit[0]["result"].as_str(), audit[0]["plan"]["affected"].as_u64()), (Some("done"), Some(1)));
}

#[test]
fn of_several_ids_one_unknown_stops_all_and_stdin_brings_ids() {
    let place = Place::seeded();
    let (a, b) = (place.booking(&[]), place.booking(&[]));
    let unknown = place.run(&["booking", "cancel", &a, UNKNOWN, "--yes", "-o", "json"]);
    assert_eq!((unknown.code, unknown.error()["code"].as_str()), (3, Some("BOOKING_NOT_FOUND")));
    assert_eq!(place.run(&["booking", "list", "--status", "RESERVED", "-o", "name"]).names().len(), 2);
    let too_many = place.run(&["booking", "cancel", &a, &b, "--yes", "--max-affected", "1"]);
    assert_eq!(too_many.code, 9, "{too_many:?}");
    let ids = place.run(&["booking", "list", "-o", "name"]).ok().out;
    let piped =
        place.finish(&mut place.command(&["booking", "cancel", "-", "--yes", "-o", "json"]), &ids).ok();
    assert_eq!(piped.json().as_array().unwrap().len(), 2);
    let none = place.finish(&mut place.command(&["booking", "cancel", "-", "--yes"]), "").ok();
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "Nothing to change.\n"));
    let ambiguous = place.run(&["booking", "get", &a[..5]]);
    assert_eq!(ambiguous.code, 2, "{ambiguous:?}");
}

#[test]
fn a_key_makes_a_command_once() {
    let place = Place::seeded();
    let schedule = place.schedule();
    let key = ["--idempotency-key", "k-1"];
    let first = place.reserve(&schedule, &key).ok();
    let again = place.reserve(&schedule, &key).ok();
    assert_eq!(first.out, again.out);
    assert_eq!(place.run(&["booking", "list", "-o", "name"]).names().len(), 1);
    let other = place.reserve(&schedule, &["--idempotency-key", "k-1", "--seat", "B2"]);
    assert_eq!((other.code, other.error()["code"].as_str()), (5, Some("IDEMPOTENCY_KEY_REUSED")));
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let cancel = ["booking", "cancel", &id, "--yes", "--idempotency-key", "k-2", "-o", "json"];
    assert_eq!(place.run(&cancel).ok().out, place.run(&cancel).ok().out);
}

#[test]
fn holds_are_listed_and_ended_by_query() {
    let place = Place::seeded();
    let (short, long) =
        (place.booking(&["--hold", "50s", "--user", "ada"]), place.booking(&["--hold", "1h"]));
    let soon = place.run(&["hold", "list", "--expiring-within", "60s", "-o", "json"]).ok().json();
    assert_eq!((soon.as_array().unwrap().len(), soon[0]["id"].as_str()), (1, Some(short.as_str())));
    assert!((1..=50).contains(&soon[0]["secondsLeft"].as_i64().unwrap()));
    assert_eq!(place.run(&["hold", "list", "-o", "name"]).names(), [&short, &long]);
    assert_eq!(place.run(&["hold", "expire", "--query", "user=ada"]).code, 9);
    let ended = place.run(&["hold", "expire", "--query", "user=ada", "--yes", "-o", "json"]).ok().json();
    assert_eq!(
        (ended[0]["id"].as_str(), ended[0]["status"].as_str()),
        (Some(short.as_str()), Some("EXPIRED"))
    );
    assert_eq!(
        place.run(&["hold", "expire", "--query", "user=ada", "--yes"]).ok().err,
        "Nothing to change.\n"
    );
    assert_eq!(place.run(&["hold", "expire", &short, "--yes"]).code, 5);
    let wrong = place.run(&["hold", "list", "--query", "statsu=RESERVED"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("did you mean status?") && wrong.err.contains("^^^^^^"), "{}", wrong.err);
}

#[test]
fn what_can_be_no_passenger_is_a_usage_error() {
    let place = Place::new();
    let long = "x".repeat(201);
    let rows: [(&str, &str, &[&str]); 6] = [
        ("", "a@b.org", &[]),
        (&long, "a@b.org", &[]),
        ("A\u{7}", "a@b.org", &[]),
        ("Ada", "nobody", &[]),
        ("Ada", "a@b.org", &["--passenger-phone", "\n"]),
        ("Ada", "a@b.org", &["--hold", "2h"]),
    ];
    for (name, email, more) in rows {
        let args =
            ["booking", "reserve", "s", "--passenger-name", name, "--passenger-email", email, "-ojson"];
        let ran = place.run(&[&args[..], more].concat());
        assert_eq!((ran.code, ran.error()["code"].as_str()), (2, Some("USAGE")), "{name} {email} {more:?}");
    }
}
