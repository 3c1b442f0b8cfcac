//! What must hold when all is over: the read model is what the plan says, no seat was sold twice, money and dead
//! letters are as they should be, the read model is the fold of the log, and the log is on the topics.

use super::broker::{Published, Wire};
use super::plan::{Item, Row, letters, minor, money};
use super::platform::Platform;
use super::service::say;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Whether `dlq list` and `verify` must be there. Until then, what they say is checked only where they are.
const ALL_COMMANDS_ARE_THERE: bool = true;
/// How often it is looked whether all has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Differences that are shown.
const SHOWN: usize = 10;
/// A time as the topics have it: `2026-11-20T12:00:00.000Z`.
const TIME_LEN: usize = 24;

/// Bookings by their ids, each with the number of its item.
pub type Bookings = BTreeMap<String, usize>;

/// The read model, as `ticketctl` shows it, each booking with its plan's name.
fn rows(platform: &Platform, items: &[Item], bookings: &Bookings) -> Vec<Row> {
    let list = platform.run(&["booking", "list", "-o", "json", "--all"]).ok().json();
    let mut rows: Vec<Row> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|booking| {
            let text = |name: &str| booking[name].as_str().unwrap_or_else(|| panic!("{booking}")).to_owned();
            let item = bookings.get(&text("id")).unwrap_or_else(|| panic!("nobody booked {booking}"));
            let mut row: Row =
                ["userId", "routeName", "departureTime", "originStop", "destinationStop"].map(text).into();
            row.push(if items[*item].seat.is_some() { text("seatNumber") } else { "*".into() });
            row.push(text("status"));
            row.push(minor(&booking["price"]).to_string());
            row.push(text("currency"));
            row
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// Waits until the read model is what the plan says and nothing is behind.
pub async fn settled(platform: &Platform, items: &[Item], bookings: &Bookings, within: Duration) {
    let mut expected: Vec<Row> = items.iter().flat_map(Item::rows).collect();
    expected.sort_unstable();
    let began = Instant::now();
    loop {
        let status = platform.status();
        let carriers = status["carriers"].as_array().unwrap();
        let lag: i64 = carriers.iter().map(|carrier| carrier["lag"].as_i64().unwrap()).sum();
        let found = rows(platform, items, bookings);
        if status["lag"] == 0 && lag == 0 && found == expected {
            return;
        }
        if began.elapsed() > within {
            let (found, expected) = (counted(&found), counted(&expected));
            let differs = |one: &HashMap<Row, i64>, other: &HashMap<Row, i64>| {
                let rows = one.iter().filter(|(row, n)| other.get(*row) != Some(n));
                rows.map(|(row, n)| format!("{n} × {}", row.join(" | "))).take(SHOWN).collect::<Vec<_>>()
            };
            panic!(
                "it does not come to rest in {within:?}\nfound: {:#?}\nexpected: {:#?}\n{status:#}\n{}",
                differs(&found, &expected),
                differs(&expected, &found),
                platform.logs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn counted(rows: &[Row]) -> HashMap<Row, i64> {
    let mut counts = HashMap::new();
    rows.iter().for_each(|row| *counts.entry(row.clone()).or_default() += 1);
    counts
}

/// No seat has two owners on any leg.
pub fn no_seat_is_sold_twice(platform: &Platform, items: &[Item], bookings: &Bookings) {
    let list = platform.run(&["booking", "list", "-o", "json", "--all"]).ok().json();
    let mut owners: HashMap<(String, String, usize), String> = HashMap::new();
    for booking in list.as_array().unwrap() {
        if !["CONFIRMED", "PENDING", "RESERVED"].contains(&booking["status"].as_str().unwrap()) {
            continue;
        }
        let id = booking["id"].as_str().unwrap();
        let item = &items[bookings[id]];
        let stops = item.schedule["stops"].as_array().unwrap();
        let place = |stop: Option<&str>, end: usize| {
            stop.map_or(end, |stop| stops.iter().position(|s| s["externalId"] == stop).unwrap())
        };
        for leg in place(item.from_stop, 0)..place(item.to_stop, stops.len() - 1) {
            let seat = booking["seatNumber"].as_str().unwrap().to_owned();
            let key = (item.schedule["id"].as_str().unwrap().to_owned(), seat, leg);
            if let Some(other) = owners.insert(key.clone(), id.to_owned()) {
                panic!("{key:?} belongs to {other} and {id}");
            }
        }
    }
}

/// The books are what the plan comes to.
pub fn money_is_as_planned(platform: &Platform, items: &[Item]) {
    let books = platform.run(&["payment", "books", "-o", "json"]).ok().json();
    let books = books.as_array().unwrap();
    assert_eq!(books.len(), 1, "{books:?}");
    let figure = |name: &str| minor(&books[0][name]);
    let found = super::plan::Money {
        captured: figure("captured"),
        refunded: figure("refunded"),
        confirmed: figure("confirmed"),
        going_back: figure("goingBack"),
    };
    assert_eq!(found, money(items), "{books:?}");
    assert_eq!(books[0]["balanced"], true, "{books:?}");
}

/// The dead letters are those of the plan, and no others.
pub fn letters_are_as_planned(platform: &Platform, items: &[Item]) {
    let planned: usize = letters(items).values().sum();
    assert_eq!(platform.status()["deadLetters"], planned);
    if !is_there(platform, &["dlq", "list"]) {
        return;
    }
    let list = platform.run(&["dlq", "list", "-o", "json", "--all"]).ok().json();
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for letter in list.as_array().unwrap() {
        let text = |name: &str| letter[name].as_str().unwrap_or_else(|| panic!("{letter}")).to_owned();
        *found.entry((text("state"), text("code"))).or_default() += 1;
    }
    assert_eq!(found, letters(items));
}

/// The same where a broker was killed while messages came: their sender sends again what was not acknowledged. What is
/// sent again is a record of its own on the topic, and of a message that can't be handled each record is a letter; but
/// no record is two letters, and none is missing.
pub async fn letters_are_as_planned_with_repeats(platform: &Platform, items: &[Item], wire: &Wire) {
    let Some(told) = wire.told().await else { return letters_are_as_planned(platform, items) };
    let list = platform.run(&["dlq", "list", "-o", "json", "--all"]).ok().json();
    let mut messages: BTreeMap<&str, (usize, (String, String))> = BTreeMap::new();
    let mut places = BTreeSet::new();
    // The newest comes first; how a message's first letter stands is what was planned.
    for letter in list.as_array().unwrap().iter().rev() {
        let place = (letter["partition"].as_i64().unwrap(), letter["offset"].as_i64().unwrap());
        assert!(places.insert(place), "two letters of one record: {letter}");
        let body = told.get(&place).unwrap_or_else(|| panic!("no record stands there: {letter}"));
        let word = |name: &str| letter[name].as_str().unwrap_or_else(|| panic!("{letter}")).to_owned();
        messages.entry(body).or_insert_with(|| (0, (word("state"), word("code")))).0 += 1;
    }
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (body, (count, stands)) in &messages {
        let records = told.values().filter(|told| told == body).count();
        assert_eq!(*count, records, "letters of {body}");
        *found.entry(stands.clone()).or_default() += 1;
    }
    assert_eq!(found, letters(items), "{} letters", places.len());
    say(&format!("{} letters of {} messages", places.len(), messages.len()));
}

/// Whether a command is there already.
fn is_there(platform: &Platform, command: &[&str]) -> bool {
    let ran = platform.run(&[command, &["--help"]].concat());
    assert!(ran.code == 0 || !ALL_COMMANDS_ARE_THERE, "{ran:?}");
    ran.code == 0
}

/// Every invariant holds, on the live stores.
pub fn is_sound(platform: &Platform) {
    if is_there(platform, &["verify"]) {
        let verified = platform.run(&["verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

/// The log, folded into an empty read store by a process without a carrier, is what the live one shows.
pub async fn read_model_is_the_fold(platform: &Platform, read_database_url: &str) {
    let list = |more: &[(&str, &str)]| {
        let ran = platform.run_with(&["booking", "list", "-o", "json", "--all"], more);
        assert_eq!(ran.code, 0, "{ran:?}");
        // A status that the time of day changes would be the same in both.
        ran.json()
    };
    let own = [
        ("READ_DATABASE_URL", read_database_url),
        ("KAFKA_BROKERS", ""),
        ("NATS_URL", ""),
        ("REDIS_URL", ""),
    ];
    platform.run_with(&["migrate", "up"], &own).ok();
    let number = platform.start_with("projector", &own);
    let began = Instant::now();
    loop {
        let status = platform.run_with(&["status", "-o", "json"], &own).ok().json();
        if status["lag"] == 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{status:#}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let anew = list(&own);
    assert_eq!(anew, list(&[]), "folded anew");
    platform.kill(number);
}

/// Each event of the log is on its topic, at least once, as it stands in the log; each stream in its order.
pub async fn log_is_published(platform: &Platform, wire: &Wire) {
    let Some(records) = wire.published().await else { return };
    let log = platform.run(&["events", "tail", "-o", "jsonl"]).ok().out;
    let log: BTreeMap<i64, Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| (number(&event["position"]), event))
        .collect();
    let head = platform.status()["head"].as_i64().unwrap();
    assert_eq!(i64::try_from(log.len()).unwrap(), head, "events of the log");

    let mut versions: HashMap<&str, i64> = HashMap::new();
    let mut found = BTreeSet::new();
    let mut causes = 0;
    for record in &records {
        let header = |name: &str| {
            record.headers.get(name).unwrap_or_else(|| panic!("{name} is missing: {record:?}")).as_str()
        };
        let (position, version): (i64, i64) =
            (header("position").parse().unwrap(), header("streamVersion").parse().unwrap());
        let event = log.get(&position).unwrap_or_else(|| panic!("it is not in the log: {record:?}"));
        // The first time that a version comes, all before it have come.
        let seen = versions.entry(&record.key).or_default();
        assert!(version <= *seen + 1, "version {} of {} is missing: {record:?}", *seen + 1, record.key);
        *seen = version.max(*seen);
        found.insert(position);
        causes += usize::from(record.headers.contains_key("causationId"));
        is_the_event(record, header, event, version);
    }
    assert!(found.iter().copied().eq(1..=head), "{} of {head} positions were published", found.len());
    assert!(causes > 0, "nothing follows from anything");
    say(&format!("{} records of {head} events", records.len()));
}

fn is_the_event<'r>(record: &Published, header: impl Fn(&str) -> &'r str, event: &Value, version: i64) {
    let catalog = ["LayoutDefined", "RouteDefined", "PatternDefined", "OfferingDefined", "OfferingCancelled"];
    let kind = header("ce_type");
    let topic = if catalog.contains(&kind) { "catalog-events" } else { "ticket-events" };
    assert_eq!(record.topic, topic, "{record:?}");
    assert_eq!(header("ce_specversion"), "1.0");
    assert_eq!(header("ce_subject"), record.key);
    assert_eq!(header("ce_id"), format!("{}:{version}", record.key));
    assert!(!header("ce_source").is_empty());
    assert!(header("ce_time").len() == TIME_LEN && header("ce_time").ends_with('Z'), "{record:?}");
    let told = json!({
        "type": kind,
        "time": header("ce_time"),
        "streamId": record.key,
        "streamVersion": version,
        "correlationId": header("correlationId"),
        "causationId": record.headers.get("causationId"),
    });
    for (name, value) in told.as_object().unwrap() {
        let same = match name.as_str() {
            "streamVersion" => number(&event[name]) == version,
            _ => event.get(name).unwrap_or(&Value::Null) == value,
        };
        assert!(same, "{name} of {record:?} is not that of {event}");
    }
    // A booking's record names the booking in its body, too; all else is the event's data.
    let mut body = record.body.clone();
    if event["data"].get("bookingId").is_none()
        && let Some(booking) = body.as_object_mut().and_then(|fields| fields.remove("bookingId"))
    {
        assert_eq!(booking, record.key.as_str());
    }
    assert_eq!(body, event["data"]);
}

/// A number, perhaps written as text.
fn number(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}
