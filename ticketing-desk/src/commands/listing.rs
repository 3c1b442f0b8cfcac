//! What lists have in common: walking pages, cutting at the limit, counting on, filtering.

use crate::failure::Failure;
use crate::output::Node;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::OpsError;
use ticketing_core::ops::filter::Filter;
use ticketing_core::ops::ticket_fields::{TICKET_FIELDS, ticket_value};
use ticketing_core::projection::TicketRow;

/// Past the limit, so many rows more are looked at to say how many there are in all.
const COUNTED_MAX: u64 = 1_000_000;

/// As long a table has its ids cut to unique prefixes; a longer one is printed before its end is known.
pub const SHORT_TABLE_ROWS_MAX: usize = 1_000;

/// Walks pages from the first on, shows the rows that pass, page by page, up to the limit, and returns how
/// many pass in all; `None` if those are too many to count.
///
/// `page` is given the key of the last row of the page before; an empty page is the end.
///
/// # Errors
/// What the stores say, and what showing says.
pub async fn walk<R, K: Copy>(
    limit: Option<u64>,
    mut page: impl AsyncFnMut(Option<K>) -> Result<Vec<R>, OpsError>,
    key: impl Fn(&R) -> K,
    mut passes: impl FnMut(&R) -> bool,
    mut show: impl AsyncFnMut(Vec<R>) -> Result<(), Failure>,
) -> Result<Option<u64>, Failure> {
    let limit = limit.unwrap_or(u64::MAX);
    let (mut shown, mut passed, mut beyond) = (0_u64, 0_u64, 0_u64);
    let mut after = None;
    loop {
        let mut rows = page(after).await?;
        let Some(last) = rows.last() else { return Ok(Some(passed)) };
        after = Some(key(last));
        if shown >= limit {
            beyond += rows.len() as u64;
            if beyond > COUNTED_MAX {
                return Ok(None);
            }
        }
        rows.retain(&mut passes);
        passed += rows.len() as u64;
        rows.truncate(usize::try_from(limit - shown).unwrap_or(usize::MAX));
        shown += rows.len() as u64;
        if !rows.is_empty() {
            show(rows).await?;
        }
    }
}

/// Takes JSON that the core wrote as a row to print.
///
/// # Errors
/// Never, unless the core writes what is no JSON.
pub fn node(body: &str) -> Result<Node, Failure> {
    Node::parse(body).map_err(|error| Failure::defect(&format!("an answer is no JSON: {error}"), None))
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
        self.0.as_ref().is_none_or(|filter| filter.matches(now, |field| ticket_value(row, field, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::walk;

    #[test]
    fn rows_past_the_limit_are_counted_and_not_shown() {
        let pages = [vec![1, 2, 3], vec![4, 5, 6], vec![7]];
        let rows = [(None, vec![1, 3, 5, 7], 4), (Some(2), vec![1, 3], 4), (Some(3), vec![1, 3, 5], 4)];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (limit, expected, total) in rows {
            let mut shown = Vec::new();
            let counted = runtime.block_on(walk(
                limit,
                async |after: Option<i32>| {
                    let next = pages.iter().find(|page| after.is_none_or(|after| page[0] > after));
                    Ok(next.cloned().unwrap_or_default())
                },
                |row| *row,
                |row| row % 2 == 1,
                async |rows| {
                    shown.extend(rows);
                    Ok(())
                },
            ));
            assert_eq!((shown, counted.unwrap()), (expected, Some(total)), "{limit:?}");
        }
    }
}
