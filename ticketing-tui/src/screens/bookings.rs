//! The screens of what is bought: holds, bookings, the sagas that get them paid, payments.

use super::list::{ID, ID_WIDTH, NONE, TIMERS};
use super::{Action, Column, SAME, Screen, Section};
use crate::row::{Kind, text};
use serde_json::Value;
use ticketing_core::ops::payments::PAYMENT_FIELDS;
use ticketing_core::ops::sagas::SAGA_FIELDS;
use ticketing_core::ops::ticket_fields::TICKET_FIELDS;

/// Its end tells one seat of a hall from the others: `STA…-A12`.
const SEAT: Column = Column::new("Seat", "seatNumber", Kind::Id, (8, 16), 1);

const CALLS: &[Column] = &[
    Column::new("Kind", "kind", Kind::Text, (6, 8), 0),
    Column::new("State", "state", Kind::State, (9, 12), 0),
    Column::new("Amount", "amount", Kind::Money, (9, 14), 1),
    Column::new("Unclear", "tries", Kind::Number, (7, 7), 2),
    Column::new("Next", "nextAt", Kind::Time, (0, 0), 3),
    Column::new("Error", "error", Kind::Text, (12, 60), 4),
    Column::new("Call", "id", ID, ID_WIDTH, 5),
    Column::new("Reference", "providerRef", Kind::Text, (12, 60), 6),
];

const OVER: &[&str] = &["CANCELLED", "EXPIRED", "REFUNDED"];

/// What can be done to a saga. Which of it a saga allows as it is, its plans tell; here is what a row tells at once.
pub(super) const SAGA_ACTIONS: &[Action] = &[
    Action {
        key: 'r',
        title: "Retry: ask the provider again",
        retitled: SAME,
        command: &["saga", "retry", "{}"],
        wants: None,
        is_tried: true,
        off: |row| no_saga(row).or_else(|| confirmed(row)).or_else(|| over(row)),
    },
    Action {
        key: 'c',
        title: "Compensate: give back the seats and the money",
        retitled: SAME,
        command: &["saga", "compensate", "{}"],
        wants: None,
        is_tried: true,
        off: |row| no_saga(row).or_else(|| over(row)),
    },
    Action {
        key: 'x',
        title: "Abandon: close it as it is",
        retitled: SAME,
        command: &["saga", "abandon", "{}"],
        wants: None,
        is_tried: true,
        off: |row| no_saga(row).or_else(|| confirmed(row)).or_else(|| over(row)),
    },
];

/// The story of a booking, payment or saga stands for its saga.
fn no_saga(row: &Value) -> Option<&'static str> {
    match text(row, "subject").as_str() {
        "" | "booking" | "payment" | "saga" => None,
        _ => Some("this story is of no single saga"),
    }
}

fn confirmed(row: &Value) -> Option<&'static str> {
    (text(row, "state") == "CONFIRMED").then_some("it is confirmed, and nothing is under way")
}

fn over(row: &Value) -> Option<&'static str> {
    OVER.contains(&text(row, "state").as_str()).then_some("it is over")
}

fn is_held(row: &Value) -> bool {
    matches!(text(row, "status").as_str(), "PENDING" | "RESERVED")
}

/// Only what is held has an end of its hold.
fn hides_hold_end(row: &Value, path: &str) -> bool {
    path == "holdExpiresAt" && !is_held(row)
}

pub(super) const SAGAS: Screen = Screen {
    name: "sagas",
    title: "Sagas",
    noun: "saga",
    key: Some('2'),
    command: &["saga", "list"],
    query: SAGA_FIELDS,
    id: &["id"],
    version: &["state", "step", "attempts", "stuck"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 1),
        Column::new("State", "state", Kind::State, (16, 16), 0),
        Column::new("Stuck", "stuck", Kind::Flag, (5, 5), 0),
        Column::new("Step", "step", Kind::Text, (14, 24), 3),
        Column::new("Charges", "attempts", Kind::Number, (7, 7), 4),
        Column::new("Next", "nextAt", Kind::Time, (0, 0), 5),
        Column::new("Last error", "lastError", Kind::Text, (12, 40), 2),
        Column::new("Why stuck", "stuckReason", Kind::Text, (16, 60), 6),
    ],
    empty: "No payment was ever begun.",
    item: &["saga", "show"],
    first: &[
        ("Id", "id", Kind::Id),
        ("State", "state", Kind::State),
        ("Booking is", "bookingStatus", Kind::State),
        ("Last step", "step", Kind::Text),
        ("Charges", "attempts", Kind::Number),
        ("Last error", "lastError", Kind::Text),
        ("Stuck", "stuck", Kind::Flag),
        ("Why stuck", "stuckReason", Kind::Text),
        ("Safe action", "safeAction", Kind::Text),
        ("Next", "nextAt", Kind::Time),
        ("Moved", "movedAt", Kind::Time),
        ("Began", "createdAt", Kind::Time),
    ],
    sections: &[
        Section {
            title: "Timeline",
            path: "steps",
            folds: true,
            columns: &[
                Column::new("#", "no", Kind::Number, (2, 4), 3),
                Column::new("At", "at", Kind::Time, (0, 0), 0),
                Column::new("What", "what", Kind::Text, (16, 28), 0),
                Column::new("State", "state", Kind::State, (16, 16), 1),
                Column::new("Note", "note", Kind::Text, (14, 60), 2),
                Column::new("Actor", "actor", Kind::Text, (8, 16), 4),
            ],
        },
        Section { title: "What happens next", path: "timers", folds: false, columns: TIMERS },
        Section { title: "Calls to the provider", path: "providerCalls", folds: false, columns: CALLS },
        Section {
            title: "Payments",
            path: "payments",
            folds: false,
            columns: &[
                Column::new("Payment", "id", ID, ID_WIDTH, 0),
                Column::new("Status", "status", Kind::State, (9, 12), 0),
                Column::new("Asked", "amount", Kind::Money, (9, 14), 1),
                Column::new("Captured", "captured", Kind::Money, (9, 14), 2),
                Column::new("Refunded", "refunded", Kind::Money, (9, 14), 3),
                Column::new("Failure", "failure", Kind::Text, (12, 40), 4),
            ],
        },
        Section {
            title: "Faults to rehearse",
            path: "drills",
            folds: false,
            columns: &[
                Column::new("Step", "step", Kind::Text, (8, 8), 0),
                Column::new("Kind", "kind", Kind::Text, (8, 8), 0),
                Column::new("Times left", "timesLeft", Kind::Number, (10, 10), 1),
            ],
        },
    ],
    actions: SAGA_ACTIONS,
    ..NONE
};

pub(super) const HOLDS: Screen = Screen {
    name: "holds",
    title: "Holds",
    noun: "hold",
    key: Some('3'),
    command: &["hold", "list"],
    query: TICKET_FIELDS,
    id: &["id"],
    version: &["status", "holdExpiresAt"],
    columns: &[
        Column::new("Left", "holdExpiresAt", Kind::Left, (9, 11), 0),
        Column::new("Id", "id", ID, ID_WIDTH, 0),
        Column::new("Status", "status", Kind::State, (9, 9), 2),
        SEAT,
        Column::new("User", "userId", Kind::Text, (10, 36), 3),
        Column::new("Price", "price", Kind::Money, (9, 14), 4),
        Column::new("Created", "createdAt", Kind::Time, (0, 0), 5),
        Column::new("Schedule", "scheduleId", ID, ID_WIDTH, 6),
    ],
    empty: "No seat is held.",
    item: &["booking", "get"],
    first: BOOKING_FIRST,
    hides: hides_hold_end,
    sections: BOOKING_SECTIONS,
    actions: &[Action {
        key: 'x',
        title: "Expire: end the hold now and free its seats",
        retitled: SAME,
        command: &["hold", "expire", "{}"],
        wants: None,
        is_tried: true,
        off: |row| (!is_held(row)).then_some("it holds nothing any more"),
    }],
    ..NONE
};

const BOOKING_FIRST: &[(&str, &str, Kind)] = &[
    ("Id", "id", Kind::Id),
    ("Status", "status", Kind::State),
    ("Seat", "seatNumber", Kind::Text),
    ("Seats", "seatNumbers", Kind::Text),
    ("What", "routeName", Kind::Text),
    ("From", "originStop", Kind::Text),
    ("To", "destinationStop", Kind::Text),
    ("Departs", "departureTime", Kind::Time),
    ("Arrives", "arrivalTime", Kind::Time),
    ("Price", "price", Kind::Money),
    ("Hold ends", "holdExpiresAt", Kind::Time),
    ("Passenger", "passenger.name", Kind::Text),
    ("E-mail", "passenger.email", Kind::Text),
    ("Phone", "passenger.phone", Kind::Text),
    ("User", "userId", Kind::Text),
    ("Created", "createdAt", Kind::Time),
    ("Payment", "payment.id", Kind::Id),
    ("Paid", "payment.status", Kind::State),
    ("Refund", "refund.status", Kind::State),
    ("Reason", "reason", Kind::Text),
];

const BOOKING_SECTIONS: &[Section] = &[Section {
    title: "History",
    path: "history",
    folds: false,
    columns: &[
        Column::new("Time", "time", Kind::Time, (0, 0), 0),
        Column::new("Event", "type", Kind::Text, (17, 24), 0),
        Column::new("Actor", "actor", Kind::Text, (8, 24), 1),
        Column::new("Position", "position", Kind::Number, (9, 13), 2),
    ],
}];

pub(super) const BOOKINGS: Screen = Screen {
    name: "bookings",
    title: "Bookings",
    noun: "booking",
    key: Some('4'),
    command: &["booking", "list"],
    query: TICKET_FIELDS,
    id: &["id"],
    version: &["status"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 0),
        Column::new("Status", "status", Kind::State, (9, 9), 0),
        SEAT,
        Column::new("What", "routeName", Kind::Text, (9, 44), 2),
        Column::new("Kind", "kind", Kind::Text, (7, 9), 3),
        Column::new("Departs", "departureTime", Kind::Time, (0, 0), 4),
        Column::new("User", "userId", Kind::Text, (8, 36), 5),
        Column::new("Price", "price", Kind::Money, (9, 14), 5),
        Column::new("From", "originStop", Kind::Text, (10, 24), 6),
        Column::new("To", "destinationStop", Kind::Text, (10, 24), 7),
    ],
    empty: "Nothing was ever booked.",
    item: &["booking", "get"],
    first: BOOKING_FIRST,
    hides: hides_hold_end,
    sections: BOOKING_SECTIONS,
    actions: &[
        Action {
            key: 'c',
            title: "Cancel it; what was paid is refunded",
            retitled: SAME,
            command: &["booking", "cancel", "{}"],
            wants: None,
            is_tried: true,
            off: |row| {
                let is_over = OVER.contains(&text(row, "status").as_str());
                is_over.then_some("it is over")
            },
        },
        Action {
            key: 'x',
            title: "Expire its hold now",
            retitled: SAME,
            command: &["hold", "expire", "{}"],
            wants: None,
            is_tried: true,
            off: |row| (!is_held(row)).then_some("it holds nothing"),
        },
    ],
    ..NONE
};

pub(super) const PAYMENTS: Screen = Screen {
    name: "payments",
    title: "Payments",
    noun: "payment",
    command: &["payment", "list"],
    query: PAYMENT_FIELDS,
    id: &["id"],
    version: &["status", "refunded"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 0),
        Column::new("Status", "status", Kind::State, (9, 12), 0),
        Column::new("Amount", "amount", Kind::Money, (9, 14), 1),
        Column::new("Refunded", "refunded", Kind::Money, (9, 14), 2),
        Column::new("User", "userId", Kind::Text, (8, 36), 4),
        Column::new("Provider", "provider", Kind::Text, (9, 12), 5),
        Column::new("Created", "createdAt", Kind::Time, (0, 0), 3),
        Column::new("Failure", "failure", Kind::Text, (12, 40), 6),
    ],
    empty: "Nobody ever paid.",
    item: &["payment", "show"],
    first: &[
        ("Id", "id", Kind::Id),
        ("Status", "status", Kind::State),
        ("Amount", "amount", Kind::Money),
        ("Captured", "captured", Kind::Money),
        ("Refunded", "refunded", Kind::Money),
        ("Failure", "failure", Kind::Text),
    ],
    sections: &[Section { title: "Calls to the provider", path: "attempts", folds: false, columns: CALLS }],
    actions: &[Action {
        key: 'r',
        title: "Refund it",
        retitled: SAME,
        command: &["payment", "refund", "{}"],
        wants: None,
        is_tried: true,
        off: |row| match text(row, "status").as_str() {
            "REFUNDED" => Some("it is refunded"),
            "FAILED" => Some("nothing was paid"),
            _ => None,
        },
    }],
    ..NONE
};
