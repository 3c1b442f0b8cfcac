//! Why a seed file was refused, and where in it.

use std::fmt;

/// A fault in a seed file: one sentence with the file, the place and what is expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedFileError {
    /// The name of the file, as the caller gave it (`-` for stdin).
    pub file: String,
    /// Where in the file, if the fault has a place.
    pub position: Option<Position>,
    /// The path of the value at fault, as `routes[2].stops[1]`; empty for the whole file.
    pub path: String,
    /// What is wrong, and what is expected.
    pub message: String,
}

/// A place in a file, both numbers from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for SeedFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for SeedFileError {}
