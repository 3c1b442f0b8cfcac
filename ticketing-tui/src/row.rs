//! Reading rows: what stands at a path in one, and how it is written in a cell.
//!
//! Rows come from commands and hold what customers wrote; every text that leaves here is harmless.

use crate::TimeStyle;
use crate::text::{Room, duration, grouped, harmless, seconds_left, time, time_width};
use jiff::tz::TimeZone;
use serde_json::Value;
use ticketing_core::domain::money::Currency;
use ticketing_core::domain::time::Timestamp;

/// How a thing stands, as far as its colour and its sign go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Under way.
    Waiting,
    /// Wrong: somebody has to do something.
    Bad,
    /// Over, or beside the point.
    Faint,
    /// Nothing to say about it.
    Plain,
}

/// What a column shows, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An id: its ends, where there is no room for all of it.
    Id,
    /// A text, or several.
    Text,
    /// The state that a thing is in.
    State,
    /// A count.
    Number,
    /// A count that should be nought.
    Alarm,
    /// A moment.
    Time,
    /// The time until a moment: of a hold, what is left of it.
    Left,
    /// Seconds.
    Seconds,
    /// An amount, in the row's currency.
    Money,
    /// Yes, where it is true and should not be.
    Flag,
    /// How long a lag needs to be gone, at the pace at which it goes down now.
    Eta,
    /// How the seats of a row stand, as a bar: sold, held, kept back, free.
    Bar,
}

/// What time it is, and how times are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch<'a> {
    pub now: Timestamp,
    pub style: TimeStyle,
    pub zone: &'a TimeZone,
    pub room: Room,
}

/// Returns what stands at `path` (`holder.host`, `stops.0.name`; nothing is the whole), `None` for null too.
pub(crate) fn at<'v>(row: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = row;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        value = match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            Value::Object(fields) => fields.get(part)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    (!value.is_null()).then_some(value)
}

/// Returns a value as an unshortened text; it may drive a terminal.
pub(crate) fn raw(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            items.iter().map(raw).collect::<Vec<_>>().join(", ")
        }
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Returns the text at `path`, as it is; nothing if there is none.
pub(crate) fn text(row: &Value, path: &str) -> String {
    at(row, path).map(raw).unwrap_or_default()
}

/// Returns the whole number at `path`, also one that is written as a text.
pub(crate) fn number(row: &Value, path: &str) -> Option<i64> {
    match at(row, path)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the moment at `path`.
pub(crate) fn moment(row: &Value, path: &str) -> Option<Timestamp> {
    at(row, path)?.as_str().and_then(Timestamp::parse)
}

/// Returns what a cell says, and how that is to be taken.
pub(crate) fn cell(row: &Value, path: &str, kind: Kind, watch: Watch<'_>) -> (String, Tone) {
    let Some(value) = at(row, path) else { return ("-".to_owned(), Tone::Faint) };
    let plain = || (harmless(&raw(value)), Tone::Plain);
    match kind {
        Kind::Id | Kind::Text | Kind::Eta | Kind::Bar => plain(),
        Kind::State => {
            let text = harmless(&raw(value));
            let tone = state_tone(&text);
            (if tone == Tone::Bad { format!("! {text}") } else { text }, tone)
        }
        Kind::Number => (number(row, path).map_or_else(|| plain().0, grouped), Tone::Plain),
        Kind::Alarm => match number(row, path) {
            Some(0) => ("0".to_owned(), Tone::Plain),
            Some(count) => (format!("! {}", grouped(count)), Tone::Bad),
            None => plain(),
        },
        Kind::Time => match moment(row, path) {
            // What has no time of its own has this one.
            Some(Timestamp::NEVER) => ("-".to_owned(), Tone::Faint),
            Some(at) => (time(at, watch.now, watch.style, watch.zone, watch.room), Tone::Plain),
            None => plain(),
        },
        Kind::Left => match moment(row, path).map(|at| seconds_left(at, watch.now)) {
            Some(left) if left <= 0 => (format!("! {} ago", duration(-left)), Tone::Bad),
            Some(left) => (duration(left), if left < SOON_SECONDS { Tone::Waiting } else { Tone::Plain }),
            None => plain(),
        },
        Kind::Seconds => (number(row, path).map_or_else(|| plain().0, duration), Tone::Plain),
        Kind::Money => (money(row, value), Tone::Plain),
        Kind::Flag => match value {
            Value::Bool(true) => ("! yes".to_owned(), Tone::Bad),
            Value::Bool(false) => ("no".to_owned(), Tone::Faint),
            _ => plain(),
        },
    }
}

/// Returns the parts of a bar of so many columns, those that are gone first: the letter, how many, and how that is to be
/// taken. Parts are rounded up, so that the last free seats are not made out to be more than they are.
pub(crate) fn bar(row: &Value, width: usize) -> Vec<(char, usize, Tone)> {
    let count = |path| number(row, path).unwrap_or(0).unsigned_abs() as usize;
    let parts = SEAT_LETTERS.map(|(path, letter, tone)| (letter, count(path), tone));
    let all: usize = parts.iter().map(|(_, count, _)| count).sum();
    let (mut seen, mut drawn) = (0, 0);
    let mut bar = Vec::new();
    for (letter, count, tone) in parts {
        seen += count;
        let end = (seen * width).div_ceil(all.max(1)).min(width);
        if end > drawn {
            bar.push((letter, end - drawn, tone));
            drawn = end;
        }
    }
    bar
}

/// The states of seats, those that are gone first: the word, the letter, and how each is to be taken.
pub(crate) const SEAT_LETTERS: [(&str, char, Tone); 4] = [
    ("sold", 'S', Tone::Bad),
    ("held", 'h', Tone::Waiting),
    ("blocked", 'x', Tone::Faint),
    ("free", '·', Tone::Good),
];

/// What ends within so many seconds ends soon.
const SOON_SECONDS: i64 = 60;

/// Returns how many columns a cell of a kind may take at most, `None` if that depends on the text.
pub(crate) const fn width(kind: Kind, watch: Watch<'_>) -> Option<u16> {
    match kind {
        Kind::Time => Some(time_width(watch.style, watch.room)),
        Kind::Id
        | Kind::Text
        | Kind::State
        | Kind::Number
        | Kind::Alarm
        | Kind::Left
        | Kind::Seconds
        | Kind::Money
        | Kind::Flag
        | Kind::Bar
        | Kind::Eta => None,
    }
}

fn money(row: &Value, value: &Value) -> String {
    let currency = text(row, "currency");
    let decimals = Currency::parse(&currency).map_or(2, Currency::decimals);
    let amount = match value.as_f64() {
        // Prices have far fewer digits than a double keeps.
        Some(amount) => format!("{amount:.*}", decimals as usize),
        None => harmless(&raw(value)),
    };
    harmless(format!("{amount} {currency}").trim_end())
}

/// Returns the amount in a field, with its currency where the row has one.
pub(crate) fn amount(row: &Value, key: &str) -> String {
    row.get(key).map(|value| money(row, value)).unwrap_or_default()
}

/// Returns how a state is to be taken: sagas, bookings, payments, letters, jobs, departures, processes and seats have
/// their own words, none of which means two things.
pub(crate) fn state_tone(state: &str) -> Tone {
    const GOOD: &[&str] =
        &["CONFIRMED", "SUCCESS", "SUCCEEDED", "DONE", "FREE", "UP", "ALIVE", "SERVING", "OK", "COMPLETE"];
    const WAITING: &[&str] = &[
        "PENDING",
        "RESERVED",
        "AWAITING_PAYMENT",
        "CHARGING",
        "RELEASING",
        "REFUNDING",
        "RUNNING",
        "QUEUED",
        "WAITING",
        "HELD",
        "ASKED",
        "ASKING",
        "STALE",
        "CANCELLING",
        "SILENT",
        "CREATED",
        "awaiting:payment",
    ];
    const BAD: &[&str] = &["PARKED", "FAILED", "DEAD", "LOST", "STUCK", "GONE", "UNCLEAR"];
    const FAINT: &[&str] = &[
        "CANCELLED",
        "EXPIRED",
        "REFUNDED",
        "REDRIVEN",
        "DISCARDED",
        "DEPARTED",
        "BLOCKED",
        "STOPPED",
        "STARTED",
    ];
    let is_in = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(state));
    if is_in(GOOD) {
        Tone::Good
    } else if is_in(WAITING) {
        Tone::Waiting
    } else if is_in(BAD) {
        Tone::Bad
    } else if is_in(FAINT) {
        Tone::Faint
    } else {
        Tone::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Tone, Watch, at, cell, moment, number, text};
    use crate::TimeStyle;
    use crate::text::Room;
    use jiff::tz::TimeZone;
    use serde_json::json;
    use ticketing_core::domain::time::Timestamp;

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let row = json!({"a": {"b": [{"c": 7}, null]}, "n": "638", "t": "2026-11-20T12:00:00.000Z"});
        assert_eq!(at(&row, "a.b.0.c"), Some(&json!(7)));
        assert_eq!(
            (at(&row, "a.b.1"), at(&row, "a.b.9"), at(&row, "x.y"), at(&row, "n.z")),
            (None, None, None, None)
        );
        assert_eq!(
            (number(&row, "n"), number(&row, "a.b.0.c"), number(&row, "t")),
            (Some(638), Some(7), None)
        );
        assert_eq!(moment(&row, "t"), Timestamp::parse("2026-11-20T12:00:00Z"));
        assert_eq!((text(&row, "n"), text(&row, "x")), ("638".to_owned(), String::new()));
    }

    #[test]
    fn each_kind_has_its_way_of_writing() {
        let row = json!({
            "id": "i", "state": "PARKED", "ok": "CONFIRMED", "n": 3412, "zero": 0, "t": "2026-11-20T11:59:00.000Z",
            "end": "2026-11-20T12:00:45.000Z", "far": "2026-11-20T13:00:00.000Z", "s": 90, "price": 2.5, "currency": "USD", "yes": true,
            "tags": ["a", "b"], "evil": "x\u{1b}[2J",
        });
        let zone = TimeZone::UTC;
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let watch = Watch { now, style: TimeStyle::Relative, zone: &zone, room: Room::Short };
        let rows = [
            ("id", Kind::Id, "i", Tone::Plain),
            ("state", Kind::State, "! PARKED", Tone::Bad),
            ("ok", Kind::State, "CONFIRMED", Tone::Good),
            ("n", Kind::Number, "3,412", Tone::Plain),
            ("n", Kind::Alarm, "! 3,412", Tone::Bad),
            ("zero", Kind::Alarm, "0", Tone::Plain),
            ("t", Kind::Time, "1m ago", Tone::Plain),
            ("end", Kind::Left, "45s", Tone::Waiting),
            ("far", Kind::Left, "1h", Tone::Plain),
            ("t", Kind::Left, "! 1m ago", Tone::Bad),
            ("s", Kind::Seconds, "1m 30s", Tone::Plain),
            ("price", Kind::Money, "2.50 USD", Tone::Plain),
            ("yes", Kind::Flag, "! yes", Tone::Bad),
            ("tags", Kind::Text, "a, b", Tone::Plain),
            ("evil", Kind::Text, "x\u{fffd}[2J", Tone::Plain),
            ("gone", Kind::Text, "-", Tone::Faint),
        ];
        for (path, kind, expected, tone) in rows {
            assert_eq!(cell(&row, path, kind, watch), (expected.to_owned(), tone), "{path} {kind:?}");
        }
        let yen = json!({"price": 1200, "currency": "JPY"});
        assert_eq!(cell(&yen, "price", Kind::Money, watch).0, "1200 JPY");
    }
}
