//! What people see of a dead letter.

use crate::output::{Column, View};

/// A list of dead letters.
pub const LIST: View = View::new(
    "dead letters",
    &[
        Column::id("Id", "id"),
        Column::state("State", "state"),
        Column::text("Code", "code").whole(),
        Column::text("Reason", "reason"),
        Column::time("Kept", "at"),
        Column::text("Source", "source").wide(),
        Column::text("Type", "type").wide(),
        Column::text("Stream", "stream").wide(),
        Column::number("Tries", "tries").wide(),
        Column::number("Partition", "partition").wide(),
        Column::number("Offset", "offset").wide(),
        Column::number("Position", "position").wide(),
        Column::text("Correlation", "correlationId").wide(),
        Column::time("Moved", "movedAt").wide(),
        Column::text("Moved by", "movedBy").wide(),
    ],
);

const HEADERS: &[Column] =
    &[Column::text("Header", "name").whole(), Column::text("Value", "value").wrapped()];

/// A dead letter with what it holds.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("State", "state"),
    Column::text("Code", "code"),
    Column::text("Reason", "reason"),
    Column::text("Source", "source"),
    Column::number("Partition", "partition"),
    Column::number("Offset", "offset"),
    Column::number("Position", "position"),
    Column::text("Type", "type"),
    Column::text("Stream", "stream"),
    Column::text("Message", "messageId"),
    Column::number("Tries", "tries"),
    Column::time("Kept", "at"),
    Column::time("Moved", "movedAt"),
    Column::text("Moved by", "movedBy"),
    Column::number("Wait behind it", "waiting"),
    Column::text("Correlation", "correlationId"),
    Column::text("Key", "key"),
    Column::text("Encoding", "encoding"),
    Column::text("Body", "body"),
    Column::text("Data", "data"),
    Column::text("Safe action", "safeAction"),
    Column::rows("Headers", "headers", HEADERS),
];
