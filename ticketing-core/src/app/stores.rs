//! The two databases: where they are, and how they are opened.

use crate::domain::time::Timestamp;
use crate::private;
use crate::store::db::{Address, Db, Role};
use crate::store::error::{Result, StoreError};
use crate::store::migrate;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Where the databases are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The folder of the embedded files.
    pub data_dir: PathBuf,
    /// A PostgreSQL URL for writes instead of the embedded file.
    pub database_url: Option<String>,
    /// A PostgreSQL URL for reads; else the same as for writes, or the second embedded file.
    pub read_database_url: Option<String>,
}

impl StoreConfig {
    /// Where the write store is.
    #[must_use]
    pub fn write_address(&self) -> Address {
        match &self.database_url {
            Some(url) => Address::Url(url.clone()),
            None => migrate::file_in(&self.data_dir, Role::Write),
        }
    }

    /// Where the read store is.
    #[must_use]
    pub fn read_address(&self) -> Address {
        match self.read_database_url.as_ref().or(self.database_url.as_ref()) {
            Some(url) => Address::Url(url.clone()),
            None => migrate::file_in(&self.data_dir, Role::Read),
        }
    }

    /// Whether any of it is embedded in the data folder.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        self.database_url.is_none()
    }
}

/// The two databases.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The store of record.
    pub write: Db,
    /// The read model.
    pub read: Db,
}

impl Stores {
    /// Opens both and brings their schemas up to date, making the data folder if it is missing.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn open_and_migrate(config: &StoreConfig, now: Timestamp) -> Result<Self> {
        if config.is_embedded() {
            let dir = &config.data_dir;
            make_data_dir(dir).map_err(|e| not_made("folder", dir, "write", &e))?;
        }
        for (address, store) in [(config.write_address(), "write"), (config.read_address(), "read")] {
            if let Address::File(path) = address {
                make_file(&path).map_err(|e| not_made("file", &path, store, &e))?;
            }
        }
        let stores = Self {
            write: Db::open(config.write_address(), Role::Write, true).await?,
            read: Db::open(config.read_address(), Role::Read, true).await?,
        };
        migrate::up(&stores.write, Role::Write, now).await?;
        migrate::up(&stores.read, Role::Read, now).await?;
        Ok(stores)
    }

    /// Opens both as they are; makes nothing, and refuses another schema than this program's.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::SchemaNewer`], [`StoreError::SchemaOlder`], or what else the
    /// stores say.
    pub async fn open(config: &StoreConfig) -> Result<Self> {
        let stores = Self::open_unchecked(config).await?;
        migrate::check(&stores.write, Role::Write).await?;
        migrate::check(&stores.read, Role::Read).await?;
        Ok(stores)
    }

    /// Opens both as they are, whatever their schema.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or what else the stores say.
    pub async fn open_unchecked(config: &StoreConfig) -> Result<Self> {
        if config.is_embedded() && !config.data_dir.is_dir() {
            return Err(StoreError::Missing { path: config.data_dir.display().to_string() });
        }
        Ok(Self {
            write: Db::open(config.write_address(), Role::Write, false).await?,
            read: Db::open(config.read_address(), Role::Read, false).await?,
        })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Makes a data folder, for its owner alone, if it is missing. One that is there stays as it is.
///
/// # Errors
/// What the system says.
pub fn make_data_dir(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(path)
}

/// Makes an empty file, for its owner alone, if it is missing: it will hold names and e-mail addresses.
///
/// SQLite takes an empty file for an empty database, and gives its permissions to the files beside it.
fn make_file(path: &Path) -> io::Result<()> {
    match private::create_new(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

fn not_made(what: &str, path: &Path, store: &'static str, error: &io::Error) -> StoreError {
    let reason = format!("can't make the {what} {}: {error}", path.display());
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StoreError::ReadOnly { store, reason },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { store, reason },
        _ => StoreError::Unavailable { store, reason },
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{StoreConfig, Stores};
    use crate::domain::time::Timestamp;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    #[tokio::test]
    async fn only_the_owner_can_read_what_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("new/data");
        let config = StoreConfig { data_dir: data_dir.clone(), database_url: None, read_database_url: None };
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let stores = Stores::open_and_migrate(&config, now).await.unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data_dir), 0o700);
        let files: Vec<_> =
            std::fs::read_dir(&data_dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        // Each database, its write-ahead log and the log's index.
        assert!(files.len() >= 6, "{files:?}");
        for file in &files {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        stores.close().await;
    }
}
