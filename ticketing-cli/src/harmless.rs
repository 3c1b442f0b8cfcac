//! What a server says, before it reaches a terminal: it may choose colours and draw anew, and nothing else.
//!
//! A server is asked by its address, and an address may be wrong. So no text from there may set the terminal's title or
//! clipboard, ask the terminal a question whose answer would be typed into the shell, or hide what it is. What goes into
//! a pipe or a file is never touched.

use std::borrow::Cow;
use ticketing_desk::output::visible::is_unseen;

/// The last letters of the sequences that pass: colours, and what `--watch` draws anew with.
const FINALS: [char; 4] = ['m', 'H', 'J', 'K'];

/// No sequence that passes is longer, in bytes.
const SEQUENCE_BYTES_MAX: usize = 32;

/// A stream of text on its way to a terminal, or to what is none.
#[derive(Debug)]
pub struct Harmless {
    is_terminal: bool,
    /// A sequence that has begun and not ended.
    begun: String,
}

impl Harmless {
    /// Returns a stream that ends at a terminal, or not.
    pub const fn of(is_terminal: bool) -> Self {
        Self { is_terminal, begun: String::new() }
    }

    /// Returns what may be printed of the next piece.
    pub fn pass<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let is_plain = |c: char| c == '\n' || !is_unseen(c);
        if !self.is_terminal || (self.begun.is_empty() && text.chars().all(is_plain)) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if self.begun.is_empty() {
                match c {
                    '\u{1b}' => self.begun.push(c),
                    c if is_plain(c) => out.push(c),
                    c => out.extend(c.escape_default()),
                }
                continue;
            }
            let goes_on = match self.begun.len() {
                1 => c == '[',
                length => length < SEQUENCE_BYTES_MAX && (c.is_ascii_digit() || c == ';'),
            };
            if goes_on {
                self.begun.push(c);
            } else if self.begun.len() > 1 && FINALS.contains(&c) {
                out.push_str(&std::mem::take(&mut self.begun));
                out.push(c);
            } else {
                // It is none of those: it is shown, not sent, and what comes behind it is looked at anew.
                let begun = std::mem::take(&mut self.begun);
                // All behind the first character is plain.
                out.extend('\u{1b}'.escape_default());
                out.push_str(&begun[1..]);
                out.push_str(&self.pass(c.encode_utf8(&mut [0; 4])));
            }
        }
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::Harmless;

    #[test]
    fn colours_and_redrawing_pass_and_the_rest_is_shown() {
        for (text, expected) in [
            ("plain\nlines", "plain\nlines"),
            ("\u{1b}[1;31merror:\u{1b}[0m no", "\u{1b}[1;31merror:\u{1b}[0m no"),
            ("\u{1b}[H\u{1b}[2J", "\u{1b}[H\u{1b}[2J"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}]52;c;cm0=\u{1b}\\", "\\u{1b}]52;c;cm0=\\u{1b}\\"),
            ("\u{1b}[6n", "\\u{1b}[6n"),
            ("\u{1b}\u{1b}[31mx", "\\u{1b}\u{1b}[31mx"),
            ("\u{1b}[?1049h", "\\u{1b}[?1049h"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\rb\u{8}", "a\\rb\\u{8}"),
            ("\u{202e}evil", "\\u{202e}evil"),
        ] {
            assert_eq!(Harmless::of(true).pass(text), expected, "{text:?}");
            assert_eq!(Harmless::of(false).pass(text), text);
        }
    }

    #[test]
    fn a_sequence_may_come_in_pieces() {
        let mut stream = Harmless::of(true);
        let pieces = ["a\u{1b}", "[3", "1mb\u{1b}", "]c"];
        let passed: String = pieces.iter().map(|piece| stream.pass(piece).into_owned()).collect();
        assert_eq!(passed, "a\u{1b}[31mb\\u{1b}]c");
    }

    #[test]
    fn a_sequence_without_end_is_shown() {
        let long = format!("\u{1b}[{}m", "1".repeat(100));
        assert!(Harmless::of(true).pass(&long).starts_with("\\u{1b}[111"));
    }
}
