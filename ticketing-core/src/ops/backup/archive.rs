//! The file of a backup: a zip with `manifest.json` and the stores. What it says of itself is checked, never believed.

use super::{BackupError, FORMAT, Manifest, Report};
use crate::private;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const MANIFEST: &str = "manifest.json";
/// No manifest is longer, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// So much is read at once, in bytes.
const CHUNK_BYTES: usize = 1 << 20;
/// How often progress is reported.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// A backup that was opened.
pub(super) type Archive = ZipArchive<BufReader<File>>;

/// Makes a new file for its owner alone.
pub(super) fn create_private(path: &Path) -> Result<File, BackupError> {
    private::create_new(path).map_err(BackupError::io("written", path))
}

/// Packs the stores in `folder` into `packed`, and returns the manifest with their checksums.
pub(super) async fn pack(
    folder: &Path,
    packed: &Path,
    manifest: Manifest,
    report: Report<'_>,
) -> Result<Manifest, BackupError> {
    let total = manifest.stores.iter().map(|store| store.bytes).sum();
    let (folder, path) = (folder.to_owned(), packed.to_owned());
    blocking("packing", total, report, move |done| {
        let file = create_private(&path)?;
        pack_into(&file, &folder, manifest, done)
            .and_then(|manifest| file.sync_all().map(|()| manifest))
            .map_err(BackupError::io("written", &path))
    })
    .await
}

fn pack_into<W: Write + Seek>(
    out: W,
    folder: &Path,
    mut manifest: Manifest,
    done: &AtomicU64,
) -> io::Result<Manifest> {
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    let mut zip = ZipWriter::new(BufWriter::with_capacity(CHUNK_BYTES, out));
    for store in &mut manifest.stores {
        zip.start_file(store.file.clone(), options).map_err(io_of)?;
        let mut file = File::open(folder.join(&store.file))?;
        (store.bytes, store.sha256) = copy(&mut file, &mut zip, done)?;
    }
    zip.start_file(MANIFEST, options).map_err(io_of)?;
    zip.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
    zip.finish().map_err(io_of)?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(manifest)
}

fn io_of(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// Opens a backup and reads its manifest.
pub(super) fn open(path: &Path) -> Result<(Archive, Manifest), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: path.to_owned(), reason };
    let file = File::open(path).map_err(BackupError::io("read", path))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
        ZipError::Io(source) => BackupError::Io { path: path.to_owned(), what: "read", source },
        other => damaged(format!("it is no zip ({other})")),
    })?;
    let mut text = Vec::new();
    let entry = archive.by_name(MANIFEST).map_err(|_| damaged(format!("it has no {MANIFEST}")))?;
    entry
        .take(MANIFEST_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| damaged(format!("{MANIFEST}: {error}")))?;
    /// What every form of the file says first.
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let of_json = |error: serde_json::Error| damaged(format!("{MANIFEST}: {error}"));
    let Form { format } = serde_json::from_slice(&text).map_err(of_json)?;
    if format != FORMAT {
        return Err(damaged(format!("it has the form {format}, and this program reads {FORMAT}")));
    }
    Ok((archive, serde_json::from_slice(&text).map_err(of_json)?))
}

/// Reads a store to its end into `out`, and refuses one that is not what the manifest says.
pub(super) fn unpack<W: Write>(
    archive: &mut Archive,
    path: &Path,
    store: &super::Store,
    out: &mut W,
    done: &AtomicU64,
) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: path.to_owned(), reason };
    let name = &store.file;
    let entry = archive.by_name(name).map_err(|_| damaged(format!("it has no {name}")))?;
    let mut counted = Marked { inner: out, fault: None };
    let copied = copy(&mut entry.take(store.bytes + 1), &mut counted, done);
    if let Some(fault) = counted.fault {
        return Err(BackupError::Io { path: path.to_owned(), what: "unpacked", source: fault });
    }
    let (bytes, sha256) = copied.map_err(|error| damaged(format!("{name}: {error}")))?;
    if bytes != store.bytes || sha256 != store.sha256 {
        return Err(damaged(format!("{name} is not the one that the manifest describes")));
    }
    Ok(())
}

/// Tells what could not be written from what could not be read.
struct Marked<'w, W> {
    inner: &'w mut W,
    fault: Option<io::Error>,
}

impl<W: Write> Write for Marked<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.fault = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Copies all, and returns how much it was and its SHA-256.
fn copy(from: &mut impl Read, to: &mut impl Write, done: &AtomicU64) -> io::Result<(u64, String)> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut bytes, mut hash) = (0, Sha256::new());
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&chunk[..read]);
        to.write_all(&chunk[..read])?;
        bytes += read as u64;
        done.fetch_add(read as u64, Ordering::Relaxed);
    }
    let hex = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Ok((bytes, hex))
}

/// Runs what reads and writes files beside the runtime, and reports how far it is.
pub(super) async fn blocking<T: Send + 'static>(
    what: &str,
    total: u64,
    report: Report<'_>,
    work: impl FnOnce(&AtomicU64) -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&done);
    let mut task = tokio::task::spawn_blocking(move || work(&counted));
    loop {
        tokio::select! {
            ended = &mut task => return match ended {
                Ok(outcome) => outcome,
                Err(gone) => Err(BackupError::Io {
                    path: "the backup".into(),
                    what: "finished",
                    source: io::Error::other(gone),
                }),
            },
            () = tokio::time::sleep(REPORT_EVERY) => report(what, done.load(Ordering::Relaxed), total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, open, pack_into, unpack};
    use crate::domain::time::Timestamp;
    use crate::ops::backup::{BackupError, Store};
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::path::Path;
    use std::sync::atomic::AtomicU64;

    fn manifest(folder: &Path) -> Manifest {
        // Random bytes, so that they don't pack into nothing.
        let bytes: Vec<u8> =
            (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        fs::write(folder.join("write.db"), &bytes).unwrap();
        let store = Store { file: "write.db".into(), schema: 1, bytes: 0, sha256: String::new() };
        let made_at = Timestamp::from_millis(0);
        Manifest { format: 1, version: "0".into(), made_at, head: 7, read_position: 7, stores: vec![store] }
    }

    #[test]
    fn what_was_packed_comes_out_and_any_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let packed = pack_into(
            File::create(&path).unwrap(),
            folder.path(),
            manifest(folder.path()),
            &AtomicU64::new(0),
        )
        .unwrap();
        let read = |path: &Path| {
            let (mut archive, manifest) = open(path)?;
            let mut out = Vec::new();
            unpack(&mut archive, path, &manifest.stores[0], &mut out, &AtomicU64::new(0))?;
            Ok::<_, BackupError>((manifest, out))
        };
        let (found, bytes) = read(&path).unwrap();
        assert_eq!((&found, bytes), (&packed, fs::read(folder.path().join("write.db")).unwrap()));

        let whole = fs::read(&path).unwrap();
        let other = folder.path().join("other");
        let mut seen = 0;
        for at in (0..whole.len()).step_by(997) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            fs::write(&other, bytes).unwrap();
            match read(&other) {
                Err(BackupError::Damaged { .. }) => seen += 1,
                // A byte that says nothing of the content, such as a time.
                Ok(same) => assert_eq!(same.1, fs::read(folder.path().join("write.db")).unwrap()),
                Err(other) => panic!("{at}: {other}"),
            }
        }
        assert!(seen > 100, "{seen}");
        for len in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&other, &whole[..len]).unwrap();
            assert!(
                matches!(read(&other), Err(BackupError::Damaged { .. } | BackupError::Io { .. })),
                "{len}"
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let fault = pack_into(full, folder.path(), manifest(folder.path()), &AtomicU64::new(0)).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::StorageFull, "{fault}");
    }
}
