//! Who serves a data folder: a lock that the system lets go when the process ends, however it ends, and a
//! note of who holds it.
//!
//! The note may be stale, the lock never is. The file stays when a server ends: removing it could take the
//! lock from under a server that has just begun.

use super::make_data_dir;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file in the data folder that says who serves it.
pub const SERVER_FILE: &str = "server.json";

/// Somebody who only looks whether a folder is served holds the lock for a moment, too: so often and at
/// these intervals a server tries before it believes that there is another.
const LOCK_TRIES: u32 = 5;
const LOCK_TRY_DELAY: Duration = Duration::from_millis(20);

/// Who serves a folder, as far as the note tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Owner {
    /// Its process.
    pub pid: Option<u32>,
    /// Where it listens; none while it starts.
    pub address: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("another process")?,
        }
        match &self.address {
            Some(address) => write!(f, " at http://{address}")?,
            None => f.write_str(", which is just starting")?,
        }
        match self.started_at {
            Some(at) => write!(f, " since {at}"),
            None => Ok(()),
        }
    }
}

/// Why a folder can't be served.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Somebody else serves it.
    #[error(
        "the data folder {} is already served by {owner}. Use that server, stop it, or choose another data \
         folder",
        folder.display()
    )]
    Served {
        /// The folder.
        folder: PathBuf,
        /// By whom.
        owner: Owner,
    },
    /// It can't be made or written.
    #[error("the data folder {} can't be used: {source}. Make it a folder that this user may write", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The right to serve a folder, until it is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    folder: PathBuf,
    owner: Owner,
}

impl FolderLock {
    /// Takes a folder for this process, making it if it is missing.
    ///
    /// # Errors
    /// Somebody else serves it, or it can't be used.
    pub async fn take(folder: &Path, now: Timestamp) -> Result<Self, FolderError> {
        let unusable = |source| FolderError::Unusable { folder: folder.to_owned(), source };
        make_data_dir(folder).map_err(unusable)?;
        let path = folder.join(SERVER_FILE);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = open.map_err(unusable)?;
        for last in (0..LOCK_TRIES).rev() {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if last == 0 => {
                    return Err(FolderError::Served { folder: folder.to_owned(), owner: read(&file) });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_TRY_DELAY).await,
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
            }
        }
        let owner = Owner { pid: Some(std::process::id()), address: None, started_at: Some(now) };
        let lock = Self { file, folder: folder.to_owned(), owner };
        lock.note().map_err(unusable)?;
        Ok(lock)
    }

    /// Writes down where this process listens.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn listens_at(&mut self, address: impl fmt::Display) -> Result<(), FolderError> {
        self.owner.address = Some(address.to_string());
        self.note().map_err(|source| FolderError::Unusable { folder: self.folder.clone(), source })
    }

    fn note(&self) -> io::Result<()> {
        let text = serde_json::to_string(&self.owner)?;
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{text}")
    }
}

/// Returns who serves a folder now; `None` if nobody does.
///
/// # Errors
/// The folder can't be looked at.
pub fn served_by(folder: &Path) -> io::Result<Option<Owner>> {
    let file = match File::open(folder.join(SERVER_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read(&file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Reads the note; what can't be read is not known.
fn read(mut file: &File) -> Owner {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.read_to_string(&mut text)) {
        Ok(_) => serde_json::from_str(&text).unwrap_or_default(),
        Err(_) => Owner::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::{FolderError, FolderLock, Owner, SERVER_FILE, served_by};
    use crate::domain::time::Timestamp;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T09:30:00Z").unwrap()
    }

    #[tokio::test]
    async fn a_second_server_learns_who_is_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("new");
        assert_eq!(served_by(&data_dir).unwrap(), None);
        let mut first = FolderLock::take(&data_dir, now()).await.unwrap();
        let refused = FolderLock::take(&data_dir, now()).await.unwrap_err().to_string();
        assert!(refused.contains("just starting"), "{refused}");
        first.listens_at("127.0.0.1:3002").unwrap();
        let refused = FolderLock::take(&data_dir, now()).await.unwrap_err().to_string();
        let pid = std::process::id();
        let who = format!("process {pid} at http://127.0.0.1:3002 since 2026-11-20T09:30:00.000Z");
        assert!(refused.contains(&who), "{refused}");
        let owner = served_by(&data_dir).unwrap().unwrap();
        assert_eq!((owner.pid, owner.address.as_deref()), (Some(pid), Some("127.0.0.1:3002")));
        drop(first);
        assert_eq!(served_by(&data_dir).unwrap(), None);
        FolderLock::take(&data_dir, now()).await.unwrap();
    }

    #[tokio::test]
    async fn a_stale_or_damaged_note_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        for note in ["", "{", "[]", r#"{"pid":1,"address":"x","startedAt":"long ago"}"#] {
            std::fs::write(folder.path().join(SERVER_FILE), note).unwrap();
            assert_eq!(served_by(folder.path()).unwrap(), None);
            let lock = FolderLock::take(folder.path(), now()).await.unwrap();
            let text = std::fs::read_to_string(folder.path().join(SERVER_FILE)).unwrap();
            let owner: Owner = serde_json::from_str(&text).unwrap();
            assert_eq!(owner, lock.owner);
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = FolderLock::take(&path, now()).await.unwrap_err();
        assert!(matches!(error, FolderError::Unusable { .. }), "{error}");
    }
}
