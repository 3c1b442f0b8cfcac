//! Listings as operators withdraw them for a request: by the seller's own use case, with a row in the audit log.
//!
//! It never cancels an order: `ticketctl listing cancel` withdraws a listing with its order, by a plan that shows both.

use super::audit::{Actor, audited};
use super::{OpsError, Plan, schedules};
use crate::app::{App, AppError, catalogue, listings};
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::OfferingKind;
use crate::domain::id::OfferingId;
use crate::engine::{CommandError, Done, Meta};
use crate::store::offerings;

/// What is in the way of a listing that an order holds.
const HELD: &str = "somebody has booked a seat";

/// Withdraws anybody's listing that nobody has ordered. The answer is the listing; one that is withdrawn already is
/// answered as it is, and leaves no row.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Locked`] while an order holds it, or once it is sold; what the store says.
pub async fn withdraw(app: &App, id: OfferingId, meta: &Meta) -> Result<Done, OpsError> {
    if let Some(first) = catalogue::replayed(app, meta).await? {
        return Ok(first);
    }
    let found = offerings::with_seats(&app.stores.write, &[id]).await?.pop();
    let listing = found.map(|(offering, _)| offering).filter(|o| o.facts.kind == OfferingKind::Listing);
    let not_found = || AppError::NotFound { what: listings::NOUN, id: id.to_string() };
    let planned = match schedules::plan_cancel(app, listing.ok_or_else(not_found)?, "").await {
        Err(OpsError::App(AppError::Command(CommandError::Rejected(Rejection::OfferingCancelled {
            ..
        })))) => {
            return Ok(listings::withdraw(app, id, None, meta).await?);
        }
        other => other?.plan,
    };
    let Plan { action, changes, .. } = planned;
    if changes.len() > 1 {
        return Err(AppError::Locked { what: listings::NOUN, held: HELD.into() }.into());
    }
    let actor =
        Actor { name: meta.actor.clone(), reason: None, correlation_id: Some(meta.correlation_id.clone()) };
    let plan = Plan::new(&action, changes);
    audited(app, &actor, &plan, async { Ok(listings::withdraw(app, id, None, meta).await?) }).await
}
