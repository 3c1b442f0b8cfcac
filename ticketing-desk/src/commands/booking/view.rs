//! What people see of a booking: in a list, with everything about it, and as the answer of a change.

use crate::output::{Column, View};

/// A list of bookings.
pub const LIST: View = View::new(
    "bookings",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status"),
        Column::text("Seat", "seatNumber").whole().first_of("seatNumbers"),
        Column::text("Route", "routeName"),
        Column::time("Departs", "departureTime"),
        Column::money("Price", "price"),
        Column::text("Kind", "kind").wide(),
        Column::text("From", "originStop").wide(),
        Column::text("To", "destinationStop").wide(),
        Column::text("User", "userId").wide(),
        Column::text("Seats", "seatNumbers").wide(),
        Column::time("Arrives", "arrivalTime").wide(),
    ],
);

/// While a booking is one of these, its hold ends.
const HELD: &[&str] = &["PENDING", "RESERVED"];

const HISTORY: &[Column] = &[
    Column::time("Time", "time"),
    Column::text("Event", "type").whole(),
    Column::text("Actor", "actor"),
    Column::number("Position", "position"),
];

/// A booking with everything about it.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("Seat", "seatNumber"),
    Column::text("Seats", "seatNumbers"),
    Column::text("Route", "routeName"),
    Column::text("From", "originStop"),
    Column::text("To", "destinationStop"),
    Column::time("Departs", "departureTime"),
    Column::time("Arrives", "arrivalTime"),
    Column::money("Price", "price"),
    Column::text("Passenger", "passenger.name"),
    Column::text("E-mail", "passenger.email"),
    Column::text("Phone", "passenger.phone"),
    Column::text("User", "userId"),
    Column::time("Created", "createdAt"),
    Column::time("Hold ends", "holdExpiresAt").only("status", HELD),
    Column::time("Confirmed", "confirmedAt"),
    Column::text("Payment", "payment.id"),
    Column::text("Paid", "payment.status"),
    Column::state("Refund", "refund.status"),
    Column::money("Refund of", "refund.amount"),
    Column::text("Reason", "reason"),
    Column::id("Schedule", "scheduleId"),
    Column::id("Route id", "routeId").wide(),
    Column::rows("History", "history", HISTORY),
];

const ANSWER_FIELDS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("Seat", "seatNumber").whole(),
    Column::text("Seats", "seatIds").whole(),
    Column::money("Price", "price"),
    Column::money("Total", "totalAmount"),
    Column::time("Hold ends", "holdExpiresAt").only("status", HELD),
    Column::time("Hold ends", "expiresAt"),
    Column::text("Payment", "paymentId"),
    Column::time("Confirmed", "confirmedAt"),
    Column::state("Refund", "refund.status"),
    Column::text("Reason", "reason"),
    Column::text("User", "userId"),
    Column::id("Schedule", "scheduleId"),
    Column::id("Event", "eventId"),
    Column::id("Route id", "routeId").wide(),
    Column::text("Seats", "seatNumbers").wide(),
];

/// A booking as a change answers it.
pub const ANSWER: &[Column] = ANSWER_FIELDS;

/// Several bookings as a change answers them.
pub const ANSWERS: View = View::new(
    "bookings",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status"),
        Column::text("Seat", "seatNumber").whole().first_of("seatNumbers"),
        Column::money("Price", "price"),
        Column::state("Refund", "refund.status"),
        Column::text("Reason", "reason"),
        Column::text("User", "userId").wide(),
        Column::id("Schedule", "scheduleId").wide(),
    ],
);
