//! The flags that every command takes, and the two groups that changes and lists share.
//!
//! What a flag means is checked here once; no command reads another command's flags or the environment
//! behind them.

use crate::failure::Failure;
pub use crate::guard::{Colour, Guard};
use crate::output::Format;
use clap::{Args, ValueEnum};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HEADING: &str = "Global options";

/// How many rows a table lists unless told otherwise.
pub const TABLE_ROWS_DEFAULT: u64 = 50;

/// How times are shown to people; machine formats always have RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimeStyle {
    /// `in 14m`, `3h ago`
    Relative,
    /// RFC 3339, UTC
    Iso,
    /// In this machine's time zone
    Local,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that can, unless NO_COLOR is set
    #[default]
    Auto,
    /// Even into a pipe
    Always,
    /// Never
    Never,
}

/// Text that must not be printed: a token, or an address with a password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the text itself, for the one who needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The global flags.
#[derive(Args, Clone, Debug)]
pub struct Globals {
    /// How to print the answer
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value = "table",
          help_heading = HEADING, hide_possible_values = true,
          help = "How to print the answer: table, wide, json, jsonl, yaml, csv or name")]
    pub output: Format,

    /// Use the server or store that this context names [env: TICKETCTL_CONTEXT]
    #[arg(long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub context: Option<String>,

    /// Work through a server instead of on the stores [env: TICKETCTL_SERVER]
    #[arg(long, global = true, value_name = "URL", help_heading = HEADING)]
    pub server: Option<String>,

    /// Read the server's token from this file
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING, conflicts_with = "token")]
    pub token_file: Option<PathBuf>,

    /// The server's token, or `-` to read it from stdin
    #[arg(long, global = true, value_name = "TOKEN", help_heading = HEADING)]
    pub token: Option<Secret>,

    /// Believe also servers that are signed for by the certificates in this file (PEM)
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub ca_file: Option<PathBuf>,

    /// Address of a PostgreSQL store, instead of the embedded one [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = HEADING)]
    pub database_url: Option<Secret>,

    /// Folder of the embedded store [default: DATA_DIR, else ./data]
    #[arg(long, global = true, value_name = "DIR", help_heading = HEADING)]
    pub data_dir: Option<PathBuf>,

    /// How to show times: relative (default on a terminal), iso or local
    #[arg(long, global = true, value_enum, value_name = "STYLE", help_heading = HEADING, hide_possible_values = true)]
    pub time: Option<TimeStyle>,

    /// When to colour: auto, always or never
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", help_heading = HEADING,
          hide_possible_values = true, hide_default_value = true)]
    pub color: ColorChoice,

    /// Give up on the store after this time, such as 500ms, 10s or 5m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = parse_duration,
          help_heading = HEADING)]
    pub timeout: Duration,

    /// Who makes the change, for the audit log [default: the system's user]
    #[arg(long = "as", global = true, value_name = "NAME", help_heading = HEADING, env = "TICKETCTL_ACTOR",
          hide_env_values = true)]
    pub actor: Option<String>,

    /// Print only answers, warnings and errors
    #[arg(short, long, global = true, help_heading = HEADING, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Log what is done to stderr; twice for every statement
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = HEADING)]
    pub verbose: u8,

    /// Never ask, refuse instead
    #[arg(long, global = true, help_heading = HEADING)]
    pub no_input: bool,

    /// The context in use, and what it demands of changes.
    #[arg(skip)]
    pub guard: Option<Guard>,

    /// The command line as it was typed, without the program's name.
    #[arg(skip)]
    pub invocation: Vec<String>,
}

impl Globals {
    /// Checks what the parser can't: which flags make no sense together, and which have no use yet.
    ///
    /// # Errors
    /// A usage error that says what to do instead.
    pub fn check(&self) -> Result<(), Failure> {
        if self.server.is_some() && (self.data_dir.is_some() || self.database_url.is_some()) {
            let store_flag = if self.data_dir.is_some() { "--data-dir" } else { "--database-url" };
            return Err(Failure::usage(format!("--server cannot be used together with {store_flag}."))
                .why("A command works either through a server or directly on a store.")
                .hint(format!("leave out --server or {store_flag}")));
        }
        let place = [
            ("--server", self.server.is_some()),
            ("--data-dir", self.data_dir.is_some()),
            ("--database-url", self.database_url.is_some()),
        ];
        if let (Some(_), Some((flag, _))) = (&self.context, place.into_iter().find(|(_, is_given)| *is_given))
        {
            return Err(Failure::usage(format!("--context cannot be used together with {flag}."))
                .why("A context names the server or the store itself.")
                .hint(format!("leave out --context or {flag}")));
        }
        Ok(())
    }

    /// Checks that a command line that was sent to a server names no other place.
    ///
    /// # Errors
    /// A usage error that names the flag.
    pub fn check_served(&self) -> Result<(), Failure> {
        let flags = [
            ("--server", self.server.is_some()),
            ("--context", self.context.is_some()),
            ("--token", self.token.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--ca-file", self.ca_file.is_some()),
            ("--data-dir", self.data_dir.is_some()),
            ("--database-url", self.database_url.is_some()),
            ("--as", self.actor.is_some()),
        ];
        match flags.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::usage(format!("{flag} is not for commands that a server runs."))
                .why("The server works on its own stores, for whoever the token names.")
                .hint(format!("leave out {flag}"))),
        }
    }

    /// Returns which store the flags name.
    #[must_use]
    pub fn store(&self) -> StoreFlags<'_> {
        StoreFlags { data_dir: self.data_dir.as_deref(), database_url: self.database_url.as_ref() }
    }

    /// Returns the flags that name the store, as a command that is typed again needs them; an address, which may have
    /// a password in it, is not shown. A context that is in use without being named needs none.
    #[must_use]
    pub fn store_flags(&self) -> String {
        let mut flags = String::new();
        if let Some(context) = self.context.as_ref().filter(|name| !name.is_empty()) {
            return format!("--context {} ", crate::typed::quoted(context));
        }
        if self.guard.is_some() {
            return flags;
        }
        let text = |path: &Path| crate::typed::quoted(&path.display().to_string());
        let named = |flag, path: Option<&Path>| Some(format!("{flag} {} ", text(path?)));
        flags.extend(named("--data-dir", self.data_dir.as_deref()));
        if self.database_url.is_some() {
            flags.push_str("--database-url … ");
        }
        if let Some(server) = &self.server {
            flags.push_str(&format!("--server {} ", crate::typed::quoted(server)));
            flags.extend(named("--ca-file", self.ca_file.as_deref()));
            flags.extend(named("--token-file", self.token_file.as_deref()));
        }
        flags
    }

    /// Returns what the user should know about the flags given, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        match &self.token {
            Some(token) if token.expose() != "-" => vec![
                "--token shows the token to every user of this machine; use TICKETCTL_TOKEN, --token-file FILE \
                 or --token - instead."
                    .to_owned(),
            ],
            Some(_) | None => Vec::new(),
        }
    }

    /// Returns what `-v` asks to be logged, as `LOG` says it; `None` without it.
    #[must_use]
    pub const fn log_targets(&self) -> Option<&'static str> {
        match self.verbose {
            0 => None,
            1 => Some("info,ticketing_core=debug,ticketing_server=debug,ticketctl=debug"),
            _ => Some("debug"),
        }
    }

    /// Returns the name that changes are audited under: `--as`, `TICKETCTL_ACTOR`, or the system's user.
    #[must_use]
    pub fn actor(&self) -> String {
        self.actor.clone().filter(|name| !name.is_empty()).unwrap_or_else(system_user)
    }
}

/// Which store the flags name.
#[derive(Clone, Copy, Debug)]
pub struct StoreFlags<'a> {
    /// The folder of the embedded store, and of what else is kept between runs, if a flag names it.
    pub data_dir: Option<&'a Path>,
    /// The address given by flag; without one the environment and the folder decide.
    pub database_url: Option<&'a Secret>,
}

/// Returns the login name of the process's owner: by the password file, else by the environment.
fn system_user() -> String {
    let uid = process_uid();
    let name =
        uid.and_then(|uid| user_named_in(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), uid));
    let from_env = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|v| std::env::var(v).ok());
    name.or_else(from_env)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| uid.map_or_else(|| "unknown".to_owned(), |uid| format!("uid-{uid}")))
}

#[cfg(target_os = "linux")]
fn process_uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(target_os = "linux"))]
const fn process_uid() -> Option<u32> {
    None
}

fn user_named_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// The flags of every command that changes something.
#[derive(Args, Clone, Debug, Default)]
pub struct ChangeArgs {
    /// Print exactly what would change, and change nothing
    #[arg(long, help_heading = "Change options")]
    pub dry_run: bool,

    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", help_heading = "Change options")]
    pub reason: Option<String>,

    /// Refuse, and do nothing, if more than N would change
    #[arg(long, value_name = "N", help_heading = "Change options")]
    pub max_affected: Option<u64>,

    /// Go ahead without asking
    #[arg(short, long, help_heading = "Change options")]
    pub yes: bool,

    /// Confirm a severe change by the protected context's name
    #[arg(long, value_name = "NAME", help_heading = "Change options")]
    pub confirm: Option<String>,

    /// Refuse, and show the plan as it is now, unless it is still the one with this digest
    #[arg(long, value_name = "DIGEST", hide = true)]
    pub expect: Option<String>,

    /// Make the change at most once, however often it is sent with this key
    #[arg(long, value_name = "KEY", value_parser = parse_idempotency_key, help_heading = "Change options")]
    pub idempotency_key: Option<String>,
}

/// The flags of every command that lists something.
#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// List at most N [default: 50 in tables, else all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "List options")]
    pub limit: Option<u64>,

    /// List everything
    #[arg(long, conflicts_with = "limit", help_heading = "List options")]
    pub all: bool,
}

impl ListArgs {
    /// Returns how many rows to fetch; `None` is all of them.
    #[must_use]
    pub const fn limit_for(&self, format: Format) -> Option<u64> {
        match self.limit {
            Some(limit) => Some(limit),
            None if self.all || format.is_machine() => None,
            None => Some(TABLE_ROWS_DEFAULT),
        }
    }
}

/// Reads a day.
///
/// # Errors
/// Says what a day looks like.
pub fn parse_day(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse().map_err(|_| "must be a day, as 2026-11-20".into())
}

/// Parses a positive time with its unit: `500ms`, `10s`, `5m`, `1h`, `2d`.
///
/// # Errors
/// Says what is wrong and what a right one looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let example = "write a number and ms, s, m, h or d, such as 500ms, 10s or 5m";
    let unit_at =
        text.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| format!("the unit is missing; {example}"))?;
    let (digits, unit) = text.split_at(unit_at);
    let count: u64 = digits.parse().map_err(|_| format!("not a time; {example}"))?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("unknown unit \"{unit}\"; {example}")),
    };
    match count.checked_mul(unit_ms) {
        Some(0) => Err("must be more than zero".to_owned()),
        Some(millis) if millis <= DURATION_MS_MAX => Ok(Duration::from_millis(millis)),
        _ => Err("must be at most 3650d".to_owned()),
    }
}

/// Ten years: any longer time is a typing error.
const DURATION_MS_MAX: u64 = 3650 * 86_400_000;

fn parse_idempotency_key(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 255 visible ASCII characters without blanks".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Globals, ListArgs, parse_duration, parse_idempotency_key, user_named_in};
    use crate::failure::Exit;
    use crate::output::Format;
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        globals: Globals,
        #[command(flatten)]
        list: ListArgs,
    }

    fn parse(args: &[&str]) -> Program {
        Program::try_parse_from(std::iter::once(&"ticketctl").chain(args)).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        let rows = [
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("2d", Some(172_800_000)),
            ("10", None),
            ("", None),
            ("s", None),
            ("0s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1w", None),
            ("10 s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("3651d", None),
        ];
        for (text, millis) in rows {
            assert_eq!(parse_duration(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
        assert!(parse_duration("10").unwrap_err().contains("10s"));
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii() {
        for (key, right) in
            [("k-1", true), ("", false), ("a b", false), ("é", false), (&*"k".repeat(256), false)]
        {
            assert_eq!(parse_idempotency_key(key).is_ok(), right, "{key}");
        }
    }

    #[test]
    fn a_server_and_a_store_are_not_named_together() {
        for store in [["--data-dir", "d"], ["--database-url", "u"]] {
            let failure =
                parse(&[&["--server", "http://x"][..], &store].concat()).globals.check().unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.starts_with("--server cannot be used together with --da"), "{failure}");
            assert!(failure.hint.is_some());
            assert!(parse(&store).globals.check().is_ok());
        }
        assert!(parse(&["--server", "http://x"]).globals.check().is_ok());
    }

    #[test]
    fn a_command_that_is_served_names_no_place() {
        for flags in [["--server", "s"], ["--context", "c"], ["--data-dir", "d"], ["--token", "t"]] {
            let failure = parse(&flags).globals.check_served().unwrap_err();
            assert!(failure.message.starts_with(flags[0]), "{failure}");
        }
        assert!(parse(&["-o", "json"]).globals.check_served().is_ok());
    }

    #[test]
    fn a_secret_is_never_printed() {
        let globals = parse(&["--token", "hunter2", "--database-url", "postgres://u:hunter2@h/d"]).globals;
        assert!(!format!("{globals:?}").contains("hunter2"));
        assert_eq!(globals.warnings().len(), 1);
        assert!(parse(&["--token", "-"]).globals.warnings().is_empty());
    }

    #[test]
    fn tables_list_fifty_and_machines_everything() {
        let rows = [
            (&[][..], Format::Table, Some(50)),
            (&[], Format::Wide, Some(50)),
            (&[], Format::Json, None),
            (&["--limit", "7"], Format::Table, Some(7)),
            (&["--limit", "7"], Format::Csv, Some(7)),
            (&["--all"], Format::Table, None),
        ];
        for (args, format, expected) in rows {
            assert_eq!(parse(args).list.limit_for(format), expected, "{args:?} {format:?}");
        }
        assert!(Program::try_parse_from(["ticketctl", "--limit", "0"]).is_err());
    }

    #[test]
    fn the_system_user_is_looked_up_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nanna:x:1000:1000::/home/anna:/bin/sh\n";
        assert_eq!(user_named_in(passwd, 1000).as_deref(), Some("anna"));
        assert_eq!(user_named_in(passwd, 7), None);
    }
}
