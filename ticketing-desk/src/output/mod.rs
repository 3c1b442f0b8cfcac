//! How answers are printed: data on stdout in the format asked for, everything else on stderr.
//!
//! A command hands a [`Printer`] any serialisable value and says once, as data, which [`Column`]s people
//! see. Nothing in here asks a store, decides an exit code or knows what a booking is.

pub mod column;
mod fold;
mod ids;
pub mod json;
mod list;
pub mod node;
mod on_store;
mod plan;
mod printer;
pub mod stdout;
mod table;
pub mod terminal;
pub mod visible;
mod when;
mod wrap;
mod yaml;

pub use column::{Column, View};
pub use list::List;
pub use node::Node;
#[cfg(test)]
pub(crate) use on_store::ON_STORES;
pub use plan::Plan;
pub use printer::{Printer, Question, Remote, system_clock};
pub use terminal::Terminal;
pub use wrap::wrap;

use clap::ValueEnum;

/// The formats of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// What fits the terminal
    #[default]
    Table,
    /// All columns, whole, however wide
    Wide,
    /// The fields of the HTTP bodies, indented
    Json,
    /// One JSON object a line
    Jsonl,
    /// YAML, in block style
    Yaml,
    /// CSV with a head line
    Csv,
    /// The bare ids, one a line
    Name,
}

impl Format {
    /// Says whether programs read it: never coloured, cut, shortened or asked about.
    #[must_use]
    pub const fn is_machine(self) -> bool {
        !matches!(self, Self::Table | Self::Wide)
    }

    /// Says whether errors are JSON too.
    #[must_use]
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// Returns a count as people write it: `3,412`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod golden;
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]
pub mod testing;

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn counts_are_grouped_by_three() {
        for (count, expected) in [(0, "0"), (999, "999"), (3412, "3,412"), (1_017_090, "1,017,090")] {
            assert_eq!(grouped(count), expected);
        }
    }
}
