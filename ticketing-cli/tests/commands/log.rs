//! The log, read once or followed.

use crate::support::Place;
use serde_json::Value;
use std::process::{Command, Stdio};

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
