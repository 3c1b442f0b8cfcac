//! What people see of a saga: in a list, and with everything about it.

use crate::output::{Column, View};

/// A list of sagas.
pub const LIST: View = View::new(
    "sagas",
    &[
        Column::id("Id", "id"),
        Column::state("State", "state"),
        Column::text("Step", "step").wide(),
        Column::number("Charges", "attempts"),
        Column::text("Last error", "lastError"),
        Column::time("Next", "nextAt"),
        Column::text("Stuck", "stuck").whole(),
        Column::id("Booking", "bookingId").wide(),
        Column::text("Why stuck", "stuckReason").wide(),
        Column::text("Safe action", "safeAction").wide(),
    ],
);

/// A list of stuck sagas: what is wrong with each, and what to do.
pub const STUCK: View = View::new(
    "stuck sagas",
    &[
        Column::id("Id", "id"),
        Column::state("State", "state"),
        Column::text("Why", "stuckReason"),
        Column::text("Safe action", "safeAction").wide(),
        Column::text("Step", "step").wide(),
        Column::number("Charges", "attempts").wide(),
        Column::text("Last error", "lastError").wide(),
        Column::time("Next", "nextAt").wide(),
        Column::text("Stuck", "stuck").wide(),
        Column::id("Booking", "bookingId").wide(),
    ],
);

const STEPS: &[Column] = &[
    Column::number("#", "no"),
    Column::time("At", "at"),
    Column::text("What", "what").whole(),
    Column::state("State", "state"),
    Column::text("Actor", "actor"),
    Column::text("Note", "note"),
    Column::text("Correlation", "correlationId").wide(),
    Column::id("Call", "attemptId").wide(),
];

const PAYMENTS: &[Column] = &[
    Column::id("Payment", "id"),
    Column::state("Status", "status"),
    Column::money("Asked", "amount"),
    Column::number("Captured", "captured"),
    Column::number("Refunded", "refunded"),
    Column::text("Provider", "provider"),
    Column::text("Reference", "providerRef").wide(),
    Column::text("Failure", "failure"),
];

/// What was asked of providers.
pub const CALLS: &[Column] = &[
    Column::id("Call", "id"),
    Column::text("Kind", "kind").whole(),
    Column::state("State", "state"),
    Column::money("Amount", "amount"),
    Column::number("Unclear", "tries"),
    Column::time("Next", "nextAt"),
    Column::text("Reference", "providerRef"),
    Column::text("Error", "error"),
    Column::text("Reason", "reason").wide(),
    Column::time("Began", "createdAt").wide(),
    Column::time("Ended", "endedAt").wide(),
];

const TIMERS: &[Column] = &[Column::time("At", "at"), Column::text("What", "what").wrapped()];

/// Faults to rehearse.
pub const DRILLS: &[Column] = &[
    Column::id("Drill", "id"),
    Column::text("Step", "step"),
    Column::text("Kind", "kind"),
    Column::number("Times left", "timesLeft"),
];

/// A saga with everything about it.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("State", "state"),
    Column::text("Booking", "bookingStatus"),
    Column::text("Last step", "step"),
    Column::number("Charges", "attempts"),
    Column::text("Last error", "lastError"),
    Column::time("Next", "nextAt"),
    Column::time("Began", "createdAt"),
    Column::time("Moved", "movedAt"),
    Column::text("Stuck", "stuck"),
    Column::text("Why stuck", "stuckReason"),
    Column::text("Safe action", "safeAction"),
    Column::id("Booking id", "bookingId").wide(),
    Column::text("Correlation", "correlationId").wide(),
    Column::number("Version", "version").wide(),
    Column::rows("Steps", "steps", STEPS).folded(),
    Column::rows("Payments", "payments", PAYMENTS),
    Column::rows("Calls to the provider", "providerCalls", CALLS),
    Column::rows("What happens next", "timers", TIMERS),
    Column::rows("Faults to rehearse", "drills", DRILLS),
];

#[cfg(test)]
mod tests {
    use super::LIST;
    use crate::output::Node;
    use crate::output::testing::screen;

    #[test]
    fn eighty_columns_tell_the_last_error_of_a_saga_in_whole_words() {
        let row = r#"{"id":"01928a7c-1111-7000-8000-000000000001","state":"REFUND_UNCLEAR","step":"refund","attempts":3,
            "lastError":"card_declined","nextAt":"2026-11-20T12:40:00.000Z","stuck":false}"#;
        let mut screen = screen(&[], true);
        screen.printer.list(&LIST, [Node::parse(row).unwrap()], None).unwrap();
        let out = screen.out();
        assert!(out.contains("  card_declined  "), "{out}");
        assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    }
}
