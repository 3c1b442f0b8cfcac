//! A backup of the embedded stores in one file, also while they are served, and its way back.
//!
//! The file is a zip of both stores and a manifest that says what they are. The read store is copied first: it is
//! then never ahead of the log that is copied after it, and what it lacks it folds when it is next opened. Not in it
//! are the note of who serves the folder, which is of this process alone, and the secret that signs tokens: whoever
//! could read a backup could act as anybody, while a lost secret costs no more than new tokens.
//!
//! Nothing here changes the stores that are copied, and nothing is written into a folder that is served or not empty.

mod archive;
mod restore;

pub use restore::{Restoring, restore};

use super::audit::{self, Actor};
use super::plan::raw_of;
use super::{OpsError, Plan, PlanChange};
use crate::app::folder::FolderError;
use crate::app::{StoreConfig, Stores};
use crate::domain::time::Timestamp;
use crate::private::{self, Scratch};
use crate::store::copy::{self, Held};
use crate::store::db::{Address, Db, Role};
use crate::store::error::StoreError;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// The form of the file. Another one is not read.
const FORMAT: u32 = 1;

/// How often a copy's growth is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The form of the file.
    pub format: u32,
    /// The program that made it.
    pub version: String,
    /// When.
    pub made_at: Timestamp,
    /// The last position of its log.
    pub head: i64,
    /// The last position that its read store has folded.
    pub read_position: i64,
    /// Its stores, the write store first.
    pub stores: Vec<Store>,
}

/// A store in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Its file's name in the data folder and in the zip.
    pub file: String,
    /// Its schema: the last migration.
    pub schema: i64,
    /// How large the file is.
    pub bytes: u64,
    /// The SHA-256 of it, in hexadecimal.
    pub sha256: String,
}

/// Why there is no backup, or why it did not come back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that needs the stores opened.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// The stores, or one of them, are on a PostgreSQL.
    #[error("the stores are on PostgreSQL")]
    NotEmbedded,
    /// The file is there already.
    #[error("the file {} is there already", .0.display())]
    Exists(PathBuf),
    /// A folder or a device goes by the file's name.
    #[error("the path {} is no ordinary file", .0.display())]
    NoFile(PathBuf),
    /// The file can't be read or written.
    #[error("the file {} can't be {what}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It is no backup, or not whole any more.
    #[error("the file {} is no whole backup: {reason}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder has something in it.
    #[error("the folder {} is not empty: it holds {found}", folder.display())]
    NotEmpty {
        /// Which.
        folder: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// Somebody serves the folder, or it can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl BackupError {
    fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + 'a {
        move |source| Self::Io { path: path.to_owned(), what, source }
    }
}

/// Takes reports of progress: what is done, and how many bytes of it, of how many.
pub type Report<'r> = &'r mut dyn FnMut(&str, u64, u64);

/// Writes a backup of the stores into `file`, and returns what it holds. It appears under its name when it is whole,
/// readable for its owner alone. While it is made, it needs the room of the stores once more beside it.
///
/// # Errors
/// The file is there already and is not to be replaced; the stores are not embedded; what they and the disk say.
pub async fn back_up(
    config: &StoreConfig,
    file: &Path,
    replace: bool,
    now: Timestamp,
    report: Report<'_>,
) -> Result<Manifest, BackupError> {
    let (write, read) = files(config)?;
    match fs::symlink_metadata(file) {
        Ok(found) if !found.is_file() => return Err(BackupError::NoFile(file.to_owned())),
        Ok(_) if !replace => return Err(BackupError::Exists(file.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(BackupError::io("written", file)(error)),
    }
    let stores = Stores::open_unchecked(config).await?;
    let scratch = scratch_beside(file)?;
    let copies = (scratch.path().join(name_of(&write)), scratch.path().join(name_of(&read)));
    let copied = async {
        copy_store(&stores.read, &read, &copies.1, "copying the read store", report).await?;
        copy_store(&stores.write, &write, &copies.0, "copying the write store", report).await
    };
    let copied = copied.await;
    stores.close().await;
    copied?;
    let of_write = copy::held(&copies.0, Role::Write).await?;
    let of_read = copy::held(&copies.1, Role::Read).await?;
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now,
        head: of_write.position,
        read_position: of_read.position,
        stores: vec![described(&copies.0, of_write)?, described(&copies.1, of_read)?],
    };
    let packed = scratch.path().join("backup");
    let manifest = archive::pack(scratch.path(), &packed, manifest, report).await?;
    put(&packed, file, replace)?;
    Ok(manifest)
}

/// Writes down in the audit log of the stores who made a backup of them, and where.
///
/// # Errors
/// What the stores say: those that can only be read are backed up all the same.
pub async fn record(
    config: &StoreConfig,
    file: &Path,
    manifest: &Manifest,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), BackupError> {
    let change = PlanChange {
        kind: "backup".into(),
        id: Some(file.display().to_string()),
        before: None,
        after: raw_of(manifest),
    };
    let plan = Plan::new("backup", vec![change]);
    let stores = Stores::open_unchecked(config).await?;
    let recorded = audit::record_done(&stores.write, actor, &plan, now).await;
    stores.close().await;
    Ok(recorded?)
}

/// The files of embedded stores.
fn files(config: &StoreConfig) -> Result<(PathBuf, PathBuf), BackupError> {
    match (config.write_address(), config.read_address()) {
        (Address::File(write), Address::File(read)) => Ok((write, read)),
        (Address::Url(_), _) | (_, Address::Url(_)) => Err(BackupError::NotEmbedded),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn described(path: &Path, held: Held) -> Result<Store, BackupError> {
    let bytes = fs::metadata(path).map_err(BackupError::io("read", path))?.len();
    Ok(Store { file: name_of(path), schema: held.schema, bytes, sha256: String::new() })
}

/// Copies one store, and looks how far that is by the size of the copy.
async fn copy_store(
    db: &Db,
    from: &Path,
    to: &Path,
    what: &str,
    report: Report<'_>,
) -> Result<(), BackupError> {
    archive::create_private(to)?;
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let total = size(from);
    let copying = copy::into_file(db, to);
    tokio::pin!(copying);
    loop {
        tokio::select! {
            done = &mut copying => return Ok(done?),
            () = tokio::time::sleep(LOOK_EVERY) => report(what, size(to).min(total), total),
        }
    }
}

/// Gives the whole file its name.
fn put(packed: &Path, file: &Path, replace: bool) -> Result<(), BackupError> {
    private::give_name(packed, file, replace).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(file.to_owned()),
        _ => BackupError::io("written", file)(error),
    })
}

/// Makes a folder for what is not whole yet beside the file, so that what is whole need only be renamed.
fn scratch_beside(file: &Path) -> Result<Scratch, BackupError> {
    let folder = file.with_file_name(format!(".{}.{}", name_of(file), Uuid::new_v4().simple()));
    Scratch::make(folder).map_err(BackupError::io("written", file))
}
