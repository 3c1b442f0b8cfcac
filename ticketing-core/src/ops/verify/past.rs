//! What the log says: the events of streams, and the catalogue as it was at a position.

use super::Run;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingStatus, Pattern};
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{LayoutId, OfferingId, PatternId, RouteId};
use crate::domain::layout::Layout;
use crate::domain::log::LogEntry;
use crate::ops::OpsError;
use crate::store::db::Db;
use crate::store::views::Target;
use crate::store::{events, views};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Things of the catalogue remembered between pages.
const KNOWN_MAX: usize = 20_000;

/// What of some streams is in no row of the read model.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// Streams that wait for an event that could not be folded, with its place in its stream.
    pub(super) parked: HashMap<Uuid, i32>,
    /// Positions that an operator gave up.
    pub(super) discarded: HashSet<i64>,
}

impl Aside {
    /// Loads what of these streams is in no row.
    pub(super) async fn of(read: &Db, target: Target, ids: &[Uuid]) -> Result<Self, OpsError> {
        let parked = views::checks::parked(read, target, ids.to_vec()).await?;
        let discarded = views::checks::discarded(read, target, ids.to_vec()).await?;
        Ok(Self { parked, discarded })
    }

    /// Whether a stream that begins here, which the read model has read, need have no row.
    pub(super) fn explains(&self, id: &Uuid, beginning: i64) -> bool {
        self.parked.contains_key(id) || self.discarded.contains(&beginning)
    }
}

/// The events of these streams, each in order, without those that were given up. An event that can't be read is a
/// finding, and nothing is said of its stream; but where the stream waits for it, that is known, and the stream ends
/// there.
pub(super) async fn streams(
    run: &mut Run<'_>,
    db: &Db,
    ids: Vec<Uuid>,
    aside: &Aside,
) -> Result<HashMap<Uuid, Vec<LogEntry>>, OpsError> {
    let mut found: HashMap<Uuid, Vec<LogEntry>> = HashMap::with_capacity(ids.len());
    let mut broken: HashSet<Uuid> = HashSet::new();
    let mut ended: HashSet<Uuid> = HashSet::new();
    for raw in events::raw_of_streams(db, ids).await? {
        let (position, stream, version) = (raw.position, raw.stream_id, raw.stream_version);
        let is_over = broken.contains(&stream) || ended.contains(&stream);
        if is_over || aside.discarded.contains(&position) {
            continue;
        }
        match raw.parse() {
            Ok(entry) => found.entry(stream).or_default().push(entry),
            Err(_) if aside.parked.get(&stream).is_some_and(|parked| version >= *parked) => {
                ended.insert(stream);
            }
            Err(error) => {
                broken.insert(stream);
                let command = format!("ticketctl events show {position}");
                run.found("event", &position, format!("it can't be read: {error}"), command);
            }
        }
    }
    for id in broken {
        found.remove(&id);
    }
    Ok(found)
}

/// Folds a departure's events up to one of them: its facts, and the day and outside id that it was defined with.
pub(super) fn departure(entries: &[LogEntry]) -> Option<OfferingFacts> {
    let mut facts: Option<OfferingFacts> = None;
    for entry in entries {
        match &entry.event {
            Event::Catalog(CatalogEvent::OfferingDefined(event)) => facts = Some((**event).clone()),
            Event::Catalog(CatalogEvent::OfferingCancelled(_)) => {
                if let Some(facts) = &mut facts {
                    facts.status = OfferingStatus::Cancelled;
                }
            }
            Event::Catalog(
                CatalogEvent::LayoutDefined(_)
                | CatalogEvent::RouteDefined(_)
                | CatalogEvent::VenueDefined(_)
                | CatalogEvent::VenueClosed(_)
                | CatalogEvent::PatternDefined(_),
            )
            | Event::Booking(_)
            | Event::Payment(_) => {}
        }
    }
    facts
}

/// What an event defines, if it defines what is sold.
pub(super) fn defined(event: &Event) -> Option<&OfferingFacts> {
    match event {
        Event::Catalog(CatalogEvent::OfferingDefined(facts)) => Some(facts),
        Event::Catalog(
            CatalogEvent::LayoutDefined(_)
            | CatalogEvent::RouteDefined(_)
            | CatalogEvent::VenueDefined(_)
            | CatalogEvent::VenueClosed(_)
            | CatalogEvent::PatternDefined(_)
            | CatalogEvent::OfferingCancelled(_),
        )
        | Event::Booking(_)
        | Event::Payment(_) => None,
    }
}

/// The catalogue's history, as far as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Past {
    departures: HashMap<OfferingId, Vec<LogEntry>>,
    patterns: HashMap<PatternId, Arc<Pattern>>,
    layouts: HashMap<LayoutId, Arc<Layout>>,
    routes: HashMap<RouteId, Vec<(i64, String)>>,
}

impl Past {
    /// Loads the history of these departures, with all that they are made of.
    pub(super) async fn learn(
        &mut self,
        run: &Run<'_>,
        ids: impl Iterator<Item = OfferingId>,
    ) -> Result<(), OpsError> {
        if self.departures.len() > KNOWN_MAX {
            *self = Self::default();
        }
        let unknown: HashSet<Uuid> =
            ids.filter(|id| !self.departures.contains_key(id)).map(|id| id.0).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mut parts: HashSet<Uuid> = HashSet::new();
        for entry in entries(run, unknown).await? {
            if let Event::Catalog(CatalogEvent::OfferingDefined(facts)) = &entry.event {
                let has = self.patterns.contains_key(&facts.pattern_id);
                parts.extend((!has).then_some(facts.pattern_id.0));
                let has = self.layouts.contains_key(&facts.layout_id);
                parts.extend((!has).then_some(facts.layout_id.0));
                let route = facts.route_id.filter(|id| !self.routes.contains_key(id));
                parts.extend(route.map(|id| id.0));
            }
            self.departures.entry(OfferingId(entry.stream_id)).or_default().push(entry);
        }
        for entry in entries(run, parts).await? {
            let Event::Catalog(event) = entry.event else { continue };
            match event {
                CatalogEvent::PatternDefined(pattern) => {
                    self.patterns.entry(pattern.id).or_insert_with(|| Arc::new(pattern));
                }
                CatalogEvent::LayoutDefined(event) => {
                    // One that can't be is a finding of the catalogue's own check.
                    if let Ok(layout) = Layout::new(event.id, event.spec) {
                        self.layouts.insert(event.id, Arc::new(layout));
                    }
                }
                CatalogEvent::RouteDefined(route) => {
                    self.routes.entry(route.id).or_default().push((entry.position, route.name));
                }
                CatalogEvent::VenueDefined(_)
                | CatalogEvent::VenueClosed(_)
                | CatalogEvent::OfferingDefined(_)
                | CatalogEvent::OfferingCancelled(_) => {}
            }
        }
        Ok(())
    }

    /// Returns an offering as it was before a position, with its route's name or its own; `None` if the log does not
    /// have it.
    pub(super) fn before(&self, id: OfferingId, position: i64) -> Option<(Offering, String)> {
        let entries = self.departures.get(&id)?;
        let end = entries.partition_point(|entry| entry.position < position);
        let facts = departure(&entries[..end])?;
        let pattern = Arc::clone(self.patterns.get(&facts.pattern_id)?);
        let layout = Arc::clone(self.layouts.get(&facts.layout_id)?);
        let name = match facts.route_id {
            Some(route) => {
                let names = self.routes.get(&route)?;
                names.iter().rev().find(|(at, _)| *at < position).map(|(_, name)| name.clone())
            }
            None => facts.particulars.title.clone(),
        };
        Some((Offering::new(facts, pattern, layout), name.unwrap_or_default()))
    }
}

/// The events of these streams that can be read and that the read model has folded or will.
async fn entries(run: &Run<'_>, streams: HashSet<Uuid>) -> Result<Vec<LogEntry>, OpsError> {
    let ids: Vec<Uuid> = streams.into_iter().collect();
    let left_out = views::checks::not_folded(&run.app.stores.read, run.target, ids.clone()).await?;
    let raw = events::raw_of_streams(&run.app.stores.write, ids).await?;
    let folded = raw.into_iter().filter(|raw| !left_out.contains(&raw.position));
    Ok(folded.filter_map(|raw| raw.parse().ok()).collect())
}
