//! Pages of tickets that were asked for lately, as ready text. A hint: without it, only time is lost.
//!
//! A page is tagged with the position of the read model from before it was read. The projector writes, for
//! each user whose rows it changes, the position into one of a fixed number of slots; a page is good while
//! its tag is not below its user's slot. So a page that was read just before a change and kept just after
//! it is never served, and the memory is bounded.
//!
//! A page is of one state of repair: when rows are mended without an event (a rebuild, a replay, a redriven event), the
//! read store counts that, and pages from before are not found any more ([`TicketCache::repaired`]).
//!
//! Who asks for a page that somebody is reading just now waits for that one reading ([`flights`]). A cache that
//! processes share is asked between this one and the store ([`shared`]); it makes no page good that this process
//! knows to be old.

mod flights;
mod shared;

use super::ports::{CachedPage, SharedCache};
use crate::clock::Clock;
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::store::views::tickets::UserQuery;
use flights::{Flights, Seat};
use quick_cache::sync::Cache;
use shared::Shared;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Pages kept.
const PAGES_MAX: usize = 20_000;
/// Slots of changed users.
const SLOTS: usize = 1 << 14;
/// How often somebody waits for another's reading, which may turn out too old for him, before he reads himself.
const WAITS_MAX: u32 = 3;

/// The cache. See the module.
#[derive(Debug)]
pub struct TicketCache {
    pages: Cache<Key, Arc<CachedPage>>,
    /// How often the read model has been repaired, as far as this process knows.
    repairs: AtomicI64,
    changed: Vec<AtomicI64>,
    hasher: RandomState,
    flights: Flights,
    shared: Option<Shared>,
    counts: Counts,
}

/// A page of one state of repair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    repairs: i64,
    query: UserQuery,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    shared_hits: AtomicU64,
    loads: AtomicU64,
}

/// Where pages came from since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// From this process's memory, or another's reading that was under way.
    pub hits: u64,
    /// From the cache that processes share.
    pub shared_hits: u64,
    /// From the read store, by whoever could have had it from the cache.
    pub loads: u64,
}

impl TicketCache {
    /// With a cache that processes share, writes to it go on in a task, which ends with this value.
    pub(super) fn new(shared: Option<Arc<dyn SharedCache>>) -> Self {
        Self {
            pages: Cache::new(PAGES_MAX),
            repairs: AtomicI64::new(0),
            changed: (0..SLOTS).map(|_| AtomicI64::new(0)).collect(),
            hasher: RandomState::new(),
            flights: Flights::default(),
            shared: shared.map(Shared::start),
            counts: Counts::default(),
        }
    }

    fn slot(&self, user: &UserId) -> &AtomicI64 {
        &self.changed[self.hasher.hash_one(user) as usize % SLOTS]
    }

    /// Rows of this user are about to change by an event at this position.
    pub(crate) fn touch(&self, user: &UserId, position: i64) {
        self.slot(user).fetch_max(position, Ordering::SeqCst);
    }

    /// This process's projector has written the log from after `from` up to `to` into the read model, with rows of
    /// these users. Other processes hear of it soon, if they share a cache.
    pub(crate) fn folded<'a>(&self, from: i64, to: i64, users: impl Iterator<Item = &'a UserId> + Clone) {
        users.clone().for_each(|user| self.touch(user, to));
        if let Some(shared) = &self.shared {
            shared.changed(from, to, users);
        }
    }

    /// The read model has been repaired so often: pages from before are not served any more.
    pub(crate) fn repaired(&self, repairs: i64) {
        self.repairs.fetch_max(repairs, Ordering::SeqCst);
    }

    /// Returns where pages came from since the start.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        CacheCounts {
            hits: self.counts.hits.load(Ordering::Relaxed),
            shared_hits: self.counts.shared_hits.load(Ordering::Relaxed),
            loads: self.counts.loads.load(Ordering::Relaxed),
        }
    }

    /// Returns a page that is as of `at_least` and of everything this process knows to have changed; `load` reads
    /// it from the store where no cache has it.
    ///
    /// # Errors
    /// What `load` says. Others that waited for the same reading then read themselves.
    pub(super) async fn page<E, F: Future<Output = Result<CachedPage, E>>>(
        &self,
        query: &UserQuery,
        at_least: i64,
        clock: &Clock,
        load: impl Fn() -> F,
    ) -> Result<Arc<CachedPage>, E> {
        let key = &Key { repairs: self.repairs.load(Ordering::SeqCst), query: query.clone() };
        for _ in 0..WAITS_MAX {
            if let Some(page) = self.get(key, at_least, clock.now()) {
                return Ok(self.hit(page));
            }
            let landed = match self.flights.board(key) {
                Seat::Pilot(flight) => {
                    let page = self.fetch(key, at_least, clock, &load).await?;
                    flight.land(Arc::clone(&page));
                    return Ok(page);
                }
                Seat::Passenger(flight) => flight.landed().await,
            };
            if let Some(page) = landed
                && self.is_good(query, &page, at_least, clock.now())
            {
                return Ok(self.hit(page));
            }
        }
        self.fetch(key, at_least, clock, &load).await
    }

    fn hit(&self, page: Arc<CachedPage>) -> Arc<CachedPage> {
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
        page
    }

    fn get(&self, key: &Key, at_least: i64, now: Timestamp) -> Option<Arc<CachedPage>> {
        let page = self.pages.get(key)?;
        self.is_good(&key.query, &page, at_least, now).then_some(page)
    }

    fn is_good(&self, query: &UserQuery, page: &CachedPage, at_least: i64, now: Timestamp) -> bool {
        let changed = self.slot(&query.user_id).load(Ordering::SeqCst).max(at_least);
        page.as_of >= changed && page.good_until.is_none_or(|until| now < until)
    }

    /// Gets a page from wherever it is to be had. The memory is looked at again: a reading may have ended just now.
    async fn fetch<E, F: Future<Output = Result<CachedPage, E>>>(
        &self,
        key: &Key,
        at_least: i64,
        clock: &Clock,
        load: &impl Fn() -> F,
    ) -> Result<Arc<CachedPage>, E> {
        if let Some(page) = self.get(key, at_least, clock.now()) {
            return Ok(self.hit(page));
        }
        if let Some(shared) = &self.shared
            && let Some(page) = shared.find(key).await
            && self.is_good(&key.query, &page, at_least, clock.now())
        {
            self.counts.shared_hits.fetch_add(1, Ordering::Relaxed);
            let page = Arc::new(page);
            self.pages.insert(key.clone(), Arc::clone(&page));
            return Ok(page);
        }
        self.counts.loads.fetch_add(1, Ordering::Relaxed);
        let page = Arc::new(load().await?);
        self.pages.insert(key.clone(), Arc::clone(&page));
        if let Some(shared) = &self.shared {
            shared.keep(key, &page);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests;
