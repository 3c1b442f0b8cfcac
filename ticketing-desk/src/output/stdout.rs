//! Stdout, and whether somebody reads it.
//!
//! A full pipe holds up whoever writes to it for as long as its reader sleeps. That can be seen here, so that a signal
//! still ends a program that waits for such a reader.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes that have begun and writes that have ended, together: odd while one is under way.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// The process's stdout.
#[derive(Debug)]
pub struct Stdout(io::Stdout);

impl Stdout {
    /// Returns it.
    #[must_use]
    pub fn new() -> Self {
        Self(io::stdout())
    }

    fn seen<T>(&mut self, write: impl FnOnce(&mut io::Stdout) -> io::Result<T>) -> io::Result<T> {
        WRITES.fetch_add(1, Ordering::Relaxed);
        let written = write(&mut self.0);
        WRITES.fetch_add(1, Ordering::Relaxed);
        written
    }
}

impl Default for Stdout {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seen(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.seen(io::Stdout::flush)
    }
}

/// Returns the number of the write that is under way, `None` while there is none. One and the same number after a while
/// says that nobody reads.
#[must_use]
pub fn write_under_way() -> Option<u64> {
    let writes = WRITES.load(Ordering::Relaxed);
    (writes % 2 == 1).then_some(writes)
}
