//! The terminal, taken over and given back: on every way out, it is as it was.

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Screen {
    /// What is drawn on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: Taken,
}

impl Screen {
    /// Takes the terminal over. From now on a panic gives it back before it is reported, so that the report
    /// is seen.
    ///
    /// # Errors
    /// What the terminal says; it is given back then.
    pub(crate) fn take() -> io::Result<Self> {
        let taken = Taken(Arc::new(AtomicBool::new(true)));
        let (in_panic, report) = (Taken(Arc::clone(&taken.0)), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info| {
            in_panic.give_back();
            report(info);
        }));
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        terminal.clear()?;
        Ok(Self { terminal, taken })
    }

    /// Gives the terminal back.
    pub(crate) fn give_back(self) {
        self.taken.give_back();
    }
}

/// Whether the terminal is still ours.
#[derive(Debug)]
struct Taken(Arc<AtomicBool>);

impl Taken {
    fn give_back(&self) {
        if self.0.swap(false, Ordering::SeqCst) {
            // If the terminal is gone, there is nothing to give back and nobody to tell.
            let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
            let _ = disable_raw_mode();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.give_back();
    }
}
