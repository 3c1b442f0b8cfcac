//! Readings under way: of all who want the same page at the same time, one reads it and the others wait for him.
//! A reading that fails, or that nobody waits for any more, wakes them empty-handed; nothing is kept here.

use super::Key;
use crate::app::ports::CachedPage;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

type Landing = Option<Arc<CachedPage>>;

/// The readings under way.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Key, watch::Receiver<Landing>>>);

/// How somebody gets a page.
pub(super) enum Seat<'a> {
    /// He reads it; others wait.
    Pilot(Pilot<'a>),
    /// He waits.
    Passenger(Passenger),
}

/// Whoever reads.
pub(super) struct Pilot<'a> {
    flights: &'a Flights,
    key: Key,
    landing: watch::Sender<Landing>,
}

/// Whoever waits.
pub(super) struct Passenger(watch::Receiver<Landing>);

impl Flights {
    /// Joins the reading of this page, or begins one.
    pub(super) fn board(&self, key: &Key) -> Seat<'_> {
        match self.under_way().entry(key.clone()) {
            Entry::Occupied(flight) => Seat::Passenger(Passenger(flight.get().clone())),
            Entry::Vacant(place) => {
                let (landing, passengers) = watch::channel(None);
                place.insert(passengers);
                Seat::Pilot(Pilot { flights: self, key: key.clone(), landing })
            }
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<Landing>>> {
        // What a panicking thread left is whole: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pilot<'_> {
    /// Hands the page to all who wait.
    pub(super) fn land(self, page: Arc<CachedPage>) {
        self.landing.send_replace(Some(page));
    }
}

impl Drop for Pilot<'_> {
    /// However it ended, the next one reads anew.
    fn drop(&mut self) {
        self.flights.under_way().remove(&self.key);
    }
}

impl Passenger {
    /// Waits for the page; `None` if the reading brought none.
    pub(super) async fn landed(mut self) -> Landing {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}
