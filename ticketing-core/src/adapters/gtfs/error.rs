//! Why a feed can't be imported: each error is a sentence that says what failed, why, and what to do.

use super::source::{BYTES_MAX, DIRECTORY_BYTES_MAX, RATIO_MAX};
use super::{DAYS_MAX, DEPARTURES_MAX};
use crate::domain::money::AmountError;
use jiff::civil::Date;
use std::io;

/// Why a feed can't be imported. Nothing of it is used then.
#[derive(Debug, thiserror::Error)]
pub enum GtfsError {
    /// There is nothing at the path.
    #[error("there is no feed at {0}; give the path of a GTFS .zip, or of a folder with its .txt files")]
    NotFound(String),
    /// A device, a pipe or the like.
    #[error(
        "the path {0} is neither a file nor a folder; give the path of a GTFS .zip, or of a folder with its .txt files"
    )]
    NotAFile(String),
    /// The operating system refused.
    #[error("the file {what} can't be read: {source}; check that it may be read, and try again")]
    Io {
        /// The path, or a file of the feed.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// A file that doesn't begin as a zip does.
    #[error("the file {path} is no zip file{guess}; give a GTFS .zip, or a folder with its .txt files")]
    NotAZip {
        /// The path.
        path: String,
        /// What it looks like, or empty.
        guess: &'static str,
    },
    /// It begins as a zip, but its directory can't be read.
    #[error("the file {path} begins as a zip, but is cut off or damaged ({cause}); download it again")]
    Truncated {
        /// The path.
        path: String,
        /// What the zip reader said.
        cause: String,
    },
    /// A file inside can't be unpacked.
    #[error("{file} in the zip is damaged near line {line} ({cause}); download the feed again")]
    Damaged {
        /// The file inside.
        file: &'static str,
        /// The last good line.
        line: u64,
        /// What the zip reader said.
        cause: String,
    },
    /// Needs a password.
    #[error("{file} in the zip is encrypted; unpack it with its password, and give the folder")]
    Encrypted {
        /// The file inside.
        file: &'static str,
    },
    /// Packed in a way this program doesn't know.
    #[error(
        "{file} in the zip is packed by a method other than deflate ({cause}); unpack it, and give the folder"
    )]
    Method {
        /// The file inside.
        file: &'static str,
        /// Which.
        cause: String,
    },
    /// A directory of the zip that would fill the memory.
    #[error(
        "the file {path} lists too many files: its zip directory is over {} MiB, a feed's is a few hundred bytes; \
         this is no GTFS feed",
        DIRECTORY_BYTES_MAX >> 20
    )]
    TooManyFiles {
        /// The path.
        path: String,
    },
    /// A zip bomb.
    #[error(
        "{file} unpacks to more than {RATIO_MAX} times its packed size, as a zip bomb does; \
         nothing was imported. If the feed is sound, unpack it and give the folder"
    )]
    Bomb {
        /// The file inside.
        file: &'static str,
    },
    /// More text than a feed has.
    #[error(
        "the feed is over {} GiB of text (in {file}); cut it down to the lines you sell",
        BYTES_MAX >> 30
    )]
    TooLarge {
        /// Where the limit was reached.
        file: &'static str,
    },
    /// More rows than fit in memory.
    #[error("{file} has more than {rows_max} rows; cut the feed down to the lines you sell")]
    TooManyRows {
        /// The file.
        file: &'static str,
        /// The limit.
        rows_max: u64,
    },
    /// A record without an end.
    #[error(
        "{file} has a row over 1 MiB after line {line}, probably a quote that is never closed; mend that line"
    )]
    RowTooLong {
        /// The file inside.
        file: &'static str,
        /// The last good line.
        line: u64,
    },
    /// Text in an encoding that isn't a superset of ASCII.
    #[error("{file} is UTF-16 text; GTFS is UTF-8: save it again as UTF-8")]
    Utf16 {
        /// The file inside.
        file: &'static str,
    },
    /// Two folders of a zip that look like feeds.
    #[error("there are several feeds in it ({0}); unpack it, and give the folder of one")]
    SeveralFeeds(String),
    /// A file that GTFS requires.
    #[error("{file} is missing or empty; a GTFS feed has it. Found: {found}")]
    MissingFile {
        /// What is missing.
        file: &'static str,
        /// What there is.
        found: String,
    },
    /// A column that GTFS requires.
    #[error("{file} has no column {column}; its first line must name the columns")]
    MissingColumn {
        /// The file.
        file: &'static str,
        /// The column.
        column: &'static str,
    },
    /// `strict`, and a row that can't be right.
    #[error("{file} line {line}: {reason}; mend it, or leave --strict off to skip such rows")]
    Strict {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Without a zone no time of the feed means anything.
    #[error(
        "agency.txt line {line}: there is no time zone \"{name}\"; write an IANA name like America/New_York"
    )]
    UnknownTimezone {
        /// The line, from 1.
        line: u64,
        /// What it says.
        name: String,
    },
    /// See [`GtfsError::UnknownTimezone`].
    #[error("agency.txt names no agency_timezone; write an IANA name like America/New_York for every agency")]
    NoTimezone,
    /// `days` is nonsense.
    #[error("--days {0} is out of range; give 1 to {DAYS_MAX}")]
    Days(u32),
    /// The window leaves the calendar.
    #[error("the {days} days from {from} leave the years 1900 to 9000; give a date within them")]
    Dates {
        /// First day.
        from: Date,
        /// How many.
        days: u32,
    },
    /// `start_on` would put Sundays on Mondays.
    #[error(
        "--start-on {start_on} is a {got}, and --from {from} a {wanted}: weekdays would run the wrong \
         timetable; the nearest good date is --start-on {nearest}"
    )]
    StartOnWeekday {
        /// What was given.
        start_on: Date,
        /// Its weekday.
        got: &'static str,
        /// First day of the feed's window.
        from: Date,
        /// Its weekday.
        wanted: &'static str,
        /// What to give instead.
        nearest: Date,
    },
    /// `start_on` goes back in time.
    #[error("--start-on {start_on} is before --from {from}; give a later {weekday}")]
    StartOnEarlier {
        /// What was given.
        start_on: Date,
        /// First day of the feed's window.
        from: Date,
        /// Its weekday.
        weekday: &'static str,
    },
    /// `fare` is no amount.
    #[error("--fare {fare} {why} (in {currency}); give an amount like 2.00")]
    Fare {
        /// What was given.
        fare: String,
        /// What is wrong with it.
        why: AmountError,
        /// In which currency it was read.
        currency: String,
    },
    /// Routes that would be free for want of a fare.
    #[error("the feed has no fare for route {routes}; give one for all routes without: --fare 2.00")]
    NoFare {
        /// The first few, by `route_id`.
        routes: String,
    },
    /// `fare` could be in any of these.
    #[error(
        "the feed's fares are in {currencies}, so the currency of --fare for route {routes} isn't clear; \
         give these routes a fare in fare_attributes.txt and fare_rules.txt"
    )]
    AmbiguousCurrency {
        /// Which.
        currencies: String,
        /// The first few routes without a fare.
        routes: String,
    },
    /// No fare is "the highest" among several currencies.
    #[error(
        "route {route} has fares in {currencies}, and one journey is sold in one currency; \
         keep one of them in fare_rules.txt"
    )]
    RouteCurrencies {
        /// By `route_id`.
        route: String,
        /// Which.
        currencies: String,
    },
    /// More than a store should be given at once.
    #[error(
        "the {days} days hold more than {DEPARTURES_MAX} departures; give fewer --days \
         (or mend headway_secs in frequencies.txt)"
    )]
    TooManyDepartures {
        /// How many.
        days: u32,
    },
}
