//! What people see of a venue: in a list, and by itself.

use crate::output::{Column, View};
use ticketing_core::projection::venue::VENUE_STATES;

/// A list of venues.
pub const LIST: View = View::new(
    "venues",
    &[
        Column::id("Id", "id"),
        Column::text("Name", "name"),
        Column::text("City", "city"),
        Column::number("Seats", "capacity"),
        Column::state("Status", "status").one_of(&VENUE_STATES),
        Column::text("External id", "externalId"),
        Column::text("Layout", "layout").wide(),
        Column::text("Time zone", "timezone").wide(),
    ],
);

const SECTIONS: &[Column] = &[
    Column::text("Section", "name"),
    Column::text("Category", "category"),
    Column::number("Rows", "rows"),
    Column::number("A row", "seatsPerRow"),
    Column::number("Seats", "seats"),
];

/// A venue with its sections.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::text("External id", "externalId"),
    Column::state("Status", "status"),
    Column::text("Reason", "reason"),
    Column::text("Name", "name"),
    Column::text("City", "city"),
    Column::text("Address", "address"),
    Column::text("Time zone", "timezone"),
    Column::text("Layout", "layout"),
    Column::number("Seats", "capacity"),
    Column::rows("Sections", "sections", SECTIONS),
];
