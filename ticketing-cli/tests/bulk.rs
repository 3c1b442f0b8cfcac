//! Dead letters, jobs, replays and our readers from end to end: the program itself, on stores in a folder of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[allow(dead_code, reason = "each file of tests uses its part")]
mod support;

use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::Place;
use support::paid::{fits_80_columns, text, with_app};
use ticketing_core::app::inbound::{InboundMessage, letter};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::dead_letters;
use uuid::Uuid;

const UNKNOWN: &str = "01234567-89ab-7000-8000-000000000000";

/// Keeps a message of a payment service as a letter, as the reader of its topic does, and returns its id.
fn keep(place: &Place, offset: i64, event_type: &str, booking: &str, code: Option<&str>) -> String {
    let message = InboundMessage {
        source: "payment-events".into(),
        partition: 0,
        offset,
        key: Some(booking.into()),
        headers: vec![("ce_type".into(), event_type.into())],
        body: format!(r#"{{"bookingId":"{booking}","paymentId":"p-1"}}"#).into_bytes(),
        at: Timestamp::from_millis(0),
    };
    with_app(place, async |app| {
        let letter = letter(&message, code.map(|code| (code, "It was so.")), app.clock.now());
        assert!(dead_letters::put(&app.stores.write, &letter).await.unwrap());
        letter.id.to_string()
    })
}

fn names(place: &Place, args: &[&str]) -> Vec<String> {
    let ran = place.run(&[args, &["-o", "name"]].concat()).ok();
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn dead_letters_are_listed_shown_redriven_and_discarded() {
    let place = Place::seeded();
    assert_eq!(place.run(&["dlq", "list"]).ok().err, "No dead letters match.\n");
    let booking = place.booking(&["--seat", "C1"]);
    let head = keep(&place, 1, "PaymentSucceeded", &booking, Some("UNKNOWN_BOOKING"));
    let behind = keep(&place, 2, "PaymentRefunded", &booking, None);
    let junk = keep(&place, 3, "Junk", UNKNOWN, Some("UNKNOWN_TYPE"));

    assert_eq!(names(&place, &["dlq", "list"]), [&junk[..], &behind, &head]);
    assert_eq!(names(&place, &["dlq", "list", "--query", "code=UNKNOWN_BOOKING tries=1"]), [&head[..]]);
    let table = place.run(&["dlq", "list"]).ok().out;
    fits_80_columns(&table);
    assert!(table.contains("REASON") && table.contains("It was so."), "{table}");
    let shown = place.run(&["dlq", "show", &head, "-o", "json"]).ok().json();
    assert_eq!((text(&shown, "/state"), text(&shown, "/encoding")), ("dead", "utf-8"));
    assert!(text(&shown, "/body").contains(&booking));
    assert_eq!((shown["waiting"].as_u64(), text(&shown, "/headers/0/name")), (Some(1), "ce_type"));
    assert_eq!(text(&shown, "/safeAction"), format!("ticketctl dlq redrive {head}"));
    let unknown = place.run(&["dlq", "show", UNKNOWN]);
    assert_eq!(unknown.code, 3, "{unknown:?}");

    // A plan, and nobody who confirms.
    let rows = place.audit_rows();
    let dry = place.run(&["dlq", "redrive", &head, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!((text(&dry, "/action"), dry["affected"].as_u64()), ("dlq redrive", Some(2)));
    assert_eq!((text(&dry, "/changes/0/id"), text(&dry, "/changes/0/after/state")), (&head[..], "redriven"));
    assert_eq!(place.run(&["dlq", "redrive", &head]).code, 9);
    assert_eq!(
        place.run(&["dlq", "redrive", "--query", "state=dead", "--max-affected", "1", "--yes"]).code,
        9
    );
    let waits = place.run(&["dlq", "redrive", &behind, "--yes"]);
    assert!(waits.code == 1 && waits.err.contains("waits behind"), "{waits:?}");
    assert_eq!(place.run(&["dlq", "redrive", "--query", "stat=dead", "--yes"]).code, 2);
    assert_eq!(place.audit_rows(), rows, "none of it left a row");

    let done = place
        .run(&["dlq", "redrive", &head, "--yes", "--reason", "it is there now", "-o", "json"])
        .ok()
        .json();
    assert_eq!((text(&done, "/state"), text(&done, "/outcome")), ("done", "2 redriven"));
    let booking = place.run(&["booking", "get", &booking, "-o", "json"]).ok().json();
    assert_eq!(text(&booking, "/status"), "REFUNDED");
    let closed =
        place.run(&["dlq", "list", "--closed", "--query", "state=redriven", "-o", "json"]).ok().json();
    let first = &closed[0];
    assert_eq!((closed.as_array().unwrap().len(), text(first, "/movedBy")), (2, "tester"));
    let audit = place.run(&["audit", "list", "--limit", "1", "-o", "json"]).ok().json();
    assert_eq!((text(&audit[0], "/action"), text(&audit[0], "/reason")), ("dlq redrive", "it is there now"));

    // What fails again says so.
    let failed = place.run(&["dlq", "redrive", "--query", "state=dead", "--yes"]);
    assert!(failed.code == 1 && failed.err.contains("no type that is read here"), "{failed:?}");
    place.run(&["dlq", "discard", &junk, "--yes"]).ok();
    assert_eq!(names(&place, &["dlq", "list"]), Vec::<String>::new());
    let none = place.run(&["dlq", "discard", "--query", "state=dead", "--yes"]).ok();
    assert_eq!(none.err, "Nothing to change.\n");
    let jobs = place.run(&["job", "list", "-o", "json"]).ok().json();
    let kinds: Vec<&str> = jobs.as_array().unwrap().iter().map(|job| text(job, "/kind")).collect();
    assert_eq!(kinds, ["discard", "redrive", "redrive"], "the newest first");
    fits_80_columns(&place.run(&["job", "list"]).ok().out);
}

/// Waits until the first job is as it is wanted.
fn until(place: &Place, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let jobs = place.run(&["job", "list", "-o", "json"]).ok().json();
        match jobs.as_array().unwrap().first() {
            Some(job) if wanted(job) => return job.clone(),
            job => assert!(began.elapsed() < Duration::from_secs(30), "{job:?}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(unix)]
#[test]
fn a_job_that_a_signal_stops_says_what_is_left_and_is_resumed() {
    let place = Place::seeded();
    for n in 0..6 {
        keep(&place, n, "Junk", &Uuid::now_v7().to_string(), Some("UNKNOWN_TYPE"));
    }
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let args = ["dlq", "redrive", "--query", "state=dead", "--rate", "1", "--yes"];
        let child = place.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let job = until(&place, |job| job["done"].as_i64() == Some(1) && job["state"] == "running");
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill")
                .args([&format!("-{signal}"), &pid])
                .status()
                .unwrap()
                .success()
        );
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(code), 0), "{err}");
        let id = text(&job, "/id");
        assert!(
            err.contains("of 6 are done") && err.contains(&format!("ticketctl job resume {id}")),
            "{err}"
        );
        let stopped = place.run(&["job", "get", id, "-o", "json"]).ok().json();
        assert_eq!(text(&stopped, "/state"), "cancelled");
        let watched = place.run(&["job", "watch", id]);
        assert_eq!(watched.code, 6, "{watched:?}");
    }
    let id = names(&place, &["job", "list"]).remove(0);
    // The rate is the job's own: what is left takes its time.
    let resumed = place.run(&["job", "resume", &id]);
    assert!(resumed.code == 1 && resumed.err.contains("None of 6 went well"), "{resumed:?}");
    let over = place.run(&["job", "resume", &id]);
    assert!(over.code == 1 && over.err.contains("is done"), "{over:?}");
    let tries = place.run(&["dlq", "list", "-o", "json"]).ok().json();
    assert!(tries.as_array().unwrap().iter().all(|letter| letter["tries"].as_i64() >= Some(2)), "{tries}");
}

#[test]
fn a_job_that_is_left_to_a_server_waits_and_can_be_cancelled_and_done_here() {
    let place = Place::seeded();
    keep(&place, 1, "Junk", UNKNOWN, Some("UNKNOWN_TYPE"));
    let detached =
        place.run(&["dlq", "redrive", "--query", "state=dead", "--yes", "--detach", "-o", "name"]).ok();
    assert!(detached.err.contains("No server does jobs on these stores now"), "{detached:?}");
    let id = detached.out.trim();
    assert_eq!(text(&place.run(&["job", "get", id, "-o", "json"]).ok().json(), "/state"), "waiting");
    assert_eq!(place.run(&["job", "cancel", id]).code, 9, "somebody must confirm it");
    let cancelled = place.run(&["job", "cancel", id, "--yes", "-o", "json"]).ok().json();
    assert_eq!(text(&cancelled, "/state"), "cancelled");
    assert_eq!(place.run(&["job", "cancel", id, "--yes"]).ok().err, "Nothing to change.\n");
    let waiting = place.run(&["job", "resume", id, "--detach", "-o", "json"]).ok().json();
    assert_eq!(text(&waiting, "/state"), "waiting");
    let here = place.run(&["job", "resume", id]);
    assert!(here.code == 1 && here.err.contains("no type that is read here"), "{here:?}");
    assert_eq!(place.run(&["job", "get", UNKNOWN]).code, 3);
}

#[test]
fn what_fails_however_often_it_is_tried_is_said_before_it_is_tried() {
    let place = Place::seeded();
    let junk = keep(&place, 1, "Junk", UNKNOWN, Some("UNKNOWN_TYPE"));
    let early = keep(&place, 2, "PaymentSucceeded", &Uuid::now_v7().to_string(), Some("UNKNOWN_BOOKING"));
    let dry = place.run(&["dlq", "redrive", &junk, &early, "--dry-run", "-o", "json"]).ok();
    assert!(dry.err.contains("1 letter fails again") && dry.err.contains("code=UNKNOWN_TYPE"), "{dry:?}");
    let changes = dry.json()["changes"].as_array().unwrap().clone();
    let outlook = |id: &str| changes.iter().find(|c| c["id"] == id).unwrap()["after"]["outlook"].clone();
    assert!(outlook(&junk).as_str().unwrap().starts_with("fails again"), "{changes:?}");
    assert!(outlook(&early).is_null(), "{changes:?}");
    let good = place.run(&["dlq", "redrive", &early, "--dry-run"]).ok();
    assert!(!good.err.contains("fails again"), "{good:?}");
}

#[test]
fn the_story_of_a_booking_has_its_dead_letters_and_a_departure_has_a_story() {
    let place = Place::seeded();
    let booking = place.booking(&["--seat", "C1"]);
    let letter = keep(&place, 1, "PaymentSucceeded", &booking, Some("WRONG_AMOUNT"));
    let story = place.run(&["why", &booking, "-o", "json"]).ok().json();
    let told = story["story"].as_array().unwrap().iter().find(|entry| entry["kind"] == "letter").unwrap();
    assert_eq!(text(told, "/details/id"), letter);
    assert!(text(told, "/what").contains("could not be handled: It was so. (WRONG_AMOUNT)"), "{told}");
    assert!(text(&story, "/summary").contains("A message about it could not be handled."), "{story}");
    assert_eq!(text(&story, "/safeAction"), format!("ticketctl dlq show {letter}"));
    place.run(&["dlq", "discard", &letter, "--yes", "-q"]).ok();
    let after = place.run(&["why", &booking]).ok();
    assert!(after.out.contains("tester discarded it"), "{after:?}");
    assert!(!after.out.contains("The one safe action"), "{after:?}");

    let schedule = place.schedule();
    let before = place.run(&["why", &schedule, "-o", "json"]).ok().json();
    assert_eq!((text(&before, "/subject"), text(&before, "/id")), ("schedule", &schedule[..]));
    assert!(text(&before, "/summary").contains("0 bookings confirmed, 1 held"), "{before}");
    place.run(&["schedule", "cancel", &schedule, "--reason", "storm", "--yes", "-q"]).ok();
    let cancelled = place.run(&["why", &schedule[..13]]).ok();
    assert!(
        cancelled.out.contains("CANCELLED") && cancelled.out.contains("withdrawn (storm)"),
        "{cancelled:?}"
    );
}

#[test]
fn what_nobody_could_read_is_not_published_unless_it_is_meant() {
    let place = Place::seeded();
    let publish = |more: &[&str], lines: &str| {
        let args = [&["events", "publish", "payment-events", "-"], more].concat();
        place.finish(&mut place.command(&args), lines)
    };
    for lines in ["nonsense\n", "{\"type\":\"PaymentSucceeded\"}\n[1]\n"] {
        let refused = publish(&["-o", "json"], lines);
        let line = lines.lines().count();
        assert_eq!((refused.code, refused.error()["code"].as_str()), (2, Some("BAD_JSON")), "{refused:?}");
        assert!(refused.err.contains(&format!("Line {line} of stdin")), "{refused:?}");
    }
    assert_eq!(publish(&["--as-is", "-o", "json"], "nonsense\n").ok().json()["messages"], 1);
}

#[test]
fn events_are_replayed_into_the_projection_and_counted_before_they_are_republished() {
    let place = Place::seeded();
    let booking = place.booking(&["--seat", "C1"]);
    place.run(&["booking", "cancel", &booking, "--yes", "-q"]).ok();
    let dry = place.run(&[
        "events",
        "republish",
        "--range",
        "1..",
        "--stream",
        &booking,
        "--dry-run",
        "-o",
        "json",
    ]);
    let dry = dry.ok().json();
    assert_eq!((text(&dry, "/action"), dry["affected"].as_u64()), ("events republish", Some(2)));
    let types: Vec<&str> = dry["changes"].as_array().unwrap().iter().map(|c| text(c, "/id")).collect();
    assert_eq!(types, ["TicketCancelled", "TicketReserved"]);
    let of_type = &dry["changes"][1]["after"];
    assert_eq!(
        (of_type["events"].as_u64(), of_type["firstPosition"] == of_type["lastPosition"]),
        (Some(1), true)
    );
    let limited =
        ["events", "republish", "--range", "-1h..", "--limit", "1", "--type", "TicketReserved", "--dry-run"];
    assert_eq!(place.run(&[&limited[..], &["-o", "json"]].concat()).ok().json()["affected"], 1);
    let no_broker = place.run(&["events", "republish", "--range", "1..", "--yes"]);
    assert!(no_broker.code == 9 && no_broker.err.contains("KAFKA_BROKERS"), "{no_broker:?}");
    for wrong in ["9..1", "1", "x..", ".."] {
        assert_eq!(place.run(&["events", "replay", "--range", wrong, "--dry-run"]).code, 2, "{wrong}");
    }
    let other = place.run(&["events", "replay", "--range", "1..", "--to-projection", "other", "--yes"]);
    assert!(other.code == 3 && other.err.contains("There is tickets."), "{other:?}");
    let typo = place.run(&["events", "republish", "--range", "1..", "--type", "TicketBoked", "--yes"]);
    assert!(typo.code == 2 && typo.err.contains("Did you mean TicketBooked?"), "{typo:?}");
    let nonsense = place.run(&["events", "replay", "--range", "1..", "--type", "Nonsense", "--yes"]);
    assert!(
        nonsense.code == 2 && nonsense.err.contains("TicketConfirmed"),
        "every type is named: {nonsense:?}"
    );
    assert_eq!(place.run(&["events", "replay", "--range", "1.."]).code, 9, "somebody must confirm it");
    let done = place.run(&[
        "events",
        "replay",
        "--range",
        "1..",
        "--to-projection",
        "tickets",
        "--yes",
        "-o",
        "json",
    ]);
    let done = done.ok().json();
    assert_eq!((text(&done, "/state"), done["done"] == done["total"]), ("done", true));
    assert!(text(&done, "/outcome").contains("2 known to their rows"), "{done}");
    let nothing = place.run(&["events", "replay", "--range", "99999..", "--yes"]).ok();
    assert_eq!(nothing.err, "Nothing to change.\n");
}

#[test]
fn without_a_broker_the_log_is_the_bus_and_the_readers_say_so() {
    let place = Place::seeded();
    let outbox = place.run(&["outbox", "status", "-o", "json"]).ok().json();
    assert_eq!((text(&outbox[0], "/carrier"), outbox[0]["lag"].as_i64()), ("embedded", Some(0)));
    let groups = place.run(&["group", "list", "-o", "json"]).ok().json();
    assert_eq!((text(&groups[0], "/name"), text(&groups[0], "/carrier")), ("projector", "embedded"));
    assert_eq!((groups[0]["lag"].as_i64(), text(&groups[1], "/name")), (Some(0), "payments"));
    let lag = place.run(&["group", "lag", "projector"]).ok();
    fits_80_columns(&lag.out);
    assert!(lag.err.contains("There is no broker"), "{lag:?}");
    let seek =
        place.run(&["group", "seek", "projector", "--topic", "ticket-events", "--to", "earliest", "--yes"]);
    assert!(seek.code == 9 && seek.err.contains("projection rebuild"), "{seek:?}");
    let payments =
        place.run(&["group", "seek", "payments", "--topic", "payment-events", "--to", "earliest", "--yes"]);
    assert!(payments.code == 9 && payments.err.contains("store's own topics"), "{payments:?}");
    assert!(!payments.err.contains("projection rebuild"), "{payments:?}");
    assert_eq!(place.run(&["group", "lag", "nobody"]).code, 2);
    let mut both = place.command(&["group", "list"]);
    let both = place.finish(both.env("KAFKA_BROKERS", "x:1").env("NATS_URL", "nats://x"), "");
    assert!(both.code == 2 && both.err.contains("one carrier"), "{both:?}");
}

#[test]
fn a_cancelled_route_loses_what_it_has_to_come_and_its_passengers_their_seats() {
    let place = Place::seeded();
    let schedule = place.schedule();
    let booking = place.booking(&["--seat", "C1"]);
    let route = place.run(&["schedule", "get", &schedule, "-o", "json"]).ok().json()["routeId"].clone();
    let route = route.as_str().unwrap();
    let open = |status: &str| {
        let query = format!("routeId={route} status={status}");
        place.run(&["schedule", "list", "--query", &query, "-o", "name"]).ok().out.lines().count()
    };
    let (scheduled, departed) = (open("SCHEDULED"), open("DEPARTED"));
    assert!(scheduled > 1);
    let dry = place.run(&["route", "cancel", route, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!(
        (dry["action"].as_str(), dry["affected"].as_u64()),
        (Some("route cancel"), Some(scheduled as u64 + 1))
    );
    assert_eq!(place.run(&["route", "cancel", route]).code, 9, "somebody must confirm it");
    assert_eq!(place.run(&["route", "cancel", route, "--max-affected", "1", "--yes"]).code, 9);
    let done = place.run(&["route", "cancel", route, "--reason", "flood", "--yes", "-o", "json"]).ok().json();
    assert_eq!((done["departures"].as_u64(), done["bookings"].as_u64()), (Some(scheduled as u64), Some(1)));
    assert_eq!((open("SCHEDULED"), open("DEPARTED"), open("CANCELLED")), (0, departed, scheduled));
    let booking = place.run(&["booking", "get", &booking, "-o", "json"]).ok().json();
    assert_eq!(booking["status"], "CANCELLED");
    let audit = place.run(&["audit", "list", "-o", "json"]).ok().json();
    let row = audit.as_array().unwrap().iter().find(|row| row["action"] == "route cancel").unwrap();
    assert_eq!((row["reason"].as_str(), row["result"].as_str()), (Some("flood"), Some("done")));
    assert_eq!(place.run(&["route", "cancel", route, "--yes"]).ok().err, "Nothing to change.\n");
    assert_eq!(place.run(&["route", "cancel", "nowhere", "--yes"]).code, 3);
    place.run(&["verify"]).ok();
}
