//! The seats of any offering, as an operator looks at them: of a departure for the stretch between two stops, of an event
//! or a listing as they are.

use super::{OpsError, lookup};
use crate::app::queries::network::SeatMap;
use crate::app::queries::{events, network};
use crate::app::{App, AppError};
use crate::domain::catalog::{Offering, OfferingKind};

/// What is looked for, where it may be of any kind.
const NOUN: &str = "offering";

/// Returns the departure, event or listing with this id, unique beginning of one, external id, or `externalId/DATE`.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn find(app: &App, id: &str) -> Result<Offering, OpsError> {
    match lookup::offering(app, id).await {
        Err(OpsError::App(AppError::NotFound { id, .. })) => {
            Err(AppError::NotFound { what: NOUN, id }.into())
        }
        other => other,
    }
}

/// Returns the seats of an offering, from the read store. Only a departure has stops: `from` and `to` are its own.
///
/// # Errors
/// [`AppError::Invalid`] for a stop of what has none; a rejection for a stop that a departure has not; what the store
/// says.
pub async fn map(
    app: &App,
    offering: Offering,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<SeatMap, OpsError> {
    let kind = offering.facts.kind;
    match kind {
        OfferingKind::Departure => {
            let id = offering.facts.id.to_string();
            Ok(network::seat_map(app, &id, from, to, None).await?)
        }
        OfferingKind::Event | OfferingKind::Listing => {
            for (field, stop) in [("fromStop", from), ("toStop", to)] {
                if stop.is_some() {
                    let message = format!("The {} has no stops: leave them out.", kind.noun());
                    return Err(AppError::Invalid { field, message }.into());
                }
            }
            let legs = offering.pattern.resolve_any(None, None).map_err(AppError::from)?;
            let states = events::states(app, &offering).await?;
            Ok(SeatMap { offering, legs, states })
        }
    }
}
