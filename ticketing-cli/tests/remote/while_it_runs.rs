//! Commands while they run: questions, readers who leave, signals, and how many there may be.

use crate::Far;
use crate::support::Place;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many commands run in a server: each has a thread of its own.
fn commands_running(far: &Far) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", far.server.id())).unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "command").count()
}

fn until_running(far: &Far, wanted: usize) {
    let began = Instant::now();
    while commands_running(far) != wanted {
        assert!(began.elapsed() < Duration::from_secs(10), "{} run", commands_running(far));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until a program has ended by itself, and returns its exit code.
fn ends(child: &mut Child) -> Option<i32> {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(10), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait().unwrap().code()
}

#[test]
fn a_command_ends_when_its_reader_leaves_and_when_its_server_ends() {
    let mut far = Far::with(Place::seeded(), &[("RATE_LIMIT", "100/15m")]);
    let tail = |far: &Far| {
        let mut command = far.command(&["events", "tail", "-f", "-o", "jsonl"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with('{'), "{line}");
        (child, lines)
    };
    // As `| head -1` leaves: at the next event, or at the next sign of life.
    let (mut piped, lines) = tail(&far);
    drop(lines);
    far.place.run(&["user", "token", "ada"]).ok();
    far.place.booking(&["--seat", "C1"]);
    assert_eq!(ends(&mut piped), Some(0));
    until_running(&far, 0);

    // Its reader sleeps, and the pipe to it may be full: a signal ends it all the same.
    let (mut stopped, _lines) = tail(&far);
    signal(&stopped, "-INT");
    assert_eq!(ends(&mut stopped), Some(130));
    until_running(&far, 0);

    // No operator is counted: many more than a buyer may ask.
    for _ in 0..110 {
        far.run(&["route", "get", "X90", "-o", "name"]).ok();
    }

    // So many at once and no more.
    let body = json!({"args": ["events", "tail", "-f"]}).to_string();
    let request = format!(
        "POST /api/admin/commands HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\naccept: \
         application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
        far.token,
        body.len()
    );
    let address = far.url.strip_prefix("http://").unwrap().to_owned();
    let open: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    until_running(&far, 64);
    let full = far.run(&["route", "list", "-o", "json"]);
    assert_eq!((full.code, full.error()["code"].as_str()), (7, Some("OVERLOADED")), "{full:?}");
    assert!(full.error()["message"].as_str().unwrap().starts_with("64 commands are under way"), "{full:?}");
    drop(open);
    until_running(&far, 0);

    let (told, mut lines) = tail(&far);
    let began = Instant::now();
    signal(&far.server, "-TERM");
    assert!(ends(&mut far.server).is_some());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let told = told.wait_with_output().unwrap();
    let err = String::from_utf8(told.stderr).unwrap();
    assert_eq!((told.status.code(), err.contains("SHUTTING_DOWN")), (Some(7), true), "{err}");
}

/// By `script` of util-linux, which gives a program a terminal of its own.
fn at_a_terminal(far: &Far, args: &[&str], meanwhile: impl FnOnce(), answer: &str) -> (i32, String) {
    let program = [&[env!("CARGO_BIN_EXE_ticketctl")][..], args, &["--server", &far.url]].concat();
    let mut command = Command::new("script");
    command.args(["-qec", &program.join(" "), "/dev/null"]).current_dir(far.place.0.path());
    command.env("TICKETCTL_TOKEN", &far.token).env("TERM", "xterm").env_remove("TICKETCTL_SERVER");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut piece = [0; 1_024];
    while !String::from_utf8_lossy(&shown).contains("[y/N] ") {
        let read = out.read(&mut piece).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&piece[..read]);
    }
    meanwhile();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answer.as_bytes()).unwrap();
    out.read_to_end(&mut shown).unwrap();
    drop(stdin);
    (child.wait().unwrap().code().unwrap(), String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn a_question_is_asked_here_and_its_yes_is_to_the_plan_that_was_shown() {
    let place = Place::seeded();
    let (one, two) =
        (place.booking(&["--seat", "C1", "--hold", "1h"]), place.booking(&["--seat", "C2", "--hold", "1h"]));
    let far = Far::on(place);
    let status = |id: &str| {
        far.place.run(&["booking", "get", id, "-o", "json"]).ok().json()["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (code, shown) = at_a_terminal(&far, &["booking", "cancel", &one], || (), "n\n");
    assert_eq!((code, status(&one).as_str()), (9, "RESERVED"), "{shown}");
    assert!(shown.contains("status: RESERVED → CANCELLED") && shown.contains("the answer was no"), "{shown}");
    let (code, shown) = at_a_terminal(&far, &["booking", "cancel", &one], || (), "y\n");
    assert_eq!((code, status(&one).as_str()), (0, "CANCELLED"), "{shown}");
    let both = ["hold", "expire", "--query", "status=RESERVED"];
    let third = std::cell::RefCell::new(String::new());
    let moved = || *third.borrow_mut() = far.place.booking(&["--seat", "D4", "--hold", "1h"]);
    let quoted: Vec<String> = both.iter().map(|word| format!("'{word}'")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let (code, shown) = at_a_terminal(&far, &quoted, moved, "y\n");
    assert_eq!((code, status(&two).as_str()), (5, "RESERVED"), "{shown}");
    assert!(shown.contains("has changed since it was agreed to"), "{shown}");
    assert!(shown.contains(&third.borrow()[..8]), "the new plan is shown: {shown}");
}
