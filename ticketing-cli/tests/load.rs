//! `ticketctl load run` against a server of its own: what it reports is what the server has.
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{Place, Ran};

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// A server on a place's data folder, ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts `up --demo` on a free port, and waits until the folder says where it listens.
    fn start(place: &Place, environment: &[(&str, &str)]) -> Self {
        let mut command = place.command(&["up", "--demo", "--port", "0"]);
        command.env_remove("RATE_LIMIT").envs(environment.iter().copied());
        let mut server = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while served_at(place).is_none() {
            assert!(server.0.try_wait().unwrap().is_none(), "the server has ended");
            assert!(began.elapsed() < START_MAX, "the server does not start");
            sleep(Duration::from_millis(100));
        }
        server
    }
}

/// Where the folder's server listens.
fn served_at(place: &Place) -> Option<String> {
    let note = std::fs::read_to_string(place.0.path().join("data/server.json")).ok()?;
    serde_json::from_str::<Value>(&note).ok()?["address"].as_str().map(str::to_owned)
}

fn load(place: &Place, args: &[&str]) -> Ran {
    place.run(&[&["load", "run", "--connections", "8", "--users", "20"], args].concat())
}

fn number(report: &Value, path: &str) -> u64 {
    report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} of {report}"))
}

fn sum(report: &Value, list: &str, field: &str) -> u64 {
    report[list].as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
}

/// How many bookings of a run the server's stores have, by their states; the read side may be a moment behind.
fn bookings_of(place: &Place, run: &str) -> std::collections::BTreeMap<String, u64> {
    let query = format!("user~\"{run}-\"");
    let list = place.run(&["booking", "list", "--query", &query, "-o", "json"]).ok().json();
    let mut states = std::collections::BTreeMap::new();
    for booking in list.as_array().unwrap() {
        *states.entry(booking["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    states
}

fn wait_for_the_read_side(place: &Place) {
    let began = Instant::now();
    while place.run(&["status", "-o", "json"]).json()["lag"].as_u64().is_some_and(|lag| lag > 0) {
        assert!(began.elapsed() < START_MAX, "the read side does not catch up");
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_a_load_reports_is_what_the_server_has() {
    let place = Place::new();
    let _server = Server::start(&place, &[]);
    let args =
        ["--duration", "2s", "--warmup", "0s", "--departures", "20", "--report", "r.json", "-o", "json"];
    let ran = load(
        &place,
        &[&args[..], &["--max-errors", "1%", "--mix", "book=4,reserve=2,confirm=2,cancel=2,read=3"]].concat(),
    )
    .ok();
    let report = ran.json();
    let written = std::fs::read_to_string(place.0.path().join("r.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), report);

    let requests = number(&report, "/requests");
    assert!(requests > 20, "{report}");
    let parts: u64 =
        ["/ok", "/refused", "/errors", "/unanswered"].map(|path| number(&report, path)).iter().sum();
    assert_eq!(parts, requests);
    assert_eq!(sum(&report, "commands", "requests"), requests);
    assert_eq!(sum(&report, "statuses", "count"), requests);
    assert_eq!(sum(&report, "refusals", "count"), number(&report, "/refused"));
    assert_eq!((number(&report, "/errors"), number(&report, "/unanswered")), (0, 0), "{report}");
    let latency = |name: &str| report["latencyMs"][name].as_f64().unwrap();
    assert!(latency("p50") > 0.0 && latency("p50") <= latency("p99") && latency("p99") <= latency("max"));

    // The server's own word for it: every booking that was reported, in the state that was reported, and no other.
    wait_for_the_read_side(&place);
    let states = bookings_of(&place, report["id"].as_str().unwrap());
    let of = |names: &[&str]| names.iter().filter_map(|name| states.get(*name)).sum::<u64>();
    assert_eq!(states.values().sum::<u64>(), number(&report, "/bookings/made"), "{states:?} {report}");
    assert_eq!(of(&["PENDING", "RESERVED"]), number(&report, "/bookings/held"), "{states:?} {report}");
    assert_eq!(of(&["CONFIRMED"]), number(&report, "/bookings/sold"), "{states:?} {report}");
    assert_eq!(of(&["CANCELLED", "REFUNDED"]), number(&report, "/bookings/cancelled"), "{states:?} {report}");
    assert_eq!(number(&report, "/statuses/1/count"), number(&report, "/bookings/made"), "201s are bookings");

    // The command that it names takes away what is left.
    let remove = report["remove"].as_str().unwrap().replace("ticketctl", env!("CARGO_BIN_EXE_ticketctl"));
    let environment = place.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &remove]).current_dir(place.0.path());
    for (name, value) in environment.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let removed = shell.output().unwrap();
    assert!(removed.status.success(), "{removed:?}");
    wait_for_the_read_side(&place);
    let states = bookings_of(&place, report["id"].as_str().unwrap());
    assert!(
        ["PENDING", "RESERVED", "CONFIRMED"].iter().all(|open| !states.contains_key(*open)),
        "{states:?}"
    );
}

#[test]
fn a_dry_run_and_a_cleanup_leave_nothing_and_an_open_loop_keeps_its_rate() {
    let place = Place::new();
    let _server = Server::start(&place, &[]);
    let plan = load(&place, &["--dry-run", "--departures", "3", "-o", "json"]).ok().json();
    assert_eq!((plan["action"].as_str(), number(&plan, "/affected")), (Some("load run"), 3));
    assert!(plan["changes"][0]["before"]["seatsLeft"].as_u64().unwrap() > 0);
    let refused = load(&place, &["--departures", "3", "--max-affected", "2"]);
    assert_eq!(refused.code, 9, "{refused:?}");
    assert_eq!(place.run(&["booking", "list", "-o", "name"]).ok().out, "");

    let args = ["--rate", "50/s", "--duration", "2s", "--cleanup", "--pick", "hot", "-o", "json"];
    let report = load(&place, &args).ok().json();
    assert_eq!(number(&report, "/requests") + number(&report, "/notSent"), 100, "{report}");
    assert_eq!(number(&report, "/bookings/made"), number(&report, "/bookings/cancelled"), "{report}");
    assert_eq!(report["remove"], Value::Null);
    wait_for_the_read_side(&place);
    let states = bookings_of(&place, report["id"].as_str().unwrap());
    assert!(states.keys().all(|state| matches!(state.as_str(), "CANCELLED" | "REFUNDED")), "{states:?}");

    let counted =
        load(&place, &["--requests", "30", "--warmup", "0s", "--mix", "read=1", "-o", "json"]).ok().json();
    assert_eq!((number(&counted, "/requests"), number(&counted, "/bookings/made")), (30, 0));
}

#[test]
fn everybody_at_once_sells_an_event_out_and_every_seat_once() {
    let place = Place::new();
    let _server = Server::start(&place, &[]);
    let began = Instant::now();
    let event = loop {
        let events = place.run(&["event", "list", "--query", "status=ON_SALE", "-o", "name"]).ok().out;
        if let Some(first) = events.lines().next() {
            break first.to_owned();
        }
        assert!(began.elapsed() < START_MAX, "the demo has no event");
        sleep(Duration::from_millis(100));
    };
    let event = event.as_str();
    let map = |event: &str| {
        let map = place.run(&["seat", "map", event, "-o", "json"]).ok().json();
        ["free", "held", "sold", "blocked"].map(|word| {
            map["seats"].as_array().unwrap().iter().filter(|seat| seat["state"] == word).count() as u64
        })
    };
    let [free, held, sold, blocked] = map(event);
    let plan = load(&place, &["--on-sale", event, "--dry-run", "-o", "json"]).ok().json();
    assert_eq!((plan["changes"][0]["kind"].as_str(), number(&plan, "/affected")), (Some("event"), 1));
    assert_eq!(number(&plan, "/changes/0/before/seatsLeft"), free);

    let args = ["--on-sale", event, "--duration", "2m", "--warmup", "0s", "--party", "3", "-o", "json"];
    let report = load(&place, &args).ok().json();
    assert_eq!(report["ended"], "soldOut", "{report}");
    assert_eq!(number(&report, "/bookings/seats"), free, "{report}");
    assert_eq!(number(&report, "/errors") + number(&report, "/unanswered"), 0, "{report}");
    assert!(report["seatsPerSecond"].as_f64().unwrap() > 0.0, "{report}");
    wait_for_the_read_side(&place);
    assert_eq!(map(event), [0, held + free, sold, blocked], "what buyers were told makes the hall");
    let again = load(&place, &["--on-sale", event]);
    assert_eq!((again.code, again.err.contains("None of its seats is free")), (5, true), "{again:?}");
    for (args, said) in [
        (&["--on-sale", event, "--pick", "hot"][..], "cannot be used with"),
        (&["--on-sale", event, "--mix", "book=1"], "--on-sale knows no `book`"),
        (&["--party", "3"], "--on-sale"),
    ] {
        let ran = load(&place, args);
        assert_eq!((ran.code, ran.err.contains(said)), (2, true), "{args:?}: {ran:?}");
    }
    let nobody = load(&place, &["--on-sale", "nope"]);
    assert_eq!(nobody.code, 3, "{nobody:?}");
    place.run(&["verify"]).ok();
}

#[test]
fn a_limit_that_is_exceeded_is_exit_8_and_a_rate_limit_is_explained() {
    let place = Place::new();
    let _server = Server::start(&place, &[("RATE_LIMIT", "60/1h")]);
    let args =
        ["--duration", "1s", "--warmup", "0s", "--departures", "2", "--mix", "read=1", "--max-errors", "1%"];
    let ran = load(&place, &args);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.out.contains("429 RATE_LIMITED"), "{ran:?}");
    assert!(
        ran.err.contains("over the 1 % of --max-errors") && ran.err.contains("RATE_LIMIT=1000000/1s"),
        "{ran:?}"
    );
    let slow = load(&place, &["--requests", "5", "--mix", "read=1"]);
    assert_eq!(slow.code, 1, "{slow:?}");
    assert!(slow.err.contains("before the load has begun"), "{slow:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_gently_with_the_report_so_far() {
    let place = Place::new();
    let _server = Server::start(&place, &[]);
    let args = ["load", "run", "--duration", "50s", "--warmup", "0s", "--cleanup", "-o", "json"];
    let mut child = place.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.contains("under load"), "{line}");
    sleep(Duration::from_secs(2));
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert_eq!(report["ended"], "stopped");
    assert!(number(&report, "/requests") > 0 && report["seconds"].as_f64().unwrap() < 40.0, "{report}");
    assert_eq!(number(&report, "/bookings/made"), number(&report, "/bookings/cancelled"), "{report}");
}

#[test]
fn what_must_not_or_cannot_be_loaded_is_refused_before_anything_is_sent() {
    let place = Place::new();
    let url = |url: &str| place.run(&["load", "run", "--url", url]);
    for (url, ran, code, said) in [
        ("", place.run(&["load", "run"]), 7, "ticketctl up --data-dir ./data"),
        ("remote", url("http://192.0.2.1:3002"), 9, "--allow-remote"),
        ("name", url("http://example.org"), 9, "is not on this machine"),
        ("tls", url("https://127.0.0.1:3002"), 2, "plain http only"),
        ("no secret", url("http://127.0.0.1:1"), 2, "--jwt-secret-file"),
    ] {
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{url}: {ran:?}");
        assert!(ran.err.contains(said), "{url}: {ran:?}");
    }
    std::fs::write(place.0.path().join("secret"), "a secret of nobody, long enough for all").unwrap();
    let ran = place.run(&["load", "run", "--url", "http://127.0.0.1:1", "--jwt-secret-file", "secret"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    let _server = Server::start(&place, &[]);
    let ran = place.run(&["load", "run", "--jwt-secret-file", "secret"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let ran = place.run(&["load", "run", "--schedule", "nope"]);
    assert_eq!((ran.code, ran.err.contains("no departure nope")), (3, true), "{ran:?}");
}
