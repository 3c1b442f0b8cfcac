//! What stands at the other end: terminals or pipes, how wide, and whether they want colour.

use crate::globals::ColorChoice;
use serde::{Deserialize, Serialize};
use std::io::{self, IsTerminal};

/// The width of what is no terminal, and of a terminal that does not tell.
const WIDTH_DEFAULT: usize = 80;

/// Narrower or wider claims are not believed.
const WIDTHS_BELIEVED: std::ops::RangeInclusive<usize> = 20..=1000;

/// The process's three streams and what its environment says about them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terminal {
    /// Whether stdin is a terminal.
    pub stdin: bool,
    /// Whether stdout is a terminal.
    pub stdout: bool,
    /// Whether stderr is a terminal.
    pub stderr: bool,
    /// How many columns a table may take.
    pub width: usize,
    /// Whether the environment forbids colour (`NO_COLOR`, `TERM=dumb`).
    pub no_color: bool,
    /// Whether the cursor can't be moved (`TERM=dumb`).
    pub dumb: bool,
}

/// What is no terminal at all.
impl Default for Terminal {
    fn default() -> Self {
        Self {
            stdin: false,
            stdout: false,
            stderr: false,
            width: WIDTH_DEFAULT,
            no_color: false,
            dumb: false,
        }
    }
}

impl Terminal {
    /// Returns what the streams of this process are.
    #[must_use]
    pub fn probe() -> Self {
        let env = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
        let stdout = io::stdout().is_terminal();
        let size =
            if stdout { crossterm::terminal::size().ok().map(|(columns, _)| columns.into()) } else { None };
        let dumb = env("TERM").as_deref() == Some("dumb");
        Self {
            stdin: io::stdin().is_terminal(),
            stdout,
            stderr: io::stderr().is_terminal(),
            width: width(size, env("COLUMNS").as_deref()),
            no_color: dumb || env("NO_COLOR").is_some_and(|value| !value.is_empty()),
            dumb,
        }
    }

    /// Returns what somebody elsewhere says of a terminal, as far as it can be.
    #[must_use]
    pub fn believed(self) -> Self {
        let width = if WIDTHS_BELIEVED.contains(&self.width) { self.width } else { WIDTH_DEFAULT };
        Self { width, ..self }
    }

    /// Returns whether stdout is to be coloured.
    #[must_use]
    pub const fn colour_out(&self, choice: ColorChoice) -> bool {
        self.colour(choice, self.stdout)
    }

    /// Returns whether stderr is to be coloured.
    #[must_use]
    pub const fn colour_err(&self, choice: ColorChoice) -> bool {
        self.colour(choice, self.stderr)
    }

    const fn colour(&self, choice: ColorChoice, is_terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !self.no_color,
        }
    }

    /// Says whether somebody is there to be asked: questions go to stderr, answers come from stdin.
    #[must_use]
    pub const fn can_ask(&self) -> bool {
        self.stdin && self.stderr
    }
}

/// The terminal's own width, else `COLUMNS`, else 80.
fn width(size: Option<usize>, columns: Option<&str>) -> usize {
    let believed = |width: &usize| WIDTHS_BELIEVED.contains(width);
    let claimed = || columns.and_then(|text| text.parse().ok()).filter(believed);
    size.filter(believed).or_else(claimed).unwrap_or(WIDTH_DEFAULT)
}

/// What a piece of text is, as far as its colour goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be: green.
    Good,
    /// Under way: yellow.
    Waiting,
    /// Wrong: red.
    Bad,
    /// Over, or beside the point: dim.
    Faint,
    /// A heading: bold.
    Strong,
}

/// Returns `text` in the colours of `tone`; as it is, without colour.
#[must_use]
pub fn paint(tone: Tone, text: &str, colour: bool) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Waiting => "33",
        Tone::Bad => "1;31",
        Tone::Faint => "2",
        Tone::Strong => "1",
    };
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Returns the tone of a state word.
#[must_use]
pub fn state_tone(word: &str) -> Option<Tone> {
    Some(match word {
        "CONFIRMED" | "SUCCEEDED" | "COMPLETED" | "DONE" | "PAID" | "OPEN" | "SCHEDULED" | "ACTIVE"
        | "APPLIED" | "OK" | "UP" | "SUCCESS" | "succeeded" | "HEALTHY" | "ok" | "up" | "healthy"
        | "done" | "redriven" => Tone::Good,
        "PENDING" | "RESERVED" | "RUNNING" | "WAITING" | "COMPENSATING" | "CHARGING" | "RELEASING"
        | "REFUNDING" | "AWAITING_PAYMENT" | "due" | "awaited" | "DEGRADED" | "LAGGING" | "degraded"
        | "pending" | "lagging" | "waiting" | "running" | "warn" => Tone::Waiting,
        "FAILED" | "PARKED" | "declined" | "unclear" | "STUCK" | "DOWN" | "ERROR" | "UNHEALTHY"
        | "SUSPENDED" | "failed" | "fail" | "wrong" | "down" | "unhealthy" | "dead" => Tone::Bad,
        "EXPIRED" | "dropped" | "discarded" | "cancelled" | "CANCELLED" | "REFUNDED" | "ABANDONED"
        | "CLOSED" | "COMPENSATED" => Tone::Faint,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Terminal, width};
    use crate::globals::ColorChoice;

    #[test]
    fn an_unbelievable_width_is_not_believed() {
        let rows = [
            (None, None, 80),
            (Some(120), None, 120),
            (Some(120), Some("60"), 120),
            (Some(0), Some("0"), 80),
            (Some(0), Some("100"), 100),
            (None, Some("100"), 100),
            (None, Some("-5"), 80),
            (None, Some("99999999999999999999"), 80),
            (None, Some("wide"), 80),
            (Some(1), None, 80),
        ];
        for (size, columns, expected) in rows {
            assert_eq!(width(size, columns), expected, "{size:?} {columns:?}");
        }
    }

    #[test]
    fn colour_is_for_terminals_that_want_it_unless_the_flag_says_otherwise() {
        let rows = [
            (true, false, ColorChoice::Auto, true),
            (true, true, ColorChoice::Auto, false),
            (false, false, ColorChoice::Auto, false),
            (false, true, ColorChoice::Always, true),
            (true, false, ColorChoice::Never, false),
        ];
        for (stdout, no_color, choice, expected) in rows {
            let terminal = Terminal { stdin: true, stdout, stderr: true, width: 80, no_color, dumb: false };
            assert_eq!(terminal.colour_out(choice), expected, "{stdout} {no_color} {choice:?}");
        }
    }
}
