//! A line that is being typed. What is pasted into it is text: its breaks become blanks, its control characters go.

/// No typed line is longer.
const CHARS_MAX: usize = 1000;

/// A line and where its cursor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    chars: Vec<char>,
    cursor: usize,
}

impl Line {
    /// Returns a line of `text`, with the cursor behind it.
    pub(crate) fn new(text: &str) -> Self {
        let mut line = Self::default();
        line.paste(text);
        line
    }

    /// Returns what it says.
    pub(crate) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// Says whether nothing but blanks was typed.
    pub(crate) fn is_blank(&self) -> bool {
        self.chars.iter().all(|c| c.is_whitespace())
    }

    /// Returns what is before the cursor and what is behind it.
    pub(crate) fn halves(&self) -> (String, String) {
        let (before, behind) = self.chars.split_at(self.cursor);
        (before.iter().collect(), behind.iter().collect())
    }

    /// Types a character.
    pub(crate) fn insert(&mut self, c: char) {
        if self.chars.len() < CHARS_MAX && !c.is_control() {
            self.chars.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    /// Takes a text in as it is, on one line.
    pub(crate) fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.insert(if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c });
        }
    }

    /// Heeds a key that edits; says whether it was one.
    pub(crate) fn key(&mut self, key: crate::input::Key) -> bool {
        use crate::input::Key;
        match key {
            Key::Char(c) => self.insert(c),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.chars.remove(self.cursor);
            }
            Key::Delete | Key::Ctrl('d') if self.cursor < self.chars.len() => {
                self.chars.remove(self.cursor);
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.chars.len()),
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = self.chars.len(),
            Key::Ctrl('u') => {
                self.chars.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::Ctrl('k') => self.chars.truncate(self.cursor),
            Key::Ctrl('w') => {
                let kept = self.chars[..self.cursor].iter().collect::<String>();
                let kept = kept.trim_end().rfind(' ').map_or("", |at| &kept[..=at]).chars().count();
                self.chars.drain(kept..self.cursor);
                self.cursor = kept;
            }
            Key::Backspace | Key::Delete | Key::Ctrl('d') => {}
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{CHARS_MAX, Line};
    use crate::input::Key;

    #[test]
    fn keys_edit_where_the_cursor_is() {
        let rows: [(&str, &[Key], (&str, &str)); 9] = [
            ("ab", &[Key::Char('c')], ("abc", "")),
            ("ab", &[Key::Left, Key::Char('x')], ("ax", "b")),
            ("ab", &[Key::Home, Key::Backspace, Key::Delete], ("", "b")),
            ("aé", &[Key::Backspace], ("a", "")),
            ("a b c", &[Key::Ctrl('w'), Key::Ctrl('w')], ("a ", "")),
            ("é b", &[Key::Left, Key::Left, Key::Ctrl('w')], ("", " b")),
            ("a b", &[Key::Ctrl('u')], ("", "")),
            ("a b", &[Key::Home, Key::Ctrl('k')], ("", "")),
            ("", &[Key::Backspace, Key::Delete, Key::Right, Key::Left], ("", "")),
        ];
        for (text, keys, expected) in rows {
            let mut line = Line::new(text);
            assert!(keys.iter().all(|key| line.key(*key)), "{text} {keys:?}");
            let (before, behind) = line.halves();
            assert_eq!((before.as_str(), behind.as_str()), expected, "{text} {keys:?}");
        }
        assert!(!Line::default().key(Key::Enter));
    }

    #[test]
    fn a_pasted_text_is_one_line_without_control_characters_and_of_bounded_length() {
        let mut line = Line::new("a");
        line.paste("b\nc\u{1b}[2J\td\r\n");
        assert_eq!(line.text(), "ab c[2J d");
        line.paste(&"x".repeat(1_000_000));
        assert_eq!(line.text().chars().count(), CHARS_MAX);
    }
}
