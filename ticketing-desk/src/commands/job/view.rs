//! What people see of a job.

use crate::output::{Column, View};

/// A list of jobs.
pub const LIST: View = View::new(
    "jobs",
    &[
        Column::id("Id", "id"),
        Column::text("Kind", "kind").whole(),
        Column::state("State", "state"),
        Column::number("Done", "done"),
        Column::number("Of", "total"),
        Column::time("Moved", "movedAt"),
        Column::text("Actor", "actor").wide(),
        Column::text("Outcome", "outcome"),
        Column::text("Error", "error").wide(),
        Column::text("Reason", "reason").wide(),
        Column::number("Rate", "rate").wide(),
        Column::time("Asked for", "createdAt").wide(),
        Column::time("Ended", "endedAt").wide(),
    ],
);

/// A job with what exactly it does.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::text("Kind", "kind"),
    Column::state("State", "state"),
    Column::number("Done", "done"),
    Column::number("Of", "total"),
    Column::text("Outcome", "outcome"),
    Column::text("Error", "error"),
    Column::text("Stops soon", "cancelWanted"),
    Column::number("Rate", "rate"),
    Column::text("Actor", "actor"),
    Column::text("Reason", "reason"),
    Column::time("Asked for", "createdAt"),
    Column::time("Begun", "startedAt"),
    Column::time("Moved", "movedAt"),
    Column::time("Ended", "endedAt"),
    Column::id("Owner", "owner").wide(),
    Column::text("Work", "spec").wide(),
    Column::text("Cursor", "cursor").wide(),
];
