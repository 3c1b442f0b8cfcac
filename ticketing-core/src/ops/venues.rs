//! Closing a venue: what is announced there stays as it was, and nothing is announced there any more.
//!
//! A venue with events on sale is never closed: whoever closes it withdraws them first, each by itself and with its own
//! plan, since people have paid for them.

use super::audit::{Actor, audited};
use super::plan::raw_of;
use super::{OpsError, Plan, PlanChange};
use crate::app::{App, AppError, catalogue, venues};
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::OfferingFacts;
use crate::domain::id::VenueId;
use crate::engine::Meta;
use crate::projection::venue as words;
use crate::store::catalog::{self, Versioned};
use crate::store::offerings;
use serde::Serialize;

/// Events in the way of a closing that are loaded to be named; of more, only how many they are.
pub const NAMED_MAX: usize = 20;

/// A venue that is to be closed, or why it can't be yet.
#[derive(Clone, Debug)]
pub enum ClosePlan {
    /// Nothing is in the way.
    Ready(Box<Closing>),
    /// Events are on sale there.
    InTheWay(InTheWay),
}

/// The closing of a venue.
#[derive(Clone, Debug)]
pub struct Closing {
    /// What is shown: the venue, as it is and as it would be.
    pub plan: Plan,
    change: catalogue::Change,
    body: String,
}

/// What keeps a venue open.
#[derive(Clone, Debug)]
pub struct InTheWay {
    /// How many events are on sale there.
    pub count: usize,
    /// The first of them, at most [`NAMED_MAX`].
    pub first: Vec<OfferingFacts>,
}

#[derive(Serialize)]
struct Status {
    id: VenueId,
    name: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Plans the closing of a venue.
///
/// # Errors
/// [`AppError::NotFound`]; [`Rejection::VenueClosed`] if it is; what the store says.
pub async fn plan_close(app: &App, id: VenueId, reason: &str) -> Result<ClosePlan, OpsError> {
    let db = &app.stores.write;
    let (_, layout) = venues::stored(app, &id.to_string()).await?;
    let not_found = || AppError::NotFound { what: "venue", id: id.to_string() };
    let row = catalog::venues(db, vec![id.0]).await?.remove(&id.0).ok_or_else(not_found)?;
    if row.value.closed.is_some() {
        return Err(AppError::from(Rejection::venue_closed(&row.value)).into());
    }
    let coming = catalog::coming_at(db, &row.value, app.clock.now()).await?;
    if !coming.is_empty() {
        let count = coming.len();
        let mut first = offerings::facts(db, &coming[..count.min(NAMED_MAX)]).await?;
        first.sort_by_key(|facts| (facts.departs_at, facts.id));
        return Ok(ClosePlan::InTheWay(InTheWay { count, first }));
    }
    let mut value = row.value;
    let before = Status { id, name: value.name.clone(), status: "OPEN", reason: None };
    value.closed = Some(reason.to_owned());
    let after = Status { id, name: value.name.clone(), status: "CLOSED", reason: Some(reason.to_owned()) };
    let shown = PlanChange {
        kind: "venue".into(),
        id: Some(id.to_string()),
        before: raw_of(&before),
        after: raw_of(&after),
    };
    let body = words::venue(&value, &layout);
    let change = catalogue::Change {
        closes: Some(Versioned { value, version: row.version + 1 }),
        noun: "venue",
        ..catalogue::Change::default()
    };
    let plan = Plan::new("venue cancel", vec![shown]);
    Ok(ClosePlan::Ready(Box::new(Closing { plan, change, body })))
}

/// Does what the plan says. Returns the position; the venue as it then is can be read at once.
///
/// # Errors
/// [`OpsError::WorldMoved`] if the venue was changed meanwhile, or an event announced there; what the store says.
pub async fn execute_close(app: &App, closing: Closing, actor: &Actor) -> Result<i64, OpsError> {
    let meta = Meta { actor: actor.name.clone(), correlation_id: actor.correlation(), idempotency: None };
    audited(app, actor, &closing.plan, async {
        match catalogue::store(app, &meta, &closing.change, &closing.body).await {
            Ok(done) => Ok(done.position),
            Err(AppError::VersionConflict { .. }) => Err(OpsError::WorldMoved { what: "the venue".into() }),
            Err(AppError::Locked { .. }) => Err(OpsError::WorldMoved {
                what: "an event was announced there, so what is to be closed".into(),
            }),
            Err(error) => Err(error.into()),
        }
    })
    .await
}
