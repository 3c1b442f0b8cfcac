//! From a file's bytes to rows with named columns and true line numbers.
//!
//! Takes what real feeds bring: byte-order marks, any line ends, blank lines, columns in any order, short
//! rows, blanks and stray quotes around values, text that isn't UTF-8. One row at a time is in memory.

use super::report::Reporter;
use super::source::{Limit, Opened, Source};
use super::{GtfsError, LONG_FILE_ROWS_MAX, Progress, ROWS_MAX};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The longest row. Anything longer is a quote that is never closed.
const ROW_BYTES_MAX: u64 = 1 << 20;
/// How often progress is told.
const ROWS_PER_PROGRESS: u64 = 5_000;
/// How much of a bad value a reason shows.
const SHOWN_CHARS_MAX: usize = 60;
/// The longest id that the catalogue holds.
pub(super) const ID_CHARS_MAX: usize = 255;
/// The longest name that the catalogue holds; a longer one is cut.
const NAME_CHARS_MAX: usize = 200;

/// A column that a file is read by.
#[derive(Clone, Copy)]
pub(super) struct Column {
    name: &'static str,
    required: bool,
}

/// A column without which the file means nothing.
pub(super) const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

/// A column that may be missing: its values are blank then.
pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// Why a row isn't used.
pub(super) enum RowError {
    /// It can't be right; this is the reason.
    Skip(String),
    /// The whole import ends.
    Fatal(GtfsError),
}

impl From<String> for RowError {
    fn from(reason: String) -> Self {
        Self::Skip(reason)
    }
}

impl From<GtfsError> for RowError {
    fn from(error: GtfsError) -> Self {
        Self::Fatal(error)
    }
}

/// A feed with what goes along with reading it.
pub(super) struct Feed<'a> {
    pub(super) source: Source,
    pub(super) reporter: Reporter,
    pub(super) progress: &'a mut dyn FnMut(Progress<'_>),
}

impl Feed<'_> {
    /// Hands each row of a file to `take`, and reports the rows that it refuses.
    ///
    /// Returns whether the feed has the file, and not empty. `columns` are the ones that the row is asked
    /// for, by index.
    pub(super) fn each_row<const N: usize>(
        &mut self,
        file: &'static str,
        columns: [Column; N],
        mut take: impl FnMut(&Row<'_, N>) -> Result<(), RowError>,
    ) -> Result<bool, GtfsError> {
        let Some(opened) = self.source.read(file)? else { return Ok(false) };
        let mut table = Table::open(file, opened)?;
        let Some(at) = table.head(columns)? else { return Ok(false) };
        let phase = format!("reading {file}");
        let rows_max = match file {
            "stop_times.txt" | "calendar_dates.txt" => LONG_FILE_ROWS_MAX,
            _ => ROWS_MAX,
        };
        let mut rows: u64 = 0;
        (self.progress)(Progress { phase: &phase, done: 0, total: Some(table.total_bytes) });
        while let Some(line) = table.advance()? {
            let row = Row { record: &table.record, at, line };
            let taken = match table.torn(line) {
                Some(reason) => Err(RowError::Skip(reason)),
                None => take(&row),
            };
            match taken {
                Ok(()) => {}
                Err(RowError::Skip(reason)) => self.reporter.skip(file, line, reason)?,
                Err(RowError::Fatal(error)) => return Err(error),
            }
            rows += 1;
            if rows > rows_max {
                return Err(GtfsError::TooManyRows { file, rows_max });
            }
            if rows.is_multiple_of(ROWS_PER_PROGRESS) {
                let done = table.marks.file_bytes.get();
                (self.progress)(Progress { phase: &phase, done, total: Some(table.total_bytes.max(done)) });
            }
        }
        let done = table.marks.file_bytes.get();
        (self.progress)(Progress { phase: &phase, done, total: Some(done) });
        Ok(true)
    }
}

/// A row, with its values by the index of the column asked for.
pub(super) struct Row<'a, const N: usize> {
    record: &'a ByteRecord,
    at: [Option<usize>; N],
    /// Its line in the file, from 1.
    pub(super) line: u64,
}

impl<const N: usize> Row<'_, N> {
    /// Returns a value without the blanks and quotes around it; empty where there is none.
    pub(super) fn bytes(&self, column: usize) -> &[u8] {
        self.at[column].and_then(|i| self.record.get(i)).map_or(b"", trimmed)
    }

    /// Returns a value as text; see [`decoded`].
    pub(super) fn text(&self, column: usize) -> Cow<'_, str> {
        decoded(self.bytes(column))
    }

    /// Returns an id that the catalogue can hold.
    pub(super) fn id(&self, column: usize, name: &str) -> Result<Cow<'_, str>, String> {
        let id = self.text(column);
        if id.is_empty() {
            return Err(format!("has no {name}"));
        }
        if id.chars().any(char::is_control) {
            return Err(format!("{name} {} holds a control character", shown(&id)));
        }
        if id.len() > ID_CHARS_MAX && id.chars().count() > ID_CHARS_MAX {
            return Err(format!("{name} {} is longer than {ID_CHARS_MAX} characters", shown(&id)));
        }
        Ok(id)
    }

    /// Returns a name on one line, without control characters, cut to [`NAME_CHARS_MAX`]; may be empty.
    pub(super) fn name(&self, column: usize) -> String {
        let text = self.text(column);
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut name = String::with_capacity(plain.len());
        for word in plain.split_whitespace() {
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(word);
        }
        if let Some((cut, _)) = name.char_indices().nth(NAME_CHARS_MAX) {
            name.truncate(cut);
        }
        name
    }
}

/// Returns a bad value as a reason shows it: quoted, on one line, and not too long.
pub(super) fn shown(value: &str) -> String {
    let mut text: String =
        value.chars().take(SHOWN_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if value.chars().nth(SHOWN_CHARS_MAX).is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}

fn trimmed(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    match value {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => value,
    }
}

/// Returns bytes as text: UTF-8, and where they are none, as Windows-1252, which old exports use.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes
            .iter()
            .map(|b| match b {
                0x80..=0x9f => HIGH[usize::from(b - 0x80)],
                _ => char::from(*b),
            })
            .collect::<String>()
            .into(),
    }
}

/// What the reader below and the table tell each other.
#[derive(Default)]
struct Marks {
    file_bytes: Cell<u64>,
    since_row_bytes: Cell<u64>,
}

/// A file as records, with the line of each.
struct Table<'a> {
    file: &'static str,
    reader: csv::Reader<Lines<'a>>,
    record: ByteRecord,
    marks: Rc<Marks>,
    width: usize,
    last_line: u64,
    total_bytes: u64,
}

impl<'a> Table<'a> {
    fn open(file: &'static str, opened: Opened<'a>) -> Result<Self, GtfsError> {
        let marks = Rc::new(Marks::default());
        let lines = Lines {
            inner: opened.reader,
            marks: Rc::clone(&marks),
            begun: false,
            after_cr: false,
            ended_line: true,
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(64 << 10)
            .from_reader(lines);
        let total_bytes = opened.total_bytes;
        Ok(Self { file, reader, record: ByteRecord::new(), marks, width: 0, last_line: 1, total_bytes })
    }

    /// Reads the head line and finds the columns in it; `None` if the file is empty.
    fn head<const N: usize>(
        &mut self,
        columns: [Column; N],
    ) -> Result<Option<[Option<usize>; N]>, GtfsError> {
        if self.advance()?.is_none() {
            return Ok(None);
        }
        self.width = self.record.len();
        let names: Vec<String> =
            self.record.iter().map(|field| decoded(trimmed(field)).to_ascii_lowercase()).collect();
        let mut at = [None; N];
        for (place, column) in at.iter_mut().zip(columns) {
            *place = names.iter().position(|name| name == column.name);
            if place.is_none() && column.required {
                return Err(GtfsError::MissingColumn { file: self.file, column: column.name });
            }
        }
        Ok(Some(at))
    }

    /// Reads the next row that isn't blank; returns the line on which it begins.
    fn advance(&mut self) -> Result<Option<u64>, GtfsError> {
        loop {
            let before = self.reader.position().line();
            self.marks.since_row_bytes.set(0);
            let more = self.reader.read_byte_record(&mut self.record).map_err(|e| self.error(e))?;
            if !more {
                return Ok(None);
            }
            // The reader below ends every line, the last one too, with one line feed.
            let after = self.reader.position().line();
            let line = if after - before == 1 {
                before
            } else {
                let inside = self.record.as_slice().iter().filter(|b| **b == b'\n').count() as u64;
                (after - 1).saturating_sub(inside).max(before)
            };
            self.last_line = line;
            if self.record.iter().any(|field| !trimmed(field).is_empty()) {
                return Ok(Some(line));
            }
        }
    }

    /// Says what is wrong with a row whose values can't be those of the columns.
    fn torn(&self, line: u64) -> Option<String> {
        let (values, width) = (self.record.len(), self.width);
        let extra = self.record.iter().skip(width).any(|field| !trimmed(field).is_empty());
        let lines = self.record.as_slice().iter().filter(|b| **b == b'\n').count() as u64;
        // The reader below ends the file with a line feed: a value that takes it in was never closed.
        let open_end = self.record.iter().next_back().is_some_and(|field| field.ends_with(b"\n"));
        if lines > 0 && (values != width || open_end) {
            return Some(format!("a quote is never closed: the row goes on to line {}", line + lines));
        }
        extra.then(|| format!("has {values} values for {width} columns: a comma inside a value needs quotes"))
    }

    fn error(&self, error: csv::Error) -> GtfsError {
        let (file, line) = (self.file, self.last_line);
        let source = match error.into_kind() {
            csv::ErrorKind::Io(source) => source,
            other => io::Error::other(format!("{other:?}")),
        };
        match Limit::of(&source) {
            Some(Limit::Row) => GtfsError::RowTooLong { file, line },
            Some(Limit::Ratio) => GtfsError::Bomb { file },
            Some(Limit::Total | Limit::Directory) => GtfsError::TooLarge { file },
            None if source.get_ref().is_some_and(|e| e.is::<Utf16>()) => GtfsError::Utf16 { file },
            None => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
                    GtfsError::Io { what: file.to_owned(), source }
                }
                _ => GtfsError::Damaged { file, line, cause: source.to_string() },
            },
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("UTF-16 text")]
struct Utf16;

/// Bytes with plain line feeds: no byte-order mark, no carriage returns, a line feed at the very end.
///
/// So the record reader's line numbers are true whatever the line ends of the file.
struct Lines<'a> {
    inner: Box<dyn Read + 'a>,
    marks: Rc<Marks>,
    begun: bool,
    after_cr: bool,
    ended_line: bool,
}

impl Lines<'_> {
    /// Drops a byte-order mark, and puts any other beginning back.
    fn begin(&mut self) -> io::Result<()> {
        let mut head = Vec::with_capacity(3);
        self.inner.by_ref().take(3).read_to_end(&mut head)?;
        match head.as_slice() {
            [0xef, 0xbb, 0xbf] => {}
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(io::Error::other(Utf16)),
            _ => {
                let rest = std::mem::replace(&mut self.inner, Box::new(io::empty()));
                self.inner = Box::new(io::Cursor::new(head).chain(rest));
            }
        }
        self.begun = true;
        Ok(())
    }

    /// Turns each line end into one line feed, in place; returns the new length.
    fn plain(&mut self, buf: &mut [u8]) -> usize {
        if !self.after_cr && !buf.contains(&b'\r') {
            return buf.len();
        }
        let mut length = 0;
        for i in 0..buf.len() {
            let byte = buf[i];
            let skip = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            if !skip {
                buf[length] = if byte == b'\r' { b'\n' } else { byte };
                length += 1;
            }
        }
        length
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if !self.begun {
            self.begin()?;
        }
        loop {
            let read = self.inner.read(buf)?;
            if read == 0 {
                if self.ended_line {
                    return Ok(0);
                }
                self.ended_line = true;
                buf[0] = b'\n';
                return Ok(1);
            }
            let marks = &self.marks;
            marks.file_bytes.set(marks.file_bytes.get() + read as u64);
            marks.since_row_bytes.set(marks.since_row_bytes.get() + read as u64);
            if marks.since_row_bytes.get() > ROW_BYTES_MAX {
                return Err(io::Error::other(Limit::Row));
            }
            let length = self.plain(&mut buf[..read]);
            if length > 0 {
                self.ended_line = buf[length - 1] == b'\n';
                return Ok(length);
            }
        }
    }
}
