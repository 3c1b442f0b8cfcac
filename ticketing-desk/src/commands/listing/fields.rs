//! `--query` over the columns themselves, for lists whose rows have no fields of their own.

use super::columns;
use crate::output::column::Kind;
use crate::output::{Column, Node, View};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::filter::{FieldKind, FieldSpec, Filter, Value};

/// A query takes a dot for a part of a word, but a name with one says where a value is, and not what.
const fn is_field(column: &Column) -> bool {
    !matches!(column.kind, Kind::Rows(_))
}

/// Returns what a query may name.
pub fn of(view: &View) -> Vec<FieldSpec> {
    let all = columns::all(view);
    let fields = all.iter().filter(|column| is_field(column) && !column.path.contains('.'));
    fields.map(|column| FieldSpec { name: column.path, kind: kind(column) }).collect()
}

const fn kind(column: &Column) -> FieldKind {
    if let Some(words) = column.words {
        return FieldKind::Word(words);
    }
    match column.kind {
        Kind::Id | Kind::Text | Kind::State | Kind::Rows(_) => FieldKind::Text,
        Kind::Time => FieldKind::Time,
        Kind::Money => FieldKind::Money,
        Kind::Number => FieldKind::Number,
        Kind::Duration => FieldKind::Duration,
    }
}

/// Whether a row passes a query over the columns of its view.
pub fn passes(filter: &Filter, view: &View, row: &Node, now: Timestamp) -> bool {
    let all = columns::all(view);
    filter.matches(now, |name| {
        all.iter().find(|column| column.path == name).map_or(Value::Missing, |column| value(column, row))
    })
}

/// Returns what a row has in a column; a value that is not what the column says is none.
fn value(column: &Column, row: &Node) -> Value<'static> {
    let Some(found) = row.at(column.path).filter(|found| **found != Node::Null) else {
        return Value::Missing;
    };
    let text = match found {
        Node::List(items) => items.iter().map(Node::bare).collect::<Vec<_>>().join(","),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => found.bare(),
    };
    let known = match column.kind {
        Kind::Id | Kind::Text | Kind::State | Kind::Rows(_) => Some(text.into()),
        Kind::Time => Timestamp::parse(&text).map(Value::Time),
        Kind::Number => text.parse().ok().map(Value::Number),
        Kind::Duration => {
            text.parse::<i64>().ok().map(|seconds| Value::Duration(seconds.saturating_mul(1_000)))
        }
        Kind::Money => row
            .at(&column.currency_path())
            .and_then(|code| Currency::parse(&code.bare()))
            .and_then(|currency| Money::parse(&text, currency).ok())
            .map(Value::Money),
    };
    known.unwrap_or(Value::Missing)
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::commands::{event, listings, order, schedule, user, venue};
    use crate::failure::Failure;
    use ticketing_core::ops::filter::Filter;
    use ticketing_core::ops::ticket_fields::TICKET_FIELDS;

    #[test]
    fn a_status_that_there_is_not_is_refused_with_those_there_are_and_an_example_of_the_list_s_own_fields() {
        for (view, word, example) in [
            (event::view::LIST, "ENDED", "status=ON_SALE title~\"a part\""),
            (venue::view::LIST, "closed", "status=OPEN name~\"a part\""),
            (schedule::view::LIST, "DEPARTED", "status=SCHEDULED routeName~\"a part\""),
            (listings::view::LIST, "sold", "status=open title~\"a part\""),
            (order::view::LIST, "awaiting:payment", "status=created userId~\"a part\""),
            (user::view::LIST, "suspended", "status=ACTIVE email~\"a part\""),
        ] {
            let fields = of(&view);
            let parse = |query: &str| Filter::parse(query, &fields);
            assert!(parse(&format!("status={word}")).is_ok(), "{word}");
            let refused = Failure::from(parse("status=FOO").unwrap_err());
            assert!(refused.message.contains(example.split(['=', ' ']).nth(1).unwrap()), "{refused}");
            assert_eq!(refused.hint.as_deref(), Some(example));
            assert!(parse(example).is_ok());
        }
        let refused = Failure::from(Filter::parse("x", TICKET_FIELDS).unwrap_err());
        assert_eq!(refused.hint.as_deref(), Some("status=PENDING age>10m user~\"a part\""));
    }
}
