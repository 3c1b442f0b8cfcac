//! What the engine remembers between batches: a part of the log's fold, exact as of one head.

use super::cache::Cache;
use super::command::IdempotencyKey;
use crate::domain::booking::state::{Booking, evolve};
use crate::domain::catalog::{Offering, Pattern};
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{BookingId, LayoutId, OfferingId, PatternId, SagaId};
use crate::domain::layout::Layout;
use crate::domain::occupancy::Occupancy;
use crate::saga::Case;
use crate::store::batch::Batch;
use crate::store::events::LogEntry;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

/// Offerings remembered at once.
const OFFERINGS_MAX: usize = 40_000;
/// Bookings remembered at once.
const BOOKINGS_MAX: usize = 60_000;
/// Idempotency keys remembered at once.
const KEYS_MAX: usize = 200_000;
/// Patterns and layouts remembered at once.
const SHAPES_MAX: usize = 20_000;

/// An offering with its seats.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) offering: Arc<Offering>,
    pub(super) occupancy: Occupancy,
    /// Events up to here are in it.
    pub(super) as_of: i64,
}

/// The engine's memory.
#[derive(Debug)]
pub(super) struct State {
    /// The position up to which all of this is exact; `None` before the first look and after a doubt.
    pub(super) head: Option<i64>,
    pub(super) offerings: Cache<OfferingId, Live>,
    pub(super) bookings: Cache<BookingId, Arc<Booking>>,
    pub(super) patterns: Cache<PatternId, Arc<Pattern>>,
    pub(super) layouts: Cache<LayoutId, Arc<Layout>>,
    /// Sagas with their payments, without their bookings; `None` for a booking that has none.
    pub(super) cases: Cache<SagaId, Option<Arc<Case>>>,
    /// The `Idempotency-Key`s that this process met lately, hashed: only they are looked up before a command
    /// is decided. Any other that is stored all the same is found by its key when the batch is written.
    keys: Cache<u64, ()>,
    hasher: RandomState,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            head: None,
            offerings: Cache::new(OFFERINGS_MAX),
            bookings: Cache::new(BOOKINGS_MAX),
            patterns: Cache::new(SHAPES_MAX),
            layouts: Cache::new(SHAPES_MAX),
            cases: Cache::new(BOOKINGS_MAX),
            keys: Cache::new(KEYS_MAX),
            hasher: RandomState::new(),
        }
    }

    /// Remembers a key, and returns whether it was met before.
    pub(super) fn met(&mut self, key: &IdempotencyKey) -> bool {
        let hash = self.hasher.hash_one((&key.caller, &key.key));
        if self.keys.get_mut(hash).is_some() {
            return true;
        }
        self.keys.insert(hash, ());
        false
    }

    /// Forgets everything: after a failure, memory and store may differ.
    pub(super) fn forget(&mut self) {
        self.head = None;
        self.offerings.clear();
        self.bookings.clear();
        self.patterns.clear();
        self.layouts.clear();
        self.cases.clear();
    }

    /// Forgets what a batch that was not written has touched: memory is ahead of the store there.
    pub(super) fn forget_batch(&mut self, batch: &Batch) {
        for booking in batch.created.iter().chain(batch.changed.iter().map(|(booking, _)| booking)) {
            self.bookings.remove(booking.id);
            self.offerings.remove(booking.offering_id);
        }
        for change in &batch.sagas {
            self.cases.remove(change.after.saga.id);
        }
    }

    /// Goes back to a head, after batches that were decided on top of it were not written and what they
    /// touched is forgotten. An offering that was loaded for one of them counts events as known that are
    /// now somebody else's: it is forgotten too.
    pub(super) fn go_back(&mut self, head: i64) {
        self.offerings.retain(|live| live.as_of <= head);
        self.head = Some(head);
    }

    /// Keeps memory within its bounds.
    pub(super) fn trim(&mut self) {
        self.offerings.trim();
        self.bookings.trim();
        self.patterns.trim();
        self.layouts.trim();
        self.cases.trim();
        self.keys.trim();
    }

    /// Folds what another process wrote.
    pub(super) fn catch_up(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            // A saga of that name has moved with it.
            self.cases.remove(SagaId(entry.stream_id));
            match &entry.event {
                Event::Booking(event) => {
                    let id = BookingId(entry.stream_id);
                    if let Some(live) = self.offerings.get_mut(event.offering_id())
                        && live.as_of < entry.position
                    {
                        live.occupancy.apply(id, event);
                    }
                    let known = self.bookings.get_mut(id);
                    if let Some(booking) = known
                        && i64::from(booking.version) + 1 == i64::from(entry.stream_version)
                        && let Some(next) =
                            evolve(Some(Booking::clone(booking)), id, event, entry.recorded_at)
                    {
                        *booking = Arc::new(next);
                    }
                }
                Event::Payment(event) => {
                    if let Some(id) = event.facts().booking_id
                        && let Some(booking) = self.bookings.get_mut(id)
                        && i64::from(booking.version) + 1 == i64::from(entry.stream_version)
                    {
                        Arc::make_mut(booking).version += 1;
                    }
                }
                Event::Catalog(event) => match event {
                    CatalogEvent::LayoutDefined(_) => {
                        self.layouts.clear();
                        self.offerings.clear();
                    }
                    CatalogEvent::OfferingDefined(facts) => self.offerings.remove(facts.id),
                    CatalogEvent::OfferingCancelled(event) => self.offerings.remove(event.id),
                    CatalogEvent::RouteDefined(_)
                    | CatalogEvent::VenueDefined(_)
                    | CatalogEvent::VenueClosed(_)
                    | CatalogEvent::PatternDefined(_) => {}
                },
            }
            self.head = Some(entry.position);
        }
    }
}
