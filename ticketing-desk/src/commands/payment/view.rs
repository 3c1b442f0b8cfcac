//! What people see of a payment: in a list, and with everything about it.

use crate::commands::saga::view::CALLS;
use crate::output::{Column, View};

/// A list of payments.
pub const LIST: View = View::new(
    "payments",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status"),
        Column::money("Amount", "amount"),
        Column::number("Refunded", "refunded"),
        Column::text("User", "userId"),
        Column::text("Provider", "provider").whole(),
        Column::time("Created", "createdAt"),
        Column::text("Failure", "failure"),
        Column::number("Captured", "captured").wide(),
        Column::id("Booking", "bookingId").wide(),
        Column::text("Paid for", "reference").wide(),
        Column::text("Provider's name", "providerRef").wide(),
        Column::text("External id", "externalId").wide(),
    ],
);

/// A payment with everything about it.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::text("External id", "externalId"),
    Column::state("Status", "status"),
    Column::money("Amount", "amount"),
    Column::money("Captured", "captured"),
    Column::money("Refunded", "refunded"),
    Column::text("User", "userId"),
    Column::id("Booking", "bookingId"),
    Column::text("Paid for", "reference").wide(),
    Column::text("Provider", "provider"),
    Column::text("Its name", "providerRef"),
    Column::text("Failure", "failure"),
    Column::time("Created", "createdAt"),
    Column::time("Updated", "updatedAt"),
    Column::id("Saga", "sagaId").wide(),
    Column::rows("Calls to the provider", "attempts", CALLS),
];
