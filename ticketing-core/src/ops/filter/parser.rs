//! From pieces to a condition, each comparison checked against the table of fields.

use super::ast::{Comparison, Expr, Literal, Operator};
use super::error::FilterError;
use super::lexer::{self, Token, TokenKind};
use super::{FieldKind, FieldSpec};
use crate::domain::money::{AMOUNT_MINOR_MAX, Currency};
use crate::ops::time_range::{Moment, parse_duration};
use crate::text::{nearest, quoted};

/// The longest filter, in characters.
pub const QUERY_CHARS_MAX: usize = 4_096;
/// The deepest nesting of brackets and `not`.
pub const DEPTH_MAX: usize = 64;

/// Parses a filter against the fields it may name.
pub fn parse(query: &str, fields: &[FieldSpec]) -> Result<Expr, FilterError> {
    let chars: Vec<char> = query.chars().take(QUERY_CHARS_MAX + 1).collect();
    let fail = |(start, end, message)| FilterError::new(&chars, (start, end), message, fields);
    if chars.len() > QUERY_CHARS_MAX {
        let sentence = format!("the filter is longer than {QUERY_CHARS_MAX} characters");
        return Err(fail((QUERY_CHARS_MAX, QUERY_CHARS_MAX + 1, sentence)));
    }
    let tokens = lexer::tokens(&chars).map_err(fail)?;
    if tokens.is_empty() {
        return Err(fail((0, 1, "the filter is empty; write field=value".to_owned())));
    }
    let mut parser = Parser { tokens: &tokens, at: 0, length: chars.len(), fields };
    let expr = parser.any(0).map_err(fail)?;
    match tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(fail((token.start, token.end, "this ) closes nothing".to_owned()))),
    }
}

type Fault = (usize, usize, String);

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    length: usize,
    fields: &'t [FieldSpec],
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    /// A fault at the next piece, or after the last.
    fn fault(&self, message: impl Into<String>) -> Fault {
        match self.tokens.get(self.at) {
            Some(token) => (token.start, token.end, message.into()),
            None => (self.length, self.length + 1, message.into()),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Expr, Fault> {
        let mut parts = Vec::new();
        loop {
            match self.all(depth)? {
                Expr::Any(inner) => parts.extend(inner),
                part => parts.push(part),
            }
            if self.peek() != Some(&TokenKind::Or) {
                return Ok(alone(parts, Expr::Any));
            }
            self.at += 1;
        }
    }

    fn all(&mut self, depth: usize) -> Result<Expr, Fault> {
        let mut parts = Vec::new();
        loop {
            match self.term(depth)? {
                Expr::All(inner) => parts.extend(inner),
                part => parts.push(part),
            }
            match self.peek() {
                Some(TokenKind::And) => self.at += 1,
                None | Some(TokenKind::Or | TokenKind::Close) => return Ok(alone(parts, Expr::All)),
                Some(_) => {} // A blank is an "and".
            }
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expr, Fault> {
        if depth > DEPTH_MAX {
            return Err(self.fault(format!("the filter is nested deeper than {DEPTH_MAX} levels")));
        }
        match self.peek() {
            Some(TokenKind::Not) => {
                self.at += 1;
                Ok(Expr::Not(Box::new(self.term(depth + 1)?)))
            }
            Some(TokenKind::Open) => {
                let open = &self.tokens[self.at];
                self.at += 1;
                let expr = self.any(depth + 1)?;
                if self.peek() != Some(&TokenKind::Close) {
                    return Err((open.start, open.end, "this ( is not closed".to_owned()));
                }
                self.at += 1;
                Ok(expr)
            }
            Some(TokenKind::Bare(name)) => self.comparison(name),
            _ => Err(self.fault("expected a condition here, as field=value")),
        }
    }

    fn comparison(&mut self, name: &str) -> Result<Expr, Fault> {
        let field = self.fields.iter().find(|field| field.name == name);
        let field = field.or_else(|| self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)));
        let has_operator =
            matches!(self.tokens.get(self.at + 1), Some(t) if matches!(t.kind, TokenKind::Operator(_)));
        let Some(field) = field else {
            let hint = match nearest(name, self.fields.iter().map(|field| field.name)) {
                Some(meant) => format!("; did you mean {meant}?"),
                None if !has_operator => "; a value with blanks needs quotes".to_owned(),
                None => String::new(),
            };
            return Err(self.fault(format!("there is no field {}{hint}", quoted(name))));
        };
        self.at += 1;
        let Some(TokenKind::Operator(operator)) = self.peek() else {
            return Err(self.fault(format!("expected an operator after {}: = != < > <= >= ~ !~", field.name)));
        };
        let fitting = operators(field.kind);
        if !fitting.contains(operator) {
            let signs: Vec<&str> = fitting.iter().map(|operator| operator.sign()).collect();
            let sentence = format!(
                "{} is {}, and is compared with {}",
                field.name,
                describe(field.kind),
                signs.join(" ")
            );
            return Err(self.fault(sentence));
        }
        self.at += 1;
        let Some(TokenKind::Bare(text) | TokenKind::Quoted(text)) = self.peek() else {
            let sentence =
                format!("expected a value after {}{}; quotes make any text one", field.name, operator.sign());
            return Err(self.fault(sentence));
        };
        let literal = literal(text, field.kind, *operator).map_err(|why| self.fault(why))?;
        self.at += 1;
        Ok(Expr::Compare(Comparison { field: field.name, operator: *operator, literal }))
    }
}

/// Several parts as one; a single part is itself.
fn alone(mut parts: Vec<Expr>, joined: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => joined(parts),
    }
}

/// The operators that have a meaning for a kind of field.
fn operators(kind: FieldKind) -> &'static [Operator] {
    use Operator::{Above, AtLeast, AtMost, Below, Contains, ContainsNot, Is, IsNot};
    match kind {
        FieldKind::Text => &[Is, IsNot, Below, Above, AtMost, AtLeast, Contains, ContainsNot],
        FieldKind::Word(_) => &[Is, IsNot, Contains, ContainsNot],
        FieldKind::Number | FieldKind::Time | FieldKind::Duration | FieldKind::Money => {
            &[Is, IsNot, Below, Above, AtMost, AtLeast]
        }
    }
}

/// What a field's values are, for lists and errors.
pub fn describe(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text => "a text".to_owned(),
        FieldKind::Number => "a whole number".to_owned(),
        FieldKind::Time => "a time, as 2026-11-20, 2026-11-20T09:30:00Z or -15m".to_owned(),
        FieldKind::Duration => "a duration, as 10m, 2h30m or 1d".to_owned(),
        FieldKind::Word(words) => format!("one of {}", words.join(", ")),
        FieldKind::Money => "an amount, as 25.00 or 25.00USD".to_owned(),
    }
}

fn literal(text: &str, kind: FieldKind, operator: Operator) -> Result<Literal, String> {
    let wrong = || format!("{} is not {}", quoted(text), describe(kind));
    match kind {
        _ if matches!(operator, Operator::Contains | Operator::ContainsNot) => {
            Ok(Literal::Text(text.to_owned()))
        }
        FieldKind::Text => Ok(Literal::Text(text.to_owned())),
        FieldKind::Number => text.parse().map(Literal::Number).map_err(|_| wrong()),
        FieldKind::Time => Moment::parse(text).map(Literal::Time),
        FieldKind::Duration => parse_duration(text).map(Literal::Duration).ok_or_else(wrong),
        FieldKind::Word(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
            Some(word) => Ok(Literal::Word(word)),
            None => {
                let hint = nearest(text, words.iter().copied());
                Err(wrong() + &hint.map_or_else(String::new, |meant| format!("; did you mean {meant}?")))
            }
        },
        FieldKind::Money => money(text).ok_or_else(wrong),
    }
}

/// Reads `25.00`, `25.00USD` or, in quotes, `25.00 USD`.
fn money(text: &str) -> Option<Literal> {
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (decimal, code) = text.split_at(digits);
    let currency = match code.trim_start() {
        "" => None,
        code => Some(Currency::parse(code)?),
    };
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 4 {
        return None;
    }
    let units = whole.parse::<i64>().ok()?.checked_mul(10_000)?;
    let units = units.checked_add(format!("{fraction:0<4}").parse().ok()?)?;
    // No price reaches this; the bound keeps the comparison free of overflow.
    (units <= AMOUNT_MINOR_MAX.saturating_mul(10_000)).then_some(Literal::Money { units, currency })
}
