//! Whatever the program finds around it, it answers: with its data, or with an error that says what to do. Never with
//! a panic.
#![cfg(unix)]
#![allow(clippy::unwrap_used, dead_code, reason = "helpers of tests are tests")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use support::{Place, Ran};

/// Commands of every kind: on the stores, about this machine, and that need neither.
const COMMANDS: &[&[&str]] = &[
    &["version"],
    &["--help"],
    &["completions", "bash"],
    &["status"],
    &["schedule", "list", "--limit", "3"],
    &["booking", "list", "-o", "json"],
    &["booking", "get", "ffff"],
    &["hold", "expire", "--query", "age>1s", "--yes"],
    &["verify"],
    &["context", "ls"],
    &["config", "show"],
    &["doctor"],
    &["--bogus"],
];

/// The program answered: it has not panicked, and an error says what failed.
fn assert_answered(ran: &Ran, what: &str, args: &[&str]) {
    assert!((0..=9).contains(&ran.code), "{what}, {args:?}: {ran:?}");
    assert!(
        !ran.err.contains("panicked") && !ran.err.contains("An internal error"),
        "{what}, {args:?}: {ran:?}"
    );
    let tells = !ran.err.is_empty() || !ran.out.is_empty();
    assert!(ran.code == 0 || tells, "{what}, {args:?}: {ran:?}");
}

fn each(place: &Place, what: &str, change: impl Fn(&mut Command)) {
    for args in COMMANDS {
        let mut command = place.command(args);
        command.env("PORT", "0");
        change(&mut command);
        assert_answered(&place.finish(&mut command, ""), what, args);
    }
}

#[test]
fn without_a_home_a_terminal_or_a_believable_width() {
    let place = Place::seeded();
    each(&place, "no HOME", |command| {
        command.env_remove("HOME").env_remove("XDG_CONFIG_HOME");
    });
    each(&place, "HOME is no folder", |command| {
        command.env("HOME", "/dev/null").env_remove("XDG_CONFIG_HOME");
    });
    each(&place, "TERM=dumb", |command| {
        command.env("TERM", "dumb");
    });
    each(&place, "no TERM", |command| {
        command.env_remove("TERM");
    });
    for columns in ["0", "1", "-3", "wide", "99999999999999999999"] {
        each(&place, columns, |command| {
            command.env("COLUMNS", columns);
        });
    }
    each(&place, "nothing at all", |command| {
        command.env_clear();
    });
    each(&place, "variables that are no text", |command| {
        let odd = OsStr::from_bytes(b"\xff\xfe");
        for name in
            ["TICKETCTL_CONTEXT", "TICKETCTL_SERVER", "COLUMNS", "TERM", "LANG", "TZ", "NO_COLOR", "HOME"]
        {
            command.env(name, odd);
        }
    });
}

#[test]
fn in_a_folder_that_has_vanished() {
    let place = Place::seeded();
    let gone = place.0.path().join("gone");
    for args in COMMANDS {
        fs::create_dir_all(&gone).unwrap();
        // The shell is in the folder when it is removed, and stays there.
        let mut command = Command::new("sh");
        let line = "cd \"$GONE\" && rmdir \"$GONE\" && exec \"$0\" \"$@\"";
        command.args(["-c", line, env!("CARGO_BIN_EXE_ticketctl")]).args(*args);
        for (name, value) in place.command(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("GONE", &gone).env("PORT", "0");
        assert_answered(&place.finish(&mut command, ""), "a vanished folder", args);
    }
    let data = place.0.path().join("data");
    let mut command = Command::new("sh");
    fs::create_dir_all(&gone).unwrap();
    let line = "cd \"$GONE\" && rmdir \"$GONE\" && exec \"$0\" status --data-dir \"$DATA\"";
    command.args(["-c", line, env!("CARGO_BIN_EXE_ticketctl")]).env("GONE", &gone).env("DATA", &data);
    command.env("XDG_CONFIG_HOME", place.0.path());
    place.finish(&mut command, "").ok();
}

#[test]
fn with_streams_that_are_closed() {
    let place = Place::seeded();
    for (what, closed) in [
        ("stdout", ">&-"),
        ("stderr", "2>&-"),
        ("both", ">&- 2>&-"),
        ("stdin", "<&-"),
        ("all", "<&- >&- 2>&-"),
    ] {
        for args in COMMANDS {
            let mut command = Command::new("sh");
            let line = format!("exec \"$0\" \"$@\" {closed}");
            command.args(["-c", &line, env!("CARGO_BIN_EXE_ticketctl")]).args(*args);
            command.current_dir(place.0.path());
            for (name, value) in place.command(&[]).get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.env("PORT", "0").stdin(Stdio::null());
            let ran = place.finish(&mut command, "");
            assert!((0..=9).contains(&ran.code), "{what}, {args:?}: {ran:?}");
            assert!(
                !ran.err.contains("panicked") && !ran.err.contains("internal error"),
                "{what}, {args:?}: {ran:?}"
            );
        }
    }
}

#[test]
fn with_arguments_that_are_no_text() {
    let place = Place::seeded();
    let odd = OsStr::from_bytes(b"b\xff\xfe");
    for args in [
        &["booking", "get"][..],
        &["booking", "list", "--query"],
        &["status", "--data-dir"],
        &["context", "use"],
        &["context", "set"],
        &["status", "--context"],
        &["status", "--server"],
        &["seed", "apply", "-f"],
        &["why"],
        &["doctor", "--data-dir"],
        &["config", "show", "--data-dir"],
        &[],
    ] {
        let mut command = place.command(args);
        command.arg(odd).env("PORT", "0");
        let output = command.stdin(Stdio::null()).output().unwrap();
        let (code, err) =
            (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!((0..=9).contains(&code), "{args:?}: {code} {err}");
        assert!(!err.contains("panicked") && !err.contains("internal error"), "{args:?}: {err}");
        assert!(code == 0 || err.starts_with("error: "), "{args:?}: {err}");
    }
}

#[test]
fn with_a_file_of_settings_that_cannot_be_read() {
    let place = Place::seeded();
    let file = place.0.path().join("ticketing.toml");
    fs::create_dir(&file).unwrap();
    each(&place, "a folder of that name", |_| {});
    fs::remove_dir(&file).unwrap();
    for bytes in [&b"\xff\xfe"[..], b"port = \n", b"port = [1]\n", b"[a]\nb = 1\n", &vec![b'#'; 2 << 20][..]]
    {
        fs::write(&file, bytes).unwrap();
        each(&place, "no settings", |_| {});
        let ran = place.run(&["status"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.starts_with("error: ticketing.toml "), "{ran:?}");
        place.run(&["version"]).ok();
    }
}

/// How much a program has worked so far, in clock ticks.
#[cfg(target_os = "linux")]
fn ticks(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.split_whitespace().skip(13).take(2).map(str::to_owned).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_a_program_whose_reader_sleeps() {
    use std::time::{Duration, Instant};
    let place = Place::seeded();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut command = place.command(&["events", "tail", "-f", "-o", "jsonl"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // The demo's log is longer than a pipe: it stands still once the pipe is full.
        let (mut before, mut still) = (Vec::new(), 0);
        while still < 5 {
            std::thread::sleep(Duration::from_millis(100));
            let now = ticks(child.id());
            still = if now == before { still + 1 } else { 0 };
            before = now;
        }
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "{signal}: it goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

#[test]
fn a_server_whose_port_is_taken_leaves_no_folder_behind() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = place.run(&["up", "--port", &port]);
    assert!(ran.code != 0 && ran.err.contains(&port), "{ran:?}");
    assert!(!place.0.path().join("data").exists());
}

#[test]
fn the_name_of_a_file_is_told_as_it_is() {
    let place = Place::seeded();
    let ran = place.run(&["restore", "nofile", "--data-dir", "new", "--dry-run"]);
    assert!(ran.code == 3 && ran.err.contains("The file nofile can't be read"), "{ran:?}");
    fs::write(place.0.path().join("odd"), "x").unwrap();
    let feed = ["seed", "gtfs", "odd", "--from", "2026-11-21", "--days", "1"];
    for args in [&feed[..], &["seed", "apply", "-f", "odd"], &["restore", "odd", "--data-dir", "new"]] {
        let ran = place.run(args);
        assert!(ran.code != 0 && ran.err.contains("odd") && !ran.err.contains("Odd"), "{args:?}: {ran:?}");
    }
}
