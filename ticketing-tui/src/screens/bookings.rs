//! The screens of what is bought: holds, bookings, the sagas that get them paid, payments.

use super::list::{ID, ID_WIDTH, NONE, TIMERS};
use super::{Action, Column, Screen, Section};
use crate::row::{Kind, text};

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

pub(super) const SAGAS: Screen = Screen {
    name: "sagas",
    title: "Sagas",
    noun: "saga",
    key: Some('2'),
    command: &["saga", "list"],
    query: &[
        "id",
        "state",
        "stuck",
        "booking",
        "payment",
        "step",
        "attempts",
        "age",
        "still",
        "next",
        "error",
        "provider",
        "correlation",
    ],
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
            columns: &[
                Column::new("#", "no", Kind::Number, (2, 4), 3),
                Column::new("At", "at", Kind::Time, (0, 0), 0),
                Column::new("What", "what", Kind::Text, (16, 28), 0),
                Column::new("State", "state", Kind::State, (16, 16), 1),
                Column::new("Note", "note", Kind::Text, (14, 60), 2),
                Column::new("Actor", "actor", Kind::Text, (8, 16), 4),
            ],
        },
        Section { title: "What happens next", path: "timers", columns: TIMERS },
        Section { title: "Calls to the provider", path: "providerCalls", columns: CALLS },
        Section {
            title: "Payments",
            path: "payments",
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
            columns: &[
                Column::new("Step", "step", Kind::Text, (8, 8), 0),
                Column::new("Kind", "kind", Kind::Text, (8, 8), 0),
                Column::new("Times left", "timesLeft", Kind::Number, (10, 10), 1),
            ],
        },
    ],
    actions: &[
        Action {
            key: 'r',
            title: "Retry: ask the provider again",
            command: &["saga", "retry", "{}"],
            wants: None,
            is_severe: false,
            off: |row| match text(row, "state").as_str() {
                "CONFIRMED" => Some("it is confirmed: there is nothing to ask again"),
                state if OVER.contains(&state) => Some("it is over"),
                _ => None,
            },
        },
        Action {
            key: 'c',
            title: "Compensate: give back the seats and the money",
            command: &["saga", "compensate", "{}"],
            wants: None,
            is_severe: false,
            off: |row| OVER.contains(&text(row, "state").as_str()).then_some("it is over"),
        },
        Action {
            key: 'x',
            title: "Abandon: close it as it is",
            command: &["saga", "abandon", "{}"],
            wants: None,
            is_severe: true,
            off: |row| OVER.contains(&text(row, "state").as_str()).then_some("it is over"),
        },
    ],
    ..NONE
};

const BOOKING_QUERY: &[&str] = &[
    "id",
    "user",
    "route",
    "routeId",
    "schedule",
    "from",
    "to",
    "seat",
    "status",
    "price",
    "currency",
    "payment",
    "reason",
    "age",
    "created",
    "confirmed",
    "departure",
    "arrival",
    "holdExpires",
    "holdLeft",
];

pub(super) const HOLDS: Screen = Screen {
    name: "holds",
    title: "Holds",
    noun: "hold",
    key: Some('3'),
    command: &["hold", "list"],
    query: BOOKING_QUERY,
    id: &["id"],
    version: &["status", "holdExpiresAt"],
    columns: &[
        Column::new("Left", "holdExpiresAt", Kind::Left, (9, 11), 0),
        Column::new("Id", "id", ID, ID_WIDTH, 0),
        Column::new("Status", "status", Kind::State, (9, 9), 2),
        Column::new("Seat", "seatNumber", Kind::Text, (5, 16), 1),
        Column::new("User", "userId", Kind::Text, (10, 36), 3),
        Column::new("Price", "price", Kind::Money, (9, 14), 4),
        Column::new("Created", "createdAt", Kind::Time, (0, 0), 5),
        Column::new("Schedule", "scheduleId", ID, ID_WIDTH, 6),
    ],
    empty: "No seat is held.",
    item: &["booking", "get"],
    first: BOOKING_FIRST,
    sections: BOOKING_SECTIONS,
    actions: &[Action {
        key: 'x',
        title: "Expire: end the hold now and free its seats",
        command: &["hold", "expire", "{}"],
        wants: None,
        is_severe: false,
        off: |row| {
            let is_held = matches!(text(row, "status").as_str(), "PENDING" | "RESERVED");
            (!is_held).then_some("it holds nothing any more")
        },
    }],
    ..NONE
};

const BOOKING_FIRST: &[(&str, &str, Kind)] = &[
    ("Id", "id", Kind::Id),
    ("Status", "status", Kind::State),
    ("Seat", "seatNumber", Kind::Text),
    ("Seats", "seatNumbers", Kind::Text),
    ("Route", "routeName", Kind::Text),
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
    query: BOOKING_QUERY,
    id: &["id"],
    version: &["status"],
    columns: &[
        Column::new("Id", "id", ID, ID_WIDTH, 0),
        Column::new("Status", "status", Kind::State, (9, 9), 0),
        Column::new("Seat", "seatNumber", Kind::Text, (5, 16), 1),
        Column::new("Route", "routeName", Kind::Text, (12, 44), 2),
        Column::new("Departs", "departureTime", Kind::Time, (0, 0), 3),
        Column::new("User", "userId", Kind::Text, (8, 36), 4),
        Column::new("Price", "price", Kind::Money, (9, 14), 5),
        Column::new("From", "originStop", Kind::Text, (10, 24), 6),
        Column::new("To", "destinationStop", Kind::Text, (10, 24), 7),
    ],
    empty: "Nothing was ever booked.",
    item: &["booking", "get"],
    first: BOOKING_FIRST,
    sections: BOOKING_SECTIONS,
    actions: &[
        Action {
            key: 'c',
            title: "Cancel it; what was paid is refunded",
            command: &["booking", "cancel", "{}"],
            wants: None,
            is_severe: false,
            off: |row| {
                let is_over = OVER.contains(&text(row, "status").as_str());
                is_over.then_some("it is over")
            },
        },
        Action {
            key: 'x',
            title: "Expire its hold now",
            command: &["hold", "expire", "{}"],
            wants: None,
            is_severe: false,
            off: |row| {
                let is_held = matches!(text(row, "status").as_str(), "PENDING" | "RESERVED");
                (!is_held).then_some("it holds nothing")
            },
        },
    ],
    ..NONE
};

pub(super) const PAYMENTS: Screen = Screen {
    name: "payments",
    title: "Payments",
    noun: "payment",
    command: &["payment", "list"],
    query: &[
        "id",
        "booking",
        "saga",
        "reference",
        "user",
        "status",
        "amount",
        "captured",
        "refunded",
        "currency",
        "provider",
        "ref",
        "external",
        "failure",
        "age",
        "created",
        "updated",
    ],
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
    sections: &[Section { title: "Calls to the provider", path: "attempts", columns: CALLS }],
    actions: &[Action {
        key: 'r',
        title: "Refund it",
        command: &["payment", "refund", "{}"],
        wants: None,
        is_severe: true,
        off: |row| match text(row, "status").as_str() {
            "REFUNDED" => Some("it is refunded"),
            "FAILED" => Some("nothing was paid"),
            _ => None,
        },
    }],
    ..NONE
};
