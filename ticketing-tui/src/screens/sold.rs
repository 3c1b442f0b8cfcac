//! The screens of what is sold: departures, shows at venues, listings, each with how its seats stand; the sections of a
//! hall, and the seats of one; and what those who sell and buy know of it: venues, orders.

use super::fields::{COUNT_FIELDS, ORDER_FIELDS, VENUE_FIELDS};
use super::list::{ID, ID_WIDTH, NONE};
use super::{Action, Column, ItemLook, SAME, Screen, Section};
use crate::row::{Kind, text};
use crate::text::grouped;
use serde_json::Value;

/// How seats stand: of a hall that may be tens of thousands.
const FREE: Column = Column::new("Free", "free", Kind::Number, (6, 7), 0);
const HELD: Column = Column::new("Held", "held", Kind::Number, (6, 7), 1);
const SOLD: Column = Column::new("Sold", "sold", Kind::Number, (6, 7), 0);
const BLOCKED: Column = Column::new("Blocked", "blocked", Kind::Number, (7, 7), 5);
const TOTAL: Column = Column::new("Of", "total", Kind::Number, (6, 7), 3);
const STATUS: Column = Column::new("Status", "status", Kind::State, (9, 11), 2);
const PRICE: Column = Column::new("From", "priceFrom", Kind::Money, (9, 14), 4);
const EXTERNAL_ID: Column = Column::new("External id", "externalId", Kind::Text, (11, 28), 8);
const BAR: Column = Column::new("", "total", Kind::Bar, (20, 20), 7);

fn cancelled(row: &Value) -> Option<&'static str> {
    text(row, "status").eq_ignore_ascii_case("cancelled").then_some("it is cancelled already")
}

/// How many seats of a departure or show somebody still has.
fn seats_left(row: &Value) -> u64 {
    ["held", "sold"].iter().filter_map(|path| row.get(path).and_then(Value::as_u64)).sum()
}

/// Why a departure or show can't be cancelled: if bookings of it are left, the rest of it can.
fn cancelled_whole(row: &Value) -> Option<&'static str> {
    cancelled(row).filter(|_| seats_left(row) == 0)
}

/// What cancelling does to a departure or show that is cancelled and still has bookings.
fn finishing(row: &Value) -> Option<String> {
    cancelled(row)?;
    match seats_left(row) {
        0 => None,
        1 => Some("Finish the cancellation: the booking of one seat is left".to_owned()),
        left => Some(format!("Finish the cancellation: bookings of {} seats are left", grouped(left))),
    }
}

/// Why a venue can't be closed.
fn closed(row: &Value) -> Option<&'static str> {
    text(row, "status").eq_ignore_ascii_case("closed").then_some("it is closed already")
}

pub(super) const SEATS: Screen = Screen {
    name: "seats",
    title: "Departures",
    noun: "seat",
    key: Some('5'),
    command: &["seat", "count", "--kind", "departure"],
    query: COUNT_FIELDS,
    id: &["id"],
    version: &["status"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 6),
        Column::new("Departs", "when", Kind::Time, (0, 0), 0),
        Column::new("Route", "name", Kind::Text, (12, 60), 0),
        Column::new("Free", "free", Kind::Number, (4, 7), 0),
        Column::new("Held", "held", Kind::Number, (4, 7), 1),
        Column::new("Sold", "sold", Kind::Number, (4, 7), 0),
        BLOCKED,
        Column::new("Of", "total", Kind::Number, (4, 7), 3),
        STATUS,
        PRICE,
        BAR,
        EXTERNAL_ID,
    ],
    empty: "No departure is ahead.",
    item: &["seat", "map"],
    item_look: ItemLook::Seats,
    card: "departures",
    is_of_log: true,
    actions: &[Action {
        key: 'c',
        title: "Cancel the departure",
        retitled: finishing,
        command: &["schedule", "cancel", "{}"],
        wants: None,
        is_tried: true,
        off: cancelled_whole,
    }],
    every_seconds: 5,
    ..NONE
};

pub(super) const SHOWS: Screen = Screen {
    name: "shows",
    title: "Shows",
    noun: "show",
    key: Some('v'),
    command: &["seat", "count", "--kind", "event"],
    query: COUNT_FIELDS,
    id: &["id"],
    version: &["status"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 6),
        Column::new("Begins", "when", Kind::Time, (0, 0), 0),
        Column::new("Event", "name", Kind::Text, (11, 60), 0),
        FREE,
        HELD,
        SOLD,
        BLOCKED,
        TOTAL,
        STATUS,
        PRICE,
        BAR,
        EXTERNAL_ID,
    ],
    empty: "No event is ahead.",
    item: &["event", "get"],
    opens: "halls",
    is_of_log: true,
    first: &[
        ("Id", "id", Kind::Id),
        ("Event", "title", Kind::Text),
        ("Status", "status", Kind::State),
        ("Reason", "reason", Kind::Text),
        ("Begins", "startTime", Kind::Time),
        ("There", "localStartTime", Kind::Text),
        ("Ends", "endTime", Kind::Time),
        ("Type", "eventType", Kind::Text),
        ("City", "city", Kind::Text),
        ("About", "description", Kind::Text),
        ("Price", "price", Kind::Money),
        ("Seats", "seatsTotal", Kind::Number),
        ("Free", "seatsLeft", Kind::Number),
        ("Venue", "venueName", Kind::Text),
        ("Venue id", "venueId", Kind::Id),
    ],
    sections: &[Section {
        title: "Prices",
        path: "priceCategories",
        folds: false,
        columns: &[
            Column::new("Category", "category", Kind::Text, (12, 32), 0),
            Column::new("Price", "price", Kind::Money, (9, 14), 0),
        ],
    }],
    actions: &[Action {
        key: 'c',
        title: "Cancel the event; what was paid is refunded",
        retitled: finishing,
        command: &["event", "cancel", "{}"],
        wants: None,
        is_tried: true,
        off: cancelled_whole,
    }],
    every_seconds: 5,
    ..NONE
};

pub(super) const HALLS: Screen = Screen {
    name: "halls",
    title: "Hall",
    noun: "hall",
    id: &["section"],
    version: &["free", "held", "sold", "blocked"],
    columns: &[
        Column::new("Section", "section", Kind::Text, (8, 20), 0),
        Column::new("Category", "category", Kind::Text, (8, 16), 3),
        FREE,
        HELD,
        SOLD,
        Column::new("Blocked", "blocked", Kind::Number, (7, 7), 1),
        TOTAL,
        Column::new("S sold, h held, x kept", "total", Kind::Bar, (22, 40), 2),
    ],
    empty: "This has no sections.",
    item: &["seat", "map", "{}", "--sections"],
    item_look: ItemLook::Sections,
    opens: "sections",
    card: "shows",
    is_of_log: true,
    ..NONE
};

/// What can be done to a seat of a hall. A seat that somebody has is freed by ending the booking: `w` tells which.
const SEAT_ACTIONS: &[Action] = &[
    Action {
        key: 'b',
        title: "Block: keep the seat back from sale",
        retitled: SAME,
        command: &["event", "block", "{of}", "{}"],
        wants: None,
        is_tried: true,
        off: |row| match text(row, "state").as_str() {
            "blocked" => Some("it is kept back already"),
            "sold" | "held" => Some("somebody has it"),
            _ => None,
        },
    },
    Action {
        key: 'u',
        title: "Unblock: give the seat free",
        retitled: SAME,
        command: &["event", "unblock", "{of}", "{}"],
        wants: None,
        is_tried: true,
        off: |row| (text(row, "state") != "blocked").then_some("it is not kept back"),
    },
];

pub(super) const SECTIONS: Screen = Screen {
    name: "sections",
    title: "Section",
    noun: "section",
    id: &["seatNumber"],
    version: &["state"],
    item: &["seat", "map", "{of}", "--section", "{part}"],
    item_look: ItemLook::Section,
    card: "shows",
    is_of_log: true,
    actions: SEAT_ACTIONS,
    ..NONE
};

pub(super) const LISTINGS: Screen = Screen {
    name: "listings",
    title: "Listings",
    noun: "listing",
    key: Some('l'),
    command: &["seat", "count", "--kind", "listing"],
    query: COUNT_FIELDS,
    id: &["id"],
    version: &["status"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 1),
        Column::new("Status", "status", Kind::State, (9, 10), 0),
        Column::new("Title", "name", Kind::Text, (16, 60), 0),
        Column::new("Price", "priceFrom", Kind::Money, (9, 14), 0),
        Column::new("Free", "free", Kind::Number, (4, 4), 3),
        Column::new("Held", "held", Kind::Number, (4, 4), 3),
        Column::new("Sold", "sold", Kind::Number, (4, 4), 3),
    ],
    empty: "Nobody sells a ticket.",
    item: &["listing", "get"],
    is_of_log: true,
    first: &[
        ("Id", "id", Kind::Id),
        ("Title", "title", Kind::Text),
        ("Status", "status", Kind::State),
        ("Price", "price", Kind::Money),
        ("Seller", "userId", Kind::Text),
        ("Put up", "createdAt", Kind::Time),
        ("Version", "version", Kind::Number),
    ],
    actions: &[Action {
        key: 'c',
        title: "Withdraw it; its order is cancelled, what was paid goes back",
        retitled: SAME,
        command: &["listing", "cancel", "{}"],
        wants: None,
        is_tried: true,
        off: cancelled,
    }],
    every_seconds: 5,
    ..NONE
};

pub(super) const ORDERS: Screen = Screen {
    name: "orders",
    title: "Orders",
    noun: "order",
    command: &["order", "list"],
    query: ORDER_FIELDS,
    id: &["id"],
    version: &["status", "version"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 1),
        Column::new("Status", "status", Kind::State, (9, 16), 0),
        Column::new("Ticket", "ticket.title", Kind::Text, (12, 60), 0),
        Column::new("Price", "price", Kind::Money, (9, 14), 2),
        Column::new("Buyer", "userId", Kind::Text, (8, 36), 3),
        Column::new("Created", "createdAt", Kind::Time, (0, 0), 4),
        Column::new("Expires", "expiresAt", Kind::Time, (0, 0), 5),
    ],
    empty: "Nobody ever ordered a listing.",
    item: &["order", "get"],
    first: &[
        ("Id", "id", Kind::Id),
        ("Status", "status", Kind::State),
        ("Ticket", "ticket.title", Kind::Text),
        ("Price", "price", Kind::Money),
        ("Buyer", "userId", Kind::Text),
        ("Expires", "expiresAt", Kind::Time),
        ("Created", "createdAt", Kind::Time),
        ("Payment", "paymentId", Kind::Id),
        ("Refund", "refund.status", Kind::State),
        ("Reason", "reason", Kind::Text),
        ("Listing", "ticket.id", Kind::Id),
        ("Version", "version", Kind::Number),
    ],
    // Only an order that may still be paid runs out.
    hides: |row, path| {
        path == "ticket"
            || (path == "expiresAt" && matches!(text(row, "status").as_str(), "complete" | "cancelled"))
    },
    actions: &[Action {
        key: 'c',
        title: "Cancel it: the ticket is open again, what was paid goes back",
        retitled: SAME,
        command: &["order", "cancel", "{}"],
        wants: None,
        is_tried: true,
        off: cancelled,
    }],
    every_seconds: 2,
    ..NONE
};

pub(super) const VENUES: Screen = Screen {
    name: "venues",
    title: "Venues",
    noun: "venue",
    command: &["venue", "list"],
    query: VENUE_FIELDS,
    id: &["id"],
    version: &["name", "status"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 2),
        Column::new("Name", "name", Kind::Text, (16, 60), 0),
        Column::new("City", "city", Kind::Text, (10, 32), 0),
        Column::new("Seats", "capacity", Kind::Number, (6, 9), 1),
        Column::new("Status", "status", Kind::State, (6, 8), 2),
        Column::new("Time zone", "timezone", Kind::Text, (10, 24), 4),
        Column::new("External id", "externalId", Kind::Text, (11, 28), 3),
    ],
    empty: "There is no venue.",
    item: &["venue", "get"],
    first: &[
        ("Id", "id", Kind::Id),
        ("Name", "name", Kind::Text),
        ("City", "city", Kind::Text),
        ("Address", "address", Kind::Text),
        ("Time zone", "timezone", Kind::Text),
        ("Seats", "capacity", Kind::Number),
        ("Status", "status", Kind::State),
        ("Reason", "reason", Kind::Text),
    ],
    sections: &[Section {
        title: "Sections",
        path: "sections",
        folds: false,
        columns: &[
            Column::new("Section", "name", Kind::Text, (10, 32), 0),
            Column::new("Category", "category", Kind::Text, (10, 32), 1),
            Column::new("Rows", "rows", Kind::Number, (5, 7), 2),
            Column::new("A row", "seatsPerRow", Kind::Number, (5, 7), 2),
            Column::new("Seats", "seats", Kind::Number, (5, 9), 0),
        ],
    }],
    actions: &[Action {
        key: 'c',
        title: "Close the venue: nothing is announced there any more",
        retitled: SAME,
        command: &["venue", "cancel", "{}"],
        wants: None,
        is_tried: true,
        off: closed,
    }],
    every_seconds: 30,
    ..NONE
};
