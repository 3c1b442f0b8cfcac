//! The two databases: where they are, and how they are opened.

use crate::domain::time::Timestamp;
use crate::store::db::{Address, Db, Role};
use crate::store::error::{Result, StoreError};
use crate::store::migrate;
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
            make_folder(&config.data_dir)?;
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

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| {
        let reason = format!("can't make the folder {}: {e}", path.display());
        match e.kind() {
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly { store: "write", reason }
            }
            std::io::ErrorKind::StorageFull => StoreError::Full { store: "write", reason },
            _ => StoreError::Unavailable { store: "write", reason },
        }
    })
}
