//! What lists have in common: their flags, walking pages, filtering, sorting, counting, watching.
//!
//! A list command says which view its rows have, how a page is fetched and what a row looks like; all else is here.
//! Nothing here knows a store, and without a flag of ours a list prints what it always did.

mod asked;
mod columns;
mod fields;
mod list;
pub mod prefix;
mod rows;
mod sort;

pub use asked::{Asked, Fields, Flags, Of, run};
pub use list::{Listing, list, on};
pub use rows::{Rows, Shown, whole};

use crate::failure::Failure;
use crate::output::Node;
use serde::Serialize;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::OpsError;
use ticketing_core::ops::filter::Filter;
use ticketing_core::ops::ticket_fields::{TICKET_FIELDS, ticket_value};
use ticketing_core::projection::TicketRow;

/// As long a table has its ids cut to unique prefixes; a longer one is printed before its end is known.
pub const SHORT_TABLE_ROWS_MAX: usize = 1_000;

/// Walks pages from the first on and hands over each page.
///
/// `page` is given the key of the last row of the page before; an empty page is the end.
///
/// # Errors
/// What the stores say.
pub async fn each_page<R, K: Copy>(
    mut page: impl AsyncFnMut(Option<K>) -> Result<Vec<R>, OpsError>,
    key: impl Fn(&R) -> K,
    mut take: impl FnMut(Vec<R>),
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let rows = page(after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(key(last));
        take(rows);
    }
}

/// Takes JSON that the core wrote as a row to print.
///
/// # Errors
/// Never, unless the core writes what is no JSON.
pub fn node(body: &str) -> Result<Node, Failure> {
    Node::parse(body).map_err(|error| Failure::defect(&format!("an answer is no JSON: {error}"), None))
}

/// Takes what the core answers as a row to print.
///
/// # Errors
/// Never, unless it can't be written as JSON.
pub fn node_of<T: Serialize + ?Sized>(body: &T) -> Result<Node, Failure> {
    Node::of(body).map_err(|error| Failure::defect(&format!("an answer is no JSON: {error}"), None))
}

/// A `--query` over bookings or holds; without one, everything passes.
#[derive(Clone, Debug, Default)]
pub struct TicketFilter(Option<Filter>);

impl TicketFilter {
    /// Parses a query.
    ///
    /// # Errors
    /// A usage error that points at the character.
    pub fn parse(query: Option<&str>) -> Result<Self, Failure> {
        Ok(Self(query.map(|query| Filter::parse(query, TICKET_FIELDS)).transpose()?))
    }

    /// Whether a booking passes.
    pub fn passes(&self, row: &TicketRow, now: Timestamp) -> bool {
        self.0.as_ref().is_none_or(|filter| is_match(filter, row, now))
    }
}

/// Whether a booking passes a filter over [`TICKET_FIELDS`].
pub fn is_match(filter: &Filter, row: &TicketRow, now: Timestamp) -> bool {
    filter.matches(now, |field| ticket_value(row, field, now))
}
