//! What a context keeps to itself: each secret in a file of its own, for its owner alone.

use super::folder::{make_private, not_kept, write_private};
use crate::whole;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use ticketing_desk::Failure;
use ticketing_desk::globals::Secret;

/// No secret is longer, in bytes.
pub const SECRET_BYTES_MAX: u64 = 16 << 10;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The server's token.
    Token,
    /// The address of a PostgreSQL store, which may have a password in it.
    DatabaseUrl,
}

impl Kept {
    /// Everything that may be kept.
    pub const ALL: [Self; 2] = [Self::Token, Self::DatabaseUrl];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::DatabaseUrl => "database-url",
        }
    }

    /// What to call it in a sentence.
    const fn what(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::DatabaseUrl => "address",
        }
    }

    /// Returns the file that it is kept in.
    pub(super) fn file(self, folder: &Path, context: &str) -> PathBuf {
        folder.join("secrets").join(format!("{context}.{}", self.suffix()))
    }

    /// Reads it; `None` if it is not kept.
    pub(super) fn read(self, folder: &Path, context: &str) -> Result<Option<Secret>, Failure> {
        let path = self.file(folder, context);
        match fs::File::open(&path).and_then(|file| whole::text(file, SECRET_BYTES_MAX)) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(text.trim().to_owned().into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::error(format!(
                "The {} of the context {context} can't be read from {}.",
                self.what(),
                path.display()
            ))
            .code("CONTEXTS")
            .why(format!("{error}."))
            .hint(format!("ticketctl context set {context} --{} -", self.suffix()))),
        }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn keep(self, folder: &Path, context: &str, secret: &Secret) -> Result<(), Failure> {
        let path = self.file(folder, context);
        let parent = path.parent().unwrap_or(folder);
        make_private(parent)
            .and_then(|()| write_private(&path, format!("{}\n", secret.expose()).as_bytes()))
            .map_err(|error| not_kept(&path, &error))
    }

    /// Forgets it.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn forget(self, folder: &Path, context: &str) -> Result<(), Failure> {
        let path = self.file(folder, context);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(not_kept(&path, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
