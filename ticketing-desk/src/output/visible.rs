//! Text from customers, made harmless: what could drive a terminal or turn a line round is shown, not sent.

use std::borrow::Cow;

/// Returns `text` on one line with control, bidi and other format characters written out: `\u{202e}`, `\n`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped_where(text, is_unseen)
}

/// Returns `text` as [`visible`] does, but keeps its line breaks: for messages of several lines.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped_where(text, |c| c != '\n' && is_unseen(c))
}

fn escaped_where(text: &str, escape: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&escape) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escape(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Says whether `c` acts on the reader instead of being read: Unicode's `Cc`, `Cf`, `Zl` and `Zp`.
#[must_use]
pub const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' // C0, DEL, C1
        | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_lines};

    #[test]
    fn what_drives_a_terminal_is_shown_and_the_rest_is_left_alone() {
        let rows = [
            ("Anna Müller", "Anna Müller"),
            ("東京 🚌", "東京 🚌"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("moc.\u{202e}evil\u{2066}", r"moc.\u{202e}evil\u{2066}"),
            ("z\u{200b}w\u{feff}", r"z\u{200b}w\u{feff}"),
            ("line\u{2028}sep", r"line\u{2028}sep"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
        ];
        for (text, expected) in rows {
            assert_eq!(visible(text), expected, "{text:?}");
        }
        assert_eq!(visible_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
