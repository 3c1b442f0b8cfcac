//! What people see of an order: in a list, and by itself.

use crate::output::{Column, View};
use ticketing_core::projection::market::ORDER_STATES;

/// A list of orders.
pub const LIST: View = View::new(
    "orders",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status").one_of(&ORDER_STATES),
        Column::text("Ticket", "ticket.title"),
        Column::money("Price", "price"),
        Column::text("Buyer", "userId"),
        Column::time("Expires", "expiresAt").wide(),
        Column::time("Created", "createdAt").wide(),
        Column::id("Ticket id", "ticket.id").wide(),
    ],
);

/// An order by itself.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("Ticket", "ticket.title"),
    Column::money("Price", "price"),
    Column::text("Buyer", "userId"),
    Column::time("Expires", "expiresAt").only("status", &["created", "awaiting:payment"]),
    Column::time("Created", "createdAt"),
    Column::text("Payment", "paymentId"),
    Column::state("Refund", "refund.status"),
    Column::text("Reason", "reason"),
    Column::id("Ticket id", "ticket.id"),
    Column::number("Version", "version"),
];
