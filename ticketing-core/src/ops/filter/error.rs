//! Why a filter can't be read: a sentence, a line that points at the character, and the fields there are.

use super::parser::describe;
use super::{FieldKind, FieldSpec};
use std::fmt;

/// The most characters of the filter that an error shows.
const SHOWN_CHARS_MAX: usize = 72;

/// A fault in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong.
    pub message: String,
    /// The first character at fault, counted from 1.
    pub position: usize,
    /// How many characters are at fault; at least 1.
    pub width: usize,
    /// The part of the filter around it, control characters replaced.
    pub shown: String,
    /// Where in `shown` the fault begins, in characters from 0.
    pub caret: usize,
    /// The fields there are, each with what its values are.
    pub fields: Vec<(&'static str, String)>,
    /// A filter that is none the worse, made of these fields; `None` if there is none to make it of.
    pub example: Option<String>,
}

impl FilterError {
    /// Makes an error about the characters from `start` up to, not including, `end`.
    pub(super) fn new(
        query: &[char],
        (start, end): (usize, usize),
        message: String,
        fields: &[FieldSpec],
    ) -> Self {
        let from = start.saturating_sub(SHOWN_CHARS_MAX / 2);
        let window = query.iter().skip(from).take(SHOWN_CHARS_MAX);
        let shown = window.map(|c| if c.is_control() { '\u{fffd}' } else { *c }).collect();
        let width = end.saturating_sub(start).clamp(1, SHOWN_CHARS_MAX / 2);
        let describe = |field: &FieldSpec| match field.kind {
            FieldKind::Word(words) => (field.name, words.join(", ")),
            kind => (field.name, describe(kind)),
        };
        let example = example(fields);
        let fields = fields.iter().map(describe).collect();
        Self { message, position: start + 1, width, shown, caret: start - from, fields, example }
    }
}

/// Texts that nobody looks for a part of.
const OF_NO_PART: &[&str] = &["id", "currency"];

/// A filter over these fields: one for what stands in a word, one for a text, one for a span of time.
fn example(fields: &[FieldSpec]) -> Option<String> {
    let word = |field: &FieldSpec| match field.kind {
        FieldKind::Word(words) => words.first().map(|word| format!("{}={word}", field.name)),
        _ => None,
    };
    let status = fields.iter().find(|field| field.name == "status").and_then(word);
    let texts =
        fields.iter().filter(|field| field.kind == FieldKind::Text && !OF_NO_PART.contains(&field.name));
    let parts = [
        status.or_else(|| fields.iter().find_map(word)),
        fields.iter().find(|field| field.kind == FieldKind::Duration).map(|f| format!("{}>10m", f.name)),
        texts.map(|field| format!("{}~\"a part\"", field.name)).next(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (at character {})", self.message, self.position)?;
        writeln!(f, "  {}", self.shown)?;
        writeln!(f, "  {}{}", " ".repeat(self.caret), "^".repeat(self.width))?;
        f.write_str("Fields:")?;
        let width = self.fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, kind) in &self.fields {
            write!(f, "\n  {name:width$}  {kind}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FilterError {}
