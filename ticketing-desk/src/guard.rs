//! The context in use, as far as changes are concerned: what it is called, how it is shown, and what it demands.
//!
//! Which context is in use is found by whoever starts the command; here is only what the gate needs of it.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The context in use, and what it demands of changes that are made in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guard {
    /// The context's name.
    pub context: String,
    /// Where it works, without passwords.
    pub at: String,
    /// The colour that its name is shown in.
    pub colour: Option<Colour>,
    /// Every change wants a reason, and a severe one the context's name.
    pub protected: bool,
    /// Nothing is changed at all.
    pub readonly: bool,
}

/// The colour of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "they are colours")]
pub enum Colour {
    Red,
    Yellow,
    Green,
    Blue,
    Magenta,
    Cyan,
}

impl Colour {
    /// Returns `text` on this colour.
    #[must_use]
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Red => 31,
            Self::Yellow => 33,
            Self::Green => 32,
            Self::Blue => 34,
            Self::Magenta => 35,
            Self::Cyan => 36,
        };
        format!("\u{1b}[1;7;{code}m{text}\u{1b}[0m")
    }
}

impl Guard {
    /// Says in which context something is done, its name coloured where that is wanted.
    #[must_use]
    pub fn line(&self, colour: bool) -> String {
        let name = match (self.colour, colour) {
            (Some(on), true) => on.paint(&format!(" {} ", self.context)),
            (Some(_) | None, _) => self.context.clone(),
        };
        let at = if self.at.is_empty() { String::new() } else { format!(" ({})", self.at) };
        let protected = if self.protected { ", protected" } else { "" };
        let readonly = if self.readonly { ", read-only" } else { "" };
        format!("Context {name}{at}{protected}{readonly}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Guard};

    #[test]
    fn the_line_names_the_context_and_is_coloured_where_that_is_wanted() {
        let guard = Guard {
            context: "prod".into(),
            at: "https://t.example.org".into(),
            colour: Some(Colour::Red),
            protected: true,
            readonly: false,
        };
        assert_eq!(guard.line(false), "Context prod (https://t.example.org), protected");
        assert_eq!(
            guard.line(true),
            "Context \u{1b}[1;7;31m prod \u{1b}[0m (https://t.example.org), protected"
        );
    }
}
