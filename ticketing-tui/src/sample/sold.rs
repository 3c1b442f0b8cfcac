//! What is sold on the made-up evening: departures, shows, listings; a hall of a hundred sections.

use super::{at, id};
use serde_json::{Value, json};

/// Sections of the hall, rows of each, seats of a row: twenty thousand.
const HALL: (usize, usize, usize) = (100, 10, 20);

/// Returns what `ticketctl seat count --kind …` answers.
pub(super) fn counted(kind: &str) -> Vec<Value> {
    let row = |n: i64, name: &str, status: &str, total: i64| {
        let (sold, held, blocked) = match (kind, status) {
            ("listing", "sold") => (1, 0, 0),
            ("listing", "reserved") => (0, 1, 0),
            ("listing", _) => (0, 0, 0),
            _ => (total * n / 60, n / 3, total / 20),
        };
        let free = total - sold - held - blocked;
        let (free, blocked) = if status == "CANCELLED" { (0, blocked + free) } else { (free, blocked) };
        json!({
            "kind": kind, "id": id(if kind == "departure" { 5 } else { 15 }, n), "name": name, "status": status,
            "when": (kind != "listing").then(|| at(600 * (n + 1))), "priceFrom": 25.00, "currency": "USD", "total": total,
            "free": free, "held": held, "sold": sold, "blocked": blocked,
            "externalId": (kind != "listing").then(|| format!("10@{n}"))
        })
    };
    match kind {
        "departure" => (0..25)
            .map(|n| row(n, "Airport Express", if n == 3 { "CANCELLED" } else { "SCHEDULED" }, 40))
            .collect(),
        "event" => vec![
            row(0, "Rivertown Rovers – Northport City", "ON_SALE", 20_000),
            row(1, "The Tempest \u{1b}[2J", "ON_SALE", 298),
            row(2, "東京の夜", "CANCELLED", 298),
        ],
        _ => ["open", "reserved", "sold", "cancelled"]
            .iter()
            .zip(0..)
            .map(|(status, n)| row(n, "Jazz, front row \u{202e}", status, 1))
            .collect(),
    }
}

/// Returns how the sections of the hall stand.
pub(super) fn sections() -> Vec<Value> {
    let (sections, rows, seats) = HALL;
    let total = rows * seats;
    let row = |n: usize| {
        let (sold, held) = (total * (n % 11) / 10, usize::from(n.is_multiple_of(3)));
        let (sold, blocked) = (sold.min(total - 10), 4);
        json!({
            "section": (101 + n).to_string(), "category": if n < 20 { "COURTSIDE" } else { "UPPER" }, "total": total,
            "free": total - sold - held - blocked, "held": held, "sold": sold, "blocked": blocked
        })
    };
    (0..sections).map(row).collect()
}

/// Returns the seats of one section.
pub(super) fn section(of: &str, section: &str) -> Value {
    let states = ["free", "sold", "free", "held", "blocked", "sold", "free"];
    let (_, rows, seats) = HALL;
    let seat = |n: usize| {
        let row = char::from(b'A' + u8::try_from(n / seats).unwrap());
        json!({"seatNumber": format!("{section}-{row}{}", n % seats + 1), "state": states[n % 7]})
    };
    let all: Vec<Value> = (0..rows * seats).map(seat).collect();
    json!({"scheduleId": of, "fromStop": "begin", "toStop": "end", "seats": all})
}

/// Returns an event with its prices.
pub(super) fn event(of: &str) -> Value {
    json!({
        "id": of, "title": "Rivertown Rovers – Northport City", "status": "ON_SALE", "startTime": at(600), "endTime": at(7_800),
        "eventType": "sports", "city": "Riverton", "description": "The derby.", "price": 25.00, "currency": "USD",
        "venueId": id(16, 1), "version": 3, "venueName": "Riverside Arena", "timezone": "America/New_York",
        "localStartTime": "2026-11-20 07:10 America/New_York", "seatsTotal": 19_000, "seatsLeft": 18_400,
        "priceCategories": [{"category": "COURTSIDE", "price": 120.00}, {"category": "UPPER", "price": 25.00}]
    })
}

/// Returns a listing.
pub(super) fn listing(of: &str) -> Value {
    json!({"id": of, "title": "Jazz, front row", "status": "open", "price": "75.00", "currency": "USD", "userId": "ada",
           "createdAt": at(-900), "version": 1})
}

/// Returns the orders.
pub(super) fn orders() -> Vec<Value> {
    let states = ["created", "awaiting:payment", "complete", "cancelled"];
    let row = |n: i64| {
        json!({
            "id": id(2, n), "userId": "bela", "status": states[n as usize % 4], "expiresAt": at(600), "price": "75.00",
            "ticket": {"id": id(17, n), "title": "Jazz, front row", "price": "75.00", "currency": "USD"},
            "currency": "USD", "createdAt": at(-60 * n), "version": 2
        })
    };
    (0..8).map(row).collect()
}

/// Returns the venues.
pub(super) fn venues() -> Vec<Value> {
    vec![
        json!({"id": id(16, 1), "externalId": "arena", "name": "Riverside Arena", "city": "Riverton", "timezone": "America/Chicago",
               "layout": "arena-20000", "capacity": 20_000, "status": "OPEN"}),
    ]
}
