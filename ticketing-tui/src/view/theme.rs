//! The colours, all in one place; without colour, weight has to say it.

use crate::picture::Tone;
use ratatui::style::{Color, Modifier, Style};

/// How things are coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    /// Whether there may be colour (`NO_COLOR`, `--color`).
    pub has_colour: bool,
}

impl Theme {
    const fn coloured(self, colour: Color) -> Style {
        if self.has_colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// As it should be.
    pub(crate) const fn good(self) -> Style {
        self.coloured(Color::Green)
    }

    /// Under way, or not as good as it was.
    pub(crate) const fn waiting(self) -> Style {
        self.coloured(Color::Yellow)
    }

    /// Wrong.
    pub(crate) const fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Over, or beside the point.
    pub(crate) const fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// A heading, or a figure that is looked for.
    pub(crate) const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A word on a ground of its own.
    pub(crate) const fn mark(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The bars of a chart.
    pub(crate) const fn bars(self) -> Style {
        self.coloured(Color::Cyan)
    }

    /// For what is not true any more.
    pub(crate) const fn grey(self) -> Style {
        let style = if self.has_colour { Style::new().fg(Color::DarkGray) } else { Style::new() };
        style.remove_modifier(Modifier::BOLD).add_modifier(Modifier::DIM)
    }

    /// Returns the style of a tone.
    pub(crate) const fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Good => self.good(),
            Tone::Waiting => self.waiting(),
            Tone::Faint => self.faint(),
            Tone::Plain => Style::new(),
        }
    }
}
