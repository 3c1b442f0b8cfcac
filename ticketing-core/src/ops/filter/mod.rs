//! The one filter language, of `--query` on the command line and `/` in the dashboard:
//! `status=RESERVED age>10m route~"Airport"`.
//!
//! ```text
//! filter  = and { "or" and }
//! and     = term { ["and"] term }
//! term    = "not" term | "(" filter ")" | field operator value
//! operator: = != < > <= >=, ~ (contains, whatever the case), !~
//! value   : a word without blanks and operators, or "quoted", with \" \\ \n \r \t
//! ```
//!
//! A filter is parsed against the fields of what it selects from: an unknown field, an operator that a
//! field has no meaning for, or a value of another kind is an error that points at the character. It then
//! answers for one row at a time. Pure; it knows neither the rows nor where they come from.

mod ast;
mod error;
mod eval;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub use ast::{Comparison, Expr, Literal, Operator};
pub use error::FilterError;
pub use eval::Value;
pub use parser::{DEPTH_MAX, QUERY_CHARS_MAX};

use crate::domain::time::Timestamp;
use std::fmt;

/// A field that a filter may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name, as filters write it.
    pub name: &'static str,
    /// What its values are.
    pub kind: FieldKind,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text; compared letter by letter.
    Text,
    /// A whole number.
    Number,
    /// An instant; written as a day, RFC 3339 or relative (`-15m`).
    Time,
    /// A span of time; written as `10m`, `2h30m`, `1d`.
    Duration,
    /// One of these words, whatever the case.
    Word(&'static [&'static str]),
    /// An amount; written as `25.00` for any currency, or `25.00USD`.
    Money,
}

/// A filter, checked against the fields it may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Expr);

impl Filter {
    /// Parses a filter.
    ///
    /// # Errors
    /// The first fault, where it is, and which fields there are.
    pub fn parse(query: &str, fields: &[FieldSpec]) -> Result<Self, FilterError> {
        parser::parse(query, fields).map(Self)
    }

    /// What it says, for a caller that can answer parts of it better than row by row.
    #[must_use]
    pub const fn expr(&self) -> &Expr {
        &self.0
    }

    /// Whether a row passes. `row` gives the row's value of a field; it is asked only for fields of the
    /// table that the filter was parsed against. Times like `-15m` count from `now`.
    ///
    /// A value that is missing is like no other (`!=` and `!~` hold); a missing text is the empty text.
    pub fn matches<'r>(&self, now: Timestamp, row: impl Fn(&str) -> Value<'r>) -> bool {
        eval::holds(&self.0, now, &row)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
