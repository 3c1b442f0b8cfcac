//! What people see of a mail: in a list, and with everything about it.

use crate::output::{Column, View};

/// A list of mails.
pub const LIST: View = View::new(
    "mails",
    &[
        Column::id("Id", "id"),
        Column::state("State", "state"),
        Column::text("Kind", "kind").whole(),
        Column::id("Booking", "bookingId"),
        Column::number("Tries", "tries"),
        Column::time("Happened", "createdAt"),
        Column::time("Next", "nextAt"),
        Column::text("Error", "lastError"),
        Column::time("Sent", "sentAt").wide(),
        Column::number("Position", "position").wide(),
        Column::text("Message-ID", "messageId").wide(),
        Column::text("Correlation", "correlationId").wide(),
    ],
);

/// A mail with everything about it.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("State", "state"),
    Column::text("Kind", "kind"),
    Column::id("Booking", "bookingId"),
    Column::number("Tries", "tries"),
    Column::time("Next try", "nextAt"),
    Column::text("Error", "lastError").wrapped(),
    Column::time("Happened", "createdAt"),
    Column::time("Moved", "movedAt"),
    Column::time("Sent", "sentAt"),
    Column::number("Position", "position"),
    Column::text("Message-ID", "messageId"),
    Column::text("Correlation", "correlationId"),
    Column::text("Safe action", "safeAction"),
];
