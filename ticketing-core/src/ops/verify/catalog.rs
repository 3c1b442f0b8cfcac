//! The read model's layouts, patterns, routes and departures against their events.

use super::past::{self, Aside};
use super::{Differences, FIRST, PAGE, Run, rebuild, shown};
use crate::domain::catalog::OfferingFacts;
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{LayoutId, OfferingId, PatternId, RouteId};
use crate::domain::log::LogEntry;
use crate::ops::OpsError;
use crate::store::checks::{self, CatalogKind};
use crate::store::db::Db;
use crate::store::error::Result as StoreResult;
use crate::store::offerings::status_word;
use crate::store::views::{self, fold, network, venues};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    for kind in CatalogKind::ALL {
        let mut after = FIRST;
        loop {
            let moment = run.app.stores.read.moment().await?;
            let page = load(run, &moment, kind, after).await;
            moment.close().await;
            let page = page?;
            let Some((last, _)) = page.versions.last() else { break };
            after = *last;
            let count = page.versions.len();
            judge(run, kind, page).await?;
            run.looked(count);
        }
        missing(run, kind).await?;
    }
    Ok(())
}

/// What a row says, in words that can be compared.
pub(super) type Words = Vec<(&'static str, String)>;

/// Rows of one moment.
struct Page {
    versions: Vec<(Uuid, i32)>,
    rows: HashMap<Uuid, Words>,
    unreadable: Option<crate::store::error::StoreError>,
    cursor: i64,
    aside: Aside,
}

async fn load(run: &Run<'_>, moment: &Db, kind: CatalogKind, after: Uuid) -> Result<Page, OpsError> {
    let versions = views::checks::catalog_after(moment, run.target, kind, after, PAGE).await?;
    let ids: Vec<Uuid> = versions.iter().map(|(id, _)| *id).collect();
    let mut rows = HashMap::with_capacity(ids.len());
    let mut unreadable = None;
    match words(moment, run, kind, ids.clone()).await {
        Ok(found) => rows.extend(found),
        Err(crate::store::error::StoreError::Corrupt { .. }) => {
            for id in &ids {
                match words(moment, run, kind, vec![*id]).await {
                    Ok(found) => rows.extend(found),
                    Err(error) => unreadable = Some(error),
                }
            }
        }
        Err(error) => return Err(error.into()),
    }
    let cursor = fold::cursor_of(moment, run.target).await?;
    let aside = Aside::of(moment, run.target, &ids).await?;
    Ok(Page { versions, rows, unreadable, cursor, aside })
}

/// What these rows say.
async fn words(db: &Db, run: &Run<'_>, kind: CatalogKind, ids: Vec<Uuid>) -> StoreResult<Vec<(Uuid, Words)>> {
    let target = run.target;
    Ok(match kind {
        CatalogKind::Layout => {
            let ids = ids.into_iter().map(LayoutId).collect();
            let rows = network::layouts_in(db, target, ids).await?;
            rows.into_iter().map(|layout| (layout.id().0, json_words(layout.spec()))).collect()
        }
        CatalogKind::Pattern => {
            let ids = ids.into_iter().map(PatternId).collect();
            let rows = network::patterns_in(db, target, ids).await?;
            rows.into_iter().map(|pattern| (pattern.id.0, json_words(&pattern.calls))).collect()
        }
        CatalogKind::Route => {
            let ids = ids.into_iter().map(RouteId).collect();
            let rows = network::routes_by_id_in(db, target, ids).await?;
            rows.into_iter().map(|route| (route.id.0, json_words(&route))).collect()
        }
        CatalogKind::Venue => {
            let rows = venues::by_id_in(db, target, ids).await?;
            rows.into_iter().map(|venue| (venue.id.0, json_words(&venue))).collect()
        }
        CatalogKind::Departure => {
            let ids: Vec<OfferingId> = ids.into_iter().map(OfferingId).collect();
            let rows = network::departures_by_id_in(db, target, &ids).await?;
            rows.into_iter().map(|facts| (facts.id.0, departure_words(&facts))).collect()
        }
    })
}

pub(super) fn json_words<T: serde::Serialize>(value: &T) -> Words {
    vec![("data", serde_json::to_string(value).unwrap_or_default())]
}

/// What a later definition changes of a departure; its outside id and its day stay.
pub(super) fn departure_words(facts: &OfferingFacts) -> Words {
    vec![
        ("kind", facts.kind.word().into()),
        ("route", shown(&facts.route_id)),
        ("particulars", serde_json::to_string(&facts.particulars).unwrap_or_default()),
        ("pattern", facts.pattern_id.to_string()),
        ("layout", facts.layout_id.to_string()),
        ("departsAt", facts.departs_at.to_string()),
        ("arrivesAt", facts.arrives_at.to_string()),
        ("fare", facts.fare.to_string()),
        ("status", status_word(facts.status).into()),
    ]
}

async fn judge(run: &mut Run<'_>, kind: CatalogKind, page: Page) -> Result<(), OpsError> {
    let write = run.app.stores.write.clone();
    let streams =
        past::streams(run, &write, page.versions.iter().map(|(id, _)| *id).collect(), &page.aside).await?;
    for (id, version) in &page.versions {
        let Some(words) = page.rows.get(id) else {
            let why = shown(&page.unreadable.as_ref().map(ToString::to_string));
            run.found(kind.word(), id, format!("its row can't be read: {why}"), rebuild());
            continue;
        };
        let Some(entries) = streams.get(id) else {
            run.found(kind.word(), id, "the log has no event of it that can be read".into(), rebuild());
            continue;
        };
        if let Some(finding) =
            fault(words, *version, entries, page.cursor, page.aside.parked.get(id).copied())
        {
            run.found(kind.word(), id, finding, rebuild());
        }
    }
    Ok(())
}

fn fault(
    words: &Words,
    version: i32,
    entries: &[LogEntry],
    cursor: i64,
    parked: Option<i32>,
) -> Option<String> {
    let last = entries.last().map_or(0, |entry| entry.stream_version);
    if version > last {
        return Some(format!("it is at version {version}, the log has {last} events of it"));
    }
    let due =
        entries.iter().rev().find(|entry| entry.position <= cursor).map_or(0, |entry| entry.stream_version);
    let due = parked.map_or(due, |parked| due.min(parked - 1));
    if version < due {
        return Some(format!("it is at version {version}, the read model has read version {due} of it"));
    }
    let end = entries.partition_point(|entry| entry.stream_version <= version);
    let Some(folded) = folded(&entries[..end]) else { return Some("its events do not define it".into()) };
    let mut found = Differences::default();
    for ((field, stored), (_, folded)) in words.iter().zip(&folded) {
        found.of(field, stored, folded, String::clone);
    }
    found.sentence()
}

/// What the events say.
pub(super) fn folded(entries: &[LogEntry]) -> Option<Words> {
    let Event::Catalog(event) = &entries.last()?.event else { return None };
    Some(match event {
        CatalogEvent::LayoutDefined(event) => json_words(&event.spec),
        CatalogEvent::RouteDefined(route) => json_words(route),
        CatalogEvent::VenueDefined(venue) | CatalogEvent::VenueClosed(venue) => json_words(venue),
        CatalogEvent::PatternDefined(pattern) => json_words(&pattern.calls),
        CatalogEvent::OfferingDefined(_) | CatalogEvent::OfferingCancelled(_) => {
            departure_words(&past::departure(entries)?)
        }
    })
}

/// Looks for what the read model has read, and has no row of.
async fn missing(run: &mut Run<'_>, kind: CatalogKind) -> Result<(), OpsError> {
    let (write, read) = (run.app.stores.write.clone(), run.app.stores.read.clone());
    let cursor = fold::cursor_of(&read, run.target).await?;
    let mut after = FIRST;
    loop {
        let rows = checks::catalog_after(&write, kind, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        let ids: Vec<Uuid> = rows.into_iter().map(|(id, _)| id).collect();
        let had: HashSet<Uuid> =
            views::checks::catalog_had(&read, run.target, kind, ids.clone()).await?.into_iter().collect();
        let lacking: Vec<Uuid> = ids.into_iter().filter(|id| !had.contains(id)).collect();
        if lacking.is_empty() {
            continue;
        }
        let aside = Aside::of(&read, run.target, &lacking).await?;
        for (id, position) in checks::beginnings(&write, lacking).await? {
            if position <= cursor && !aside.explains(&id, position) {
                let finding = format!("it has no row; the read model has read its beginning at {position}");
                run.found(kind.word(), &id, finding, rebuild());
            }
        }
    }
}
