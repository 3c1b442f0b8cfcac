//! Trips by frequency: `frequencies.txt` turns a trip into a departure every so many seconds.
//!
//! Whether the operator promises the exact minute (`exact_times`) makes no difference to what is sold.

use super::GtfsError;
use super::network::{Known, Lookup, Trip};
use super::rows::{Feed, RowError, optional, required, shown};
use super::value::{clock, number, seconds};
use std::collections::{BTreeMap, HashMap};

/// A span of a service day in which a trip departs again and again.
#[derive(Clone, Copy)]
pub(super) struct Period {
    /// The first departure, in seconds of the service day.
    pub(super) start_s: i32,
    /// No departure from here on.
    end_s: i32,
    headway_s: i32,
    /// Where it stands in the file.
    pub(super) line: u64,
}

impl Period {
    /// How many departures it holds.
    pub(super) fn count(self) -> u64 {
        u64::try_from((self.end_s - self.start_s - 1) / self.headway_s + 1).unwrap_or(0)
    }

    /// Its departures, in seconds of the service day.
    pub(super) fn departures(self) -> impl Iterator<Item = i32> {
        (self.start_s..self.end_s).step_by(usize::try_from(self.headway_s).unwrap_or(usize::MAX))
    }
}

/// The periods of each trip that has any, in order of time. A trip whose rows were all skipped has an empty
/// entry: it runs by frequency, but nobody knows when.
pub(super) type Frequencies = HashMap<u32, BTreeMap<i32, Period>>;

/// Reads `frequencies.txt`, if the feed has it.
pub(super) fn read(feed: &mut Feed<'_>, trips: &Known<Trip>) -> Result<Frequencies, GtfsError> {
    let mut frequencies = Frequencies::new();
    let columns = [
        required("trip_id"),
        required("start_time"),
        required("end_time"),
        required("headway_secs"),
        optional("exact_times"),
    ];
    feed.each_row("frequencies.txt", columns, |row| {
        let trip_id = row.text(0);
        let trip = match trips.find(&trip_id) {
            Lookup::Found(trip) => trip,
            Lookup::Skipped => return Ok(()),
            Lookup::Unknown => return Err(format!("trip_id {} is not in trips.txt", shown(&trip_id)).into()),
        };
        let periods = frequencies.entry(trip).or_default();
        let time = |column: usize, name: &str| {
            seconds(row.bytes(column))
                .ok_or_else(|| format!("{name} {} is no time", shown(&row.text(column))))
        };
        let (start_s, end_s) = (time(1, "start_time")?, time(2, "end_time")?);
        if end_s <= start_s {
            return Err(RowError::Skip(format!(
                "ends at {}, not after its start at {}",
                clock(end_s),
                clock(start_s)
            )));
        }
        let headway_s = number(row.bytes(3))
            .filter(|n| *n > 0)
            .ok_or_else(|| format!("headway_secs {} is no number above 0", shown(&row.text(3))))?;
        if !matches!(row.bytes(4), b"" | b"0" | b"1") {
            return Err(format!("exact_times {} is not 0 or 1", shown(&row.text(4))).into());
        }
        let before = periods.range(..end_s).next_back();
        if let Some((_, other)) = before.filter(|(_, other)| other.end_s > start_s) {
            return Err(format!("overlaps the same trip's period on line {}", other.line).into());
        }
        periods.insert(start_s, Period { start_s, end_s, headway_s, line: row.line });
        Ok(())
    })?;
    Ok(frequencies)
}
