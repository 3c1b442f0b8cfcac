//! Every command from end to end: the program itself, on stores in a folder of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use serde_json::Value;
use std::process::{Command, Stdio};
use support::Place;
use ticketing_core::app::folder::FolderLock;
use ticketing_core::domain::time::Timestamp;

const UNKNOWN: &str = "01234567-89ab-7000-8000-000000000000";

#[test]
fn reading_makes_no_folder_and_names_the_way_to_one() {
    let place = Place::new();
    for args in [
        &["booking", "list"][..],
        &["schedule", "list"],
        &["hold", "list"],
        &["events", "tail"],
        &["audit", "list"],
        &["status"],
        &["booking", "cancel", UNKNOWN, "--yes"],
        &["user", "token", "ada"],
    ] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{args:?}");
        assert_eq!(
            ran.err,
            "error: There is no store in ./data.\n  try: ticketctl seed demo, or ticketctl up --demo\n"
        );
    }
    let status = place.run(&["migrate", "status", "-o", "json"]);
    assert_eq!((status.code, status.json()[0]["state"].as_str()), (8, Some("PENDING")));
    assert!(!place.0.path().join("data").exists());
}

#[test]
fn the_demo_city_is_seeded_once_however_often_it_is_asked_for() {
    let place = Place::new();
    let dry = place.run(&["seed", "demo", "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 0, "a dry run makes no store");
    assert_eq!(dry["changes"].as_array().unwrap().len() as u64, dry["affected"].as_u64().unwrap());
    let first = place.run(&["seed", "demo"]).ok();
    assert!(first.out.starts_with("KIND      NEW  CHANGED  UNCHANGED  KEPT\nlayout      5"), "{}", first.out);
    let second = place.run(&["seed", "demo"]).ok();
    assert_eq!((second.out.as_str(), second.err.as_str()), ("", "Nothing to change.\n"));
    assert_eq!(place.audit_rows(), 1);
    let routes = place.run(&["route", "list", "-o", "json"]).ok().json();
    assert_eq!(routes.as_array().unwrap().len(), 4);
    let status = place.run(&["status", "-o", "json"]).ok().json();
    assert_eq!((status["lag"].as_i64(), status["head"].clone()), (Some(0), status["readPosition"].clone()));
}

#[test]
fn a_seeding_that_was_killed_after_its_commit_is_made_whole_by_the_next() {
    let place = Place::seeded();
    // What the read store had not got yet is all of it.
    for name in ["read.db", "read.db-wal", "read.db-shm"] {
        let _ = std::fs::remove_file(place.0.path().join("data").join(name));
    }
    assert_eq!(place.run(&["seed", "demo"]).ok().err, "Nothing to change.\n");
    assert_eq!(place.run(&["route", "list", "-o", "name"]).ok().names().len(), 4);
}

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
fn the_log_is_read_line_by_line() {
    let place = Place::seeded();
    let id = place.booking(&[]);
    let lines = place.run(&["events", "tail", "--since", "-1h", "-o", "jsonl"]).ok().out;
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let positions: Vec<u64> =
        events.iter().map(|e| e["position"].as_str().unwrap().parse().unwrap()).collect();
    assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let last = events.last().unwrap();
    assert_eq!(
        (last["type"].as_str(), last["streamId"].as_str()),
        (Some("TicketReserved"), Some(id.as_str()))
    );
    let tail = place.run(&["events", "tail", "--limit", "3", "-o", "name"]).ok();
    assert_eq!(tail.names().last().copied(), last["position"].as_str());
    assert_eq!(tail.names().len(), 3);
    let of_late = place.run(&["events", "tail", "--since", "-1h", "--limit", "3", "-o", "name"]).ok();
    assert_eq!(of_late.names(), tail.names(), "the last ones, whichever way they are chosen");
    let position = last["position"].as_str().unwrap();
    assert_eq!(place.run(&["events", "show", position, "-o", "json"]).ok().json(), *last);
    assert_eq!(place.run(&["events", "show", "999999"]).code, 3);
    assert_eq!(
        place
            .run(&["events", "tail", "--range", "2001-01-01..2001-01-02", "-o", "csv"])
            .ok()
            .out
            .lines()
            .count(),
        1
    );
    assert_eq!(place.run(&["events", "tail", "--since", "soon"]).code, 2);
}

#[test]
fn status_says_who_serves_the_data_folder() {
    let place = Place::seeded();
    let status = || place.run(&["status", "-o", "json"]).ok().json();
    assert!(status()["server"].is_null());
    let folder = place.0.path().join("data");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let mut lock = runtime.block_on(FolderLock::take(&folder, now)).unwrap();
    lock.listens_at("127.0.0.1:3002").unwrap();
    let served = status();
    assert_eq!(served["server"]["address"], "127.0.0.1:3002");
    assert_eq!(served["server"]["pid"].as_u64(), Some(u64::from(std::process::id())));
    assert!(place.run(&["status"]).ok().out.contains("127.0.0.1:3002"));
    drop(lock);
    assert!(status()["server"].is_null());
}

#[cfg(unix)]
#[test]
fn who_follows_the_log_sees_what_comes_and_leaves_by_a_signal() {
    use std::io::{BufRead as _, BufReader};
    let place = Place::seeded();
    let mut follow = place.command(&["events", "tail", "-f", "--since", "now", "-o", "jsonl"]);
    let mut child = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let id = place.booking(&[]);
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains(&id) && line.contains("TicketReserved"), "{line}");
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn departures_are_listed_made_and_withdrawn() {
    let place = Place::seeded();
    let day =
        place.run(&["schedule", "list", "--limit", "1", "-o", "json"]).ok().json()[0]["serviceDate"].clone();
    let day = day.as_str().unwrap();
    let of_day = place.run(&["schedule", "list", "--date", day, "-o", "json"]).ok().json();
    assert!(of_day.as_array().unwrap().iter().all(|s| s["serviceDate"] == day));
    let of_route = place.run(&["schedule", "list", "--route", "X90", "--date", day, "-o", "name"]).ok();
    assert_eq!(of_route.names().len(), 6);
    let table = place.run(&["schedule", "list"]).ok();
    assert!(
        table.err.starts_with("50 of ") && table.out.lines().all(|l| l.chars().count() <= 80),
        "{table:?}"
    );
    let prefix = table.out.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    place.run(&["schedule", "get", &prefix]).ok();

    let route = [
        "route",
        "create",
        "--key",
        "7",
        "--name",
        "Night",
        "--price",
        "4.00",
        "--timezone",
        "Europe/Dublin",
    ];
    let route =
        [&route[..], &["--currency", "EUR", "--stops", "north=North,south=South,north", "-o", "json"]]
            .concat();
    let made = place.run(&route).ok().json();
    assert_eq!((made["price"].to_string().as_str(), made["currency"].as_str()), ("4.0", Some("EUR")));
    assert_eq!(place.run(&route).ok().err, "Nothing to change.\n");
    let create = |minutes: &str, price: &str| {
        let schedule =
            ["schedule", "create", "--route", "7", "--at", "2099-12-01T08:00", "--layout", "bus-40"];
        place.run(&[&schedule[..], &["--minutes", minutes, "--price", price, "-o", "json"]].concat())
    };
    let made = create("0,6.5,20", "5.00").ok().json();
    assert_eq!(
        (made["departureTime"].as_str(), made["seatsLeft"].as_u64()),
        (Some("2099-12-01T08:00:00.000Z"), Some(40))
    );
    assert_eq!(create("0,6.5,20", "6.00").code, 5);
    assert_eq!(create("0,6.5", "6.00").code, 2);
    assert_eq!(create("0,6.5,20", "6.001").code, 2);

    let id = made["id"].as_str().unwrap();
    let booked = place.reserve(id, &[]).ok().json();
    assert_eq!(place.run(&["schedule", "cancel", "7@08:00"]).code, 9);
    let cancelled =
        place.run(&["schedule", "cancel", "7@08:00", "--yes", "--reason", "snow", "-o", "json"]).ok();
    assert_eq!(cancelled.json()["status"], "CANCELLED");
    let booking = place.run(&["booking", "get", booked["id"].as_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!((booking["status"].as_str(), booking["reason"].as_str()), (Some("CANCELLED"), Some("snow")));
    assert_eq!(place.run(&["schedule", "cancel", id, "--yes"]).code, 5);
}

#[test]
fn feeds_and_files_are_seeded_and_their_faults_named() {
    let place = Place::new();
    let feed = |name: &str| format!("{}/../fixtures/gtfs/{name}", env!("CARGO_MANIFEST_DIR"));
    let gtfs = |feed: &str, more: &[&str]| {
        place.run(&[&["seed", "gtfs", feed, "--fare", "2.00", "--days", "2"], more].concat())
    };
    let untidy = gtfs(&feed("untidy"), &["--from", "2026-11-23", "-o", "json"]).ok();
    let outcome = untidy.json();
    assert_eq!(
        outcome["summary"]["skippedRows"].as_u64(),
        Some(outcome["skipped"].as_array().unwrap().len() as u64)
    );
    assert!(
        untidy.err.contains("rows were skipped:\n  agency.txt line 4: ") && untidy.err.contains("\n  … and ")
    );
    let again = gtfs(&feed("untidy"), &["--from", "2026-11-23"]).ok();
    assert!(again.err.ends_with("Nothing to change.\n") && again.out.is_empty(), "{again:?}");
    assert_eq!(gtfs(&feed("untidy"), &["--from", "2026-11-23", "--strict"]).code, 1);
    let empty = gtfs(&feed("mini-city"), &["--from", "2001-11-23"]).ok();
    assert!(empty.err.contains("run from 2026-03-01 to 2026-11-29"), "{}", empty.err);
    let weekday = gtfs(&feed("mini-city"), &["--from", "2026-11-23", "--start-on", "2026-12-01"]);
    assert_eq!((weekday.code, weekday.err.contains("--start-on 2026-11-30")), (2, true), "{weekday:?}");
    let layout = gtfs(&feed("mini-city"), &["--from", "2026-11-23", "--layout", "zeppelin"]);
    assert_eq!((layout.code, layout.err.contains("bus-40, coach-52, minibus-16")), (2, true), "{layout:?}");
    assert_eq!(gtfs("nowhere.zip", &["--from", "2026-11-23"]).code, 3);

    let file = "stops: [{key: a, name: A}, {key: b, name: B}]\nroutes:\n  - {key: z, name: Z, stops: [a, b], price: 1.00, \
                timezone: UTC, layout: bus-40, departures: [{at: 2099-01-01T08:00, minutes: [0, 5]}]}\n";
    let apply = ["seed", "apply", "-f", "-"];
    let applied = place.finish(place.command(&apply).arg("-ojson"), file).ok().json();
    assert_eq!(applied["counts"]["new"].as_u64(), Some(3), "the layout is the feed's: {applied}");
    assert_eq!(place.finish(&mut place.command(&apply), file).ok().err, "Nothing to change.\n");
    // What has bookings stays, and is named.
    place.reserve("z@08:00", &[]).ok();
    let changed = place.finish(place.command(&apply).arg("-ojson"), &file.replace("[0, 5]", "[0, 6]")).ok();
    assert_eq!(
        (changed.json()["counts"]["kept"].as_u64(), changed.json()["kept"][0]["kind"].as_str()),
        (Some(1), Some("schedule"))
    );
    let wrong = place.finish(&mut place.command(&apply), "routes: [1]");
    assert_eq!((wrong.code, wrong.err.starts_with("error: -:1:10: routes[0]: ")), (1, true), "{wrong:?}");
    assert_eq!(place.run(&["seed", "apply", "-f", "nowhere.yaml"]).code, 3);
}

#[test]
fn stores_that_can_not_be_used_get_their_sentence() {
    let place = Place::seeded();
    let path = |name: &str| place.0.path().join(name);
    std::fs::create_dir(path("junk")).unwrap();
    for name in ["write.db", "read.db"] {
        std::fs::write(path("junk").join(name), vec![b'x'; 5000]).unwrap();
    }
    for args in [&["booking", "list"][..], &["migrate", "status"], &["seed", "demo"], &["status"]] {
        let ran = place.run(&[args, &["--data-dir", "junk", "-o", "json"]].concat());
        assert_eq!((ran.code, ran.error()["code"].as_str()), (1, Some("NOT_A_DATABASE")), "{args:?}");
        assert!(ran.error()["message"].as_str().unwrap().starts_with("junk/write.db is no database."));
    }
    std::fs::write(path("file"), "").unwrap();
    assert_eq!(place.run(&["seed", "demo", "--data-dir", "file"]).code, 1);

    std::fs::create_dir(path("empty")).unwrap();
    for name in ["write.db", "read.db"] {
        std::fs::write(path("empty").join(name), "").unwrap();
    }
    let old = place.run(&["booking", "list", "--data-dir", "empty", "-o", "json"]);
    assert_eq!((old.code, old.error()["hint"].as_str()), (1, Some("ticketctl --data-dir empty migrate up")));
    assert_eq!(place.run(&["migrate", "status", "--data-dir", "empty"]).code, 8);
    let up = place.run(&["migrate", "up", "--data-dir", "empty", "-o", "json"]).ok().json();
    assert!(up.as_array().unwrap().iter().all(|m| m["state"] == "APPLIED"));
    assert_eq!(place.run(&["migrate", "up", "--data-dir", "empty"]).ok().err, "Nothing to change.\n");
    assert_eq!(place.run(&["migrate", "status", "--data-dir", "empty"]).ok().err, "");

    // Nothing listens on port 1.
    let url = "postgres://u:hunter2@127.0.0.1:1/x";
    for args in [&["booking", "list"][..], &["seed", "demo"], &["migrate", "status"]] {
        let away = place.run(&[args, &["--database-url", url, "--timeout", "1s", "-o", "json"]].concat());
        assert_eq!((away.code, away.error()["retryable"].as_bool()), (7, Some(true)), "{args:?}");
        assert!(
            away.err.contains("postgres://u@127.0.0.1:1/x") && !away.err.contains("hunter2"),
            "{}",
            away.err
        );
    }
    let mut settled = place.command(&["booking", "list"]);
    assert_eq!(place.finish(settled.env("DATABASE_URL", "mysql://x"), "").code, 2);
    std::fs::write(path("ticketing.toml"), "database_url = \"mysql://x\"\n").unwrap();
    assert_eq!(place.run(&["booking", "list"]).code, 2);
    place.run(&["booking", "list", "--data-dir", "data"]).ok();
    std::fs::write(path("ticketing.toml"), "database_url = \n").unwrap();
    let broken = place.run(&["booking", "list"]);
    assert_eq!((broken.code, broken.err.starts_with("error: ticketing.toml ")), (2, true), "{broken:?}");
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

#[test]
fn a_token_is_bare_and_its_making_is_written_down() {
    let place = Place::seeded();
    let token =
        place.run(&["user", "token", "ada", "--role", "operator", "--ttl", "8h", "--reason", "on call"]).ok();
    assert_eq!((token.out.matches('.').count(), token.out.lines().count()), (2, 1));
    let audit = place.run(&["audit", "list", "-o", "json", "--limit", "1"]).ok();
    assert_eq!(audit.json()[0]["plan"]["changes"][0]["after"]["role"], "operator");
    assert!(!audit.out.contains(token.out.trim()), "the token itself is not kept");
    place.run(&["user", "token", "ada", "--dry-run"]).ok();
    assert_eq!(place.audit_rows(), 2);
    assert_eq!(place.run(&["user", "token", "ada", "--role", "king"]).code, 2);
    assert_eq!(place.run(&["user", "token", ""]).code, 2);
    let mut production = place.command(&["user", "token", "ada"]);
    assert_eq!(place.finish(production.env("APP_ENV", "production"), "").code, 2);
}

#[test]
fn an_account_is_made_suspended_let_in_again_and_deleted() {
    let place = Place::seeded();
    let made =
        place.run(&["user", "create", "--email", "Ada@Example.org", "--username", "ada", "-o", "json"]).ok();
    let account = made.json();
    let password = account["password"].as_str().unwrap().to_owned();
    assert_eq!((account["email"].as_str(), password.len()), (Some("ada@example.org"), 32));
    assert!(made.err.contains("shown this once"), "{}", made.err);
    let id = account["id"].as_str().unwrap().to_owned();
    let bob = ["user", "create", "--email", "bob@example.org", "--password", "-", "-o", "json"];
    let fed = |args: &[&str], stdin: &str| place.finish(&mut place.command(args), stdin);
    let bob = fed(&bob, "correct horse\n").ok();
    assert!(bob.json().get("password").is_none() && !bob.out.contains("correct"), "{}", bob.out);
    for (args, stdin, code, word) in [
        (&["--email", "ADA@example.org"][..], "", 5, "EMAIL_TAKEN"),
        (&["--email", "c@example.org", "--username", "ADA"], "", 5, "USERNAME_TAKEN"),
        (&["--email", "nobody"], "", 2, "USAGE"),
        (&["--email", "c@example.org", "--username", "a b"], "", 2, "USAGE"),
        (&["--email", "c@example.org", "--password", "-"], "short\n", 2, "USAGE"),
        (&["--email", "c@example.org", "--password", "correct horse"], "", 2, "USAGE"),
    ] {
        let ran = fed(&[&["user", "create", "-o", "json"], args].concat(), stdin);
        assert_eq!((ran.code, ran.error()["code"].as_str()), (code, Some(word)), "{args:?}");
        assert!(!ran.err.contains("short"), "{}", ran.err);
    }
    let list =
        |args: &[&str]| place.run(&[&["user", "list", "-o", "name"], args].concat()).ok().names().len();
    assert_eq!((list(&[]), list(&["--search", "ADA"]), list(&["--status", "suspended"])), (2, 1, 0));

    let schedule = place.schedule();
    let passenger =
        ["--passenger-name", "Ada Lovelace", "--passenger-email", "ada@example.org", "--user", &id];
    let booking =
        place.run(&[&["booking", "reserve", &schedule, "-o", "name"], &passenger[..]].concat()).ok();
    let booking = booking.out.trim().to_owned();
    assert_eq!(place.run(&["user", "suspend", "ada"]).code, 9, "nobody said yes");
    let rows = place.audit_rows();
    let dry = place.run(&["user", "suspend", "ada", "--dry-run", "-o", "json"]).ok().json();
    assert_eq!((&dry["changes"][0]["before"]["status"], &dry["affected"]), (&"ACTIVE".into(), &1.into()));
    assert_eq!(place.audit_rows(), rows);
    let suspended =
        place.run(&["user", "suspend", "ada", "--yes", "--reason", "spam", "-o", "json"]).ok().json();
    assert_eq!(
        (suspended["status"].as_str(), suspended["statusReason"].as_str()),
        (Some("SUSPENDED"), Some("spam"))
    );
    assert_eq!(list(&["--status", "suspended"]), 1);
    assert!(place.run(&["user", "suspend", "ada", "--yes"]).ok().err.contains("Nothing to change."));
    assert_eq!(place.run(&["user", "unsuspend", &id[..13], "-o", "json"]).ok().json()["status"], "ACTIVE");
    assert_eq!(place.run(&["user", "delete", &id]).code, 9);
    let gone = place.run(&["user", "delete", &id, "--yes", "--reason", "asked", "-o", "json"]).ok().json();
    assert_eq!((gone["status"].as_str(), &gone["email"]), (Some("DELETED"), &Value::Null));
    let shown = place.run(&["booking", "get", &booking, "-o", "json"]).ok().json();
    assert_eq!((&shown["passenger"], shown["userId"].as_str()), (&Value::Null, Some(&*id)));
    assert_eq!(place.run(&["user", "get", "ada@example.org"]).code, 3);
    assert_eq!(place.run(&["user", "resume", &id]).code, 5);
    assert_eq!((list(&[]), list(&["--status", "deleted"])), (1, 1));
    place.run(&["verify"]).ok();
    // Nobody's name or password is in what is written down.
    let audit = place.run(&["audit", "list", "--all", "-o", "json"]).ok().out;
    for word in ["example.org", "Lovelace", &password, "correct", "argon2"] {
        assert!(!audit.contains(word), "{word} in {audit}");
    }
}

#[test]
fn every_command_has_examples() {
    let place = Place::new();
    let verbs: [(&str, &[&str]); 11] = [
        ("migrate", &["up", "status"]),
        ("seed", &["demo", "apply", "gtfs"]),
        ("route", &["list", "get", "create"]),
        ("schedule", &["list", "get", "create", "cancel"]),
        ("booking", &["list", "get", "reserve", "confirm", "cancel"]),
        ("hold", &["list", "expire"]),
        ("events", &["tail", "show"]),
        ("seat", &["map"]),
        ("user", &["list", "get", "create", "suspend", "resume", "delete"]),
        ("venue", &["list", "get", "create", "cancel"]),
        ("event", &["list", "get", "create", "cancel", "block", "unblock"]),
    ];
    let more: [&[&str]; 5] =
        [&["audit", "list"], &["user", "token"], &["status"], &["version"], &["completions"]];
    let all = verbs.iter().flat_map(|(noun, verbs)| verbs.iter().map(move |verb| vec![*noun, *verb]));
    for mut args in all.chain(more.map(<[_]>::to_vec)) {
        args.push("--help");
        let mut command = place.command(&args);
        let help = place.finish(command.env("COLUMNS", "80"), "").ok().out;
        assert!(
            help.contains("Examples:\n  ticketctl ") || help.contains("Examples:\n  source"),
            "{args:?}: {help}"
        );
        assert!(!help.contains('\u{1b}'));
        // None is so long that it would be broken in two, where nobody could copy it.
        let begins = ["ticketctl ", "curl ", "source ", "TOKEN=", "generate-timetable ", "    "];
        for line in help.lines().skip_while(|line| *line != "Examples:").skip(1) {
            assert!(begins.iter().any(|it| line.strip_prefix("  ").unwrap().starts_with(it)), "{line}");
        }
    }
}

#[test]
fn lists_are_read_in_every_format() {
    let place = Place::seeded();
    place.booking(&[]);
    let schedule = place.schedule();
    let lists: [&[&str]; 8] = [
        &["booking", "list"],
        &["hold", "list"],
        &["route", "list"],
        &["schedule", "list", "--limit", "3"],
        &["events", "tail", "--limit", "3"],
        &["audit", "list"],
        &["migrate", "status"],
        &["seat", "map", &schedule],
    ];
    for args in lists {
        for format in ["table", "wide", "json", "jsonl", "yaml", "csv", "name"] {
            let ran = place.run(&[args, &["-o", format]].concat()).ok();
            assert!(!ran.out.is_empty() && !ran.out.contains('\u{1b}'), "{args:?} {format}");
            match format {
                "json" => drop(ran.json()),
                "jsonl" => {
                    ran.out.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
                }
                "yaml" => drop(serde_saphyr::from_str::<Value>(&ran.out).unwrap()),
                "table" => assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out),
                _ => {}
            }
        }
    }
}
