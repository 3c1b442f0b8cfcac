//! What a text must be like that somebody sent or typed, whichever way it came: in a request's body, in a
//! query, or on the command line. Checked at the edge; nothing behind it looks again.

/// The longest text of each kind, in characters.
pub mod len_max {
    /// A person's or thing's name.
    pub const NAME: usize = 200;
    /// An e-mail address (RFC 5321 leaves 254 for a path).
    pub const EMAIL: usize = 254;
    /// A telephone number.
    pub const PHONE: usize = 40;
    /// Why somebody did something.
    pub const REASON: usize = 1000;
    /// A seat's or stop's name in a request.
    pub const SEAT_OR_STOP: usize = 64;
    /// Any other id or reference.
    pub const ID: usize = 255;
}

/// What is wrong with a field, as the predicate of a sentence that begins with its name.
pub type Complaint = std::borrow::Cow<'static, str>;

/// Checks a text: not blank, not too long, no control characters (a database or a terminal would choke).
///
/// # Errors
/// Says what is wrong.
pub fn check_text(text: &str, len_max: usize) -> Result<(), Complaint> {
    // A text of so few bytes can't have more characters.
    if text.len() > len_max && text.chars().count() > len_max {
        return Err(format!("is longer than {len_max} characters").into());
    }
    if text.trim().is_empty() {
        return Err("must not be blank".into());
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters".into());
    }
    Ok(())
}

/// Checks that a text could be an e-mail address: one @, something on both sides, no blanks, and a domain
/// of labels. Whether mail arrives only sending can tell.
///
/// # Errors
/// Says what is wrong.
pub fn check_email(text: &str) -> Result<(), Complaint> {
    check_text(text, len_max::EMAIL)?;
    let wrong = || Complaint::from("must be an e-mail address, as ada@example.org");
    let (local, domain) = text.split_once('@').ok_or_else(wrong)?;
    let label = |l: &str| {
        let inner = l.chars().all(|c| c.is_alphanumeric() || c == '-');
        !l.is_empty() && l.len() <= 63 && inner && !l.starts_with('-') && !l.ends_with('-')
    };
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && local.split('.').all(|atom| !atom.is_empty())
        && !local.chars().any(|c| c.is_whitespace() || "()<>[]:;,\\\"".contains(c));
    if local_fits && domain.split('.').all(label) { Ok(()) } else { Err(wrong()) }
}

/// Checks that a text is a day of the calendar, `YYYY-MM-DD`.
///
/// # Errors
/// Says what is wrong.
pub fn check_date(text: &str) -> Result<(), Complaint> {
    let day = || {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| match i {
                4 | 7 => *b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shaped {
            return None;
        }
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        (year >= 1 && (1..=days).contains(&day)).then_some(())
    };
    day().ok_or_else(|| "must be a date, as 2026-11-20".into())
}

#[cfg(test)]
mod tests {
    use super::{check_date, check_email, check_text};

    #[test]
    fn a_text_is_counted_in_characters_and_has_no_control_characters() {
        let rows: &[(&str, bool)] = &[
            ("Ada", true),
            (" Ada ", true),
            ("ääääää", true),
            ("äääääää", false),
            ("👩‍🚀", true),
            ("", false),
            ("   ", false),
            ("\u{a0}", false),
            ("a\0", false),
            ("a\nb", false),
            ("a\u{1b}[0m", false),
            ("a\u{7f}", false),
        ];
        for (text, good) in rows {
            assert_eq!(check_text(text, 6).is_ok(), *good, "{text:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_between_two_sides() {
        let good = [
            "ada@example.org",
            "a.b+c@sub.example-1.org",
            "o'neil@example.org",
            "ada@localhost",
            "jörg@bücher.example",
            "a@b",
        ];
        for text in good {
            assert!(check_email(text).is_ok(), "{text}");
        }
        let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
        assert!(check_email(&long).is_ok());
        let too_long = format!("a@{}example", "b.".repeat(124));
        let bad = [
            "",
            " ",
            "ada",
            "@example.org",
            "ada@",
            "ada@@example.org",
            "a@b@c",
            "a b@example.org",
            "ada@exa mple.org",
            "ada@.org",
            "ada@example.",
            "ada@-a.org",
            "ada@a-.org",
            ".a@b.org",
            "a..b@c.org",
            "a@b..c",
            "ada@exam_ple.org",
            "<ada@example.org>",
            "a\0@b.org",
            "a,b@c.org",
            &too_long,
        ];
        for text in bad {
            assert!(check_email(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for good in ["2026-11-20", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert!(check_date(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "2026-1-2",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-01-00",
            "0000-01-01",
            "20261120",
            "2026/11/20",
            "2026-11-20T00:00:00Z",
            "today",
            "２026-1-0",
            "2026-11-2०",
        ];
        for text in bad {
            assert!(check_date(text).is_err(), "{text}");
        }
    }
}
