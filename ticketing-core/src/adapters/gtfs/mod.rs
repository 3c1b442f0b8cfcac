//! GTFS Schedule feeds, read into catalogue values. Never touches the store: the caller decides what is new.
//!
//! A feed is read as a stream, file by file: agencies, routes, stops, calendars, trips, stop times,
//! frequencies, fares. Rows that can't be right are left out and reported by file, line and reason (or,
//! with `strict`, refuse the feed); the rest becomes routes, patterns of calls, and departures:
//!
//! - Ids are derived from the feed's own (`route_id`, `stop_id`, `trip_id` and service date), so that
//!   importing twice names the same things.
//! - Times count from noon minus 12 h of the service day in the route's agency's time zone, so days with
//!   a change of clocks are right, and 25:10 belongs to the day before.
//! - A route is listed with the stops of its longest journey (most calls; then the one most trips share).
//! - A pattern's running times count from the departure from its first stop.
//!
//! Not read: shapes, transfers, zones and Fares version 2, stops on demand, translations.

mod calendar;
mod error;
mod fares;
mod frequencies;
mod network;
mod report;
mod rows;
mod source;
mod stop_times;
mod timetable;
mod value;

#[cfg(test)]
mod tests;

pub use error::GtfsError;
pub use report::{ROWS_PER_FILE_MAX, Report, SkippedCount, SkippedRow};

use crate::domain::catalog::CatalogSet;
use crate::domain::id::LayoutId;
use jiff::civil::Date;
use jiff::{ToSpan, Unit};
use serde::{Serialize, Serializer};
use std::path::Path;

/// The longest window of service days.
pub const DAYS_MAX: u32 = 366;
/// The most departures of one import.
pub const DEPARTURES_MAX: u64 = 2_000_000;
/// The most rows of `stop_times.txt` (they are held in memory, 28 bytes each) and of `calendar_dates.txt`.
pub const LONG_FILE_ROWS_MAX: u64 = 20_000_000;
/// The most rows of any other file, and the most services.
pub const ROWS_MAX: u64 = 2_000_000;

/// What of a feed is wanted.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first service day.
    pub from: Date,
    /// How many service days, 1 to [`DAYS_MAX`].
    pub days: u32,
    /// Where `from` is laid, to try an old feed: a later date of the same weekday. `None` is `from` itself.
    pub start_on: Option<Date>,
    /// The seats of every departure.
    pub layout_id: LayoutId,
    /// The fare of routes that have none in the feed: a decimal in the feed's currency, else USD.
    pub fare: Option<String>,
    /// Whether the first row that can't be right refuses the feed.
    pub strict: bool,
}

/// What a feed came to.
#[derive(Clone, Debug)]
pub struct Import {
    /// Routes, patterns and departures; no layouts, as the caller adds the one of [`Options::layout_id`].
    /// Empty if the window holds no departure.
    pub catalog: CatalogSet,
    /// What was left out.
    pub report: Report,
    /// What it holds, in numbers.
    pub summary: Summary,
}

/// A feed in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Routes of the catalogue.
    pub routes: u64,
    /// Different stops at which its departures call.
    pub stops: u64,
    /// Usable trips of the feed, in the window or not.
    pub trips: u64,
    /// Departures of the catalogue.
    pub departures: u64,
    /// Calls of these departures.
    pub stop_times: u64,
    /// Rows left out.
    pub skipped_rows: u64,
    /// The first day on which a usable trip of the feed runs, on the feed's own calendar.
    #[serde(serialize_with = "serialize_date")]
    pub first_service_date: Option<Date>,
    /// The last such day.
    #[serde(serialize_with = "serialize_date")]
    pub last_service_date: Option<Date>,
}

#[allow(clippy::ref_option, reason = "serde's serialize_with hands a reference")]
fn serialize_date<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    date.map(|d| d.to_string()).serialize(serializer)
}

/// How far an import is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What is being done: `reading stop_times.txt`.
    pub phase: &'a str,
    /// How much of it is done: bytes of a file, else trips or departures.
    pub done: u64,
    /// Of how much, where that is known.
    pub total: Option<u64>,
}

/// Reads a feed: a `.zip`, or a folder with its `.txt` files, at the top or in one folder inside.
///
/// # Errors
/// [`GtfsError`], each with what to do. Rows that can't be right are none, but with `strict`.
pub fn import(
    source: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Import, GtfsError> {
    import_named(source, &source.display().to_string(), options, progress)
}

/// Does the same with a feed that whoever asks knows by another name than its path.
///
/// # Errors
/// As [`import`].
pub fn import_named(
    source: &Path,
    name: &str,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Import, GtfsError> {
    let window = Window::new(options)?;
    let source = source::Source::open(source, name)?;
    let mut feed = rows::Feed { source, reporter: report::Reporter::new(options.strict), progress };
    let agencies = network::Agencies::read(&mut feed)?;
    let routes = network::read_routes(&mut feed, &agencies)?;
    let stops = network::read_stops(&mut feed)?;
    let services = calendar::Services::read(&mut feed)?;
    let trips = network::read_trips(&mut feed, &routes, &services)?;
    let frequencies = frequencies::read(&mut feed, &trips)?;
    let fares = fares::Fares::read(&mut feed, &agencies, &routes)?;
    let journeys = stop_times::read(&mut feed, &trips, &stops)?;
    let timetable = timetable::Timetable {
        window,
        options,
        zones: &agencies.zones,
        routes: &routes,
        stops: &stops,
        services: &services,
        trips: &trips,
        frequencies: &frequencies,
        fares: &fares,
        journeys: &journeys,
    };
    let (catalog, mut summary) = timetable.build(&mut feed)?;
    let report = feed.reporter.finish();
    summary.skipped_rows = report.total();
    Ok(Import { catalog, report, summary })
}

/// The service days wanted, and where they are laid.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Date,
    days: u32,
    shift_days: i32,
}

impl Window {
    fn new(options: &Options) -> Result<Self, GtfsError> {
        let Options { from, days, .. } = *options;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(GtfsError::Days(days));
        }
        let start_on = options.start_on.unwrap_or(from);
        for first in [from, start_on] {
            if !(1900..9000).contains(&first.year()) {
                return Err(GtfsError::Dates { from: first, days });
            }
        }
        let (wanted, got) = (from.weekday(), start_on.weekday());
        if wanted != got {
            let ahead = i64::from(wanted.since(got));
            let later = start_on.checked_add(ahead.days()).unwrap_or(from);
            let earlier = start_on.checked_sub((7 - ahead).days()).unwrap_or(from);
            let nearest = if ahead <= 3 || earlier < from { later.max(from) } else { earlier };
            return Err(GtfsError::StartOnWeekday {
                start_on,
                got: weekday_name(start_on),
                from,
                wanted: weekday_name(from),
                nearest,
            });
        }
        if start_on < from {
            return Err(GtfsError::StartOnEarlier { start_on, from, weekday: weekday_name(from) });
        }
        let span = from.until((Unit::Day, start_on)).map_or(0, |span| span.get_days());
        Ok(Self { from, days, shift_days: span })
    }

    /// The days, each on the feed's calendar and where it is laid.
    fn days(self) -> impl Iterator<Item = (Date, Date)> {
        (0..i64::from(self.days)).filter_map(move |day| {
            let day = self.from.checked_add(day.days()).ok()?;
            Some((day, day.checked_add(i64::from(self.shift_days).days()).ok()?))
        })
    }
}

fn weekday_name(date: Date) -> &'static str {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    NAMES[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0)]
}
