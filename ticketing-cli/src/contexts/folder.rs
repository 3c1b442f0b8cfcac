//! Where the contexts are kept, and how: files for their owner alone, each written whole or not at all.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use ticketing_core::private::Draft;
use ticketing_desk::Failure;

/// The file of the contexts, in [`folder`].
pub const FILE_NAME: &str = "contexts.toml";

/// Returns the folder of the contexts: `$XDG_CONFIG_HOME/ticketctl`, else `$HOME/.config/ticketctl`; `None` if neither
/// variable names a folder. It need not be there.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    // The XDG base directory specification: a relative path is to be ignored.
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(config.join("ticketctl"))
}

/// Returns the folder of the contexts.
///
/// # Errors
/// There is no place for it.
pub fn folder_or_failure() -> Result<PathBuf, Failure> {
    folder().ok_or_else(|| {
        Failure::error("There is no place for contexts.")
            .code("NO_CONFIG_HOME")
            .why("HOME is not set, and neither is XDG_CONFIG_HOME.")
            .hint("export XDG_CONFIG_HOME=/a/folder/of/yours")
    })
}

/// Makes a folder for its owner alone, if it is missing.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file for its owner alone, whole: who reads it meanwhile finds what was there before. A link is followed,
/// so that the file may be kept elsewhere.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut draft = Draft::of(&path)?;
    draft.file.write_all(bytes)?;
    draft.put(true)
}

/// Says whether other users of this machine may read or write a file.
#[cfg(unix)]
#[must_use]
pub fn readable_by_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Elsewhere permissions are not told by bits.
#[cfg(not(unix))]
#[must_use]
pub const fn readable_by_others(_path: &Path) -> Option<u32> {
    None
}

/// Returns a warning if other users of this machine may read or write a file.
pub fn warn_if_readable(path: &Path) -> Option<String> {
    let mode = readable_by_others(path)?;
    let path = path.display();
    Some(format!("{path} is open to other users of this machine (mode {mode:03o}): chmod 600 {path}"))
}

/// Returns the failure of keeping something.
pub fn not_kept(path: &Path, error: &io::Error) -> Failure {
    Failure::error(format!("{} can't be written.", path.display()))
        .code("CONTEXTS")
        .why(format!("{error}."))
        .hint("make the folder writable for this user, or set XDG_CONFIG_HOME to one that is")
}
