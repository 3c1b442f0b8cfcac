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

#[cfg(test)]
mod tests {
    use super::LIST;
    use crate::output::Node;
    use crate::output::testing::screen;

    #[test]
    fn eighty_columns_tell_what_came_of_a_job_in_whole_words() {
        let row = r#"{"id":"01928a7c-1111-7000-8000-000000000001","kind":"withdraw","state":"done","done":1234,"total":1234,
            "movedAt":"2026-11-20T11:40:00.000Z","actor":"operations","outcome":"1,234 bookings cancelled"}"#;
        let mut screen = screen(&[], true);
        screen.printer.list(&LIST, [Node::parse(row).unwrap()], None).unwrap();
        let out = screen.out();
        assert!(out.contains("  1,234 bookings cancelled\n"), "{out}");
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    }
}
