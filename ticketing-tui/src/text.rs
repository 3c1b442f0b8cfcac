//! Text as the dashboard shows it: made harmless, grouped, shortened; and times in three styles.
//!
//! What customers wrote passes through [`harmless`] before it becomes part of a picture. Nothing here knows
//! of tickets.

use crate::TimeStyle;
use jiff::tz::TimeZone;
use ticketing_core::domain::time::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// No text of a cell is longer, however wide the terminal.
const CELL_CHARS_MAX: usize = 64;

/// What stands for a character that is not shown.
const UNSHOWN: char = '\u{fffd}';

/// Returns the beginning of `text` on one line, each character that acts on the reader instead of being read
/// (control, direction, other format characters) replaced by one that is seen.
pub(crate) fn harmless(text: &str) -> String {
    harmless_up_to(text, CELL_CHARS_MAX)
}

/// Returns what [`harmless`] returns, of at most `chars_max` characters.
pub(crate) fn harmless_up_to(text: &str, chars_max: usize) -> String {
    head(text, chars_max).chars().map(|c| if is_unseen(c) { UNSHOWN } else { c }).collect()
}

/// Returns `text` with its lines kept, and every other character that acts on the reader written as JSON writes it.
pub(crate) fn harmless_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_unseen(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns `text` cut to `width` columns, with a mark where it was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = width.saturating_sub(1);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Returns an id in `width` columns: where it does not fit, its two ends, which tell ids of one moment apart.
pub(crate) fn short_id(id: &str, width: usize) -> String {
    /// So much of an id's end tells it from its neighbours.
    const END: usize = 4;
    if !id.is_ascii() || id.len() <= width || width < END + 4 {
        return cut(id, width);
    }
    format!("{}…{}", &id[..(width - END - 1).min(8)], &id[id.len() - END..])
}

/// Returns `text` in lines of at most `width` columns, broken at blanks where there are any.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    // What is indented stays so.
    let indent = text.len() - text.trim_start_matches(' ').len();
    let mut line = " ".repeat(indent.min(width / 2));
    for word in text.trim_start_matches(' ').split(' ') {
        let mut word = word.to_owned();
        if !line.trim().is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > width {
            let mut begin = String::new();
            for c in word.chars() {
                if !begin.is_empty() && begin.width() + c.width().unwrap_or(0) > width {
                    break;
                }
                begin.push(c);
            }
            word = word[begin.len()..].to_owned();
            lines.push(begin);
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// Returns the beginning of `text`, with a mark where it was cut to `width` characters.
pub(crate) fn head(text: &str, width: usize) -> String {
    let mut out: String = text.chars().take(width).collect();
    if text.chars().nth(width).is_some() && out.pop().is_some() {
        out.push('…');
    }
    out
}

/// Says whether a character is of Unicode's categories `Cc`, `Cf`, `Zl` or `Zp`, or a filler that looks like
/// nothing.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Returns the end of `text`, with a mark where it was cut to `width` characters: of a path, the end says most.
pub(crate) fn tail(text: &str, width: usize) -> String {
    let chars = text.chars().count();
    if chars <= width {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(chars + 1 - width.max(1))).take(width).collect()
}

/// Returns a count as people write it: `3,412`.
pub(crate) fn grouped(count: impl Into<i128>) -> String {
    let count: i128 = count.into();
    let digits = count.unsigned_abs().to_string();
    let mut out = String::from(if count < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns the seconds from `now` until `at`, a begun second as a whole one: as the API counts `secondsLeft`.
pub(crate) const fn seconds_left(at: Timestamp, now: Timestamp) -> i64 {
    (at.as_millis().saturating_sub(now.as_millis()).saturating_add(999)).div_euclid(1000)
}

/// Returns whole seconds in their two largest units: `14m 33s`, `2d 4h`.
pub(crate) fn duration(seconds: i64) -> String {
    const UNITS: [(i64, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let seconds = seconds.max(0);
    let Some(first) = UNITS.iter().position(|(size, _)| seconds >= *size) else { return "0s".to_owned() };
    let (size, unit) = UNITS[first];
    let text = format!("{}{unit}", seconds / size);
    match UNITS.get(first + 1).map(|(size_2, unit_2)| (seconds % size / size_2, unit_2)) {
        Some((count, unit)) if count > 0 => format!("{text} {count}{unit}"),
        Some(_) | None => text,
    }
}

/// How much of a time there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Date, time of day, offset: up to 25 columns.
    Full,
    /// The time of day of today's, the date of others: up to 14 columns.
    Short,
}

/// Returns how many columns a time takes at most.
pub(crate) const fn time_width(style: TimeStyle, room: Room) -> u16 {
    match (style, room) {
        (TimeStyle::Relative, _) => 10,
        (TimeStyle::Utc, Room::Full) => 24,
        (TimeStyle::Utc, Room::Short) => 13,
        (TimeStyle::Local, Room::Full) => 25,
        (TimeStyle::Local, Room::Short) => 14,
    }
}

/// Returns a time as `style` wants it.
pub(crate) fn time(at: Timestamp, now: Timestamp, style: TimeStyle, zone: &TimeZone, room: Room) -> String {
    match style {
        TimeStyle::Relative => relative(at, now),
        TimeStyle::Utc => {
            let text = at.to_string();
            match room {
                Room::Full => text,
                Room::Short if text.get(..10) == now.to_string().get(..10) => {
                    text.get(11..).unwrap_or(&text).to_owned()
                }
                Room::Short => text.chars().take(10).collect(),
            }
        }
        TimeStyle::Local => local(at, now, zone, room).unwrap_or_else(|| at.to_string()),
    }
}

/// Returns a time of day to the second, without its zone where that is this machine's: `12:00:07Z`, `13:00:07`.
pub(crate) fn clock(at: Timestamp, style: TimeStyle, zone: &TimeZone) -> String {
    let local = match style {
        TimeStyle::Local => jiff::Timestamp::from_millisecond(at.as_millis()).ok(),
        TimeStyle::Relative | TimeStyle::Utc => None,
    };
    match local {
        Some(instant) => instant.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        None => at.to_string().get(11..19).map(|clock| format!("{clock}Z")).unwrap_or_default(),
    }
}

/// Returns a time to the minute, with its day where that is another one than today.
pub(crate) fn minute(at: Timestamp, now: Timestamp, style: TimeStyle, zone: &TimeZone) -> String {
    let (zone, sign) = match style {
        TimeStyle::Local => (zone.clone(), ""),
        TimeStyle::Relative | TimeStyle::Utc => (TimeZone::UTC, "Z"),
    };
    let zoned = |time: Timestamp| {
        jiff::Timestamp::from_millisecond(time.as_millis()).ok().map(|instant| instant.to_zoned(zone.clone()))
    };
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else { return at.to_string() };
    let format = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    format!("{}{sign}", at.strftime(format))
}

fn local(at: Timestamp, now: Timestamp, zone: &TimeZone, room: Room) -> Option<String> {
    let zoned = |time: Timestamp| {
        let instant = jiff::Timestamp::from_millisecond(time.as_millis()).ok()?;
        Some(instant.to_zoned(zone.clone()))
    };
    let (at, now) = (zoned(at)?, zoned(now)?);
    let format = match room {
        Room::Full => "%Y-%m-%d %H:%M:%S%:z",
        Room::Short if at.date() == now.date() => "%H:%M:%S%:z",
        Room::Short => "%Y-%m-%d",
    };
    Some(at.strftime(format).to_string())
}

/// From this many seconds on, a date says more than a distance.
const RELATIVE_SECONDS_MAX: i64 = 30 * 86_400;

fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_millis().saturating_sub(now.as_millis()) / 1000;
    let text = match seconds.abs() {
        0 => return "now".to_owned(),
        s if s < 60 => format!("{s}s"),
        s if s < 3_600 => format!("{}m", s / 60),
        s if s < 2 * 86_400 => format!("{}h", s / 3_600),
        s if s < RELATIVE_SECONDS_MAX => format!("{}d", s / 86_400),
        _ => return at.to_string().chars().take(10).collect(),
    };
    if seconds > 0 { format!("in {text}") } else { format!("{text} ago") }
}

#[cfg(test)]
mod tests {
    use super::{
        Room, clock, cut, duration, grouped, harmless, harmless_lines, head, minute, seconds_left, short_id,
        tail, time, time_width, wrapped,
    };
    use crate::TimeStyle;
    use jiff::tz::TimeZone;
    use ticketing_core::domain::time::Timestamp;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn what_could_drive_a_terminal_is_replaced_and_the_rest_is_left_alone() {
        let rows = [
            ("Anna Müller", "Anna Müller"),
            ("東京 🚌", "東京 🚌"),
            ("\u{1b}[2Jgone", "\u{fffd}[2Jgone"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("a\nb\tc\r", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("moc.\u{202e}evil\u{2066}", "moc.\u{fffd}evil\u{fffd}"),
            ("z\u{200b}w\u{feff}", "z\u{fffd}w\u{fffd}"),
            ("line\u{2028}tag\u{e0041}", "line\u{fffd}tag\u{fffd}"),
        ];
        for (text, expected) in rows {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
        let long = harmless(&"x".repeat(1_000_000));
        assert_eq!(long.chars().count(), 64);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn of_a_name_the_beginning_is_kept_and_of_a_path_the_end() {
        for (width, expected) in [(13, "read position"), (9, "read pos…"), (1, "…"), (0, "")] {
            assert_eq!(head("read position", width), expected, "{width}");
        }
        for (width, expected) in
            [(20, "data/write.db"), (13, "data/write.db"), (9, "…write.db"), (1, "…"), (0, "")]
        {
            assert_eq!(tail("data/write.db", width), expected, "{width}");
        }
    }

    #[test]
    fn a_wide_character_is_never_cut_in_half() {
        for (width, expected) in
            [(8, "東京 🚌"), (7, "東京 🚌"), (6, "東京 …"), (4, "東…"), (1, "…"), (0, "")]
        {
            assert_eq!(cut("東京 🚌", width), expected, "{width}");
        }
    }

    #[test]
    fn a_shortened_id_has_both_its_ends() {
        let id = "01928a7c-1111-7000-8000-00000000beef";
        for (width, expected) in [(36, id), (13, "01928a7c…beef"), (20, "01928a7c…beef"), (6, "01928…")]
        {
            assert_eq!(short_id(id, width), expected, "{width}");
        }
        // Of a hall's seats, all of one section, the end tells which.
        assert_eq!(short_id("STALLS-A12", 8), "STA…-A12");
    }

    #[test]
    fn lines_are_broken_at_blanks_and_a_long_word_where_it_must_be() {
        let rows: [(&str, usize, &[&str]); 5] = [
            ("a bc def", 5, &["a bc", "def"]),
            ("abcdefgh i", 3, &["abc", "def", "gh", "i"]),
            ("", 5, &[""]),
            ("  a b", 9, &["  a b"]),
            ("東京東京", 5, &["東京", "東京"]),
        ];
        for (text, width, expected) in rows {
            assert_eq!(wrapped(text, width), expected, "{text}");
        }
    }

    #[test]
    fn lines_for_the_pager_are_json_that_drives_nothing() {
        assert_eq!(harmless_lines("a\n\u{1b}[2J\u{202e}\u{e0041}"), "a\n\\u001b[2J\\u202e\\udb40\\udc41");
    }

    #[test]
    fn counts_are_grouped_and_durations_have_two_units() {
        for (count, expected) in [(0, "0"), (999, "999"), (1_017_090, "1,017,090"), (-3_412, "-3,412")] {
            assert_eq!(grouped(count), expected);
        }
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (873, "14m 33s"),
            (3_600, "1h"),
            (187_200, "2d 4h"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn a_begun_second_is_still_left() {
        let now = at("2026-11-20T12:00:00.000Z");
        for (millis, expected) in [(1, 1), (1_000, 1), (1_001, 2), (0, 0), (-1, 0), (-1_000, -1)] {
            let end = Timestamp::from_millis(now.as_millis() + millis);
            assert_eq!(seconds_left(end, now), expected, "{millis}");
        }
    }

    #[test]
    fn a_minute_has_its_day_only_where_that_is_another_one() {
        let now = at("2026-11-20T23:30:00.000Z");
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, style, expected) in [
            ("2026-11-20T23:45:59.000Z", TimeStyle::Relative, "23:45Z"),
            ("2026-11-21T00:10:00.000Z", TimeStyle::Utc, "2026-11-21 00:10Z"),
            ("2026-11-20T23:45:00.000Z", TimeStyle::Local, "00:45"),
        ] {
            assert_eq!(minute(at(text), now, style, &berlin), expected, "{text}");
        }
        assert_eq!(clock(now, TimeStyle::Local, &berlin), "00:30:00");
    }

    #[test]
    fn a_time_has_three_styles_and_fits_its_column() {
        let now = at("2026-11-20T23:30:00.000Z");
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let rows = [
            ("2026-11-20T23:29:15.250Z", TimeStyle::Relative, Room::Short, "44s ago"),
            ("2026-11-20T23:44:59.000Z", TimeStyle::Relative, Room::Full, "in 14m"),
            ("2026-11-18T23:31:00.000Z", TimeStyle::Relative, Room::Full, "47h ago"),
            ("2026-11-01T23:31:00.000Z", TimeStyle::Relative, Room::Full, "18d ago"),
            ("2026-01-01T23:31:00.000Z", TimeStyle::Relative, Room::Full, "2026-01-01"),
            ("2026-11-20T23:29:15.250Z", TimeStyle::Utc, Room::Full, "2026-11-20T23:29:15.250Z"),
            ("2026-11-20T23:29:15.250Z", TimeStyle::Utc, Room::Short, "23:29:15.250Z"),
            ("2026-11-19T23:29:15.250Z", TimeStyle::Utc, Room::Short, "2026-11-19"),
            ("2026-11-20T23:29:15.250Z", TimeStyle::Local, Room::Full, "2026-11-21 00:29:15+01:00"),
            ("2026-11-20T23:29:15.250Z", TimeStyle::Local, Room::Short, "00:29:15+01:00"),
            ("2026-11-20T22:29:15.250Z", TimeStyle::Local, Room::Short, "2026-11-20"),
        ];
        for (text, style, room, expected) in rows {
            let shown = time(at(text), now, style, &berlin, room);
            assert_eq!(shown, expected, "{text} {style:?}");
            assert!(shown.len() <= usize::from(time_width(style, room)), "{shown}");
        }
    }
}
