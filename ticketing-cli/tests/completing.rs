//! What a shell is told at a tab, by the shell itself where there is one, and how long it waits.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::Place;

/// Nobody waits longer at a tab: the program's own limit, and what starting and ending it takes in a debug build on a
/// busy machine.
const WAIT_MAX: Duration = Duration::from_millis(400);

/// Asks as a shell does; the last word is the one under the cursor. Returns the values, without the flags that could
/// stand there too.
fn asked(place: &Place, words: &[&str], within_ms: &str) -> Vec<String> {
    let last = words.len().to_string();
    let mut command = place.command(&[&["--", "ticketctl"], words].concat());
    command
        .env("TICKETCTL_COMPLETE", "bash")
        .env("TICKETCTL_COMPLETE_MS", within_ms)
        .env("_CLAP_COMPLETE_INDEX", last)
        .env("_CLAP_IFS", "\n");
    let ran = place.finish(&mut command, "").ok();
    assert_eq!(ran.err, "", "{words:?}");
    let values = ran.out.lines().map(str::trim_end).filter(|value| !value.is_empty());
    values.filter(|value| !value.starts_with("--")).map(str::to_owned).collect()
}

/// A debug build on a busy machine may take longer than anybody waits, in milliseconds.
const PATIENT: &str = "5000";

/// Asks until it is answered in time: a debug build on a busy machine may miss its own limit.
fn found(place: &Place, words: &[&str]) -> Vec<String> {
    (0..20).map(|_| asked(place, words, PATIENT)).find(|found| !found.is_empty()).unwrap_or_default()
}

#[test]
fn ids_names_fields_and_columns_are_completed() {
    let place = Place::seeded();
    let id = place.booking(&[]);
    let route = place.run(&["route", "list", "-o", "name", "--limit", "1"]).ok().out.trim().to_owned();
    for words in [&["booking", "get", ""][..], &["hold", "expire", &id[..6]], &["why", &id[..9]]] {
        assert_eq!(found(&place, words), [id.as_str()], "{words:?}");
    }
    assert!(found(&place, &["route", "get", ""]).contains(&route));
    assert!(found(&place, &["schedule", "list", "--route", &route[..5]]).contains(&route));
    assert_eq!(found(&place, &["projection", "rebuild", "t"]), ["tickets"]);
    assert!(found(&place, &["group", "lag", ""]).contains(&"payments".to_owned()));
    assert!(!found(&place, &["seed", "gtfs", "x.zip", "--layout", ""]).is_empty());
    assert!(found(&place, &["events", "publish", "--topic", ""]).contains(&"payment-events".to_owned()));
    assert!(
        found(&place, &["booking", "list", "--query", "status=HELD ho"])
            .contains(&"status=HELD holdLeft".into())
    );
    assert!(
        found(&place, &["booking", "list", "--sort", "id,-departure"]).contains(&"id,-departureTime".into())
    );
    assert!(found(&place, &["audit", "list", "--columns", "ac"]).contains(&"actor".into()));
    assert!(asked(&place, &["booking", "get", "zzz"], PATIENT).is_empty());
    // Another folder is another store.
    assert!(asked(&place, &["--data-dir", "other", "booking", "get", ""], PATIENT).is_empty());
    assert!(!place.0.path().join("other").exists());
}

#[test]
fn nobody_waits_for_stores_or_servers_that_don_t_answer() {
    let place = Place::seeded();
    place.booking(&[]);
    // A listener that never answers is slower than one that is not there.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let postgres = format!("postgres://u:p@127.0.0.1:{port}/d");
    let server = format!("http://127.0.0.1:{port}");
    let lines: [&[&str]; 4] = [
        &["--database-url", &postgres, "booking", "get", ""],
        &["--database-url", "postgres://u:p@10.255.255.1/d", "saga", "show", ""],
        &["--server", &server, "--token", "t", "booking", "get", ""],
        &["--server", "http://10.255.255.1", "--token", "t", "job", "get", ""],
    ];
    for words in lines {
        let quickest = (0..5).map(|_| {
            let begun = Instant::now();
            assert!(asked(&place, words, "").is_empty(), "{words:?}");
            begun.elapsed()
        });
        let quickest = quickest.min().unwrap();
        println!("{words:?}: {quickest:?}");
        assert!(quickest < WAIT_MAX, "{words:?}: {quickest:?}");
    }
}

/// The script that is printed, in the shell itself.
#[test]
fn bash_itself_completes_what_the_script_taught_it() {
    let is_there = Command::new("bash").arg("--version").stdout(Stdio::null()).status();
    if !is_there.is_ok_and(|status| status.success()) {
        return;
    }
    let place = Place::seeded();
    let id = place.booking(&[]);
    let program = Path::new(env!("CARGO_BIN_EXE_ticketctl"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = r#"
        source <(ticketctl completions bash)
        function=$(complete -p ticketctl | sed 's/.*-F \([^ ]*\).*/\1/')
        COMP_WORDS=(ticketctl booking "$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
        for try in 1 2 3 4 5 6 7 8 9 10; do
            COMPREPLY=(); $function ticketctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            [ ${#COMPREPLY[@]} -gt 0 ] && break
        done
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    for (words, expected) in [(&["ca"][..], "cancel"), (&["get", &id[..4]], &id)] {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", script, "bash"])
            .args(words)
            .current_dir(place.0.path())
            .env("PATH", &path)
            .env("TICKETCTL_COMPLETE_MS", "5000");
        for (name, value) in place.command(&[]).get_envs().filter(|(name, _)| *name != "PATH") {
            match value {
                Some(value) => bash.env(name, value),
                None => bash.env_remove(name),
            };
        }
        let output = bash.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.trim(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let place = Place::new();
    let top = place.run(&["man"]).ok();
    assert!(top.out.contains(".TH ticketctl 1") && top.out.contains("ticketctl\\-booking"), "{}", top.out);
    place.run(&["man", "--dir", "pages/man1"]).ok();
    let pages = place.0.path().join("pages/man1");
    for name in ["ticketctl.1", "ticketctl-booking-list.1", "ticketctl-saga.1", "ticketctl-restore.1"] {
        let page = fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".TH "), "{name}");
    }
    assert!(fs::read_dir(&pages).unwrap().count() > 60);
    let refused = place.run(&["man", "--dir", "/dev/null/pages"]);
    assert!(refused.code == 1 && refused.err.contains("can't be written"), "{refused:?}");
}
