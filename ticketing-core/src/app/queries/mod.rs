//! The questions: each is answered from the read model, as text that is ready to be sent.

pub mod events;
pub mod network;
pub mod tickets;
pub mod totals;

use super::{App, AppError};

/// A page of a list, its rows as a JSON array.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows, a JSON array.
    pub data: std::sync::Arc<str>,
    /// How many rows all pages have.
    pub total: u64,
}

/// Waits until the read model has reached `min_position`, if one is asked for.
///
/// # Errors
/// [`AppError::ReadModelBehind`] after two seconds; what the store says.
pub async fn wait_for(app: &App, min_position: Option<i64>) -> Result<(), AppError> {
    let Some(wanted) = min_position else { return Ok(()) };
    if app.read.reached(&app.stores, wanted).await? {
        return Ok(());
    }
    Err(AppError::ReadModelBehind { at: app.read.known(), wanted })
}
