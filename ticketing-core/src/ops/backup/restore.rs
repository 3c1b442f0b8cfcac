//! A backup's way back: into a folder of its own, checked before anything is written.

use super::{BackupError, Manifest, Report, archive};
use crate::app::folder::{self, FolderError, FolderLock, SERVER_FILE};
use crate::app::{StoreConfig, Stores};
use crate::domain::time::Timestamp;
use crate::ops::audit::{self, Actor};
use crate::ops::plan::{Plan, PlanChange, raw_of};
use crate::store::db::{Address, Role};
use crate::store::error::StoreError;
use crate::store::migrate;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

/// A restoration about to be made: what was checked is what is done.
#[derive(Clone, Debug)]
pub struct Restoring {
    /// What would come to be.
    pub plan: Plan,
    /// What the backup holds.
    pub manifest: Manifest,
    file: PathBuf,
    config: StoreConfig,
}

impl Restoring {
    /// Reads a backup from beginning to end, and says what would become of it. Writes nothing.
    ///
    /// # Errors
    /// The file is no whole backup, or a newer program's; the folder is served or not empty; the stores are not
    /// embedded.
    pub async fn plan(config: &StoreConfig, file: &Path, report: Report<'_>) -> Result<Self, BackupError> {
        super::files(config)?;
        check_free(&config.data_dir)?;
        let path = file.to_owned();
        let (_, manifest) = archive::open(&path)?;
        check_stores(&manifest, &path)?;
        let total = manifest.stores.iter().map(|store| store.bytes).sum();
        let manifest = archive::blocking("checking the backup", total, report, move |done| {
            let (mut archive, manifest) = archive::open(&path)?;
            for store in &manifest.stores {
                archive::unpack(&mut archive, &path, store, &mut io::sink(), done)?;
            }
            Ok(manifest)
        })
        .await?;
        let changes = manifest.stores.iter().map(|store| PlanChange {
            kind: "store".into(),
            id: None,
            before: None,
            after: raw_of(&serde_json::json!({
                "file": config.data_dir.join(&store.file),
                "bytes": store.bytes,
                "sha256": store.sha256,
                "schema": store.schema,
                "head": manifest.head,
                "madeAt": manifest.made_at,
            })),
        });
        let plan = Plan::new("restore", changes.collect());
        Ok(Self { plan, manifest, file: file.to_owned(), config: config.clone() })
    }
}

/// Does it: both stores, brought to this program's schema, with a row in their audit log.
///
/// # Errors
/// As for the plan, if the world has moved since; what the disk and the stores say. Nothing is left behind then.
pub async fn restore(
    planned: Restoring,
    actor: &Actor,
    now: Timestamp,
    report: Report<'_>,
) -> Result<(), BackupError> {
    let Restoring { plan, manifest, file, config } = planned;
    let folder = config.data_dir.clone();
    check_free(&folder)?;
    // Nobody serves what is only half there.
    let lock = FolderLock::take(&folder, now).await?;
    let mut made = Made { folder: folder.clone(), is_whole: false };
    let total = manifest.stores.iter().map(|store| store.bytes).sum();
    archive::blocking("unpacking", total, report, move |done| unpack(&file, &folder, &manifest, done))
        .await?;
    let stores = Stores::open_and_migrate(&config, now).await?;
    let recorded = audit::record_done(&stores.write, actor, &plan, now).await;
    stores.close().await;
    recorded?;
    made.is_whole = true;
    drop(lock);
    Ok(())
}

fn unpack(file: &Path, folder: &Path, manifest: &Manifest, done: &AtomicU64) -> Result<(), BackupError> {
    let (mut archive, found) = archive::open(file)?;
    if found != *manifest {
        let reason = "it has changed since the plan was made".into();
        return Err(BackupError::Damaged { path: file.to_owned(), reason });
    }
    // The write store comes last: a folder without it has no store.
    for store in manifest.stores.iter().rev() {
        let path = folder.join(&store.file);
        let partial = path.with_extension(PARTIAL);
        let fault = BackupError::io("written", &path);
        let mut out = BufWriter::new(archive::create_private(&partial)?);
        archive::unpack(&mut archive, file, store, &mut out, done)?;
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(&fault)?;
        fs::rename(&partial, &path).map_err(&fault)?;
        crate::private::sync_folder(&path);
    }
    Ok(())
}

/// How a file ends that is not whole yet.
const PARTIAL: &str = "restoring";

/// Refuses a folder that is served, or that has anything in it but the note of who served it.
fn check_free(folder: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::io("read", folder)(error)),
    };
    if let Some(owner) = folder::served_by(folder).map_err(BackupError::io("read", folder))? {
        return Err(FolderError::Served { folder: folder.to_owned(), owner }.into());
    }
    for entry in entries {
        let name = entry.map_err(BackupError::io("read", folder))?.file_name();
        if name != SERVER_FILE {
            let found = name.to_string_lossy().into_owned();
            return Err(BackupError::NotEmpty { folder: folder.to_owned(), found });
        }
    }
    Ok(())
}

/// Refuses what is not the two stores, or has a newer schema than this program knows.
fn check_stores(manifest: &Manifest, file: &Path) -> Result<(), BackupError> {
    let roles = [(Role::Write, "write"), (Role::Read, "read")];
    let is_pair = manifest.stores.len() == roles.len()
        && roles.iter().zip(&manifest.stores).all(|((role, _), store)| {
            migrate::file_in(Path::new(""), *role) == Address::File(PathBuf::from(&store.file))
        });
    if !is_pair {
        let reason = "it does not hold the two stores".into();
        return Err(BackupError::Damaged { path: file.to_owned(), reason });
    }
    for ((role, name), store) in roles.into_iter().zip(&manifest.stores) {
        let known = migrate::all(role).last().map_or(0, |migration| migration.version);
        if store.schema > known {
            return Err(StoreError::SchemaNewer { store: name, found: store.schema, known }.into());
        }
    }
    Ok(())
}

/// What a restoration has made, taken away again unless it is whole.
struct Made {
    folder: PathBuf,
    is_whole: bool,
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.is_whole {
            return;
        }
        // The folder held nothing else; what can't be removed is seen by the next try.
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name() != SERVER_FILE {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
