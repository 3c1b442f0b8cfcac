//! Mails as files of a folder: for development, and for whoever sends them on by other means.
//!
//! A file is there whole or not at all, is on disk when it counts as sent, and is called by its mail's id, so that a
//! mail which is put again replaces its file. Only its owner can read it. The newest [`FILES_MAX`] stay.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The most files that stay; the oldest go.
pub(super) const FILES_MAX: usize = 10_000;
const ENDING: &str = "eml";

/// A folder of mails.
#[derive(Debug)]
pub(super) struct Folder {
    path: Arc<PathBuf>,
    /// The names of the files, the oldest first; `None` before the first look.
    known: Arc<Mutex<Option<VecDeque<String>>>>,
    files_max: usize,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), known: Arc::default(), files_max: FILES_MAX }
    }

    /// Puts a mail into the folder, which is made if it is missing.
    pub(super) async fn put(&self, message_id: &str, content: Vec<u8>) -> io::Result<()> {
        let (path, known, files_max) = (Arc::clone(&self.path), Arc::clone(&self.known), self.files_max);
        let name = format!("{}.{ENDING}", message_id.split('@').next().unwrap_or(message_id));
        let put = move || {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            make(&path)?;
            let names = match known.take() {
                Some(names) => names,
                None => listed(&path)?,
            };
            let names = known.insert(names);
            write(&path, &name, &content)?;
            // One that replaced its own file is not the newest for that; there are few of them.
            if !names.contains(&name) {
                names.push_back(name);
            }
            while names.len() > files_max {
                if let Some(oldest) = names.pop_front() {
                    remove(&path.join(oldest))?;
                }
            }
            Ok(())
        };
        tokio::task::spawn_blocking(put).await.map_err(io::Error::other)?
    }

    /// Whether mails can be put there.
    pub(super) async fn check(&self) -> io::Result<()> {
        let path = Arc::clone(&self.path);
        let look = move || match fs::metadata(path.as_path()) {
            Ok(found) if !found.is_dir() => Err(io::Error::other("it is no folder")),
            Ok(found) if found.permissions().readonly() => Err(io::ErrorKind::PermissionDenied.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

/// The mails that are there, the oldest first. What a crash has left half written is removed.
fn listed(path: &Path) -> io::Result<VecDeque<String>> {
    let mut found: Vec<(SystemTime, String)> = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        match Path::new(&name).extension().and_then(|ending| ending.to_str()) {
            Some(ENDING) => found.push((entry.metadata()?.modified()?, name)),
            Some("part") => remove(&entry.path())?,
            Some(_) | None => {}
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let (part, whole) = (folder.join(format!("{name}.part")), folder.join(name));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, &whole)?;
    // The name, too, is to be there after a power cut.
    File::open(folder)?.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Folder;
    use std::fs;

    #[tokio::test]
    async fn a_mail_that_is_put_again_replaces_its_file_and_the_oldest_go() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("mail");
        let names = || {
            let mut names: Vec<String> =
                fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let folder = Folder { files_max: 2, ..Folder::new(path.clone()) };
        for (id, content) in [("a@h", "1"), ("b@h", "2"), ("b@h", "3")] {
            folder.put(id, content.into()).await.unwrap();
        }
        assert_eq!(
            (names(), fs::read_to_string(path.join("b.eml")).unwrap().as_str()),
            (vec!["a.eml".into(), "b.eml".into()], "3")
        );
        fs::write(path.join("x.eml.part"), "half").unwrap();
        fs::write(path.join("mine.txt"), "kept").unwrap();
        // Another process goes on with what is there.
        let folder = Folder { files_max: 2, ..Folder::new(path.clone()) };
        folder.put("c@h", "4".into()).await.unwrap();
        assert_eq!(names(), ["b.eml", "c.eml", "mine.txt"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_can_read_a_mail_and_a_folder_that_is_none_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("mail"));
        folder.check().await.unwrap();
        folder.put("a@h", "1".into()).await.unwrap();
        let mode = |name: &str| fs::metadata(place.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("mail"), mode("mail/a.eml")), (0o700, 0o600));
        fs::write(place.path().join("file"), "").unwrap();
        let folder = Folder::new(place.path().join("file"));
        assert!(folder.check().await.is_err() && folder.put("a@h", "1".into()).await.is_err());
    }
}
