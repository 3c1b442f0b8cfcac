//! How the system is: where the log is, where the read model is, what is held.

use super::OpsError;
use crate::app::App;
use crate::domain::time::Timestamp;
use crate::store::{bookings, events, views};
use serde::Serialize;

/// The state of the stores at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// When it was looked at.
    pub at: Timestamp,
    /// Where the write store is, without its password.
    pub write_store: String,
    /// Where the read store is.
    pub read_store: String,
    /// The log's last position.
    pub head: i64,
    /// The read model's position.
    pub read_position: i64,
    /// Events that the read model has not folded yet.
    pub lag: i64,
    /// Holds that have not ended.
    pub holds_open: i64,
    /// When the next hold ends.
    pub next_hold_ends_at: Option<Timestamp>,
    /// All tickets of the read model.
    pub tickets: u64,
    /// Departures that have not left.
    pub departures_ahead: u64,
}

/// Looks at the stores.
///
/// # Errors
/// What the stores say.
pub async fn status(app: &App) -> Result<Status, OpsError> {
    let (write, read) = (&app.stores.write, &app.stores.read);
    let at = app.clock.now();
    let read_position = views::fold::cursor(read).await?;
    let head = events::head(write).await?;
    Ok(Status {
        at,
        write_store: write.address().redacted(),
        read_store: read.address().redacted(),
        head,
        read_position,
        lag: (head - read_position).max(0),
        holds_open: bookings::holds_open(write, at).await?,
        next_hold_ends_at: bookings::next_due(write).await?,
        tickets: views::tickets::count_all(read).await?,
        departures_ahead: views::network::count_departures_after(read, at).await?,
    })
}
