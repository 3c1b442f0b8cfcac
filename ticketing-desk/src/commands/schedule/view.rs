//! What people see of a departure: in a list, and by itself.

use crate::output::{Column, View};
use ticketing_core::projection::bodies::SCHEDULE_STATES;

/// A list of departures.
pub const LIST: View = View::new(
    "schedules",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status").one_of(&SCHEDULE_STATES),
        Column::time("Departs", "departureTime"),
        Column::text("Route", "routeName"),
        Column::number("Left", "seatsLeft"),
        Column::money("Price", "price"),
        Column::text("From", "originStop").wide(),
        Column::text("To", "destinationStop").wide(),
        Column::time("Arrives", "arrivalTime").wide(),
        Column::text("Service day", "serviceDate").wide(),
        Column::text("External id", "externalId").wide(),
        Column::number("Seats", "seatsTotal").wide(),
        Column::id("Route id", "routeId").wide(),
    ],
);

const STOPS: &[Column] = &[
    Column::number("#", "sequence"),
    Column::text("Stop", "name"),
    Column::time("Arrives", "arrivalTime"),
    Column::time("Departs", "departureTime"),
    Column::text("External id", "externalId"),
    Column::id("Id", "id").wide(),
];

/// A departure with its stops.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::text("External id", "externalId"),
    Column::state("Status", "status"),
    Column::text("Route", "routeName"),
    Column::text("From", "originStop"),
    Column::text("To", "destinationStop"),
    Column::time("Departs", "departureTime"),
    Column::time("Arrives", "arrivalTime"),
    Column::text("Service day", "serviceDate"),
    Column::text("Time zone", "timezone"),
    Column::money("Price", "price"),
    Column::number("Seats", "seatsTotal"),
    Column::number("Seats left", "seatsLeft"),
    Column::id("Route id", "routeId"),
    Column::rows("Stops", "stops", STOPS),
];
