//! Pages of tickets that were asked for lately, as ready text. A hint: without it, only time is lost.
//!
//! A page is tagged with the position of the read model from before it was read. The projector writes, for
//! each user whose rows it changes, the position into one of a fixed number of slots; a page is good while
//! its tag is not below its user's slot. So a page that was read just before a change and kept just after
//! it is never served, and the memory is bounded.

use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::store::views::tickets::UserQuery;
use quick_cache::sync::Cache;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Pages kept.
const PAGES_MAX: usize = 20_000;
/// Slots of changed users.
const SLOTS: usize = 1 << 14;

/// A page as it is answered.
#[derive(Clone, Debug)]
pub struct CachedPage {
    /// The tickets as a JSON array.
    pub data: Arc<str>,
    /// How many there are in all.
    pub total: u64,
    /// Where the read model was before they were read.
    pub(super) as_of: i64,
    /// When the first hold among them ends: from then on it reads otherwise.
    pub(super) good_until: Option<Timestamp>,
}

/// The cache. See the module.
#[derive(Debug)]
pub struct TicketCache {
    pages: Cache<UserQuery, Arc<CachedPage>>,
    changed: Vec<AtomicI64>,
    hasher: RandomState,
}

impl TicketCache {
    pub(super) fn new() -> Self {
        Self {
            pages: Cache::new(PAGES_MAX),
            changed: (0..SLOTS).map(|_| AtomicI64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    fn slot(&self, user: &UserId) -> &AtomicI64 {
        &self.changed[self.hasher.hash_one(user) as usize % SLOTS]
    }

    /// Rows of this user are about to change by an event at this position.
    pub(crate) fn touch(&self, user: &UserId, position: i64) {
        self.slot(user).fetch_max(position, Ordering::SeqCst);
    }

    /// Returns a page that is as of `at_least` and of everything this process knows to have changed.
    pub(super) fn get(&self, query: &UserQuery, at_least: i64, now: Timestamp) -> Option<Arc<CachedPage>> {
        let page = self.pages.get(query)?;
        let changed = self.slot(&query.user_id).load(Ordering::SeqCst).max(at_least);
        let good = page.as_of >= changed && page.good_until.is_none_or(|until| now < until);
        good.then_some(page)
    }

    pub(super) fn put(&self, query: UserQuery, page: Arc<CachedPage>) {
        self.pages.insert(query, page);
    }
}
