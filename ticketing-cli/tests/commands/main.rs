//! Every command from end to end: the program itself, on stores in a folder of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod accounts;
mod bookings;
mod catalogue;
mod log;
mod stores;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use support::Place;

/// An id that nothing has.
const UNKNOWN: &str = "01234567-89ab-7000-8000-000000000000";

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
