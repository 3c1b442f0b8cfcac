//! The terminal, taken over and given back: on every way out, it is as it was.

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use std::io::{self, Stdout, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is drawn on, and what else a terminal can do.
pub(crate) trait Canvas {
    /// What draws.
    type Backend: Backend;

    /// Returns what is drawn on.
    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Gives the terminal to another program for a while.
    fn leave(&mut self);

    /// Takes it again.
    ///
    /// # Errors
    /// What the terminal says.
    fn retake(&mut self) -> io::Result<()>;

    /// Takes the mouse, or gives it back.
    ///
    /// # Errors
    /// What the terminal says.
    fn mouse(&mut self, is_taken: bool) -> io::Result<()>;

    /// Asks the terminal to put a text into the clipboard.
    ///
    /// # Errors
    /// What the terminal says.
    fn copy(&mut self, text: &str) -> io::Result<()>;
}

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: Taken,
    has_mouse: bool,
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
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { terminal, taken, has_mouse: false })
    }

    /// Gives the terminal back.
    pub(crate) fn give_back(self) {
        self.taken.give_back();
    }
}

impl Canvas for Screen {
    type Backend = CrosstermBackend<Stdout>;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend> {
        &mut self.terminal
    }

    fn leave(&mut self) {
        self.taken.give_back();
    }

    fn retake(&mut self) -> io::Result<()> {
        self.taken.0.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        self.mouse(self.has_mouse)
    }

    fn mouse(&mut self, is_taken: bool) -> io::Result<()> {
        let was_taken = std::mem::replace(&mut self.has_mouse, is_taken);
        match (was_taken, is_taken) {
            (_, true) => execute!(io::stdout(), EnableMouseCapture),
            (true, false) => execute!(io::stdout(), DisableMouseCapture),
            (false, false) => Ok(()),
        }
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        // OSC 52, as xterm names it: the terminal decides whether a program may do that.
        let mut out = io::stdout();
        write!(out, "\u{1b}]52;c;{}\u{7}", base64(text.as_bytes()))?;
        out.flush()
    }
}

/// Returns bytes in base64, as RFC 4648 has it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit > three.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    out
}

/// Whether the terminal is still ours.
#[derive(Debug)]
struct Taken(Arc<AtomicBool>);

impl Taken {
    fn give_back(&self) {
        if self.0.swap(false, Ordering::SeqCst) {
            // If the terminal is gone, there is nothing to give back and nobody to tell.
            let _ = execute!(
                io::stdout(),
                DisableMouseCapture,
                DisableBracketedPaste,
                LeaveAlternateScreen,
                Show
            );
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
    use super::{Screen, base64};
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
    fn base64_is_as_the_standard_has_it() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba\u{ff}", "Zm9vYmHDvw==")]
        {
            assert_eq!(base64(text.as_bytes()), expected, "{text}");
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
