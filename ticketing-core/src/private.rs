//! Files for their owner alone, and files that appear under their name only when they are whole.
//!
//! What breaks off leaves nothing behind, and what was there before as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Makes a new file that only its owner can read and write.
///
/// # Errors
/// There is one; what the system says.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Looks whether a file beside this one can be written; nothing of it is left.
///
/// # Errors
/// What the system says: the disk is full or can only be read, the folder is gone.
pub fn try_beside(file: &Path) -> io::Result<()> {
    const TRIED_BYTES: usize = 4096;
    Draft::of(file)?.file.write_all(&[0; TRIED_BYTES])
}

/// Gives a whole file its name in the same folder's file system. Without `replace`, nothing loses its place to it.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`]; what the system says.
pub fn give_name(whole: &Path, name: &Path, replace: bool) -> io::Result<()> {
    if replace {
        fs::rename(whole, name)?;
    } else {
        // Unlike a rename, a link never takes the place of what somebody else has put there meanwhile.
        match fs::hard_link(whole, name) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            // A file system without links.
            Err(_) => fs::rename(whole, name)?,
        }
    }
    sync_folder(name);
    Ok(())
}

/// Brings the name of a file to the disk. The file itself is there: what this can't do, the system does soon.
pub fn sync_folder(file: &Path) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// A folder for its owner alone, that goes with this value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(folder: PathBuf) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is in the way of nobody: the next one has another name.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file that is being written beside the place that it is for. Dropped before [`Draft::put`], it is gone.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    name: PathBuf,
    /// What is written.
    pub file: File,
}

impl Draft {
    /// Makes an empty one for the file `name`.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(name: &Path) -> io::Result<Self> {
        let word = name.file_name().unwrap_or_default().to_string_lossy();
        let path = name.with_file_name(format!(".{word}.{}", Uuid::new_v4().simple()));
        let file = create_new(&path)?;
        Ok(Self { path, name: name.to_owned(), file })
    }

    /// Gives it its name: whole, and on the disk.
    ///
    /// # Errors
    /// As [`give_name`].
    pub fn put(self, replace: bool) -> io::Result<()> {
        self.file.sync_all()?;
        give_name(&self.path, &self.name, replace)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Once it has its name there is nothing left here, or only a second link.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use std::fs;
    use std::io::{ErrorKind, Write as _};

    #[test]
    fn a_file_appears_when_it_is_whole_and_takes_a_place_only_where_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a");
        let write = |text: &str| {
            let mut draft = Draft::of(&name).unwrap();
            draft.file.write_all(text.as_bytes()).unwrap();
            draft
        };
        drop(write("lost"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "what breaks off leaves nothing");
        write("one").put(false).unwrap();
        assert_eq!(write("two").put(false).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&name).unwrap(), "one");
        write("three").put(true).unwrap();
        assert_eq!(fs::read_to_string(&name).unwrap(), "three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
