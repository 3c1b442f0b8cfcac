//! Of which kind of offering events are, as far as it decides by which name they are published. A kind never changes,
//! so each is looked up once.

use crate::domain::booking::event::BookingEvent;
use crate::domain::catalog::OfferingKind;
use crate::domain::event::CatalogEvent;
use crate::domain::id::OfferingId;
use crate::domain::log::RawEntry;
use crate::store::db::Db;
use crate::store::error::StoreError;
use crate::store::offerings;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// As many offerings are remembered, a few megabytes; then they are looked up anew.
const KNOWN_MAX: usize = 100_000;

/// The kinds of offerings that were met lately.
#[derive(Debug, Default)]
pub struct Kinds(HashMap<OfferingId, OfferingKind>);

impl Kinds {
    /// Returns the kind that each of these events is of, in their order; a departure for one that is of no offering.
    ///
    /// # Errors
    /// What the store says.
    pub async fn of(&mut self, db: &Db, entries: &[RawEntry]) -> Result<Vec<OfferingKind>, StoreError> {
        let named: Vec<Option<OfferingId>> = entries.iter().map(offering).collect();
        if self.0.len() > KNOWN_MAX {
            self.0.clear();
        }
        let unknown: HashSet<OfferingId> =
            named.iter().flatten().filter(|id| !self.0.contains_key(id)).copied().collect();
        if !unknown.is_empty() {
            self.0.extend(offerings::kinds(db, unknown.into_iter().collect()).await?);
        }
        let kind = |id: Option<OfferingId>| id.and_then(|id| self.0.get(&id).copied());
        Ok(named.into_iter().map(|id| kind(id).unwrap_or(OfferingKind::Departure)).collect())
    }
}

/// The offering that an event is of.
fn offering(entry: &RawEntry) -> Option<OfferingId> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Of {
        offering_id: Uuid,
    }
    let event_type = entry.event_type.as_str();
    if CatalogEvent::TYPES.contains(&event_type) {
        // Of what is no offering, there is none with its id.
        return Some(OfferingId(entry.stream_id));
    }
    if !BookingEvent::TYPES.contains(&event_type) {
        return None;
    }
    serde_json::from_str::<Of>(&entry.data).ok().map(|of| OfferingId(of.offering_id))
}
