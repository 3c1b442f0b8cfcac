//! What a filter says, and how it is written: what is written is parsed as the same again.

use crate::domain::money::Currency;
use crate::ops::time_range::{Moment, format_duration};
use std::fmt::{self, Display, Write};

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All of these, two at least, none of them an `All` itself.
    All(Vec<Expr>),
    /// One of these, two at least, none of them an `Any` itself.
    Any(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// A field compared with a value.
    Compare(Comparison),
}

/// A field compared with a value of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The field, as its table spells it.
    pub field: &'static str,
    /// How.
    pub operator: Operator,
    /// With what.
    pub literal: Literal,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `~`: contains, whatever the case.
    Contains,
    /// `!~`
    ContainsNot,
}

impl Operator {
    /// All of them, longer ones before those they begin with.
    pub const ALL: [Self; 8] = [
        Self::IsNot,
        Self::ContainsNot,
        Self::AtMost,
        Self::AtLeast,
        Self::Is,
        Self::Below,
        Self::Above,
        Self::Contains,
    ];

    /// How it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Contains => "~",
            Self::ContainsNot => "!~",
        }
    }
}

/// A value as a filter writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A text, or a part of a text or word to look for.
    Text(String),
    /// A number.
    Number(i64),
    /// A moment; of a day, every instant.
    Time(Moment),
    /// A span of time, in milliseconds.
    Duration(i64),
    /// One of a field's words, as its table spells it.
    Word(&'static str),
    /// An amount in ten thousandths, exact for every currency there is; of one currency or of any.
    Money {
        /// Ten thousandths of the currency's unit.
        units: i64,
        /// The currency; any if `None`.
        currency: Option<Currency>,
    },
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => write_joined(f, parts, " and ", |part| matches!(part, Self::Any(_))),
            Self::Any(parts) => write_joined(f, parts, " or ", |_| false),
            Self::Not(part) => {
                f.write_str("not ")?;
                write_part(f, part, matches!(**part, Self::All(_) | Self::Any(_)))
            }
            Self::Compare(Comparison { field, operator, literal }) => {
                write!(f, "{field}{}{literal}", operator.sign())
            }
        }
    }
}

fn write_joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expr],
    between: &str,
    in_brackets: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write_part(f, part, in_brackets(part))?;
    }
    Ok(())
}

fn write_part(f: &mut fmt::Formatter<'_>, part: &Expr, in_brackets: bool) -> fmt::Result {
    if in_brackets { write!(f, "({part})") } else { part.fmt(f) }
}

impl Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_quoted(f, text),
            Self::Number(number) => number.fmt(f),
            Self::Time(moment) => moment.fmt(f),
            Self::Duration(ms) => f.write_str(&format_duration(*ms)),
            Self::Word(word) => write_quoted(f, word),
            Self::Money { units, currency } => {
                let decimal = format!("{}.{:04}", units / 10_000, units % 10_000);
                f.write_str(decimal.trim_end_matches('0').trim_end_matches('.'))?;
                currency.map_or(Ok(()), |currency| f.write_str(currency.code()))
            }
        }
    }
}

/// Writes a text in quotes where it needs them.
fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if super::lexer::is_bare(text) {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            _ => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
