//! The language as operators use it, and the two promises: what is written is parsed as the same again,
//! and no text makes it panic.

use super::{Comparison, Expr, FieldKind, FieldSpec, Filter, Literal, Operator, Value};
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::ops::time_range::{DURATION_MS_MAX, Moment};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

const STATES: &[&str] = &["PENDING", "RESERVED", "CONFIRMED"];
const FIELDS: &[FieldSpec] = &[
    FieldSpec { name: "status", kind: FieldKind::Word(STATES) },
    FieldSpec { name: "route", kind: FieldKind::Text },
    FieldSpec { name: "phone", kind: FieldKind::Text },
    FieldSpec { name: "attempts", kind: FieldKind::Number },
    FieldSpec { name: "departs", kind: FieldKind::Time },
    FieldSpec { name: "holdExpiresAt", kind: FieldKind::Time },
    FieldSpec { name: "age", kind: FieldKind::Duration },
    FieldSpec { name: "price", kind: FieldKind::Money },
];

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
}

/// A reserved seat to the airport, 12 minutes old, at 25 dollars.
fn row(field: &str) -> Value<'static> {
    match field {
        "status" => Value::from("RESERVED"),
        "route" => Value::from("Harbour – Airport"),
        "attempts" => Value::Number(3),
        "departs" => Value::Time(Timestamp::parse("2026-11-20T12:30:00Z").unwrap()),
        "age" => Value::Duration(720_000),
        "price" => Value::Money(Money { amount_minor: 2_500, currency: Currency::USD }),
        _ => Value::Missing,
    }
}

#[test]
fn a_row_passes_when_the_filter_says_so() {
    let rows = [
        ("status=RESERVED age>10m route~\"Airport\"", true),
        ("status=reserved and age>10m", true),
        ("STATUS=Reserved", true),
        ("status!=RESERVED", false),
        ("status~serve", true),
        ("status!~serve", false),
        ("route~airport route~HARBOUR", true),
        ("route=\"Harbour – Airport\"", true),
        ("route=\"harbour – airport\"", false),
        ("route>Harbour route<Hbbour", true),
        ("attempts=3 attempts>=3 attempts<=3 attempts>2 attempts<4 attempts!=-1", true),
        ("attempts>3 or attempts<3", false),
        ("age=12m age<=12m age<12m1s age>=11m59s999ms age!=1w", true),
        ("departs=2026-11-20", true),
        ("departs>2026-11-20 or departs<2026-11-20 or departs!=2026-11-20", false),
        ("departs>=2026-11-20 departs<=2026-11-20 departs<2026-11-21 departs>2026-11-19", true),
        ("departs>now departs<+31m departs>-15m", true),
        ("departs=2026-11-20T13:30:00+01:00", true),
        ("price=25 price=25.00USD price=\"25.00 USD\" price>24.9999 price<25.0001", true),
        ("price=25EUR or price<26EUR or price>24EUR", false),
        ("price!=25EUR", true),
        ("phone=\"\" phone!=1 phone!~1", true),
        ("holdExpiresAt<now or holdExpiresAt>now or holdExpiresAt=now", false),
        ("holdExpiresAt!=now", true),
        ("not status=RESERVED", false),
        ("not status=PENDING attempts=3", true),
        ("not (status=PENDING or attempts=3)", false),
        ("not not attempts=3", true),
        // "and" binds tighter than "or".
        ("attempts=3 or status=PENDING and attempts=0", true),
        ("(attempts=3 or status=PENDING) and attempts=0", false),
        ("status = PENDING OR attempts = 3 AND Not age < 1m", true),
    ];
    for (query, expected) in rows {
        let filter = Filter::parse(query, FIELDS).unwrap_or_else(|error| panic!("{query}\n{error}"));
        assert_eq!(filter.matches(now(), row), expected, "{query}");
    }
}

#[test]
fn a_fault_is_pointed_at() {
    let rows = [
        ("", 1, "the filter is empty"),
        ("   ", 1, "the filter is empty"),
        ("statu=RESERVED", 1, "there is no field \"statu\"; did you mean status?"),
        ("age>1m colour=red", 8, "there is no field \"colour\""),
        ("route=Garden Hill", 14, "there is no field \"Hill\"; a value with blanks needs quotes"),
        ("status=RESERVD", 8, "one of PENDING, RESERVED, CONFIRMED; did you mean RESERVED?"),
        ("status>PENDING", 7, "is compared with = != ~ !~"),
        ("attempts~3", 9, "attempts is a whole number, and is compared with = != < > <= >="),
        ("attempts=three", 10, "\"three\" is not a whole number"),
        ("age>10", 5, "\"10\" is not a duration, as 10m, 2h30m or 1d"),
        ("departs>yesterday", 9, "is not a time"),
        ("price>25.00001", 7, "is not an amount"),
        ("price>-1", 7, "is not an amount"),
        ("price>25usd", 7, "is not an amount"),
        ("status", 7, "expected an operator after status"),
        ("status RESERVED", 8, "expected an operator after status"),
        ("status=", 8, "expected a value after status="),
        ("status= and age>1m", 9, "expected a value after status="),
        ("status==RESERVED", 8, "expected a value after status="),
        ("=RESERVED", 1, "expected a condition here"),
        ("\"status\"=RESERVED", 1, "expected a condition here"),
        ("age>1m and", 11, "expected a condition here"),
        ("or age>1m", 1, "expected a condition here"),
        ("(age>1m", 1, "this ( is not closed"),
        ("age>1m)", 7, "this ) closes nothing"),
        ("()", 2, "expected a condition here"),
        ("!status=PENDING", 1, "a single ! means nothing"),
        ("route=\"Airport", 7, "the closing \" is missing"),
        ("route=\"a\\x\"", 9, "\\ stands before"),
        ("route=\"a\\", 9, "\\ stands before"),
    ];
    for (query, position, expected) in rows {
        let error = Filter::parse(query, FIELDS).unwrap_err();
        assert!(error.message.contains(expected), "{query}: {error}");
        assert_eq!(error.position, position, "{query}: {error}");
    }
}

#[test]
fn an_error_shows_the_place_and_what_there_is() {
    let error = Filter::parse("age>10m statu=RESERVED", FIELDS).unwrap_err().to_string();
    let expected = "\
there is no field \"statu\"; did you mean status? (at character 9)
  age>10m statu=RESERVED
          ^^^^^
Fields:
  status         PENDING, RESERVED, CONFIRMED
  route          a text
  phone          a text
  attempts       a whole number
  departs        a time, as 2026-11-20, 2026-11-20T09:30:00Z or -15m
  holdExpiresAt  a time, as 2026-11-20, 2026-11-20T09:30:00Z or -15m
  age            a duration, as 10m, 2h30m or 1d
  price          an amount, as 25.00 or 25.00USD";
    assert_eq!(error, expected);
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let long = format!("route={}", "x".repeat(super::QUERY_CHARS_MAX));
    let deep = format!("{}age>1m{}", "(".repeat(100), ")".repeat(100));
    let nots = format!("{}age>1m", "not ".repeat(100));
    for (query, expected) in [(long, "longer than 4096"), (deep, "deeper than 64"), (nots, "deeper than 64")]
    {
        let error = Filter::parse(&query, FIELDS).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert!(error.shown.chars().count() <= 72);
    }
}

/// Conditions as the parser makes them: no list within a list of its own sort, and none of one.
fn expr() -> impl Strategy<Value = Expr> {
    let leaf = comparison().prop_map(Expr::Compare);
    leaf.prop_recursive(4, 32, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            some().prop_map(|parts| flat(parts, true)),
            some().prop_map(|parts| flat(parts, false)),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    })
}

fn flat(parts: Vec<Expr>, all: bool) -> Expr {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Expr::All(inner) if all => out.extend(inner),
            Expr::Any(inner) if !all => out.extend(inner),
            part => out.push(part),
        }
    }
    if all { Expr::All(out) } else { Expr::Any(out) }
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Operator::{Above, AtLeast, AtMost, Below, Contains, ContainsNot, Is, IsNot};
    let ordered = || prop::sample::select(vec![Is, IsNot, Below, Above, AtMost, AtLeast]);
    let parts = || prop::sample::select(vec![Contains, ContainsNot]);
    let text = || prop_oneof![any::<String>(), "[a-z ()\"\\\\=!~<>'-]{0,8}", Just("and".to_owned())];
    let moment = prop_oneof![
        (-DURATION_MS_MAX..=DURATION_MS_MAX).prop_map(Moment::Relative),
        any::<i64>().prop_map(|millis| Moment::At(Timestamp::from_millis(millis / 100_000))),
        (1_i16..9999, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| Moment::Day(jiff::civil::date(y, m, d))),
    ];
    let currency = prop::sample::select(vec![None, Some(Currency::USD), Currency::parse("JPY")]);
    let field = |field| move |(operator, literal)| Comparison { field, operator, literal };
    prop_oneof![
        (ordered(), text().prop_map(Literal::Text)).prop_map(field("route")),
        (parts(), text().prop_map(Literal::Text)).prop_map(field("status")),
        (prop::sample::select(vec![Is, IsNot]), prop::sample::select(STATES).prop_map(Literal::Word))
            .prop_map(field("status")),
        (ordered(), any::<i64>().prop_map(Literal::Number)).prop_map(field("attempts")),
        (ordered(), moment.prop_map(Literal::Time)).prop_map(field("departs")),
        (ordered(), (0..=DURATION_MS_MAX).prop_map(Literal::Duration)).prop_map(field("age")),
        (
            ordered(),
            (0..10_000_000_000_000_i64, currency)
                .prop_map(|(units, currency)| { Literal::Money { units, currency } })
        )
            .prop_map(field("price")),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_parsed_as_the_same_again(expr in expr()) {
        let written = expr.to_string();
        if written.chars().count() <= super::QUERY_CHARS_MAX {
            let parsed = Filter::parse(&written, FIELDS).map_err(|error| error.to_string());
            prop_assert_eq!(parsed.as_ref().map(Filter::expr), Ok(&expr), "{}", written);
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in any::<String>(),
        likely in "((status|age|price|departs|route|and|or|not|[()=!<>~\"\\\\ ]|[0-9a-zé.:+-]{1,4}) ?){0,24}",
    ) {
        for query in [text, likely] {
            match Filter::parse(&query, FIELDS) {
                Ok(filter) => {
                    filter.matches(now(), row);
                    let again = Filter::parse(&filter.to_string(), FIELDS).map_err(|error| error.to_string());
                    prop_assert_eq!(again, Ok(filter));
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}
