//! Contexts: the servers and stores that an operator works with, by name, and which of them is in use.
//!
//! They are kept in one file of the user's own; tokens and addresses with passwords stand in files beside it. Nothing
//! here prints a secret, and nothing connects anywhere.

mod file;
mod folder;
mod secret;

pub use file::{Book, Unread, edit, read};
pub use folder::{FILE_NAME, folder, folder_or_failure, readable_by_others};
pub use secret::{Kept, SECRET_BYTES_MAX};

use folder::warn_if_readable;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use ticketing_desk::Failure;
use ticketing_desk::guard::{Colour, Guard};

/// The longest name of a context, in characters.
const NAME_CHARS_MAX: usize = 64;

/// One context. What it does not say is left out of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The server to work through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The file of the certificates that are believed of that server beside this machine's, from the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The folder of an embedded store, from the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Where a PostgreSQL store is, without its password; the address itself is [`Kept::DatabaseUrl`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// What colour its name is shown in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Whether changes want a reason, and severe ones its name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub protected: bool,
    /// Whether nothing may be changed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub readonly: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Context {
    /// Returns where it works, as people read it.
    #[must_use]
    pub fn at(&self) -> String {
        let folder = || self.data_dir.as_ref().map(|folder| folder.display().to_string());
        self.server.clone().or_else(|| self.database.clone()).or_else(folder).unwrap_or_default()
    }

    /// Returns what it demands of changes.
    #[must_use]
    pub fn guard(&self, name: &str) -> Guard {
        Guard {
            context: name.to_owned(),
            at: self.at(),
            colour: self.colour,
            protected: self.protected,
            readonly: self.readonly,
        }
    }
}

/// A context with its name, and the folder that its secrets are in.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What it says.
    pub context: Context,
    folder: PathBuf,
}

impl Named {
    /// Returns where a secret of it is kept, if there is one.
    #[must_use]
    pub fn file_of(&self, kept: Kept) -> Option<PathBuf> {
        Some(kept.file(&self.folder, &self.name)).filter(|file| file.exists())
    }

    /// Reads a secret of it; `None` if none is kept.
    ///
    /// # Errors
    /// It can't be read.
    pub fn secret(&self, kept: Kept) -> Result<Option<ticketing_desk::globals::Secret>, Failure> {
        kept.read(&self.folder, &self.name)
    }

    /// Returns a warning for each of its files that other users may read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let book = self.folder.join(FILE_NAME);
        let kept = Kept::ALL.map(|kept| kept.file(&self.folder, &self.name));
        std::iter::once(book).chain(kept).filter_map(|file| warn_if_readable(&file)).collect()
    }
}

impl Book {
    /// Returns the context of this name.
    ///
    /// # Errors
    /// A usage error that names the one that was meant, or all that there are.
    pub fn named(&self, folder: &Path, name: &str) -> Result<Named, Failure> {
        match self.contexts.get(name) {
            Some(context) => {
                Ok(Named { name: name.to_owned(), context: context.clone(), folder: folder.to_owned() })
            }
            None => Err(self.unknown(name)),
        }
    }

    /// Returns what there is to say about a name that no context has.
    #[must_use]
    pub fn unknown(&self, name: &str) -> Failure {
        let failure = Failure::usage(format!("There is no context {}.", ticketing_core::text::quoted(name)))
            .code("UNKNOWN_CONTEXT");
        let names: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
        match ticketing_core::text::nearest(name, names.iter().copied()) {
            Some(near) => failure.why(format!("Did you mean {near}?")).hint("ticketctl context ls"),
            None if names.is_empty() => failure
                .why("None has been made yet.")
                .hint("ticketctl context set NAME --server URL, or --data-dir DIR"),
            None => failure.why(format!("There is {}.", names.join(", "))).hint("ticketctl context ls"),
        }
    }
}

/// Checks a new context's name: it becomes part of file names and command lines.
///
/// # Errors
/// A usage error that says what a name looks like.
pub fn check_name(name: &str) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= NAME_CHARS_MAX && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Failure::usage(format!("{} is no name for a context.", ticketing_core::text::quoted(name)))
        .why(format!(
            "A name has 1 to {NAME_CHARS_MAX} letters, digits, dots, hyphens and underscores, and begins with a \
             letter or digit."
        ))
        .hint("ticketctl context set prod --server URL"))
}

#[cfg(test)]
mod tests {
    use super::{Book, Context, check_name};
    use std::path::Path;

    #[test]
    fn a_name_can_neither_leave_its_folder_nor_be_taken_for_a_flag() {
        for (name, right) in [
            ("prod", true),
            ("eu-west.2_b", true),
            ("7", true),
            ("", false),
            ("-", false),
            ("-x", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a b", false),
            ("é", false),
            (&*"a".repeat(65), false),
        ] {
            assert_eq!(check_name(name).is_ok(), right, "{name}");
        }
    }

    #[test]
    fn an_unknown_context_names_the_near_one_or_all() {
        let mut book = Book::default();
        let why = |book: &Book, name: &str| book.named(Path::new("."), name).unwrap_err().why.unwrap();
        assert!(why(&book, "x").contains("None"));
        book.contexts.insert("prod".into(), Context::default());
        book.contexts.insert("staging".into(), Context::default());
        assert_eq!(why(&book, "pord"), "Did you mean prod?");
        assert_eq!(why(&book, "elsewhere"), "There is prod, staging.");
    }
}
