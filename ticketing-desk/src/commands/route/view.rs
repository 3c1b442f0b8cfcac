//! What people see of a route: in a list, and by itself.

use crate::output::{Column, View};

/// A list of routes.
pub const LIST: View = View::new(
    "routes",
    &[
        Column::id("Id", "id"),
        Column::text("No", "shortName").whole(),
        Column::text("Name", "name"),
        Column::money("Price", "price"),
        Column::text("First stop", "stops.0.name"),
        Column::text("External id", "externalId").wide(),
        Column::text("Time zone", "timezone").wide(),
    ],
);

const STOPS: &[Column] = &[
    Column::number("#", "sequence"),
    Column::text("Stop", "name"),
    Column::text("External id", "externalId"),
    Column::id("Id", "id").wide(),
];

/// A route with its stops.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::text("External id", "externalId"),
    Column::text("No", "shortName"),
    Column::text("Name", "name"),
    Column::money("Price", "price"),
    Column::text("Time zone", "timezone"),
    Column::rows("Stops", "stops", STOPS),
];
