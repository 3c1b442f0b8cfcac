//! What is seeded, made and withdrawn of what can be booked.

use crate::support::Place;

#[test]
fn the_demo_city_is_seeded_once_however_often_it_is_asked_for() {
    let place = Place::new();
    let dry = place.run(&["seed", "demo", "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 0, "a dry run makes no store");
    assert_eq!(dry["changes"].as_array().unwrap().len() as u64, dry["affected"].as_u64().unwrap());
    let first = place.run(&["seed", "demo"]).ok();
    assert!(first.out.starts_with("KIND      NEW  CHANGED  UNCHANGED  KEPT\nlayout      6"), "{}", first.out);
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
