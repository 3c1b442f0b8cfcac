//! What the application asks of the outside, where production has more than one behaviour. Adapters implement it;
//! there are no rules here but the one that says how new a page is.

use crate::domain::time::Timestamp;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A page as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedPage {
    /// Its rows as a JSON array.
    pub data: Arc<str>,
    /// How many rows all pages have.
    pub total: u64,
    /// The page shows every change up to this position of the log.
    pub as_of: i64,
    /// When the first hold among its rows ends: from then on it reads otherwise.
    pub good_until: Option<Timestamp>,
}

/// What is to be written to a cache that processes share.
#[derive(Clone, Debug)]
pub enum CacheWrite {
    /// A page was read.
    Keep {
        /// The name of the page.
        key: String,
        /// The page.
        page: Arc<CachedPage>,
    },
    /// The read model went on, and pages of these subjects may read otherwise now. Told of every page of the log
    /// in turn, so that a cache knows where it was not told.
    Changed {
        /// The position before the first change.
        from: i64,
        /// The position of the last change.
        to: i64,
        /// Whose pages they are on.
        subjects: Vec<String>,
    },
}

/// A page that was found, with what is known of later changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The page as it was kept.
    pub page: CachedPage,
    /// What the cache was told of changes; `None` if nothing, lately.
    pub changes: Option<Changes>,
}

/// What a cache was told of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// It was told of every change after this position …
    pub after: i64,
    /// … and up to this one.
    pub to: i64,
    /// The last one that may be on a page of the subject.
    pub last: Option<i64>,
}

impl Found {
    /// Returns the page as of the last position up to which it is known to be good; `None` if it has changed.
    #[must_use]
    pub fn current(self) -> Option<CachedPage> {
        let Self { mut page, changes } = self;
        let Some(changes) = changes else { return Some(page) };
        if changes.last.is_some_and(|last| last > page.as_of) {
            return None;
        }
        // No change is missing between the page and the end of what the cache was told.
        if changes.after <= page.as_of {
            page.as_of = page.as_of.max(changes.to);
        }
        Some(page)
    }
}

/// What a call of a port ends in.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A cache that processes share: a hint. An implementation answers within a bounded, short time, and an error is
/// an absent page. It may forget anything at any time, but what it was told of changes only all at once.
pub trait SharedCache: fmt::Debug + Send + Sync {
    /// Looks for a page of this name, and for changes of its subject that are no older than the page.
    fn find<'a>(&'a self, key: &'a str, subject: &'a str) -> Answer<'a, Option<Found>>;

    /// Writes these, or not.
    fn write<'a>(&'a self, writes: &'a [CacheWrite]) -> Answer<'a, ()>;
}

#[cfg(test)]
mod tests {
    use super::{CachedPage, Changes, Found};

    #[test]
    fn a_page_is_as_of_the_last_position_up_to_which_no_change_is_missing() {
        let rows = [
            // as_of, told (after, to, last) => as of
            (10, None, Some(10)),
            (10, Some((0, 20, None)), Some(20)),
            (10, Some((10, 20, Some(10))), Some(20)),
            (10, Some((0, 20, Some(11))), None),
            (10, Some((11, 20, None)), Some(10)),
            (10, Some((11, 20, Some(15))), None),
            (10, Some((0, 5, Some(5))), Some(10)),
        ];
        for (as_of, told, expected) in rows {
            let page = CachedPage { data: "[]".into(), total: 0, as_of, good_until: None };
            let changes = told.map(|(after, to, last)| Changes { after, to, last });
            let current = Found { page, changes }.current();
            assert_eq!(current.map(|page| page.as_of), expected, "{as_of} {told:?}");
        }
    }
}
