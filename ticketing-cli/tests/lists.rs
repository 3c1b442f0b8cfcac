//! What every list can: each flag on each list command, from end to end.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use serde_json::Value;
use std::process::Stdio;
use support::Place;

/// Every list command, and a column that its rows can be told apart by.
const LISTS: [(&[&str], &str); 12] = [
    (&["booking", "list"], "id"),
    (&["hold", "list"], "id"),
    (&["route", "list"], "id"),
    (&["schedule", "list"], "id"),
    (&["saga", "list"], "id"),
    (&["saga", "list", "--stuck"], "id"),
    (&["job", "list"], "id"),
    (&["dlq", "list"], "id"),
    (&["payment", "list"], "id"),
    (&["audit", "list"], "id"),
    (&["projection", "list"], "name"),
    (&["group", "list"], "name"),
];

fn filled() -> Place {
    let place = Place::seeded();
    let schedule = place.schedule();
    for user in ["ada", "bob", "cleo"] {
        place.reserve(&schedule, &["--user", user]).ok();
    }
    place
}

fn with<'a>(list: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [list, more].concat()
}

#[test]
fn every_list_sorts_counts_and_shows_the_columns_asked_for() {
    let place = filled();
    let mut rows_in_all = 0;
    for (list, key) in LISTS {
        let run = |more: &[&str]| place.run(&with(list, more));
        let value =
            |line: &str| serde_json::from_str::<Value>(line).unwrap()[key].as_str().unwrap().to_owned();
        let plain = run(&["-o", "jsonl"]).ok();
        let keys: Vec<String> = plain.names().into_iter().map(value).collect();
        rows_in_all += keys.len();

        let csv = run(&["-o", "csv"]).ok();
        let head = csv.out.lines().next().unwrap();
        assert_eq!(run(&["--columns", "help", "-o", "name"]).ok().names().join(","), head, "{list:?}");

        let unknown = run(&["--columns", "nope", "-o", "json"]);
        assert_eq!((unknown.code, unknown.error()["code"].as_str()), (2, Some("UNKNOWN_COLUMN")), "{list:?}");
        let unknown = run(&["--sort", "nope"]);
        let lists_all = head.split(',').all(|name| unknown.err.contains(name));
        assert!(unknown.code == 2 && lists_all, "{list:?}: {}", unknown.err);

        let chosen = run(&["--columns", key, "-o", "jsonl"]).ok();
        let only = keys.iter().map(|k| format!("{{\"{key}\":\"{k}\"}}\n")).collect::<String>();
        assert_eq!(chosen.out, only, "{list:?}");
        let csv = run(&["--columns", key, "-o", "csv"]).ok();
        assert_eq!(
            csv.names(),
            with(&[key], &keys.iter().map(String::as_str).collect::<Vec<_>>()),
            "{list:?}"
        );
        let table = run(&["--columns", key, "--all"]).ok();
        assert_eq!(table.names().len(), if keys.is_empty() { 0 } else { keys.len() + 1 }, "{list:?}");

        let mut ascending = keys.clone();
        ascending.sort();
        let sorted = run(&["--sort", key, "-o", "jsonl"]).ok();
        let found: Vec<String> = sorted.names().into_iter().map(value).collect();
        assert_eq!(found, ascending, "{list:?}");
        let last = run(&["--sort", &format!("-{key}"), "--limit", "1", "-o", "jsonl"]).ok();
        let found: Vec<String> = last.names().into_iter().map(value).collect();
        assert_eq!(found, ascending.iter().rev().take(1).cloned().collect::<Vec<_>>(), "{list:?}");

        assert_eq!(run(&["--count"]).ok().out, format!("{}\n", keys.len()), "{list:?}");
        let count = run(&["--count", "-o", "json"]).ok().json();
        assert_eq!(count, serde_json::json!({ "count": keys.len() }), "{list:?}");
        if let Some(one) = keys.first() {
            let query = format!("{key}={one}");
            assert_eq!(run(&["--count", "--query", &query]).ok().out, "1\n", "{list:?}");
        }
    }
    assert!(rows_in_all > 20, "the lists have rows to sort: {rows_in_all}");
}

#[test]
fn every_list_refuses_what_makes_no_sense() {
    let place = filled();
    let rows: [(&[&str], &str); 6] = [
        (&["--watch"], "--watch needs a terminal."),
        (&["--query", "nope=1"], "nope"),
        (&["--columns", "id", "-o", "name"], "-o name prints names, and no columns."),
        (&["--count", "--limit", "1"], "--count"),
        (&["--count", "--sort", "id"], "--count"),
        (&["--limit", "1", "--all"], "--all"),
    ];
    for (list, _) in LISTS {
        // What there is to sort by is listed as what there is to show.
        let names = place.run(&with(list, &["--sort", "help", "-o", "name"])).ok().out;
        assert_eq!(names, place.run(&with(list, &["--columns", "help", "-o", "name"])).ok().out, "{list:?}");
        let unknown = place.run(&with(list, &["--sort", "-nope"]));
        assert!(unknown.code == 2 && unknown.err.contains("try: --sort help"), "{list:?}: {unknown:?}");
        for (flags, part) in rows {
            let ran = place.run(&with(list, flags));
            assert!(ran.code == 2 && ran.err.contains(part), "{list:?} {flags:?}: {ran:?}");
        }
    }
}

/// Needs script(1), which gives the program a terminal.
#[cfg(target_os = "linux")]
#[test]
fn every_list_and_everything_shown_is_drawn_again_at_a_terminal_until_ctrl_c() {
    let place = filled();
    let id = place.run(&["booking", "list", "--limit", "1", "-o", "name"]).ok().out.trim().to_owned();
    let shown = [
        vec!["booking", "get", &id],
        vec!["route", "get", "10"],
        vec!["events", "show", "1"],
        vec!["status"],
    ];
    let lists = LISTS.iter().map(|(list, _)| list.to_vec());
    for words in lists.chain(shown) {
        let program = env!("CARGO_BIN_EXE_ticketctl");
        let line = format!("timeout -s INT 3 {program} {} --watch --color never", words.join(" "));
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(place.0.path()).stdin(Stdio::null());
        for (name, value) in place.command(&[]).get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let script = script.env("TERM", "xterm").stdout(Stdio::piped()).spawn().unwrap();
        // As if something had been written meanwhile.
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        let store = std::fs::File::options().write(true).open(place.0.path().join("data/read.db")).unwrap();
        store.set_modified(std::time::SystemTime::now()).unwrap();
        let output = script.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.matches("\u{1b}[H\u{1b}[2J").count() >= 2, "{words:?}: {text}");
    }
}
