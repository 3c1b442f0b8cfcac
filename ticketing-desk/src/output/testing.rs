//! A printer whose streams a test can read, at a fixed time: 2026-11-20, noon.

use super::{Printer, Terminal};
use crate::globals::Globals;
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
    let args = std::iter::once(&"ticketctl").chain(flags);
    let globals = Program::try_parse_from(args).unwrap_or_else(|error| panic!("{error}")).globals;
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
