//! A printer whose streams a test can read, at a fixed time: 2026-11-20, noon.

use super::{Printer, Terminal};
use crate::globals::{Globals, Guard};
use clap::Parser;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use ticketing_core::domain::time::Timestamp;

/// A printer and what it has printed.
pub struct Screen {
    /// The printer itself.
    pub printer: Printer,
    out: Sink,
    err: Sink,
}

impl Screen {
    /// Returns what went to stdout.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Returns what went to stderr.
    pub fn err(&self) -> String {
        self.err.text()
    }
}

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    globals: Globals,
}

/// Returns a printer as the flags make it, 80 columns wide, at a terminal without colour or in a pipe.
pub fn screen(flags: &[&str], is_terminal: bool) -> Screen {
    screen_of(globals(flags), is_terminal)
}

/// Returns a printer in a pipe, in a context that demands this of changes.
pub fn guarded_screen(guard: Guard) -> Screen {
    screen_of(Globals { guard: Some(guard), ..globals(&[]) }, false)
}

fn globals(flags: &[&str]) -> Globals {
    let args = std::iter::once(&"ticketctl").chain(flags);
    Program::try_parse_from(args).unwrap_or_else(|error| panic!("{error}")).globals
}

fn screen_of(globals: Globals, is_terminal: bool) -> Screen {
    let terminal = Terminal {
        stdin: is_terminal,
        stdout: is_terminal,
        stderr: is_terminal,
        width: 80,
        no_color: true,
        dumb: false,
    };
    let (out, err) = (Sink::default(), Sink::default());
    let noon = || Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let printer = Printer::with(&globals, terminal, Box::new(out.clone()), Box::new(err.clone()), noon);
    Screen { printer, out, err }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
