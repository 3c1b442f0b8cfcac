//! `ticketctl doctor` and `ticketctl config`: what is wrong is found, named with what mends it, and nothing is changed
//! or given away.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use support::{Place, Ran};

const FORMATS: [&str; 7] = ["table", "wide", "json", "jsonl", "yaml", "csv", "name"];

impl Place {
    fn with(&self, args: &[&str], set: &[(&str, &str)]) -> Ran {
        self.finish(self.command(args).envs(set.iter().copied()).env_remove("REDIS_URL"), "")
    }

    /// The checks, by their names.
    fn doctor(&self, args: &[&str], set: &[(&str, &str)]) -> (i32, Vec<Value>) {
        let mut command = self.command(&[&["doctor", "-o", "json", "--timeout", "3s"], args].concat());
        let ran = self.finish(command.env("PORT", "0").envs(set.iter().copied()), "");
        (ran.code, ran.json().as_array().unwrap().clone())
    }
}

fn state<'a>(checks: &'a [Value], name: &str) -> &'a str {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {checks:#?}"))["state"].as_str().unwrap()
}

/// Each check that is not well says what to do.
fn assert_fixes(checks: &[Value]) {
    for check in checks {
        assert!(check["finding"].as_str().is_some_and(|finding| !finding.is_empty()), "{check}");
        assert_eq!(check["fix"].is_string(), check["state"] != "ok", "{check}");
    }
}

#[test]
fn a_healthy_store_is_well_and_a_folder_without_one_only_warns() {
    let place = Place::new();
    let (code, checks) = place.doctor(&[], &[]);
    assert_eq!((code, state(&checks, "write store"), state(&checks, "data folder")), (0, "warn", "warn"));
    assert_fixes(&checks);
    assert!(!place.0.path().join("data").exists(), "looking makes nothing");
    place.run(&["seed", "demo", "-q"]).ok();
    let (code, checks) = place.doctor(&[], &[]);
    assert_eq!(code, 0, "{checks:#?}");
    // How much room a machine has is its own affair.
    let of_machine =
        |check: &&Value| ["disk space", "file descriptors"].contains(&check["name"].as_str().unwrap());
    // Nobody serves it, which is well for a store at rest and for no other.
    let is_served = |check: &&Value| check["name"] != "server";
    let others = checks.iter().filter(|c| !of_machine(c) && is_served(c));
    assert!({ others }.all(|check| check["state"] == "ok"), "{checks:#?}");
    assert_eq!(state(&checks, "server"), "warn");
    for name in
        ["write integrity", "read integrity", "log clock", "read lag", "dead letters", "overdue payments"]
    {
        assert_eq!(state(&checks, name), "ok");
    }
    for format in FORMATS {
        let ran = place.with(&["doctor", "-o", format], &[("PORT", "0")]).ok();
        assert!(ran.out.contains("write store"), "{format}: {ran:?}");
    }
}

#[test]
fn what_fails_is_named_and_the_other_checks_are_made_all_the_same() {
    let place = Place::seeded();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let set = [
        ("KAFKA_BROKERS", "127.0.0.1:1"),
        ("REDIS_URL", "redis://u:hunter2@127.0.0.1:1"),
        ("SMTP_URL", "smtp://u:hunter2@127.0.0.1:1"),
        ("JWT_SECRET", "hunter2"),
        ("PORT", port.as_str()),
    ];
    let (code, checks) = place.doctor(&[], &set);
    assert_eq!(code, 8);
    assert_fixes(&checks);
    for (name, expected) in [
        ("broker", "fail"),
        ("redis", "warn"),
        ("mail", "warn"),
        ("token secret", "warn"),
        ("port", "warn"),
        ("write store", "ok"),
        ("overdue payments", "ok"),
    ] {
        assert_eq!(state(&checks, name), expected, "{name}");
    }
    let shown = serde_json::to_string(&checks).unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    let (_, checks) = place.doctor(&[], &[("APP_ENV", "production"), ("JWT_SECRET", "hunter2")]);
    assert_eq!((state(&checks, "token secret"), state(&checks, "settings")), ("fail", "fail"));

    // A database that does not answer, and a file that is none.
    let away = [("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/x")];
    let ran = place.with(&["doctor", "--timeout", "1s"], &away);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.out.contains("fail  write store") && !(ran.out + &ran.err).contains("hunter2"));
    fs::write(place.0.path().join("data/read.db"), "x".repeat(5_000)).unwrap();
    let (code, checks) = place.doctor(&[], &[]);
    assert_eq!((code, state(&checks, "write store"), state(&checks, "read store")), (8, "ok", "fail"));
    // A file of settings that is none stops nothing but itself.
    fs::write(place.0.path().join("ticketing.toml"), "port = \n").unwrap();
    let (code, checks) = place.doctor(&[], &[]);
    assert_eq!((code, state(&checks, "settings"), state(&checks, "machine clock")), (8, "fail", "ok"));
    // Nor does a context that there is not.
    let (code, checks) = place.doctor(&["--context", "gone"], &[]);
    assert_eq!((code, state(&checks, "context")), (8, "fail"));
}

#[test]
fn a_damaged_file_is_found() {
    let place = Place::seeded();
    let file = place.0.path().join("data/write.db");
    let mut bytes = fs::read(&file).unwrap();
    let (from, to) = (bytes.len() / 2, bytes.len() / 2 + 40_000.min(bytes.len() / 4));
    bytes[from..to].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let (code, checks) = place.doctor(&[], &[]);
    assert_eq!((code, state(&checks, "write integrity")), (8, "fail"), "{checks:#?}");
    assert_eq!(state(&checks, "read integrity"), "ok");
}

#[cfg(unix)]
#[test]
fn permissions_that_are_too_wide_are_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::seeded();
    fs::set_permissions(place.0.path().join("data"), fs::Permissions::from_mode(0o755)).unwrap();
    let (code, checks) = place.doctor(&[], &[]);
    assert_eq!((code, state(&checks, "data folder")), (0, "warn"));
}

#[test]
fn every_setting_is_shown_with_where_it_is_from_and_no_secret_is() {
    let place = Place::new();
    fs::write(
        place.0.path().join("ticketing.toml"),
        "hold_seconds = 60\nport = 8080\njwt_secret = \"hunter2\"\n",
    )
    .unwrap();
    let set = [
        ("PORT", "9090"),
        ("DATABASE_URL", "postgres://u:hunter2@h/d?password=hunter2"),
        ("STRIPE_KEY", "hunter2"),
        ("NATS_URL", "nats://hunter2@h"),
        ("TICKETCTL_TOKEN", "hunter2"),
    ];
    let rows = place.with(&["config", "show", "-o", "json"], &set).ok().json();
    let row = |name: &str| {
        let found = rows.as_array().unwrap().iter().find(|row| row["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name}"));
        (found["value"].as_str().map(str::to_owned), found["from"].as_str().unwrap().to_owned())
    };
    let is = |value: &str, from: &str| (Some(value.to_owned()), from.to_owned());
    assert_eq!(row("PORT"), is("9090", "environment"));
    assert_eq!(row("HOLD_SECONDS"), is("60", "ticketing.toml"));
    assert_eq!(row("JWT_SECRET"), is("set", "ticketing.toml"));
    assert_eq!(row("RATE_LIMIT"), is("100/15m", "default"));
    assert_eq!(row("DATABASE_URL"), is("postgres://u@h/d", "environment"));
    assert_eq!(row("NATS_URL"), is("set", "environment"));
    assert_eq!(row("TICKETCTL_TOKEN"), is("set", "environment"));
    assert_eq!(row("TICKETCTL_ACTOR"), is("tester", "environment"));
    for format in FORMATS {
        for args in [&["config", "show"][..], &["config", "show", "--set"], &["config", "check"]] {
            let ran = place.with(&[args, &["-o", format]].concat(), &set);
            assert!(!(ran.out.clone() + &ran.err).contains("hunter2"), "{ran:?}");
        }
    }
    place.run(&["context", "set", "here", "--data-dir", "d"]).ok();
    place.run(&["context", "use", "here"]).ok();
    let rows = place.with(&["config", "show", "-o", "json"], &set).ok().json();
    let of = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(of("DATA_DIR")["from"], "context here");
    assert!(of("DATABASE_URL")["note"].is_string());
    assert_eq!(of("TICKETCTL_CONTEXT")["value"], "here");
    let flag = place.run(&["config", "show", "-o", "json", "--data-dir", "e"]).ok().json();
    let row = flag.as_array().unwrap().iter().find(|row| row["name"] == "DATA_DIR").unwrap();
    assert_eq!((&row["value"], &row["from"]), (&"e".into(), &"flag".into()));
}

#[test]
fn settings_that_are_unknown_or_wrong_are_all_named() {
    let place = Place::new();
    place.run(&["config", "check"]).ok();
    fs::write(place.0.path().join("ticketing.toml"), "hold_secnds = 60\n").unwrap();
    let traces = ("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4318");
    let set = [("PORT", "http"), ("RATE_LIMIT", "lots"), ("SMTP_URL", "h"), ("TICKETCTL_SEVER", "x"), traces];
    let ran = place.with(&["config", "check", "-o", "json"], &set);
    assert_eq!(ran.code, 8);
    let rows = ran.json();
    let state = |name: &str| {
        let found = rows.as_array().unwrap().iter().find(|row| row["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {rows}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state("PORT"), state("RATE_LIMIT")), ("wrong".to_owned(), "wrong".to_owned()));
    assert_eq!(
        (state("hold_secnds"), state("TICKETCTL_SEVER")),
        ("unknown".to_owned(), "unknown".to_owned())
    );
    assert_eq!((state("SMTP_URL").as_str(), state(traces.0).as_str()), ("wrong", "wrong"));
    assert!(rows.to_string().contains("HOLD_SECONDS is one"), "{rows}");
    fs::write(place.0.path().join("ticketing.toml"), "").unwrap();
    place.with(&["config", "check"], &[("SMTP_URL", "smtp://h"), (traces.0, "http://h:4318")]).ok();
}
