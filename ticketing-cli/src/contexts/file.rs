//! The file of the contexts: read as it is, changed under a lock, written whole.

use super::Context;
use super::folder::{FILE_NAME, folder_or_failure, make_private, not_kept, write_private};
use crate::whole;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use ticketing_desk::Failure;

/// No larger file is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Whoever changes the contexts holds this file's lock.
const LOCK_NAME: &str = ".lock";

/// All contexts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The context in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The one that was in use before; empty if it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, Context>,
}

/// Why the contexts can't be known.
#[derive(Debug)]
pub enum Unread {
    /// This user may not look: the folder is somebody else's.
    Forbidden(String),
    /// The file is there, and can't be used.
    Broken(Failure),
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Forbidden(why) => Self::error("The contexts can't be read.")
                .code("CONTEXTS")
                .why(why)
                .hint("set XDG_CONFIG_HOME to a folder of this user"),
            Unread::Broken(failure) => failure,
        }
    }
}

/// Reads the contexts; a file that is not there has none.
///
/// # Errors
/// What is wrong with the file, and where.
pub fn read(folder: &Path) -> Result<Book, Unread> {
    let path = folder.join(FILE_NAME);
    let shown = path.display();
    let text = match fs::File::open(&path).and_then(|file| whole::text(file, FILE_BYTES_MAX)) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Book::default());
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(Unread::Forbidden(format!("{shown}: {error}.")));
        }
        Err(error) => {
            return Err(Unread::Broken(broken(format!("{shown} can't be read."), &error.to_string())));
        }
    };
    toml::from_str(&text).map_err(|error| {
        Unread::Broken(broken(format!("{shown} is no file of contexts."), &error.to_string()))
    })
}

fn broken(message: String, why: &str) -> Failure {
    Failure::usage(message)
        .code("CONTEXTS")
        .why(ticketing_desk::errors::sentence(why.trim()))
        .hint("correct the file, or move it away; --data-dir DIR and --server URL work without it")
}

/// Changes the contexts: nobody else does at the same time, and if `change` fails, nothing is changed.
///
/// # Errors
/// As `change` fails; what stands in the files' way.
pub fn edit<T>(change: impl FnOnce(&mut Book, &Path) -> Result<T, Failure>) -> Result<T, Failure> {
    let folder = folder_or_failure()?;
    make_private(&folder).map_err(|error| not_kept(&folder, &error))?;
    let lock_path = folder.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(&lock_path).map_err(|error| not_kept(&lock_path, &error))?;
    // Some file systems have no locks: two changes at once are then the user's own affair.
    let _ = lock.lock();
    let mut book = read(&folder)?;
    let before = book.clone();
    let outcome = change(&mut book, &folder)?;
    if book != before {
        let path = folder.join(FILE_NAME);
        let text = toml::to_string(&book)
            .map_err(|error| Failure::defect(&format!("the contexts are no TOML: {error}"), None))?;
        write_private(&path, format!("{HEAD}{text}").as_bytes()).map_err(|error| not_kept(&path, &error))?;
    }
    Ok(outcome)
}

const HEAD: &str = "# The contexts of ticketctl; `ticketctl context` reads and writes them.\n\n";

impl Book {
    /// Takes another context into use, or none.
    pub fn switch(&mut self, to: Option<String>) {
        if self.current != to {
            self.previous = Some(std::mem::replace(&mut self.current, to).unwrap_or_default());
        }
    }
}
