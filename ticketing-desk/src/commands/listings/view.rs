//! What people see of a listing: in a list, and by itself.

use crate::output::{Column, View};
use ticketing_core::app::listings::ListingStatus;

/// A list of listings.
pub const LIST: View = View::new(
    "listings",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status").one_of(&ListingStatus::WORDS),
        Column::text("Title", "title"),
        Column::money("Price", "price"),
        Column::text("Seller", "userId"),
        Column::time("Created", "createdAt").wide(),
        Column::number("Version", "version").wide(),
    ],
);

/// A listing by itself.
pub const DETAILS: &[Column] = &[
    Column::id("Id", "id"),
    Column::state("Status", "status"),
    Column::text("Title", "title"),
    Column::money("Price", "price"),
    Column::text("Seller", "userId"),
    Column::time("Created", "createdAt"),
    Column::number("Version", "version"),
];
