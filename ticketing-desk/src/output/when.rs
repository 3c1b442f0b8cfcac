//! Times and durations for people: relative, in the reader's zone, or as they came.

use crate::globals::TimeStyle;
use jiff::tz::TimeZone;
use ticketing_core::domain::time::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// From this many seconds on, a date says more than a distance.
const RELATIVE_SECONDS_MAX: i64 = 30 * DAY;

/// Returns an RFC 3339 time as `style` wants it; text that is no such time stays as it is.
#[must_use]
pub fn time(text: &str, style: TimeStyle, now: Timestamp, zone: &TimeZone) -> String {
    let Some(at) = Timestamp::parse(text) else { return text.to_owned() };
    if at == Timestamp::NEVER {
        // What has no time of its own has this one.
        return "-".to_owned();
    }
    match style {
        TimeStyle::Iso => text.to_owned(),
        TimeStyle::Local => local(at, zone).unwrap_or_else(|| text.to_owned()),
        TimeStyle::Relative => relative(at, now),
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> Option<String> {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string())
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_millis().saturating_sub(now.as_millis()) / 1000;
    let distance = seconds.abs();
    if distance >= RELATIVE_SECONDS_MAX {
        return at.to_string().chars().take(10).collect();
    }
    let text = match distance {
        0 => return "now".to_owned(),
        d if d < MINUTE => format!("{d}s"),
        d if d < HOUR => format!("{}m", d / MINUTE),
        d if d < 2 * DAY => format!("{}h", d / HOUR),
        d => format!("{}d", d / DAY),
    };
    if seconds > 0 { format!("in {text}") } else { format!("{text} ago") }
}

/// Returns a number of whole seconds in its two largest units: `14m 33s`, `2d 4h`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let s = seconds.saturating_abs();
    let pair = |big: i64, big_unit: char, small: i64, small_unit: char| {
        if small == 0 {
            format!("{sign}{big}{big_unit}")
        } else {
            format!("{sign}{big}{big_unit} {small}{small_unit}")
        }
    };
    match s {
        s if s < MINUTE => format!("{sign}{s}s"),
        s if s < HOUR => pair(s / MINUTE, 'm', s % MINUTE, 's'),
        s if s < DAY => pair(s / HOUR, 'h', s % HOUR / MINUTE, 'm'),
        s => pair(s / DAY, 'd', s % DAY / HOUR, 'h'),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, local, time};
    use crate::globals::TimeStyle;
    use jiff::tz::TimeZone;
    use ticketing_core::domain::time::Timestamp;

    #[test]
    fn a_time_is_told_by_its_distance_while_that_is_short() {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let rows = [
            ("2026-11-20T12:14:59.000Z", "in 14m"),
            ("2026-11-20T09:00:00.000Z", "3h ago"),
            ("2026-11-20T12:00:00.500Z", "now"),
            ("2026-11-20T11:59:15.000Z", "45s ago"),
            ("2026-11-22T11:00:00.000Z", "in 47h"),
            ("2026-11-25T12:00:00.000Z", "in 5d"),
            ("2027-02-01T09:30:00.000Z", "2027-02-01"),
            ("2001-01-01T00:00:00.000Z", "2001-01-01"),
            ("soon", "soon"),
        ];
        for (text, expected) in rows {
            assert_eq!(time(text, TimeStyle::Relative, now, &TimeZone::UTC), expected, "{text}");
        }
        assert_eq!(
            time("2026-11-20T12:14:59.000Z", TimeStyle::Iso, now, &TimeZone::UTC),
            "2026-11-20T12:14:59.000Z"
        );
    }

    #[test]
    fn a_local_time_names_its_offset() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = Timestamp::parse("2026-11-20T12:14:59Z").unwrap();
        assert_eq!(local(at, &zone).unwrap(), "2026-11-20 13:14:59+01:00");
    }

    #[test]
    fn a_duration_has_at_most_two_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (873, "14m 33s"),
            (3600, "1h"),
            (7_384, "2h 3m"),
            (187_200, "2d 4h"),
            (-65, "-1m 5s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
