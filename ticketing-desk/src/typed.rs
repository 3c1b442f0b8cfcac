//! The command line as it was typed: shown again in hints, without its secrets, and with more flags.

/// The flags whose values are not shown.
const SECRETS: &[&str] = &["--token", "--database-url"];

/// A command as it was typed, to be shown with more flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    flags: String,
    /// What follows `--`, and it: no flag can stand behind it.
    words: String,
}

impl Typed {
    /// Returns the command as the user may type it again, without what must not be shown.
    #[must_use]
    pub fn of(args: &[String]) -> Self {
        let (args, words) = args.split_at(end_of_flags(args));
        let mut flags = "ticketctl".to_owned();
        let mut hide_next = false;
        for arg in args {
            let secret = SECRETS.iter().find(|flag| arg.starts_with(**flag));
            let shown = match secret {
                _ if hide_next => "…".to_owned(),
                Some(flag) if arg[flag.len()..].starts_with('=') => format!("{flag}=…"),
                Some(_) | None => quoted(arg),
            };
            hide_next = secret.is_some_and(|flag| arg == flag);
            flags.push(' ');
            flags.push_str(&shown);
        }
        Self { flags, words: words.iter().map(|word| format!(" {}", quoted(word))).collect() }
    }

    /// Returns it with a flag more.
    #[must_use]
    pub fn with(&self, flag: &str) -> String {
        format!("{} {flag}{}", self.flags, self.words)
    }

    /// Returns it with another value for a flag.
    #[must_use]
    pub fn with_another(&self, flag: &str, value: &str, other: &str) -> String {
        let value = quoted(value);
        let flags = self
            .flags
            .replace(&format!("{flag} {value}"), &format!("{flag} {other}"))
            .replace(&format!("{flag}={value}"), &format!("{flag}={other}"));
        flags + &self.words
    }
}

/// Returns where the flags of a command line end: at `--`, or with it.
fn end_of_flags(args: &[String]) -> usize {
    args.iter().position(|arg| arg == "--").unwrap_or(args.len())
}

/// Returns a command line with more flags, which stand before what is none.
#[must_use]
pub fn with_flags(mut args: Vec<String>, flags: impl IntoIterator<Item = String>) -> Vec<String> {
    let end = end_of_flags(&args);
    args.splice(end..end, flags);
    args
}

/// Returns an argument as a shell takes it.
#[must_use]
pub fn quoted(arg: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !arg.is_empty() && arg.chars().all(is_plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Typed, with_flags};

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_command_is_repeated_as_typed_without_its_secrets() {
        let rows: [(&[&str], &str); 5] = [
            (&["booking", "cancel", "b-1"], "ticketctl booking cancel b-1 --yes"),
            (&["hold", "expire", "--query", "age>10m x"], "ticketctl hold expire --query 'age>10m x' --yes"),
            (&["x", "--token", "t0p", "y"], "ticketctl x --token … y --yes"),
            (&["x", "--database-url=postgres://u:p@h"], "ticketctl x --database-url=… --yes"),
            (&["booking", "cancel", "--", "-odd", "a b"], "ticketctl booking cancel --yes -- -odd 'a b'"),
        ];
        for (args, expected) in rows {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(Typed::of(&args).with("--yes"), expected);
        }
        let typed = Typed::of(&words("restore f --confirm test -- --confirm test"));
        assert_eq!(
            typed.with_another("--confirm", "test", "prod"),
            "ticketctl restore f --confirm prod -- --confirm test"
        );
    }

    #[test]
    fn a_flag_more_stands_before_what_is_none() {
        let more = || ["--yes".to_owned()];
        assert_eq!(with_flags(words("booking cancel a"), more()).join(" "), "booking cancel a --yes");
        assert_eq!(with_flags(words("booking cancel -- -a"), more()).join(" "), "booking cancel --yes -- -a");
    }
}
