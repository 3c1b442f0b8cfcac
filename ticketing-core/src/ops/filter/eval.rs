//! Whether a row passes a filter.

use super::ast::{Comparison, Expr, Literal, Operator};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::ops::time_range::Moment;
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a row has in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing.
    Missing,
    /// A text, or one of the field's words.
    Text(Cow<'a, str>),
    /// Several texts: it is what any of them is, and is not what none of them is.
    Texts(Vec<Cow<'a, str>>),
    /// A number.
    Number(i64),
    /// An instant.
    Time(Timestamp),
    /// A span of time, in milliseconds.
    Duration(i64),
    /// An amount.
    Money(Money),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// Whether `row` meets `expr`.
pub fn holds<'r>(expr: &Expr, now: Timestamp, row: &impl Fn(&str) -> Value<'r>) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds(part, now, row)),
        Expr::Any(parts) => parts.iter().any(|part| holds(part, now, row)),
        Expr::Not(part) => !holds(part, now, row),
        Expr::Compare(comparison) => compare(comparison, now, &row(comparison.field)),
    }
}

fn compare(Comparison { field, operator, literal }: &Comparison, now: Timestamp, value: &Value<'_>) -> bool {
    let order = match (literal, value) {
        (Literal::Text(wanted), Value::Text(text)) => return compare_text(*operator, text, wanted),
        (Literal::Text(wanted), Value::Missing) => return compare_text(*operator, "", wanted),
        (Literal::Text(wanted), Value::Texts(texts)) => {
            let mut each = texts.iter().map(|text| compare_text(*operator, text, wanted));
            return match operator {
                Operator::IsNot | Operator::ContainsNot => each.all(|holds| holds),
                Operator::Is
                | Operator::Below
                | Operator::AtMost
                | Operator::Above
                | Operator::AtLeast
                | Operator::Contains => each.any(|holds| holds),
            };
        }
        (_, Value::Missing) => None,
        (Literal::Word(wanted), Value::Text(text)) => {
            // Words have no order; only the equal ones matter.
            Some(if wanted.eq_ignore_ascii_case(text) { Ordering::Equal } else { Ordering::Less })
        }
        (Literal::Number(wanted), Value::Number(number)) => Some(number.cmp(wanted)),
        (Literal::Duration(wanted), Value::Duration(ms)) => Some(ms.cmp(wanted)),
        (Literal::Time(wanted), Value::Time(at)) => Some(time_order(*at, *wanted, now)),
        (Literal::Money { units, currency }, Value::Money(money)) => {
            let comparable = currency.is_none_or(|currency| currency == money.currency);
            comparable.then(|| ten_thousandths(*money).cmp(&i128::from(*units)))
        }
        _ => {
            debug_assert!(
                false,
                "{field} is compared with {literal:?}, but the row has {value:?}: its table is wrong"
            );
            None
        }
    };
    admits(*operator, order)
}

fn compare_text(operator: Operator, text: &str, wanted: &str) -> bool {
    match operator {
        Operator::Contains => contains(text, wanted),
        Operator::ContainsNot => !contains(text, wanted),
        _ => admits(operator, Some(text.cmp(wanted))),
    }
}

/// Whether an operator is content with how a value stands to the one wanted; `None` if it can't be told.
fn admits(operator: Operator, order: Option<Ordering>) -> bool {
    match operator {
        Operator::Is | Operator::Contains => order == Some(Ordering::Equal),
        Operator::IsNot | Operator::ContainsNot => order != Some(Ordering::Equal),
        Operator::Below => order == Some(Ordering::Less),
        Operator::Above => order == Some(Ordering::Greater),
        Operator::AtMost => order.is_some_and(Ordering::is_le),
        Operator::AtLeast => order.is_some_and(Ordering::is_ge),
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// How an instant stands to a moment: all of a day is equal to that day.
fn time_order(at: Timestamp, wanted: Moment, now: Timestamp) -> Ordering {
    let (begins, ends) = (wanted.begins(now), wanted.ends(now));
    if at < begins {
        Ordering::Less
    } else if at == begins || at < ends {
        Ordering::Equal
    } else {
        Ordering::Greater
    }
}

/// An amount in ten thousandths of its currency's unit: no currency of ISO 4217 has more decimals.
fn ten_thousandths(money: Money) -> i128 {
    let missing = 4_u32.saturating_sub(money.currency.decimals());
    i128::from(money.amount_minor) * 10_i128.pow(missing)
}
