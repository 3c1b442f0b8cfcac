//! The colours, all in one place; without colour, weight has to say it.

use crate::desk::Colour;
use crate::row::Tone;
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

    /// The row that keys act on.
    pub(crate) const fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The ground of the line that says what the dashboard works on: red where changes are dangerous. Without colour
    /// the line says so in words.
    pub(crate) const fn place(self, colour: Option<Colour>, is_protected: bool) -> Style {
        let colour = match colour {
            _ if !self.has_colour => return Style::new(),
            None if is_protected => Color::Red,
            None => return Style::new(),
            Some(Colour::Red) => Color::Red,
            Some(Colour::Green) => Color::Green,
            Some(Colour::Yellow) => Color::Yellow,
            Some(Colour::Blue) => Color::Blue,
            Some(Colour::Magenta) => Color::Magenta,
            Some(Colour::Cyan) => Color::Cyan,
        };
        let ink = match colour {
            Color::Red | Color::Blue | Color::Magenta => Color::White,
            _ => Color::Black,
        };
        Style::new().bg(colour).fg(ink)
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
            Tone::Bad => self.bad(),
            Tone::Faint => self.faint(),
            Tone::Plain => Style::new(),
        }
    }
}
