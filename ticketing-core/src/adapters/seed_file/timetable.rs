//! The times of a seed file: running times, service days and departures, from local time to instants.

use super::cursor::{Cursor, Fields};
use super::error::SeedFileError;
use crate::domain::time::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

/// The most days of one timetable: ten years.
pub const DAYS_MAX: u32 = 3_660;
/// The most departures that the files of one call may come to.
pub const DEPARTURES_MAX: usize = 500_000;
/// The longest journey: a week.
const JOURNEY_SECONDS_MAX: u32 = 7 * 86_400;
/// The first minute that is no longer of a service day: nothing leaves 48 hours after its midnight.
const SERVICE_DAY_MINUTES: u32 = 48 * 60;

/// A departure: the service day, and its time in minutes after that day's midnight by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The service day.
    pub day: Date,
    /// Minutes after midnight; from 1440 on it leaves on the next calendar day.
    pub minutes: u32,
}

impl Start {
    /// The time as timetables print it: `08:05`, or `25:10` for ten past one in the night after.
    pub fn clock(self) -> String {
        format!("{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }

    /// Returns the instant; `None` outside the calendar.
    ///
    /// A local time that a change of clocks skips is moved on by what was skipped; of one that comes
    /// twice, the first is meant (RFC 5545, and jiff's `compatible`).
    pub fn instant(self, zone: &TimeZone) -> Option<Timestamp> {
        let day = self.day.checked_add(Span::new().days(self.minutes / 1440)).ok()?;
        let hour = i8::try_from(self.minutes / 60 % 24).ok()?;
        let minute = i8::try_from(self.minutes % 60).ok()?;
        let zoned = zone.to_ambiguous_zoned(day.at(hour, minute, 0, 0)).compatible().ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }
}

/// Returns the calendar day of `now` in `zone`.
pub fn today(now: Timestamp, zone: &TimeZone) -> Option<Date> {
    let now = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
    Some(zone.to_datetime(now).date())
}

/// Reads `[0, 4, 9.5]`, minutes after the first departure, as seconds of arrival: one for each stop.
pub fn arrivals(cursor: &Cursor<'_>, stops: usize) -> Result<Vec<u32>, SeedFileError> {
    let items = cursor.items("the minutes from the first stop to each stop, as [0, 4, 9]")?;
    if items.len() != stops {
        let sentence =
            format!("has {} times, but the route has {stops} stops: one for each, from 0", items.len());
        return Err(cursor.error(sentence));
    }
    let mut arrivals: Vec<u32> = Vec::with_capacity(stops);
    for item in items {
        let seconds = minutes(&item)?;
        match arrivals.last() {
            None if seconds != 0 => return Err(item.error("the first stop's time must be 0")),
            Some(before) if seconds < *before => {
                return Err(
                    item.error("is earlier than the stop before: the minutes must grow along the route")
                );
            }
            _ => arrivals.push(seconds),
        }
    }
    if arrivals.last() == Some(&0) {
        return Err(cursor.error("the last stop's time must be after the first's"));
    }
    Ok(arrivals)
}

/// Reads minutes, whole or as a decimal of whole seconds (`2.5`), as seconds.
pub fn minutes(cursor: &Cursor<'_>) -> Result<u32, SeedFileError> {
    const WHAT: &str = "minutes, as 4 or 2.5";
    let text = cursor.text(WHAT)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.len() <= 9 && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(cursor.error(format!("expected {WHAT}, found {}", crate::text::quoted(text))));
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).unwrap_or(9));
    let parts = whole.parse::<u64>().unwrap_or(u64::MAX / 1_000).saturating_mul(scale);
    let parts = parts.saturating_add(fraction.parse().unwrap_or(0)).saturating_mul(60);
    if parts % scale != 0 {
        return Err(cursor.error("is not a whole number of seconds"));
    }
    match u32::try_from(parts / scale) {
        Ok(seconds) if seconds <= JOURNEY_SECONDS_MAX => Ok(seconds),
        _ => Err(cursor.error("is longer than a week, the longest journey")),
    }
}

/// Reads the departures of a timetable entry: `at`, or `days` with `times` or `every`.
pub fn starts(entry: &Cursor<'_>, fields: &Fields<'_>, today: Date) -> Result<Vec<Start>, SeedFileError> {
    let (at, days) = (fields.optional("at"), fields.optional("days"));
    let (times, every) = (fields.optional("times"), fields.optional("every"));
    match (at, days, times, every) {
        (Some(at), None, None, None) => at.one_or_more().iter().map(local_time).collect(),
        (None, Some(days), Some(times), None) => {
            let items = times.items("the times of departure, as [\"06:30\", \"07:00\"]")?;
            let clocks = items.iter().map(clock).collect::<Result<Vec<_>, _>>()?;
            cross(entry, &service_days(&days, today)?, &clocks)
        }
        (None, Some(days), None, Some(every)) => {
            cross(entry, &service_days(&days, today)?, &interval(&every)?)
        }
        _ => Err(entry.error(
            "says when in no way that is known: give either at, or days together with times or with every",
        )),
    }
}

/// Every time on every day, if that is not more than may be: two short lists can make a very long one.
fn cross(entry: &Cursor<'_>, days: &[Date], clocks: &[u32]) -> Result<Vec<Start>, SeedFileError> {
    if days.len().saturating_mul(clocks.len()) > DEPARTURES_MAX {
        return Err(too_many(entry));
    }
    let on =
        |day: &Date| clocks.iter().map(|minutes| Start { day: *day, minutes: *minutes }).collect::<Vec<_>>();
    Ok(days.iter().flat_map(on).collect())
}

/// The error of an entry with which the files come to too many departures.
pub fn too_many(entry: &Cursor<'_>) -> SeedFileError {
    let sentence = format!("with these the files come to more than {DEPARTURES_MAX} departures");
    entry.error(sentence + "; name fewer days, or seed in several steps")
}

/// Reads `2026-12-01T08:00`, local time of the route.
fn local_time(cursor: &Cursor<'_>) -> Result<Start, SeedFileError> {
    const WHAT: &str = "a local time, as 2026-12-01T08:00";
    let text = cursor.text(WHAT)?;
    let wrong = || cursor.error(format!("expected {WHAT}, found {}", crate::text::quoted(text)));
    let (day, time) = text.split_once(['T', ' ']).ok_or_else(wrong)?;
    let minutes = clock_minutes(time).filter(|minutes| *minutes < 1440).ok_or_else(wrong)?;
    let at: DateTime = day.parse::<Date>().map_err(|_| wrong())?.at(0, 0, 0, 0);
    Ok(Start { day: at.date(), minutes })
}

/// Reads `06:30`, or up to `47:59` for the nights after the service day.
fn clock(cursor: &Cursor<'_>) -> Result<u32, SeedFileError> {
    const WHAT: &str = "a time, as \"06:30\" (or \"25:10\" for the night after)";
    let text = cursor.text(WHAT)?;
    let wrong = || cursor.error(format!("expected {WHAT}, found {}", crate::text::quoted(text)));
    clock_minutes(text).ok_or_else(wrong)
}

fn clock_minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |s: &str| (1..=2).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || minutes.len() != 2 || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let in_all = hours * 60 + minutes;
    (minutes < 60 && in_all < SERVICE_DAY_MINUTES).then_some(in_all)
}

/// Reads `{from: "06:00", to: "22:00", minutes: 30}`; the last departure is at `to` or before.
fn interval(cursor: &Cursor<'_>) -> Result<Vec<u32>, SeedFileError> {
    let fields = cursor.fields("every", &["from", "to", "minutes"])?;
    let from = clock(&fields.required("from", "the first time, as \"06:00\"")?)?;
    let last = fields.required("to", "the last time, as \"22:00\"")?;
    let to = clock(&last)?;
    if to < from {
        return Err(last.error("is before from; a time after midnight is written \"24:30\""));
    }
    let step = fields.required("minutes", "the minutes between departures, as 30")?.whole(1, 1440)?;
    Ok((from..=to).step_by(step as usize).collect())
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads `{from: today, count: 7, weekdays: [mon, fri]}`.
fn service_days(cursor: &Cursor<'_>, today: Date) -> Result<Vec<Date>, SeedFileError> {
    let fields = cursor.fields("days", &["from", "count", "weekdays"])?;
    let from = fields.required("from", "the first day, as 2026-12-01 or today")?;
    let count = fields.required("count", "how many days from there on, as 7")?.whole(1, DAYS_MAX)?;
    let mut weekdays = Vec::new();
    for item in fields.items("weekdays", "weekdays, as [mon, tue]")? {
        let number = item.word(&WEEKDAYS)?;
        weekdays.push(Weekday::from_monday_zero_offset(number as i8).map_err(|e| item.error(e.to_string()))?);
    }
    let first = first_day(&from, today)?;
    let mut days = Vec::with_capacity(count as usize);
    for offset in 0..count {
        let day = first
            .checked_add(i64::from(offset).days())
            .map_err(|_| from.error("leads past the year 9999"))?;
        if weekdays.is_empty() || weekdays.contains(&day.weekday()) {
            days.push(day);
        }
    }
    Ok(days)
}

/// Reads `2026-12-01`, `today`, `today+1` or `today-1`.
fn first_day(cursor: &Cursor<'_>, today: Date) -> Result<Date, SeedFileError> {
    const WHAT: &str = "a day, as 2026-12-01, today or today+1";
    let text = cursor.text(WHAT)?;
    let wrong = || cursor.error(format!("expected {WHAT}, found {}", crate::text::quoted(text)));
    let Some(offset) = text.strip_prefix("today") else {
        let is_day = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        return if is_day { text.parse().map_err(|_| wrong()) } else { Err(wrong()) };
    };
    let days: i64 = match offset.as_bytes() {
        [] => 0,
        [b'+' | b'-', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            offset.parse().ok().filter(|days: &i64| days.abs() <= i64::from(DAYS_MAX)).ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    today.checked_add(days.days()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::{Start, clock_minutes};
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    #[test]
    fn a_change_of_clocks_moves_what_it_skips_and_takes_the_first_of_what_comes_twice() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let rows = [
            (date(2026, 3, 8), "01:30", "2026-03-08T06:30:00.000Z"),
            (date(2026, 3, 8), "02:30", "2026-03-08T07:30:00.000Z"),
            (date(2026, 3, 8), "03:30", "2026-03-08T07:30:00.000Z"),
            (date(2026, 11, 1), "01:30", "2026-11-01T05:30:00.000Z"),
            (date(2026, 10, 31), "25:30", "2026-11-01T05:30:00.000Z"),
            (date(2026, 12, 31), "24:00", "2027-01-01T05:00:00.000Z"),
        ];
        for (day, clock, expected) in rows {
            let start = Start { day, minutes: clock_minutes(clock).unwrap() };
            assert_eq!(start.instant(&zone).unwrap().to_string(), expected, "{day} {clock}");
            assert_eq!(start.clock(), clock);
        }
    }

    #[test]
    fn only_a_time_of_the_clock_is_a_time() {
        for wrong in ["", "6", "06:3", "06:60", "48:00", "6:5", "-1:00", "06:30:00", "+6:30", "006:30"] {
            assert_eq!(clock_minutes(wrong), None, "{wrong}");
        }
        assert_eq!(clock_minutes("6:30"), Some(390));
        assert_eq!(clock_minutes("47:59"), Some(2879));
    }
}
