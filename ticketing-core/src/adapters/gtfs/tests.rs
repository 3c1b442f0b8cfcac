//! The importer on feeds: small ones in `fixtures/gtfs`, written ones, published ones, and hostile ones.

mod hostile;
mod mini_city;
mod published;
mod sources;
mod untidy;

use super::{GtfsError, Import, Options, import};
use crate::domain::id::LayoutId;
use jiff::civil::Date;
use std::fs;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The folder of a fixture feed.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/gtfs").join(name)
}

fn options(from: &str, days: u32) -> Options {
    Options {
        from: from.parse::<Date>().unwrap(),
        days,
        start_on: None,
        layout_id: LayoutId(Uuid::nil()),
        fare: None,
        strict: false,
    }
}

fn run(source: &Path, options: &Options) -> Result<Import, GtfsError> {
    import(source, options, &mut |_| {})
}

/// The smallest good feed: one trip from A over B to C on every day of 2026, in UTC, at 2.50 EUR.
const SMALL: &[(&str, &str)] = &[
    ("agency.txt", "agency_id,agency_name,agency_url,agency_timezone\nX,X,http://x,UTC\n"),
    ("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nR,X,1,Line one,3\n"),
    ("stops.txt", "stop_id,stop_name\nA,Alpha\nB,Beta\nC,Gamma\n"),
    (
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
         S,1,1,1,1,1,1,1,20260101,20261231\n",
    ),
    ("trips.txt", "trip_id,route_id,service_id\nT,R,S\n"),
    (
        "stop_times.txt",
        "trip_id,stop_id,stop_sequence,arrival_time,departure_time\n\
         T,A,1,08:00:00,08:00:00\nT,B,2,08:10:00,08:11:00\nT,C,3,08:20:00,08:20:00\n",
    ),
    ("fare_attributes.txt", "fare_id,price,currency_type,payment_method,transfers\nF,2.50,EUR,0,\n"),
];

/// Writes [`SMALL`] into a folder, with these files in place of its own; an empty text is no file.
fn small_feed(changes: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in SMALL.iter().chain(changes) {
        let path = folder.path().join(name);
        if text.is_empty() {
            let _ = fs::remove_file(path);
        } else {
            fs::write(path, text).unwrap();
        }
    }
    folder
}

/// Imports [`SMALL`] with these changes, for 2026-06-01.
fn small(changes: &[(&str, &str)]) -> Result<Import, GtfsError> {
    run(small_feed(changes).path(), &options("2026-06-01", 1))
}

/// A skipped row on one line of text.
fn skipped(import: &Import) -> Vec<String> {
    import.report.rows.iter().map(|r| format!("{}:{}: {}", r.file, r.line, r.reason)).collect()
}
