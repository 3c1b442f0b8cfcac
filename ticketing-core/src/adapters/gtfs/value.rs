//! The values of GTFS fields: times of the service day, dates, small numbers.

use super::rows::shown;
use jiff::civil::Date;

/// Reads a time as seconds after noon minus 12 h of its service day: `H:MM:SS`, `HH:MM`, past 24 h too.
pub(super) fn seconds(text: &[u8]) -> Option<i32> {
    let mut parts = text.split(|b| *b == b':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() || !(1..=3).contains(&hours.len()) {
        return None;
    }
    let sixtieth = |part: &[u8]| match number(part)? {
        value @ 0..60 if part.len() == 2 => Some(value),
        _ => None,
    };
    let seconds = seconds.map_or(Some(0), sixtieth)?;
    Some(number(hours)? * 3600 + sixtieth(minutes)? * 60 + seconds)
}

/// Writes seconds as `HH:MM:SS`, past 24 h too.
pub(super) fn clock(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Reads the digits of a whole number that fits well into 31 bits.
pub(super) fn number(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i32::from(b - b'0')))
}

/// Reads a date, `YYYYMMDD`.
pub(super) fn date(text: &[u8], name: &str) -> Result<Date, String> {
    let whole = (text.len() == 8).then(|| number(text)).flatten();
    whole
        .and_then(|n| {
            let part = |value: i32| i8::try_from(value % 100).ok();
            Date::new(i16::try_from(n / 10_000).ok()?, part(n / 100)?, part(n)?).ok()
        })
        .ok_or_else(|| format!("{name} {} is no date YYYYMMDD", shown(&String::from_utf8_lossy(text))))
}

#[cfg(test)]
mod tests {
    use super::{clock, date, number, seconds};

    #[test]
    fn times_are_read_as_feeds_write_them() {
        let rows: &[(&str, Option<i32>)] = &[
            ("0:00:00", Some(0)),
            ("06:05:04", Some(21_904)),
            ("6:05:04", Some(21_904)),
            ("06:05", Some(21_900)),
            ("24:00:00", Some(86_400)),
            ("25:10:00", Some(90_600)),
            ("100:00:00", Some(360_000)),
            ("999:59:59", Some(3_599_999)),
            ("1000:00:00", None),
            ("06:60:00", None),
            ("06:00:60", None),
            ("06:5:00", None),
            ("-1:00:00", None),
            ("06:00:00:00", None),
            ("6", None),
            ("", None),
            ("::", None),
            ("noon", None),
            ("06:00:00 PM", None),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds(text.as_bytes()), *expected, "{text}");
        }
        assert_eq!(clock(90_600), "25:10:00");
        assert_eq!(clock(21_904), "06:05:04");
    }

    #[test]
    fn dates_and_numbers_are_read_strictly() {
        assert_eq!(date(b"20260529", "date").unwrap(), jiff::civil::date(2026, 5, 29));
        for wrong in ["2026-05-29", "20260230", "20261301", "2026052", "202605299", "", "2026052x"] {
            assert!(date(wrong.as_bytes(), "date").unwrap_err().starts_with("date \""), "{wrong}");
        }
        for (text, expected) in [("7", Some(7)), ("007", Some(7)), ("-7", None), ("1.0", None), ("1e3", None)]
        {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
    }
}
