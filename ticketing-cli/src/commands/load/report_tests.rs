//! The report's shape, its sums, and its table.

use super::{FIELDS, Frame, ROWS, Report};
use crate::commands::load::check::{Limits, verdict};
use crate::commands::load::client::Api;
use crate::commands::load::driver::{Booking, Bookings, End, Ended, Load};
use crate::commands::load::profile::{Kind, Mix, Picker};
use crate::commands::load::record::{Lost, Outcome, Record};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use std::time::Duration;
use ticketing_core::domain::time::Timestamp;
use ticketing_desk::failure::Exit;
use ticketing_desk::output::testing::screen;
use uuid::Uuid;

fn load() -> Load {
    let base = "http://127.0.0.1:3002".parse().unwrap();
    Load {
        api: Api::new(base, 1, Duration::from_secs(1)).unwrap(),
        run: "load-0badcafe".into(),
        departures: Vec::new(),
        picker: Picker::uniform(1),
        sale: None,
        mix: Mix::parse("book=3,cancel=1").unwrap(),
        named_seats: 50.0,
        users: vec![HeaderValue::from_static("Bearer x")],
        service: HeaderValue::from_static("Bearer x"),
        reason: "\"load test\"".into(),
        connections: 64,
        rate: None,
        warmup: Duration::from_secs(1),
        duration: Duration::from_secs(10),
        requests_max: None,
        seed: 7,
    }
}

/// A hundred requests in ten seconds: 90 done, 5 refused, 3 errors, 2 not answered.
fn ended() -> Ended {
    let mut record = Record::default();
    let mut note = |kind, status, code: Option<&str>, count: u64| {
        let outcome = Outcome::Answered { status, code: code.map(Box::from) };
        (1..=count).for_each(|ms| record.note(kind, &outcome, Duration::from_millis(ms)));
    };
    note(Kind::Book, 201, None, 60);
    note(Kind::Cancel, 200, None, 30);
    note(Kind::Book, 409, Some("SEAT_TAKEN"), 4);
    note(Kind::Book, 409, Some("SOLD_OUT"), 1);
    note(Kind::Cancel, 429, Some("RATE_LIMITED"), 2);
    note(Kind::Cancel, 500, None, 1);
    record.note(Kind::Book, &Outcome::Lost(Lost::Timeout), Duration::from_secs(1));
    record.note(Kind::Book, &Outcome::Lost(Lost::Connect), Duration::ZERO);
    let booking = Booking { id: Uuid::nil(), user: 0 };
    Ended {
        record,
        warmup_requests: 12,
        elapsed: Duration::from_secs(10),
        not_sent: 0,
        bookings: Bookings {
            made: 60,
            cancelled: 30,
            held: vec![booking; 30],
            doubtful: vec![0],
            ..Bookings::default()
        },
        end: End::Finished,
    }
}

fn report(ended: &Ended, limits: Limits) -> Report {
    let started_at = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let frame =
        Frame { started_at, pick: "all alike".into(), limits, cleanup: None, cpu_percent: Some(40.0) };
    Report::new(&load(), ended, frame)
}

#[test]
fn a_report_has_its_documented_fields_and_they_add_up() {
    let report = json!(report(&ended(), Limits::default()));
    let names: Vec<_> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected: Vec<_> = "id server startedAt ended seconds warmupSeconds warmupRequests loop ratePerSecond \
        connections users departures seatsFree pick mix seed requests ok refused errors unanswered notSent \
        errorPercent perSecond seatsPerSecond latencyMs commands statuses refusals errorCodes unansweredCauses bookings cleanup \
        generatorCpuPercent checks advice remove"
        .split_whitespace()
        .collect();
    let mut names = names;
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);

    let counts =
        ["requests", "ok", "refused", "errors", "unanswered"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [100, 90, 5, 3, 2]);
    let sum = |list: &str, field: &str| {
        report[list].as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum("commands", "requests"), sum("commands", "failed")), (100, 5));
    assert_eq!((sum("statuses", "count"), sum("unansweredCauses", "count")), (98, 2));
    assert_eq!((sum("refusals", "count"), sum("errorCodes", "count")), (5, 3));
    assert_eq!(report["errorCodes"][0], json!({ "status": 429, "code": "RATE_LIMITED", "count": 2 }));
    assert_eq!((&report["perSecond"], &report["errorPercent"]), (&json!(10.0), &json!(5.0)));
    assert_eq!(report["latencyMs"]["max"], json!(1000.0), "a timeout counts with what was waited");
    assert_eq!(report["bookings"]["held"], 30);
    let remove = report["remove"].as_str().unwrap();
    assert!(
        remove.contains("user~\"load-0badcafe-\"") && remove.contains("booking cancel - --yes"),
        "{remove}"
    );
}

#[test]
fn requests_that_were_due_and_not_sent_are_errors_too() {
    let mut ended = ended();
    ended.not_sent = 100;
    let report = report(&ended, Limits::default());
    assert_eq!(report.error_percent, Some(52.5));
    assert!(
        report.advice.iter().any(|advice| advice.starts_with("100 requests were due")),
        "{:?}",
        report.advice
    );
}

#[test]
fn a_rate_limit_that_spoils_the_measurement_is_explained() {
    let report = report(&ended(), Limits::default());
    assert!(report.advice[0].contains("RATE_LIMIT=1000000/1s"), "{:?}", report.advice);
}

#[test]
fn nothing_left_needs_no_removal() {
    let mut ended = ended();
    (ended.bookings.held, ended.bookings.doubtful) = (Vec::new(), Vec::new());
    assert_eq!(report(&ended, Limits::default()).remove, None);
}

#[test]
fn a_table_fits_80_columns_and_a_row_stands_for_all() {
    let report = report(&ended(), Limits { p99_max: Some(Duration::from_millis(50)), errors_max: None });
    let mut people = screen(&[], false);
    people.printer.object(&report.for_people(), FIELDS).unwrap();
    let text = people.out();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for part in
        ["60 made", "409 SEAT_TAKEN", "429 RATE_LIMITED", "none (timeout)", "p99Ms", "P99.9", "\nall "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut csv = screen(&["-ocsv"], false);
    csv.printer.list(&ROWS, report.rows(), None).unwrap();
    assert!(
        csv.out().starts_with("command,requests,") && csv.out().contains("\nall,100,5,5,"),
        "{}",
        csv.out()
    );
}

#[test]
fn how_it_ends_follows_from_what_was_answered_and_asked_for() {
    let server = "http://127.0.0.1:3002";
    let exit = |ended: &Ended, limits| {
        verdict(&report(ended, limits), ended.end, server).err().map_or(Exit::Ok, |failure| failure.exit)
    };
    let errors_max = |percent| Limits { p99_max: None, errors_max: Some(percent) };
    assert_eq!(exit(&ended(), Limits::default()), Exit::Partial, "two had no answer");
    assert_eq!(exit(&ended(), errors_max(5.0)), Exit::Ok);
    assert_eq!(exit(&ended(), errors_max(4.9)), Exit::Unhealthy);
    let p99_max = |ms| Limits { p99_max: Some(Duration::from_millis(ms)), errors_max: Some(100.0) };
    assert_eq!(exit(&ended(), p99_max(1000)), Exit::Ok);
    assert_eq!(exit(&ended(), p99_max(999)), Exit::Unhealthy);

    let mut nothing = ended();
    nothing.record = Record::default();
    assert_eq!(exit(&nothing, Limits::default()), Exit::Error);
    nothing.end = End::Stopped;
    assert_eq!(exit(&nothing, Limits::default()), Exit::Ok, "the signal says how it ends");
    let mut gone = ended();
    gone.record = Record::default();
    gone.record.note(Kind::Book, &Outcome::Lost(Lost::Connect), Duration::ZERO);
    assert_eq!(exit(&gone, errors_max(100.0)), Exit::Unreachable);
    let value: Value = json!(report(&gone, Limits::default()));
    assert_eq!(value["latencyMs"], Value::Null);
}
