//! Venues and events at the command line: what each command prints, to the last blank. The pictures are in
//! `tests/golden`; with `UPDATE_GOLDEN=1` they are written anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use std::fs;
use std::path::Path;
use support::{Place, Ran};

const VENUE: &[&str] = &["venue", "create", "--key", "opera", "--name", "Opera House", "--city", "Riverton"];
const HALL: &[&str] =
    &["--timezone", "America/Chicago", "--section", "STALLS:3x5:GOLD", "--section", "STANDING:10"];
const EVENT: &[&str] = &["event", "create", "--venue", "opera", "--title", "Tosca", "--type", "opera"];
/// It begins on the next day in UTC.
const EVENING: &[&str] =
    &["--at", "2099-05-01T19:30", "--minutes", "150", "--price", "20", "--prices", "GOLD=65.50"];

/// Output that is made in a terminal of 80 columns, with times as they are in UTC.
fn run(place: &Place, args: &[&[&str]]) -> Ran {
    let args = args.concat();
    let mut command = place.command(&args);
    place.finish(command.env("COLUMNS", "80"), "")
}

/// What a run printed, and how it ended, as one text.
fn text(ran: &Ran) -> String {
    let part = |name: &str, text: &str| match text {
        "" => String::new(),
        text => format!("--- {name}\n{text}"),
    };
    format!("{}{}--- exit {}\n", part("stdout", &ran.out), part("stderr", &ran.err), ran.code)
}

/// Holds what was printed against the picture of this name. An id that differs from run to run is a name there.
fn golden(name: &str, ran: &Ran, ids: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    let shown = ids.iter().fold(text(ran), |text, (id, name)| text.replace(id, name));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, shown).unwrap();
        return;
    }
    let picture = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, picture, "{name} is not as in {}", path.display());
}

/// A store with a venue and two events there, all of whose ids come from their keys.
fn house() -> Place {
    let place = Place::new();
    place.run(&["migrate", "up", "-q"]).ok();
    run(&place, &[VENUE, HALL]).ok();
    run(&place, &[EVENT, &["--key", "tosca"], EVENING]).ok();
    let matinee = ["--key", "gala", "--at", "2099-05-02T11:00", "--minutes", "60", "--price", "9.50"];
    run(&place, &[EVENT, &matinee]).ok();
    place
}

#[test]
fn venues_are_made_shown_and_closed() {
    let place = Place::new();
    place.run(&["migrate", "up", "-q"]).ok();
    golden("venue-create-dry-run", &run(&place, &[VENUE, HALL, &["--dry-run"]]), &[]);
    golden("venue-list-empty", &run(&place, &[&["venue", "list"]]), &[]);
    golden("venue-create", &run(&place, &[VENUE, HALL]), &[]);
    golden("venue-create-again", &run(&place, &[VENUE, HALL, &["-q"]]), &[]);
    golden("venue-list", &run(&place, &[&["venue", "list"]]), &[]);
    golden("venue-list-csv", &run(&place, &[&["venue", "list", "-o", "csv"]]), &[]);
    golden("venue-get", &run(&place, &[&["venue", "get", "opera"]]), &[]);
    golden("venue-get-json", &run(&place, &[&["venue", "get", "opera", "-o", "json"]]), &[]);
    golden("venue-get-unknown", &run(&place, &[&["venue", "get", "nowhere"]]), &[]);
    let close = ["venue", "cancel", "opera", "--reason", "the lease ended"];
    golden("venue-cancel-dry-run", &run(&place, &[&close, &["--dry-run"]]), &[]);
    golden("venue-cancel-unasked", &run(&place, &[&close]), &[]);
    golden("venue-cancel", &run(&place, &[&close, &["--yes"]]), &[]);
    golden("venue-cancel-again", &run(&place, &[&close, &["--yes"]]), &[]);
    golden("venue-list-closed", &run(&place, &[&["venue", "list"]]), &[]);
    golden("event-create-closed", &run(&place, &[EVENT, &["--key", "tosca"], EVENING]), &[]);
    // The migration, what was made, and what was closed; a dry run and a refusal leave nothing.
    assert_eq!(place.audit_rows(), 3);
    let audit = place.run(&["audit", "list", "--limit", "1", "-o", "json"]).ok().json();
    assert_eq!(
        (audit[0]["action"].as_str(), audit[0]["reason"].as_str()),
        (Some("venue cancel"), Some("the lease ended"))
    );
}

#[test]
fn a_venue_with_events_on_sale_stays_open_and_says_which() {
    let place = house();
    let close = ["venue", "cancel", "opera", "--yes"];
    golden("venue-cancel-in-use", &run(&place, &[&close]), &[]);
    for event in ["tosca@19:30", "gala@11:00"] {
        run(&place, &[&["event", "cancel", event, "--yes", "-q"]]).ok();
    }
    assert_eq!(run(&place, &[&close]).ok().code, 0);
}

#[test]
fn events_are_made_shown_and_withdrawn() {
    let place = house();
    let late = ["--key", "late", "--at", "2099-05-01T23:00", "--minutes", "60", "--price", "12"];
    golden("event-create-dry-run", &run(&place, &[EVENT, &late, &["--dry-run"]]), &[]);
    golden("event-create", &run(&place, &[EVENT, &late]), &[]);
    golden("event-list", &run(&place, &[&["event", "list"]]), &[]);
    // The day is Riverton's: in UTC two of them begin on the 2nd.
    golden("event-list-date", &run(&place, &[&["event", "list", "--date", "2099-05-01", "-o", "csv"]]), &[]);
    golden("event-list-ended", &run(&place, &[&["event", "list", "--status", "ended"]]), &[]);
    golden("event-get", &run(&place, &[&["event", "get", "tosca@19:30"]]), &[]);
    golden("event-get-json", &run(&place, &[&["event", "get", "tosca@19:30", "-o", "json"]]), &[]);
    golden("event-get-unknown", &run(&place, &[&["event", "get", "nothing"]]), &[]);
    golden("event-block", &run(&place, &[&["event", "block", "tosca@19:30", "STALLS-A2"]]), &[]);
    let id = place.run(&["event", "get", "tosca@19:30", "-o", "name"]).ok().out.trim().to_owned();
    golden("seat-map-event", &run(&place, &[&["seat", "map", "tosca@19:30", "--section", "STALLS"]]), &[]);
    golden("seat-map-stops", &run(&place, &[&["seat", "map", "tosca@19:30", "--from", "a"]]), &[]);
    golden("seat-map-unknown", &run(&place, &[&["seat", "map", "nothing"]]), &[]);
    golden("why-blocked-seat", &run(&place, &[&["why", &format!("{id}/STALLS-A2")]]), &[]);
    golden("why-free-seat", &run(&place, &[&["why", &format!("{id}/STALLS-A3")]]), &[]);
    let kept = place.reserve("tosca@19:30", &["--seat", "STALLS-A2"]);
    golden("reserve-blocked-seat", &kept, &[]);

    let held = place.reserve("tosca@19:30", &["--seat", "STALLS-A1"]).ok().json();
    let booking = held["id"].as_str().unwrap();
    let cancel = ["event", "cancel", "tosca@19:30", "--reason", "the tenor is ill"];
    let dry = run(&place, &[&cancel, &["--dry-run"]]);
    golden("event-cancel-dry-run", &dry, &[(booking, "BOOKING"), (&booking[..8], "BOOKING")]);
    golden("event-cancel-unasked", &run(&place, &[&cancel, &["--max-affected", "1", "--yes"]]), &[]);
    golden("event-cancel", &run(&place, &[&cancel, &["--yes"]]), &[]);
    golden("event-cancel-again", &run(&place, &[&cancel, &["--yes"]]), &[]);
    golden("reserve-cancelled-event", &place.reserve("tosca@19:30", &["--seat", "STALLS-A1"]), &[]);
    let after = place.run(&["booking", "get", booking, "-o", "json"]).ok().json();
    assert_eq!(
        (after["status"].as_str(), after["reason"].as_str()),
        (Some("CANCELLED"), Some("the tenor is ill"))
    );
    let jobs = place.run(&["job", "list", "-o", "json"]).ok().json();
    assert_eq!(jobs.as_array().unwrap().len(), 1);
    assert_eq!((jobs[0]["kind"].as_str(), jobs[0]["state"].as_str()), (Some("withdraw"), Some("done")));
    assert_eq!((jobs[0]["done"].as_u64(), jobs[0]["total"].as_u64()), (Some(2), Some(2)));
}

#[test]
fn a_withdrawal_that_is_left_to_a_server_is_a_job_that_waits() {
    let place = house();
    let held = place.reserve("gala@11:00", &["--seat", "STANDING-1"]).ok().json();
    let left = place.run(&["event", "cancel", "gala@11:00", "--detach", "--yes", "-o", "json"]).ok().json();
    assert_eq!((left["kind"].as_str(), left["state"].as_str()), (Some("withdraw"), Some("waiting")));
    let before = place.run(&["event", "get", "gala@11:00", "-o", "json"]).ok().json();
    assert_eq!(before["status"], "ON_SALE", "nobody has begun");
    place.run(&["job", "resume", left["id"].as_str().unwrap(), "--yes"]).ok();
    let after = place.run(&["event", "get", "gala@11:00", "-o", "json"]).ok().json();
    assert_eq!(after["status"], "CANCELLED");
    let booking = place.run(&["booking", "get", held["id"].as_str().unwrap(), "-o", "json"]).ok().json();
    assert_eq!(booking["status"], "CANCELLED");
}
