//! Programs that are no `ticketctl` and send commands over HTTP: the envelope, its facts and its headers.

use crate::Far;
use crate::support::Place;
use crate::support::paid::with_app;
use ticketing_core::app::inbound::{InboundMessage, letter};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::dead_letters;

#[test]
fn a_check_that_failed_is_answered_with_what_it_found() {
    let place = Place::seeded();
    // A dead letter makes `doctor` unhealthy, and `verify` has nothing against it.
    let message = InboundMessage {
        source: "payment-events".into(),
        partition: 0,
        offset: 1,
        key: None,
        headers: Vec::new(),
        body: b"{}".to_vec(),
        at: Timestamp::from_millis(0),
    };
    with_app(&place, async |app| {
        let letter = letter(&message, Some(("UNKNOWN_TYPE", "It was so.")), app.clock.now());
        assert!(dead_letters::put(&app.stores.write, &letter).await.unwrap());
    });
    let far = Far::on(place);
    let near = far.place.run(&["dlq", "redrive", "--query", "state=dead", "--yes", "-o", "json"]);
    assert_eq!(near.code, 1, "{near:?}");
    let printed = near.json();
    let (status, _, body) = far.post(&["dlq", "redrive", "--query", "state=dead", "--yes"], &[]);
    assert_eq!(status, 422, "{body}");
    let found = &body["error"]["details"][0];
    assert_eq!(found["kind"], printed["kind"], "{body}");
    assert!(body["error"]["details"].as_array().unwrap().iter().all(|row| row["error"].is_null()), "{body}");
}

#[test]
fn a_command_that_was_done_before_with_its_key_says_so_in_a_header() {
    let far = Far::on(Place::seeded());
    let schedule = far.place.schedule();
    let reserve = [
        &["booking", "reserve", &schedule][..],
        &["--seat", "C1", "--passenger-name", "Ada", "--passenger-email", "ada@example.org"],
    ]
    .concat();
    let key = [("idempotency-key", "k-1")];
    let (status, head, first) = far.post(&reserve, &key);
    assert_eq!((status, head.contains("idempotent-replay")), (200, false), "{first}");
    let (status, head, again) = far.post(&reserve, &key);
    assert_eq!((status, head.contains("idempotent-replay: true")), (200, true), "{head}");
    assert_eq!(again["data"], first["data"]);
    let audit =
        far.place.run(&["audit", "list", "--query", "action=\"booking reserve\"", "-o", "json"]).ok().json();
    let actors: Vec<_> = audit.as_array().unwrap().iter().map(|row| row["actor"].clone()).collect();
    assert_eq!(actors, ["olga"], "once, under the token's subject");
}

#[test]
fn the_log_of_a_command_carries_the_correlation_id_of_its_request() {
    let far = Far::on(Place::seeded());
    let (_, _, body) = far.post(&["route", "list"], &[("x-correlation-id", "find-me-7")]);
    assert_eq!(body["meta"]["correlationId"], "find-me-7");
    let log = std::fs::read_to_string(far.place.0.path().join("server.log")).unwrap();
    let line = log.lines().find(|line| line.contains("an operator's command runs")).unwrap_or(&log);
    assert!(line.contains("find-me-7") && line.contains("ticketctl route list"), "{line}");
}

#[test]
fn a_server_whose_store_can_t_be_written_is_not_ready_and_says_so() {
    let far = Far::on(Place::seeded());
    let (status, ready) = far.get("/api/health/ready");
    assert_eq!(status, 200, "{ready}");
    let (data, gone) = (far.place.0.path().join("data"), far.place.0.path().join("gone"));
    std::fs::rename(&data, &gone).unwrap();
    let (status, ready) = far.get("/api/health/ready");
    assert_eq!((status, &ready["error"]["details"][0]["field"]), (503, &"writeStore".into()), "{ready}");
    assert_eq!(far.get("/api/health/live").0, 200);
    std::fs::rename(&gone, &data).unwrap();
    assert_eq!(far.get("/api/health/ready").0, 200);
    let left =
        std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with(".write.db")).count(), 0, "nothing of the look is left");
}
