//! What people see of an event.

use crate::output::{Column, View};

/// A list of events; later ones may be longer than the first, so columns have room.
pub const LIST: View = View::new(
    "events",
    &[
        Column::number("Position", "position"),
        Column::time("Time", "time").at_least(8),
        Column::text("Type", "type").at_least(17),
        Column::id("Stream", "streamId"),
        Column::number("Version", "streamVersion").wide(),
        Column::text("Actor", "actor").at_least(8),
        Column::text("Correlation", "correlationId").wide(),
        Column::text("Cause", "causationId").wide(),
        Column::text("Data", "data").wide(),
    ],
)
.named_by(&["position"]);

/// An event with everything about it.
pub const DETAILS: &[Column] = &[
    Column::number("Position", "position"),
    Column::text("Type", "type"),
    Column::time("Time", "time"),
    Column::id("Stream", "streamId"),
    Column::number("Version", "streamVersion"),
    Column::text("Actor", "actor"),
    Column::text("Correlation", "correlationId"),
    Column::text("Cause", "causationId"),
    Column::text("Data", "data"),
];
