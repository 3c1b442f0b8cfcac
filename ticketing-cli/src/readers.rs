//! The test that every command either only reads or can say beforehand what it would change.

use crate::Cli;
use clap::{Command, CommandFactory as _};

/// Commands that change nothing of the platform. `up`, `serve` and `tui` run it or show it; `backup`, `completions`
/// and `man` write the file or the page that they are asked for; `context` changes the user's own file. A new command is here only if it reads.
const READERS: &[&str] = &[
    "audit list",
    "backup",
    "booking get",
    "booking list",
    "completions",
    "config check",
    "config show",
    "context delete",
    "context ls",
    "context set",
    "context show",
    "context use",
    "dlq list",
    "dlq show",
    "doctor",
    "event get",
    "event list",
    "events show",
    "events tail",
    "group lag",
    "group list",
    "hold list",
    "job get",
    "job list",
    "job watch",
    "listing get",
    "listing list",
    "mail list",
    "mail show",
    "man",
    "migrate status",
    "order get",
    "order list",
    "outbox status",
    "payment books",
    "payment list",
    "payment reconcile",
    "payment show",
    "projection list",
    "projection verify",
    "route get",
    "route list",
    "saga list",
    "saga show",
    "schedule get",
    "schedule list",
    "seat count",
    "seat map",
    "serve",
    "status",
    "tui",
    "up",
    "user get",
    "user list",
    "venue get",
    "venue list",
    "verify",
    "version",
    "why",
];

/// Every command that can be run, by its words, and whether it has `--dry-run`.
fn leaves(command: &Command, path: &[&str], found: &mut Vec<(String, bool)>) {
    let mut subs = command.get_subcommands().peekable();
    if subs.peek().is_none() {
        let has_dry_run = command.get_arguments().any(|arg| arg.get_long() == Some("dry-run"));
        found.push((path.join(" "), has_dry_run));
    }
    for sub in subs {
        leaves(sub, &[path, &[sub.get_name()]].concat(), found);
    }
}

#[test]
fn every_command_only_reads_or_can_say_what_it_would_change() {
    let mut found = Vec::new();
    leaves(&Cli::command(), &[], &mut found);
    assert!(found.len() > 50, "{found:?}");
    let undecided: Vec<_> =
        found.iter().filter(|(name, has_dry_run)| READERS.contains(&name.as_str()) == *has_dry_run).collect();
    assert!(undecided.is_empty(), "neither or both: {undecided:?}");
    let gone: Vec<_> = READERS.iter().filter(|name| !found.iter().any(|(found, _)| found == *name)).collect();
    assert!(gone.is_empty(), "no commands: {gone:?}");
}
