//! Instants, in whole milliseconds: what a reader is shown is exactly what is compared.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
///
/// On the wire it is RFC 3339, UTC, with three decimals: `2026-11-20T09:30:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The years 0001 to 9999, but for the last hours, where an offset would leave them.
const MILLIS_MIN: i64 = -62_135_596_800_000;
const MILLIS_MAX: i64 = 253_402_207_200_000;

impl Timestamp {
    /// Later than everything: when something ends, or begins, that has no time of its own.
    pub const NEVER: Self = Self(MILLIS_MAX);

    /// Returns the instant `millis` milliseconds after the epoch, held within the years 0001 to 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < MILLIS_MIN {
            Self(MILLIS_MIN)
        } else if millis > MILLIS_MAX {
            Self(MILLIS_MAX)
        } else {
            Self(millis)
        }
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns this instant moved by `seconds`, which may be negative.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Parses RFC 3339, with any offset and any number of decimals (cut to milliseconds).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self::from_millis(t.as_millisecond()))
    }

    /// Appends the RFC 3339 form to `out` without allocating.
    ///
    /// Written by hand because list answers hold several times a row, and formatting them through a
    /// general formatter costs more than the query. The calendar arithmetic is Howard Hinnant's
    /// `civil_from_days`.
    pub fn write_to(self, out: &mut String) {
        let (days, ms_of_day) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let secs = ms_of_day / 1000;
        push_padded(out, year, 4);
        out.push('-');
        push_padded(out, month, 2);
        out.push('-');
        push_padded(out, day, 2);
        out.push('T');
        push_padded(out, secs / 3600, 2);
        out.push(':');
        push_padded(out, secs / 60 % 60, 2);
        out.push(':');
        push_padded(out, secs % 60, 2);
        out.push('.');
        push_padded(out, ms_of_day % 1000, 3);
        out.push('Z');
    }
}

fn push_padded(out: &mut String, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        out.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(24);
        self.write_to(&mut text);
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(24);
        self.write_to(&mut text);
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn the_written_form_agrees_with_the_calendar_of_another_library() {
        for millis in [0, 1, -1, 951_782_399_999, 951_782_400_000, 1_763_700_000_123, 253_402_207_200_000] {
            let expected = format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap());
            assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
            assert_eq!(Timestamp::parse(&expected), Some(Timestamp::from_millis(millis)));
        }
        for day in -800_000..800_000_i64 / 7 {
            let millis = (day * 7) * 86_400_000 / 10;
            if let Ok(other) = jiff::Timestamp::from_millisecond(millis)
                && millis >= super::MILLIS_MIN
            {
                assert_eq!(Timestamp::from_millis(millis).to_string(), format!("{other:.3}"));
            }
        }
    }
}
