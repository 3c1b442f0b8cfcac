//! Durations, moments and ranges as operators write them: `15m`, `-48h`, `2026-11-20`, `A..B`.
//!
//! Pure: what is relative is counted from the `now` that the caller gives. Days are days of UTC, as every
//! time that the system shows to a machine.

use crate::domain::time::Timestamp;
use crate::text::quoted;
use jiff::civil::Date;
use std::fmt;

/// The units of a duration, the largest first, in milliseconds.
const UNITS: [(&str, i64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest duration: a hundred years.
pub const DURATION_MS_MAX: i64 = 36_525 * 86_400_000;

/// Reads a duration as milliseconds: `10m`, `2h30m`, `1d`, `90s`, `1w`, `250ms`. `None` if it is none, or
/// longer than [`DURATION_MS_MAX`]. The larger unit comes first, and none twice.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut smaller_than = i64::MAX;
    let mut in_all = 0_i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        if *unit_ms >= smaller_than {
            return None;
        }
        let part = number.parse::<i64>().ok()?.checked_mul(*unit_ms)?;
        in_all = in_all.checked_add(part).filter(|ms| *ms <= DURATION_MS_MAX)?;
        (rest, smaller_than) = (tail, *unit_ms);
    }
    (!text.is_empty()).then_some(in_all)
}

/// Writes a duration, zero or more, as [`parse_duration`] reads it, in as few parts as it takes.
#[must_use]
pub fn format_duration(ms: i64) -> String {
    let mut text = String::new();
    let mut rest = ms.max(0);
    for (unit, unit_ms) in UNITS {
        if rest >= unit_ms {
            text.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A moment as it was written. What it means may depend on the present time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    At(Timestamp),
    /// A whole day of UTC.
    Day(Date),
    /// So many milliseconds after the present time; before it if negative.
    Relative(i64),
}

impl Moment {
    /// Reads `2026-11-20`, RFC 3339, `-15m`, `+15m` or `now`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected =
            "a time is a day (2026-11-20), RFC 3339 (2026-11-20T09:30:00Z), or relative (-15m, now)";
        let wrong = |why: &str| format!("{} is not a time{why}; {expected}", quoted(text));
        let is_day = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::Relative(0));
        }
        if is_day && text.contains('-') {
            return text.parse().map(Self::Day).map_err(|_| wrong(": there is no such day"));
        }
        match text.as_bytes() {
            [b'-', ..] => {
                let ms = parse_duration(&text[1..]).ok_or_else(|| wrong(""))?;
                Ok(Self::Relative(-ms))
            }
            [b'+', ..] => parse_duration(&text[1..]).map(Self::Relative).ok_or_else(|| wrong("")),
            _ => match Timestamp::parse(text) {
                Some(at) => Ok(Self::At(at)),
                None if parse_duration(text).is_some() => Err(wrong(&format!(": say -{text} or +{text}"))),
                None if text.parse::<jiff::civil::DateTime>().is_ok() && text.contains('T') => {
                    Err(wrong(": it names no time zone, as Z or +01:00"))
                }
                None => Err(wrong("")),
            },
        }
    }

    /// Its first millisecond.
    #[must_use]
    pub fn begins(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Day(day) => midnight(day),
            Self::Relative(ms) => Timestamp::from_millis(now.as_millis().saturating_add(ms)),
        }
    }

    /// The first millisecond after it, for a day; an instant ends where it begins.
    #[must_use]
    pub fn ends(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Day(day) => midnight(day).plus_seconds(86_400),
            Self::At(_) | Self::Relative(_) => self.begins(now),
        }
    }
}

fn midnight(day: Date) -> Timestamp {
    let since = day.duration_since(jiff::civil::date(1970, 1, 1));
    Timestamp::from_millis(since.as_secs().saturating_mul(1_000))
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Day(day) => day.fmt(f),
            Self::Relative(0) => f.write_str("now"),
            Self::Relative(ms) => {
                let sign = if *ms < 0 { '-' } else { '+' };
                write!(f, "{sign}{}", format_duration(ms.saturating_abs()))
            }
        }
    }
}

/// A run of time: `from` included, `to` excluded; `None` is open on that side.
pub type TimeRange = (Option<Timestamp>, Option<Timestamp>);

/// Reads the value of `--since` as the instant where it begins.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_since(text: &str, now: Timestamp) -> Result<TimeRange, String> {
    Moment::parse(text).map(|moment| (Some(moment.begins(now)), None))
}

/// Reads the value of `--range`: `A..B`, `A..` or `..B`. A day as the end is in it as a whole.
///
/// # Errors
/// A sentence that says which end is wrong, and what was expected.
pub fn parse_range(text: &str, now: Timestamp) -> Result<TimeRange, String> {
    let Some((from, to)) = text.split_once("..") else {
        let example =
            "write both ends as A..B, as -48h..-24h or 2026-11-20..2026-11-21, or one as A.. or ..B";
        return Err(format!("{} is not a range; {example}", quoted(text)));
    };
    if from.is_empty() && to.is_empty() {
        return Err("a range needs one end at least, as -24h.. or ..2026-11-20".to_owned());
    }
    let end = |which: &str, text: &str| match text {
        "" => Ok(None),
        _ => Moment::parse(text).map(Some).map_err(|fault| format!("the {which} of the range: {fault}")),
    };
    let from = end("beginning", from)?.map(|moment| moment.begins(now));
    let to = end("end", to)?.map(|moment| moment.ends(now));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(format!("the range ends at {to}, which is not after its beginning at {from}"));
    }
    Ok((from, to))
}

/// A stretch of the log: by positions, both ends in it, or by times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRange {
    /// From a position to one; `None` is open on that side.
    Positions(Option<i64>, Option<i64>),
    /// A run of time.
    Times(TimeRange),
}

/// Reads the value of `--range` where it may be of positions, too: `100..200`, `100..`, `..200`, or as [`parse_range`].
///
/// # Errors
/// A sentence that says which end is wrong, and what was expected.
pub fn parse_log_range(text: &str, now: Timestamp) -> Result<LogRange, String> {
    let is_number = |end: &str| !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit());
    let (from, to) = text.split_once("..").unwrap_or((text, ""));
    let are_numbers = [from, to].into_iter().filter(|end| !end.is_empty()).all(is_number);
    if !text.contains("..") || (from.is_empty() && to.is_empty()) || !are_numbers {
        if is_number(from) || is_number(to) {
            return Err(format!(
                "{} is not a range; write positions as 100..200, 100.. or ..200",
                quoted(text)
            ));
        }
        return parse_range(text, now).map(LogRange::Times);
    }
    let end = |end: &str| match end {
        "" => Ok(None),
        _ => end.parse::<i64>().map(Some).map_err(|_| format!("{} is too large for a position", quoted(end))),
    };
    let (from, to) = (end(from)?, end(to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(format!("the range ends at {to}, before its beginning at {from}"));
    }
    Ok(LogRange::Positions(from, to))
}

#[cfg(test)]
mod tests {
    use super::{DURATION_MS_MAX, Moment, TimeRange, Timestamp, format_duration, parse_duration};
    use super::{LogRange, parse_log_range, parse_range, parse_since};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
    }

    fn show((from, to): TimeRange) -> String {
        let end = |end: Option<Timestamp>| end.map_or(String::new(), |t| t.to_string()[..16].to_owned());
        format!("{}..{}", end(from), end(to))
    }

    #[test]
    fn a_range_is_read_from_days_instants_and_what_is_relative() {
        let rows = [
            ("2026-11-20..2026-11-20", "2026-11-20T00:00..2026-11-21T00:00"),
            ("2026-11-18..-24h", "2026-11-18T00:00..2026-11-19T12:00"),
            ("-48h..-24h", "2026-11-18T12:00..2026-11-19T12:00"),
            ("-1h30m..now", "2026-11-20T10:30..2026-11-20T12:00"),
            ("now..+15m", "2026-11-20T12:00..2026-11-20T12:15"),
            ("2026-11-20T09:30:00+01:00..", "2026-11-20T08:30.."),
            ("..2026-11-20T09:30:00.5Z", "..2026-11-20T09:30"),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_range(text, now()).map(show), Ok(expected.to_owned()), "{text}");
        }
        assert_eq!(parse_since("-15m", now()).map(show), Ok("2026-11-20T11:45..".to_owned()));
        assert_eq!(parse_since("2026-11-20", now()).map(show), Ok("2026-11-20T00:00..".to_owned()));
    }

    #[test]
    fn what_is_no_range_is_refused_with_what_to_write() {
        let rows = [
            ("", "\"\" is not a range"),
            ("2026-11-20", "write both ends as A..B"),
            ("..", "needs one end at least"),
            ("x..now", "the beginning of the range: \"x\" is not a time"),
            ("now..15m", "the end of the range: \"15m\" is not a time: say -15m or +15m"),
            ("2026-02-30..", "there is no such day"),
            ("2026-11-20T09:30:00..", "names no time zone"),
            ("-24h..-48h", "which is not after its beginning"),
            ("now..now", "which is not after its beginning"),
            ("-1x..", "is not a time"),
            ("-é..", "is not a time"),
            ("1..2..3", "is not a time"),
        ];
        for (text, expected) in rows {
            let error = parse_range(text, now()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_duration_has_its_units_in_order_and_none_twice() {
        let rows = [
            ("10m", Some(600_000)),
            ("2h30m", Some(9_000_000)),
            ("1d", Some(86_400_000)),
            ("1w1d", Some(691_200_000)),
            ("1s250ms", Some(1_250)),
            ("0s", Some(0)),
            ("", None),
            ("10", None),
            ("m", None),
            ("10M", None),
            ("30m2h", None),
            ("1h1h", None),
            ("1.5h", None),
            ("-1h", None),
            ("99999999999999999999d", None),
            ("36526d", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn a_stretch_of_the_log_is_read_from_positions_or_times() {
        let positions = |from, to| Ok(LogRange::Positions(from, to));
        let rows = [
            ("100..200", positions(Some(100), Some(200))),
            ("7..7", positions(Some(7), Some(7))),
            ("100..", positions(Some(100), None)),
            ("..200", positions(None, Some(200))),
            ("-1h..now", parse_range("-1h..now", now()).map(LogRange::Times)),
            ("2026-11-20..", parse_range("2026-11-20..", now()).map(LogRange::Times)),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_log_range(text, now()), expected, "{text}");
        }
        let wrong = [
            ("200..100", "before its beginning"),
            ("7", "write positions as 100..200"),
            ("7..now", "write positions as 100..200"),
            ("..", "needs one end at least"),
            ("99999999999999999999..", "too large"),
            ("x..", "is not a time"),
        ];
        for (text, expected) in wrong {
            let error = parse_log_range(text, now()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0..=DURATION_MS_MAX, millis in -62_135_596_800_000..253_402_207_200_000_i64) {
            prop_assert_eq!(parse_duration(&format_duration(ms)), Some(ms));
            let at = Timestamp::from_millis(millis);
            for moment in [Moment::Relative(ms), Moment::Relative(-ms), Moment::At(at)] {
                prop_assert_eq!(Moment::parse(&moment.to_string()), Ok(moment));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), from in "[-+0-9a-zTZ:.]{0,24}") {
            let _ = (parse_range(&text, now()), parse_range(&from, now()), parse_duration(&from));
            let _ = (parse_log_range(&text, now()), parse_log_range(&from, now()));
        }
    }
}
