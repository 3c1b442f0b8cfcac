//! What people see of an event: in a list, and by itself.

use crate::output::{Column, View};
use ticketing_core::projection::venue::EventStatus;

/// A list of events.
pub const LIST: View = View::new(
    "events",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status").one_of(&EventStatus::WORDS),
        Column::time("Begins", "startTime"),
        Column::text("Title", "title"),
        Column::money("Price", "price"),
        Column::text("City", "city").wide(),
        Column::text("Type", "eventType").wide(),
        Column::time("Ends", "endTime").wide(),
        Column::text("Day", "date").wide(),
        Column::text("External id", "externalId").wide(),
        Column::id("Venue id", "venueId").wide(),
    ],
);

const PRICES: &[Column] = &[Column::text("Category", "category"), Column::number("Price", "price")];

/// An event with its prices.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::text("External id", "externalId"),
    Column::state("Status", "status"),
    Column::text("Reason", "reason"),
    Column::text("Title", "title"),
    Column::text("Type", "eventType"),
    Column::text("About", "description"),
    Column::text("Venue", "venueName"),
    Column::id("Venue id", "venueId"),
    Column::text("City", "city"),
    Column::text("Day", "date"),
    Column::time("Begins", "startTime"),
    Column::text("There", "localStartTime"),
    Column::time("Ends", "endTime"),
    Column::money("Price", "price"),
    Column::number("Seats", "seatsTotal"),
    Column::number("Free", "seatsLeft"),
    Column::number("Version", "version"),
    Column::rows("Prices", "priceCategories", PRICES),
];
