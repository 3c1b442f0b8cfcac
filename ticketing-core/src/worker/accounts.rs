//! Keeps this process's knowledge of whose tokens are refused fresh, and erases what is left of deleted accounts.

use crate::app::accounts::{SETTLED_AFTER_MS, erase_people};
use crate::app::{App, AppError};
use crate::store::{accounts, events};
use std::time::Duration;

/// How often it looks whose tokens others have refused: half of the second that they may take.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it looks for deleted accounts that something may be left of.
const ERASE_EVERY: Duration = Duration::from_secs(10);
/// Accounts that are looked at in one round.
const ROUND_MAX: i64 = 100;

/// Reads for ever whose tokens are refused. While the store is away, what was known before holds.
pub async fn keep_out(app: App) {
    let mut failing = false;
    loop {
        let now_s = app.clock.now().as_millis().div_euclid(1_000);
        match app.accounts.kept_out.read(&app.stores.write, now_s).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "can't look whose accounts are suspended; will try again");
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Erases for ever. Several processes may do so at once: what one has erased the other does not find.
pub async fn erase(app: App) {
    loop {
        tokio::time::sleep(ERASE_EVERY).await;
        match erase_due(&app).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "of deleted accounts nothing is left"),
            Err(error) => tracing::warn!(%error, "deleted accounts can't be erased; will try again"),
        }
    }
}

/// Erases what is left of deleted accounts, and returns of how many nothing is left from now on.
///
/// # Errors
/// What the stores say; what was erased before stays erased.
pub async fn erase_due(app: &App) -> Result<usize, AppError> {
    let mut done = 0;
    for (id, deleted_at) in accounts::erasing(&app.stores.write, ROUND_MAX).await? {
        let is_settled = app.clock.now().as_millis() >= deleted_at.as_millis() + SETTLED_AFTER_MS;
        // All that was ever booked for it lies before this position, once nobody books for it any more.
        let head = events::head(&app.stores.write).await?;
        let is_read = app.read.reached(&app.stores, head).await?;
        erase_people(app, id).await?;
        if is_settled && is_read {
            accounts::erased(&app.stores.write, id, app.clock.now()).await?;
            done += 1;
        }
    }
    Ok(done)
}
