//! What is sold: the write store's layouts, patterns, routes and departures against their events.
//!
//! A row and its event come with one commit, so a row is at its stream's last version, and says what that says.

use super::catalog::{Words, departure_words, folded, json_words};
use super::past::{self, Aside};
use super::{Differences, FIRST, PAGE, Run, shown};
use crate::domain::catalog::OfferingFacts;
use crate::domain::id::{OfferingId, PatternId};
use crate::domain::log::LogEntry;
use crate::ops::OpsError;
use crate::store::checks::{self, CatalogKind};
use crate::store::db::Db;
use crate::store::error::{Result as StoreResult, StoreError};
use crate::store::{catalog, events, offerings};
use std::collections::HashMap;
use uuid::Uuid;

/// Positions of one page of the walk for what has no row.
const STRETCH: i64 = 5_000;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    for kind in CatalogKind::ALL {
        let mut after = FIRST;
        loop {
            let moment = db.moment().await?;
            let outcome = page(run, &moment, kind, after).await;
            moment.close().await;
            match outcome? {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    without_row(run, &db).await
}

/// Looks at one page; returns its last row.
async fn page(run: &mut Run<'_>, db: &Db, kind: CatalogKind, after: Uuid) -> Result<Option<Uuid>, OpsError> {
    let versions = checks::catalog_after(db, kind, after, PAGE).await?;
    let Some((last, _)) = versions.last().copied() else { return Ok(None) };
    let ids: Vec<Uuid> = versions.iter().map(|(id, _)| *id).collect();
    let rows = readable(run, db, kind, &ids).await?;
    let streams = past::streams(run, db, ids, &Aside::default()).await?;
    for (id, version) in &versions {
        let Some(words) = rows.get(id) else { continue };
        let Some(entries) = streams.get(id) else {
            // If one of its events can't be read, that was told.
            if events::last_versions(db, vec![*id]).await?.is_empty() {
                let command = "ticketctl verify --check log".into();
                run.found(kind.word(), id, "the log has no event of it".into(), command);
            }
            continue;
        };
        if let Some(finding) = fault(words, *version, entries) {
            let last = entries.last().map_or(0, |entry| entry.position);
            run.found(kind.word(), id, finding, format!("ticketctl events show {last}"));
        }
    }
    run.looked(versions.len());
    Ok(Some(last))
}

/// What these rows say. One that can't be read is a finding, and hides no other.
async fn readable(
    run: &mut Run<'_>,
    db: &Db,
    kind: CatalogKind,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Words>, OpsError> {
    match words(db, kind, ids.to_vec()).await {
        Err(StoreError::Corrupt { .. }) => {}
        outcome => return Ok(outcome?.into_iter().collect()),
    }
    let mut rows = HashMap::with_capacity(ids.len());
    for id in ids {
        match words(db, kind, vec![*id]).await {
            Ok(found) => rows.extend(found),
            Err(error @ StoreError::Corrupt { .. }) => {
                let last = events::last_versions(db, vec![*id]).await?.pop().map_or(0, |(_, _, at)| at);
                let finding = format!("its row can't be read: {error}");
                run.found(kind.word(), id, finding, format!("ticketctl events show {last}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rows)
}

async fn words(db: &Db, kind: CatalogKind, ids: Vec<Uuid>) -> StoreResult<Vec<(Uuid, Words)>> {
    Ok(match kind {
        CatalogKind::Layout => {
            let rows = catalog::layouts(db, ids).await?;
            rows.into_iter().map(|(id, row)| (id, json_words(&row.value.spec))).collect()
        }
        CatalogKind::Pattern => {
            let ids: Vec<PatternId> = ids.into_iter().map(PatternId).collect();
            let rows = offerings::patterns(db, &ids).await?;
            rows.into_iter().map(|pattern| (pattern.id.0, json_words(&pattern.calls))).collect()
        }
        CatalogKind::Route => {
            let rows = catalog::routes(db, ids).await?;
            rows.into_iter().map(|(id, row)| (id, json_words(&row.value))).collect()
        }
        CatalogKind::Venue => {
            let rows = catalog::venues(db, ids).await?;
            rows.into_iter().map(|(id, row)| (id, json_words(&row.value))).collect()
        }
        CatalogKind::Departure => {
            let ids: Vec<OfferingId> = ids.into_iter().map(OfferingId).collect();
            let rows = offerings::facts(db, &ids).await?;
            rows.into_iter().map(|facts| (facts.id.0, sold_words(&facts, &facts))).collect()
        }
    })
}

/// What a departure is sold as: as it is by now, with the outside id and the day that it was defined with first.
fn sold_words(now: &OfferingFacts, first: &OfferingFacts) -> Words {
    let mut words = departure_words(now);
    words.push(("latePayment", now.late_payment.word().into()));
    words.push(("externalId", shown(&first.external_id)));
    words.push(("serviceDate", first.service_date.clone()));
    words
}

fn fault(words: &Words, version: i32, entries: &[LogEntry]) -> Option<String> {
    let last = entries.last().map_or(0, |entry| entry.stream_version);
    let Some(said) = said(entries) else { return Some("its events do not define it".into()) };
    let mut found = Differences::default();
    for ((field, stored), (_, said)) in words.iter().zip(&said) {
        found.of(field, stored, said, String::clone);
    }
    found.of("version", &version, &last, i32::to_string);
    found.sentence()
}

/// What the events say.
fn said(entries: &[LogEntry]) -> Option<Words> {
    let first = entries.iter().find_map(|entry| past::defined(&entry.event));
    match first {
        Some(first) => Some(sold_words(&past::departure(entries)?, first)),
        None => folded(entries),
    }
}

/// Looks for what begins in the log and has no row. No row goes.
async fn without_row(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let head = events::head(db).await?;
    let mut from = 0;
    while from < head {
        let to = from.saturating_add(STRETCH).min(head);
        for (kind, position, id) in checks::not_sold(db, from, to).await? {
            let finding = format!("it begins at position {position} of the log and has no row");
            run.found(kind.word(), &id, finding, format!("ticketctl events show {position}"));
        }
        from = to;
    }
    Ok(())
}
