//! Small helpers for the sentences that users read. They know nothing of tickets.

/// Words longer than this are compared no further: nobody mistypes a name of that length.
const WORD_CHARS_MAX: usize = 64;

/// Returns the candidate that `word` was most likely meant to be, if one is near enough, whatever the case.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    if word.is_empty() || word.len() > WORD_CHARS_MAX {
        return None;
    }
    let slips_max = (word.len() / 3).clamp(1, 3);
    let near = candidates.into_iter().filter_map(|candidate| {
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        let slips = slips(&word, &other);
        (slips <= slips_max && slips < other.len()).then_some((slips, candidate))
    });
    near.min_by_key(|(slips, _)| *slips).map(|(_, candidate)| candidate)
}

/// Counts the slips between two words: a letter too many, too few, wrong, or two changed about (the
/// restricted Damerau-Levenshtein distance).
pub(crate) fn slips(a: &[char], b: &[char]) -> usize {
    if b.len() > WORD_CHARS_MAX {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let wrong = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + wrong);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Returns `text` in quotation marks, shortened, with control and direction-changing characters made
/// visible, so that what a file or a customer wrote can't drive a terminal.
#[must_use]
pub fn quoted(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let mut out = String::from("\"");
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN_CHARS_MAX {
            out.push('…');
            break;
        }
        if c == '"' || c == '\\' {
            out.push(c);
        } else {
            push_visible(&mut out, c);
        }
    }
    out.push('"');
    out
}

/// Appends `c`, or its escape if it would be invisible or move the text around it.
fn push_visible(out: &mut String, c: char) {
    let moves_text = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || moves_text {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::{nearest, quoted};

    #[test]
    fn a_slip_of_the_finger_finds_the_word_and_a_different_word_finds_none() {
        let words = ["status", "age", "route", "holdExpiresAt"];
        let rows = [
            ("statu", Some("status")),
            ("statsu", Some("status")),
            ("STATUS", Some("status")),
            ("rout", Some("route")),
            ("holdexpiresat", Some("holdExpiresAt")),
            ("price", None),
            ("", None),
            ("x", None),
        ];
        for (word, expected) in rows {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
        assert_eq!(nearest(&"a".repeat(10_000), words), None);
    }

    #[test]
    fn what_is_quoted_is_short_and_can_not_drive_a_terminal() {
        assert_eq!(quoted("a\u{1b}[2Jb"), "\"a\\u{1b}[2Jb\"");
        assert_eq!(quoted("\u{202e}x"), "\"\\u{202e}x\"");
        assert!(quoted(&"x".repeat(1_000)).chars().count() < 70);
    }
}
