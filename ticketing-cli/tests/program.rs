//! The program as its users meet it: arguments in, streams and an exit code out.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

fn ticketctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketctl"));
    command.args(args).stdin(Stdio::null());
    for name in ["NO_COLOR", "COLUMNS", "TICKETCTL_CONTEXT", "TICKETCTL_SERVER", "TICKETCTL_ACTOR"] {
        command.env_remove(name);
    }
    // Whoever runs the tests may have contexts, too.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// Runs it and returns the exit code, stdout and stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = ticketctl(args).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn help_and_version_are_answers() {
    for args in [&["--help"][..], &["-h"], &["version", "--help"], &["completions", "--help"], &["--version"]]
    {
        let (code, out, err) = run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(out.contains("ticketctl") && !out.contains('\u{1b}'), "{args:?}: {out}");
    }
    assert!(run(&["version", "--help"]).1.contains("Examples:"));
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let output =
        ticketctl(&["--help"]).env("TICKETCTL_ACTOR", "s3cret").env("TICKETCTL_CONTEXT", "s3cret").output();
    assert!(!String::from_utf8(output.unwrap().stdout).unwrap().contains("s3cret"));
}

#[test]
fn a_wrong_command_line_says_what_why_and_what_to_try() {
    let (code, out, err) = run(&["version", "--bogus"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "error: Unexpected argument '--bogus' found.\n  try: ticketctl version --help\n");

    let (code, out, err) = run(&["verison"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("error: Unrecognized subcommand 'verison'.\n  why: "), "{err}");
    assert!(err.contains("'version'"), "{err}");

    let (code, _, err) = run(&["-o", "xml", "version"]);
    assert_eq!(code, 2);
    assert!(err.ends_with("  try: ticketctl version --help\n"), "{err}");
    assert!(err.contains("[possible values: table, wide, json, jsonl, yaml, csv, name]"), "{err}");

    assert_eq!(
        run(&[]),
        (2, String::new(), "error: A command is missing.\n  try: ticketctl --help\n".to_owned())
    );
    assert_eq!(run(&["completions"]).0, 2);
    assert_eq!(run(&["--timeout", "10", "version"]).0, 2);
    assert_eq!(run(&["--server", "http://localhost", "up"]).0, 2);
}

#[test]
fn a_wrong_command_line_is_json_for_programs() {
    for args in [
        &["version", "--bogus", "-o", "json"][..],
        &["-ojsonl", "--bogus"],
        &["--output=json", "--server=x", "--data-dir=y", "version"],
    ] {
        let (code, out, err) = run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        let body: serde_json::Value = serde_json::from_str(&err).unwrap_or_else(|e| panic!("{e}: {err}"));
        assert_eq!(body["error"]["code"], "USAGE");
        assert_eq!(body["error"]["retryable"], false);
        assert!(body["error"]["message"].is_string() && body["error"]["hint"].is_string());
    }
}

#[test]
fn the_version_is_printed_in_every_format() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(run(&["version"]).1.starts_with(&format!("ticketctl {version}")));
    let body: serde_json::Value = serde_json::from_str(&run(&["version", "-o", "json"]).1).unwrap();
    assert_eq!(body["version"], version);
    for format in ["wide", "jsonl", "yaml", "csv", "name"] {
        let (code, out, err) = run(&["-o", format, "version"]);
        assert_eq!((code, err.as_str()), (0, ""), "{format}");
        assert!(out.contains(version), "{format}: {out}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, err) = run(&["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""), "{shell}");
        assert!(out.contains("TICKETCTL_COMPLETE") && out.contains("ticketctl"), "{shell}");
    }
}

#[test]
fn a_reader_who_leaves_early_ends_it_quietly() {
    for args in [&["man"][..], &["--help"]] {
        let mut child = ticketctl(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{args:?}");
    }
    let mut child = ticketctl(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = ticketctl(&["version"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("error: The output could not be written.\n  why: ")
    );
}

#[test]
fn a_token_on_the_command_line_is_warned_about_and_not_repeated() {
    let (code, out, err) = run(&["--token", "hunter2", "version"]);
    assert_eq!(code, 0);
    assert!(err.starts_with("warning: --token shows the token") && !(out + &err).contains("hunter2"));
}
