//! Venues: places with a hall in which events are held.

use super::queries::{Page, wait_for};
use super::{App, AppError, catalogue};
use crate::domain::catalog::Venue;
use crate::domain::event::LayoutDefined;
use crate::domain::id::{LayoutId, VenueId, derived};
use crate::domain::layout::{Layout, LayoutSpec, SectionSpec};
use crate::domain::occasion;
use crate::engine::{Done, Meta};
use crate::projection::{bodies, venue as words};
use crate::store::catalog::{self, Versioned};
use crate::store::error::StoreError;
use crate::store::views::{network, venues};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The hall of a venue that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hall {
    /// A layout that is stored, by its name.
    Named(String),
    /// A new one.
    New {
        /// What it is to be called, if other venues are to have it too. At most 64 characters.
        name: Option<String>,
        /// Its sections, the best first.
        sections: Vec<SectionSpec>,
        /// Labels of seats that are never sold.
        blocked: Vec<String>,
    },
}

/// A venue that is to be made. Its texts are checked for their length and for control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVenue {
    /// The id it came with.
    pub external_id: Option<String>,
    /// What it is called.
    pub name: String,
    /// Its city.
    pub city: String,
    /// Its street address.
    pub address: Option<String>,
    /// Its IANA time zone.
    pub timezone: String,
    /// Its seats.
    pub hall: Hall,
}

/// Makes a venue, and its layout where that is new. The answer is the venue.
///
/// # Errors
/// [`AppError::Invalid`] names the field at fault; [`AppError::Exists`] if one came with the same id, or another layout
/// has the name; what the store says.
pub async fn create(app: &App, new: NewVenue, meta: Meta) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, &meta).await? {
        return Ok(first);
    }
    let timezone = occasion::timezone(&new.timezone).ok_or_else(|| AppError::Invalid {
        field: "timezone",
        message: "must be a time zone of the IANA database, as America/Chicago".into(),
    })?;
    let id = new.external_id.as_deref().map_or_else(|| VenueId(Uuid::now_v7()), VenueId::of_external);
    refuse_known(app, id, new.external_id.as_deref()).await?;
    let (layout, defined) = hall(app, id, new.hall).await?;
    let venue = Venue {
        id,
        external_id: new.external_id,
        name: new.name,
        city: new.city,
        address: new.address,
        layout_id: layout.id(),
        timezone,
        closed: None,
    };
    let body = words::venue(&venue, &layout);
    let external_id = venue.external_id.clone();
    let change = catalogue::Change {
        layouts: defined.into_iter().collect(),
        venues: vec![Versioned { value: venue, version: 1 }],
        noun: "venue",
        ..catalogue::Change::default()
    };
    match catalogue::store(app, &meta, &change, &body).await {
        Err(AppError::Store(error)) if matches!(*error, StoreError::Conflict { .. }) => {
            // Somebody was faster.
            refuse_known(app, id, external_id.as_deref()).await?;
            Err(AppError::Store(error))
        }
        other => other,
    }
}

async fn refuse_known(app: &App, id: VenueId, external_id: Option<&str>) -> Result<(), AppError> {
    let Some(external) = external_id else { return Ok(()) };
    if catalog::venues(&app.stores.write, vec![id.0]).await?.is_empty() {
        return Ok(());
    }
    Err(AppError::Exists { what: "venue", id: external.to_owned() })
}

/// The layout of a venue; and the same as it is to be stored, if it is new.
async fn hall(app: &App, venue: VenueId, hall: Hall) -> Result<(Layout, Option<LayoutDefined>), AppError> {
    let named = |name: &str| LayoutId(derived("layout", name));
    let wrong = |message: String| AppError::Invalid { field: "layout", message };
    match hall {
        Hall::Named(name) => {
            let id = named(&name);
            let found = catalog::layouts(&app.stores.write, vec![id.0]).await?.remove(&id.0);
            let found =
                found.ok_or_else(|| wrong(format!("there is no layout {name}; give its sections here")))?;
            Ok((Layout::new(id, found.value.spec).map_err(wrong)?, None))
        }
        Hall::New { name, sections, blocked } => {
            if sections.is_empty() {
                return Err(wrong("must have at least one section".into()));
            }
            // A hall without a name of its own has its venue's id for one.
            let name = name.unwrap_or_else(|| format!("hall-{venue}"));
            let id = named(&name);
            let spec = LayoutSpec { name: name.clone(), sections, blocked, ..LayoutSpec::default() };
            let layout = Layout::new(id, spec).map_err(wrong)?;
            let known = catalog::layouts(&app.stores.write, vec![id.0]).await?.remove(&id.0);
            match known {
                Some(known) if known.value.spec != *layout.spec() => {
                    Err(AppError::Exists { what: "layout", id: name })
                }
                Some(_) => Ok((layout, None)),
                None => {
                    let defined = LayoutDefined { id, spec: layout.spec().clone() };
                    Ok((layout, Some(defined)))
                }
            }
        }
    }
}

/// Returns a page of venues by name, of one city or of all.
///
/// # Errors
/// What the store says.
pub async fn list(
    app: &App,
    city: Option<&str>,
    page: u32,
    limit: u32,
    min_position: Option<i64>,
) -> Result<Page, AppError> {
    wait_for(app, min_position).await?;
    let city = city.unwrap_or_default().to_lowercase();
    let (found, total) = venues::page(&app.stores.read, &city, page, limit).await?;
    let mut ids: Vec<LayoutId> = found.iter().map(|venue| venue.layout_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let layouts = network::layouts(&app.stores.read, ids).await?;
    let layouts: HashMap<LayoutId, Layout> = layouts.into_iter().map(|l| (l.id(), l)).collect();
    let body = |venue: &Venue| Some(words::venue(venue, layouts.get(&venue.layout_id)?));
    let lines: Vec<String> = found.iter().filter_map(body).collect();
    Ok(Page { data: Arc::from(bodies::array(&lines)), total })
}

/// Returns the venue with this id, or that came with it.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn find(app: &App, id: &str) -> Result<Venue, AppError> {
    let found = venues::by_id(&app.stores.read, &candidates(id)).await?;
    let found = match found.into_iter().next() {
        Some(venue) => Some(venue),
        None => venues::by_external(&app.stores.read, id).await?,
    };
    found.ok_or_else(|| AppError::NotFound { what: "venue", id: id.to_owned() })
}

/// The ids that a venue may have that is called so.
fn candidates(id: &str) -> Vec<VenueId> {
    let own = Uuid::parse_str(id).ok().map(VenueId);
    own.into_iter().chain([VenueId::of_external(id)]).collect()
}

/// Returns a venue and its hall, as they are stored now.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn stored(app: &App, id: &str) -> Result<(Venue, Layout), AppError> {
    let db = &app.stores.write;
    let ids = candidates(id);
    let mut found = catalog::venues(db, ids.iter().map(|id| id.0).collect()).await?;
    let not_found = || AppError::NotFound { what: "venue", id: id.to_owned() };
    let venue = ids.iter().find_map(|id| found.remove(&id.0)).ok_or_else(not_found)?.value;
    let layout = catalog::layouts(db, vec![venue.layout_id.0]).await?.remove(&venue.layout_id.0);
    let spec = layout.ok_or_else(not_found)?.value.spec;
    let corrupt = |reason| StoreError::Corrupt {
        table: "layouts",
        column: "spec",
        row: venue.layout_id.to_string(),
        reason,
    };
    let layout = Layout::new(venue.layout_id, spec).map_err(corrupt)?;
    Ok((venue, layout))
}

/// Returns one venue.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn get(app: &App, id: &str, min_position: Option<i64>) -> Result<String, AppError> {
    wait_for(app, min_position).await?;
    let venue = find(app, id).await?;
    let layout = network::layouts(&app.stores.read, vec![venue.layout_id]).await?.pop();
    let layout = layout.ok_or_else(|| AppError::NotFound { what: "venue", id: id.to_owned() })?;
    Ok(words::venue(&venue, &layout))
}
