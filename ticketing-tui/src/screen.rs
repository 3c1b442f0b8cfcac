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
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Screen;
    use std::process::{Command, Stdio};

    const CHILD: &str = "TICKETING_TUI_TEST_CHILD";

    /// Not a test by itself: what the tests below run at a terminal of its own.
    #[test]
    fn child() {
        match std::env::var(CHILD).as_deref() {
            Ok("panic") => {
                let _screen = Screen::take().unwrap();
                panic!("the report");
            }
            Ok("panic elsewhere") => {
                let _screen = Screen::take().unwrap();
                assert!(std::thread::spawn(|| panic!("the report")).join().is_err());
            }
            Ok("error") => {
                drop(Screen::take().unwrap());
                println!("the report");
            }
            Ok(_) | Err(_) => {}
        }
    }

    #[test]
    fn the_terminal_is_given_back_before_a_panic_or_an_error_is_reported() {
        let this = std::env::current_exe().unwrap();
        for way in ["panic", "panic elsewhere", "error"] {
            let shell = format!("'{}' --exact screen::tests::child --nocapture; stty -a", this.display());
            let mut command = Command::new("script");
            command.args(["-qec", &shell, "/dev/null"]).env(CHILD, way).env("SHELL", "/bin/sh");
            let output = command.stdin(Stdio::null()).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let place =
                |part: &str| text.find(part).unwrap_or_else(|| panic!("{way}: no {part:?} in {text:?}"));
            let in_order =
                [place("\u{1b}[?1049h"), place("\u{1b}[?1049l"), place("the report"), place(" icanon")];
            assert!(in_order.is_sorted(), "{way}: {text:?}");
            assert_eq!(text.matches("\u{1b}[?1049l").count(), 1, "{way}: given back twice: {text:?}");
        }
    }
}
