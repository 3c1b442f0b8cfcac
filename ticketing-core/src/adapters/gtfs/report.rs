//! What of a feed was left out, row by row, with the reason.

use super::GtfsError;
use serde::Serialize;

/// How many skipped rows of one file are kept; past it they are only counted.
pub const ROWS_PER_FILE_MAX: u64 = 1_000;

/// What of a feed was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The first [`ROWS_PER_FILE_MAX`] skipped rows of each file, by file and line.
    pub rows: Vec<SkippedRow>,
    /// How many rows were skipped in each file that has any.
    pub files: Vec<SkippedCount>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedRow {
    /// The file of the feed: `stop_times.txt`.
    pub file: &'static str,
    /// The line, from 1 (the head line).
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// How many rows of a file were left out, kept in [`Report::rows`] or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedCount {
    /// The file of the feed.
    pub file: &'static str,
    /// How many.
    pub skipped: u64,
}

impl Report {
    /// Returns how many rows were skipped in all files.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.files.iter().map(|f| f.skipped).sum()
    }
}

/// Takes down what is skipped, or refuses it.
#[derive(Debug)]
pub(super) struct Reporter {
    report: Report,
    strict: bool,
}

impl Reporter {
    pub(super) fn new(strict: bool) -> Self {
        Self { report: Report::default(), strict }
    }

    /// Notes a skipped row; an error if the import is strict.
    pub(super) fn skip(&mut self, file: &'static str, line: u64, reason: String) -> Result<(), GtfsError> {
        if self.strict {
            return Err(GtfsError::Strict { file: file.to_owned(), line, reason });
        }
        let files = &mut self.report.files;
        let index = files.iter().position(|f| f.file == file).unwrap_or_else(|| {
            files.push(SkippedCount { file, skipped: 0 });
            files.len() - 1
        });
        files[index].skipped += 1;
        if files[index].skipped <= ROWS_PER_FILE_MAX {
            self.report.rows.push(SkippedRow { file, line, reason });
        }
        Ok(())
    }

    /// Returns the report, in order of file and line.
    pub(super) fn finish(mut self) -> Report {
        self.report.rows.sort();
        self.report.files.sort_by_key(|f| f.file);
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS_PER_FILE_MAX, Reporter};

    #[test]
    fn past_the_first_thousand_of_a_file_rows_are_only_counted() {
        let mut reporter = Reporter::new(false);
        for line in (0..ROWS_PER_FILE_MAX + 5).rev() {
            reporter.skip("stops.txt", line, String::new()).unwrap();
        }
        reporter.skip("routes.txt", 2, String::new()).unwrap();
        let report = reporter.finish();
        assert_eq!(report.rows.len() as u64, ROWS_PER_FILE_MAX + 1);
        assert_eq!(report.total(), ROWS_PER_FILE_MAX + 6);
        assert_eq!((report.rows[0].file, report.rows[1].line), ("routes.txt", 5));
    }
}
