//! What is on sale: a GTFS feed, laid onto the coming weeks.

use super::platform::Platform;
use jiff::civil::Weekday;
use jiff::{ToSpan as _, Zoned};
use serde_json::Value;
use std::path::Path;

/// The first Monday of the feed's calendar, and how much of it is used.
const FEED_FROM: &str = "2026-03-02";
const FEED_DAYS: &str = "28";

/// The departures of the feed, laid onto the weeks after next Monday.
pub fn seed(platform: &Platform) -> Vec<Value> {
    let feed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/gtfs/mini-city");
    let mut monday = Zoned::now().date().checked_add(2.days()).unwrap();
    while monday.weekday() != Weekday::Monday {
        monday = monday.tomorrow().unwrap();
    }
    let (feed, monday) = (feed.to_str().unwrap(), monday.to_string());
    let args = ["seed", "gtfs", feed, "--from", FEED_FROM, "--days", FEED_DAYS, "--start-on", &monday, "-q"];
    platform.run(&args).ok();
    let mut schedules = platform.run(&["schedule", "list", "-o", "json"]).ok().json();
    let schedules = schedules.as_array_mut().unwrap();
    schedules.sort_by_key(|s| (s["departureTime"].to_string(), s["externalId"].to_string()));
    std::mem::take(schedules)
}
