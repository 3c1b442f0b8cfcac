//! How the files of embedded stores look from outside, so that whoever shows something asks them again only once
//! something was written, whoever wrote it. What it was that changed is nobody's concern here.

use std::path::PathBuf;
use std::time::SystemTime;
use ticketing_core::app::StoreConfig;
use ticketing_core::store::db::Address;

/// The files of stores, and how they looked last.
#[derive(Debug)]
pub struct Looks {
    files: Vec<PathBuf>,
    known: Vec<Look>,
}

/// How a file looks from outside: when it was written, and its length.
type Look = Option<(SystemTime, u64)>;

impl Looks {
    /// Looks at the files of stores for the first time; `None` of stores that are no files of this machine.
    #[must_use]
    pub fn of(stores: &StoreConfig) -> Option<Self> {
        let mut files = Vec::new();
        for address in [stores.write_address(), stores.read_address()] {
            match address {
                Address::File(path) => {
                    // What is written stands in the log beside the file first.
                    let mut log = path.clone().into_os_string();
                    log.push("-wal");
                    files.extend([path, PathBuf::from(log)]);
                }
                Address::Url(_) => return None,
            }
        }
        let known = looks(&files);
        Some(Self { files, known })
    }

    /// Looks again, and says whether anything has changed since the last time.
    pub fn have_changed(&mut self) -> bool {
        let now = looks(&self.files);
        let have_changed = now != self.known;
        self.known = now;
        have_changed
    }
}

fn looks(files: &[PathBuf]) -> Vec<Look> {
    let look = |path: &PathBuf| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    files.iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::Looks;
    use ticketing_core::app::StoreConfig;

    #[test]
    fn what_is_written_beside_a_store_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let stores =
            StoreConfig { data_dir: folder.path().to_owned(), database_url: None, read_database_url: None };
        let mut looks = Looks::of(&stores).unwrap();
        assert!(!looks.have_changed());
        let ticketing_core::store::db::Address::File(path) = stores.write_address() else { panic!() };
        let mut log = path.into_os_string();
        log.push("-wal");
        std::fs::write(log, "x").unwrap();
        assert!(looks.have_changed() && !looks.have_changed());
        let elsewhere = StoreConfig { database_url: Some("postgres://u@h/d".into()), ..stores };
        assert!(Looks::of(&elsewhere).is_none());
    }
}
