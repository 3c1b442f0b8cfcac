//! Where a feed's files come from: a zip or a folder, opened one at a time as streams.
//!
//! Nothing is unpacked to disk or held in memory whole. What a zip claims about its sizes is not
//! believed: limits count the bytes that were really read.

use super::GtfsError;
use super::rows::shown;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The most text of one feed, over all files that are read.
pub(super) const BYTES_MAX: u64 = 4 << 30;
/// The most that a file may grow by unpacking, once it is over [`RATIO_FREE_BYTES`].
pub(super) const RATIO_MAX: u64 = 200;
/// The most bytes of a zip's own directory: about 100,000 files.
pub(super) const DIRECTORY_BYTES_MAX: u64 = 8 << 20;
/// Up to this size a file may be packed however well.
const RATIO_FREE_BYTES: u64 = 64 << 20;

/// The files whose presence shows which folder of a zip is the feed.
const LANDMARKS: [&str; 4] = ["agency.txt", "stop_times.txt", "trips.txt", "routes.txt"];

/// A feed that was found and can be opened.
pub(super) struct Source {
    files: Files,
    /// Where each file of the feed is: lower-case base name, and what it is called inside.
    entries: Vec<Entry>,
    /// How long the zip is: no file in it is packed into more.
    packed_bytes: u64,
    /// Bytes read so far, of all files.
    read_bytes: Rc<Cell<u64>>,
}

enum Files {
    Zip(Box<ZipArchive<Metered<BufReader<File>>>>),
    Folder,
}

struct Entry {
    name: String,
    place: Place,
}

enum Place {
    Index(usize),
    Path(PathBuf),
}

/// A file of the feed that is being read.
pub(super) struct Opened<'a> {
    /// Its bytes; ends with a [`Limit`] inside an I/O error where one is passed.
    pub(super) reader: Box<dyn Read + 'a>,
    /// How many bytes it says it has.
    pub(super) total_bytes: u64,
}

/// A limit that was passed while reading; travels inside an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Limit {
    #[error("too much text")]
    Total,
    #[error("unpacks too far")]
    Ratio,
    #[error("row too long")]
    Row,
    #[error("directory too long")]
    Directory,
}

impl Limit {
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|e| e.downcast_ref::<Self>()).copied()
    }
}

impl Source {
    /// Opens a zip or a folder and finds the feed's files in it.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, GtfsError> {
        let shown = name.to_owned();
        let meta = fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => GtfsError::NotFound(shown.clone()),
            _ => GtfsError::Io { what: shown.clone(), source },
        })?;
        let (files, names) = if meta.is_dir() {
            let found = list_folder(path).map_err(|source| GtfsError::Io { what: shown, source })?;
            (Files::Folder, found)
        } else if meta.is_file() {
            let archive = open_zip(path, shown)?;
            let names = (0..archive.len())
                .filter_map(|i| Some((archive.name_for_index(i)?.ok()?.replace('\\', "/"), Place::Index(i))))
                .collect();
            (Files::Zip(Box::new(archive)), names)
        } else {
            return Err(GtfsError::NotAFile(shown));
        };
        Ok(Self { files, entries: feed_folder(names)?, packed_bytes: meta.len(), read_bytes: Rc::default() })
    }

    /// Returns the names of the files there are, for messages.
    pub(super) fn found(&self) -> String {
        const SHOWN_MAX: usize = 20;
        if self.entries.is_empty() {
            return "no .txt file".into();
        }
        let names: Vec<String> = self.entries.iter().take(SHOWN_MAX).map(|e| shown(&e.name)).collect();
        let more = if self.entries.len() > SHOWN_MAX { ", …" } else { "" };
        names.join(", ") + more
    }

    /// Opens a file of the feed; `None` if the feed has none by this name.
    pub(super) fn read(&mut self, file: &'static str) -> Result<Option<Opened<'_>>, GtfsError> {
        let Some(entry) = self.entries.iter().find(|e| e.name == file) else { return Ok(None) };
        let total = Rc::clone(&self.read_bytes);
        let (reader, total_bytes, file_bytes_max): (Box<dyn Read + '_>, u64, u64) =
            match (&mut self.files, &entry.place) {
                (Files::Zip(archive), Place::Index(index)) => {
                    let inner = archive.by_index(*index).map_err(|e| zip_error(file, e))?;
                    if !matches!(inner.compression(), CompressionMethod::Stored | CompressionMethod::Deflated)
                    {
                        return Err(GtfsError::Method { file, cause: inner.compression().to_string() });
                    }
                    let ratio_max = inner
                        .compressed_size()
                        .min(self.packed_bytes)
                        .saturating_mul(RATIO_MAX)
                        .max(RATIO_FREE_BYTES);
                    let size = inner.size();
                    (Box::new(inner), size, ratio_max)
                }
                (_, Place::Path(path)) => {
                    let io = |source| GtfsError::Io { what: path.display().to_string(), source };
                    let inner = File::open(path).map_err(io)?;
                    let size = inner.metadata().map_err(io)?.len();
                    (Box::new(inner), size, u64::MAX)
                }
                (Files::Folder, Place::Index(_)) => return Ok(None),
            };
        let reader = Box::new(Counted { inner: reader, total, file_bytes: 0, file_bytes_max });
        Ok(Some(Opened { reader, total_bytes }))
    }
}

fn zip_error(file: &'static str, error: ZipError) -> GtfsError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            GtfsError::Encrypted { file }
        }
        ZipError::UnsupportedArchive(why) => GtfsError::Method { file, cause: why.to_owned() },
        ZipError::CompressionMethodNotSupported(number) => {
            GtfsError::Method { file, cause: format!("method {number}") }
        }
        other => GtfsError::Damaged { file, line: 0, cause: other.to_string() },
    }
}

fn open_zip(path: &Path, shown: String) -> Result<ZipArchive<Metered<BufReader<File>>>, GtfsError> {
    let io = |source| GtfsError::Io { what: shown.clone(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::with_capacity(512);
    file.by_ref().take(512).read_to_end(&mut head).map_err(io)?;
    if !head.starts_with(b"PK") {
        return Err(GtfsError::NotAZip { path: shown, guess: guess(&head) });
    }
    if !has_zip_end(&mut file).map_err(io)? {
        return Err(GtfsError::Truncated { path: shown, cause: "its end is missing".into() });
    }
    let budget = Rc::new(Cell::new(DIRECTORY_BYTES_MAX));
    let metered = Metered { inner: BufReader::new(file), left: Rc::clone(&budget) };
    let archive = ZipArchive::new(metered).map_err(|error| match error {
        ZipError::Io(e) if Limit::of(&e) == Some(Limit::Directory) => GtfsError::TooManyFiles { path: shown },
        other => GtfsError::Truncated { path: shown, cause: other.to_string() },
    })?;
    budget.set(u64::MAX);
    Ok(archive)
}

/// Whether the record that ends every zip is among the last bytes, where its comment may still follow.
fn has_zip_end(file: &mut File) -> io::Result<bool> {
    const TAIL_BYTES_MAX: u64 = 22 + 65_535;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
    let mut tail = Vec::new();
    file.by_ref().take(TAIL_BYTES_MAX).read_to_end(&mut tail)?;
    file.rewind()?;
    Ok(tail.windows(4).any(|w| w == b"PK\x05\x06"))
}

/// Says what a file that is no zip looks like.
fn guess(head: &[u8]) -> &'static str {
    let text = head.trim_ascii_start();
    if head.is_empty() {
        " (it is empty)"
    } else if text.starts_with(b"<") {
        " (it looks like a web page: the download may have failed)"
    } else if head.starts_with(&[0x1f, 0x8b]) || head.starts_with(b"7z") || head.starts_with(b"Rar!") {
        " (it is packed by another program)"
    } else if text.first().is_some_and(u8::is_ascii_graphic) && head.contains(&b',') {
        " (it looks like one table of a feed)"
    } else {
        ""
    }
}

/// Lists the files of a folder and of the folders right inside it.
fn list_folder(path: &Path) -> io::Result<Vec<(String, Place)>> {
    const ENTRIES_MAX: usize = 10_000;
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), path.to_owned())];
    for entry in fs::read_dir(path)?.take(ENTRIES_MAX) {
        let entry = entry?;
        if entry.path().is_dir() {
            folders.push((format!("{}/", entry.file_name().to_string_lossy()), entry.path()));
        }
    }
    for (prefix, folder) in folders {
        // A folder inside that may not be read is simply no feed.
        let entries = match fs::read_dir(&folder) {
            Err(_) if !prefix.is_empty() => continue,
            other => other?,
        };
        for entry in entries.take(ENTRIES_MAX) {
            let entry = entry?;
            if entry.path().is_file() && found.len() < ENTRIES_MAX {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                found.push((name, Place::Path(entry.path())));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Keeps the files of the folder that is the feed: the top, or the one folder inside that looks like one.
fn feed_folder(names: Vec<(String, Place)>) -> Result<Vec<Entry>, GtfsError> {
    let mut files: Vec<(String, String, Place)> = names
        .into_iter()
        .filter(|(name, _)| !name.ends_with('/') && !name.starts_with("__MACOSX/"))
        .filter_map(|(name, place)| {
            let (folder, base) = name.rsplit_once('/').unwrap_or(("", &name));
            let base = base.to_lowercase();
            (base.ends_with(".txt") && !base.starts_with("._")).then(|| (folder.to_owned(), base, place))
        })
        .collect();
    let depth = |folder: &str| if folder.is_empty() { 0 } else { folder.matches('/').count() + 1 };
    let landmarks = || files.iter().filter(|(_, base, _)| LANDMARKS.contains(&base.as_str()));
    let Some(depth_min) = landmarks().map(|(folder, ..)| depth(folder)).min() else {
        return Ok(files.drain(..).map(|(_, name, place)| Entry { name, place }).collect());
    };
    let mut folders: Vec<String> =
        landmarks().filter(|(f, ..)| depth(f) == depth_min).map(|(f, ..)| f.clone()).collect();
    folders.sort();
    folders.dedup();
    if folders.len() > 1 {
        let named: Vec<String> = folders.iter().take(5).map(|folder| shown(folder)).collect();
        return Err(GtfsError::SeveralFeeds(named.join(", ")));
    }
    let chosen = files.into_iter().filter(|(folder, ..)| *folder == folders[0]);
    Ok(chosen.map(|(_, name, place)| Entry { name, place }).collect())
}

/// Stops a reader that hands out more than `left` bytes: bounds what opening a zip may hold in memory.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(0);
                return Err(io::Error::other(Limit::Directory));
            }
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}

/// Stops a file that grows past its limits.
struct Counted<'a> {
    inner: Box<dyn Read + 'a>,
    total: Rc<Cell<u64>>,
    file_bytes: u64,
    file_bytes_max: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.file_bytes += read as u64;
        self.total.set(self.total.get() + read as u64);
        if self.file_bytes > self.file_bytes_max {
            return Err(io::Error::other(Limit::Ratio));
        }
        if self.total.get() > BYTES_MAX {
            return Err(io::Error::other(Limit::Total));
        }
        Ok(read)
    }
}
