//! Two published feeds, where they are at hand: they are too large, or not ours, to be kept here.

use super::{GtfsError, options, run};
use std::path::{Path, PathBuf};

/// Returns a published feed, or says that the test is left out.
fn published(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/gtfs")).join(name);
    if !path.is_file() {
        eprintln!("left out: {} isn't there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn thirty_days_of_chattanooga_have_every_departure_and_call() {
    let Some(path) = published("carta-2026-05-10.zip") else { return };
    let mut options = options("2026-05-10", 30);
    options.strict = true;
    let import = run(&path, &options).unwrap();
    assert_eq!(import.summary.departures, 21_390);
    assert_eq!(import.summary.stop_times, 1_017_090);
    assert_eq!(import.summary.trips, 1_848);
    assert_eq!(import.summary.routes, 14);
    assert_eq!(import.summary.first_service_date.unwrap().to_string(), "2026-05-10");
    assert_eq!(import.summary.last_service_date.unwrap().to_string(), "2026-08-22");
    assert!(import.catalog.routes.iter().all(|r| r.fare.decimal() == "1.50"), "the highest of 0.00 and 1.50");
    let ids: std::collections::HashSet<_> = import.catalog.offerings.iter().map(|o| o.id).collect();
    assert_eq!(ids.len(), 21_390);
}

#[test]
fn the_sample_feed_needs_a_fare_for_its_city_line() {
    let Some(path) = published("google-sample-feed-1.zip") else { return };
    let mut options = options("2007-06-02", 3);
    let error = run(&path, &options).unwrap_err();
    assert!(matches!(&error, GtfsError::NoFare { routes } if routes == "CITY"), "{error}");
    options.fare = Some("2.00".into());
    options.strict = true;
    let import = run(&path, &options).unwrap();
    // Saturday and Sunday with four Amargosa trips, and Monday with an exception: nothing runs.
    // STBA 6:00 to 22:00 every 30 min: 32. Each of the two CITY trips: 4 + 12 + 12 + 18 + 6 = 52.
    assert_eq!(import.summary.departures, 2 * (32 + 2 * 52 + 4 + 4));
    assert_eq!(import.summary.stop_times, 2 * (32 * 2 + 2 * 52 * 5 + 4 * 2 + 4 * 2));
    assert_eq!(import.summary.routes, 5);
    assert_eq!(import.summary.last_service_date.unwrap().to_string(), "2010-12-31");
    let first = import.catalog.offerings.iter().find(|o| o.external_id.as_deref() == Some("STBA@06:00:00"));
    assert_eq!(first.unwrap().departs_at.to_string(), "2007-06-02T13:00:00.000Z");
    let last = import.catalog.offerings.iter().find(|o| o.external_id.as_deref() == Some("STBA@21:30:00"));
    assert_eq!(last.unwrap().arrives_at.to_string(), "2007-06-03T04:50:00.000Z");
}
