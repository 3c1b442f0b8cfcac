//! Writes down that holds have ended. Nobody waits for it: a hold is over at its time, not when it is swept.
//!
//! It sleeps until the next hold ends. A hold that ends sooner, made meanwhile, wakes it; so does a write of
//! another process, which may have made one.

use super::RETRY_AFTER;
use crate::app::App;
use crate::app::commands::append;
use crate::engine::{CommandError, Meta, Work};
use crate::store::bookings;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// Holds of one sweep.
const SWEEP_MAX: i64 = 1_000;

/// Sweeps for ever; ends when the log's head has no sender any more.
pub async fn run(app: App, mut head: watch::Receiver<i64>) {
    let mut failing = false;
    let mut own = app.engine.head();
    loop {
        match sweep(&app).await {
            Ok(true) => continue,
            Ok(false) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "ended holds can't be swept; will try again");
                }
                failing = true;
                tokio::time::sleep(RETRY_AFTER).await;
                if head.has_changed().is_err() {
                    return;
                }
                continue;
            }
        }
        loop {
            let wait = app.engine.next_due().as_millis().saturating_sub(app.clock.now().as_millis());
            let wait = Duration::from_millis(wait.clamp(0, 86_400_000).unsigned_abs());
            tokio::select! {
                () = tokio::time::sleep(wait) => break,
                () = app.engine.due_moved() => {}
                changed = head.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Ahead of our own engine: another process wrote, perhaps a hold.
                    if *head.borrow_and_update() > *own.borrow_and_update() {
                        break;
                    }
                }
            }
        }
    }
}

/// Sweeps once; true if there may be more to do at once.
///
/// # Errors
/// What the engine or the store says.
pub async fn sweep(app: &App) -> Result<bool, CommandError> {
    let store = |e| CommandError::Store(std::sync::Arc::new(e));
    let due = bookings::due(&app.stores.write, app.clock.now(), SWEEP_MAX).await.map_err(store)?;
    if due.is_empty() {
        app.engine.forget_next_due();
        if let Some(next) = bookings::next_due(&app.stores.write).await.map_err(store)? {
            app.engine.found_next_due(next);
        }
        return Ok(false);
    }
    let meta = Meta::system(format!("sweep-{}", Uuid::now_v7()));
    let done = append(app, Work::Expire(due), meta).await?;
    // Nothing changed: another process was first, or memory is not there yet; look again later.
    if done.changed == 0 {
        tokio::time::sleep(RETRY_AFTER).await;
    }
    Ok(true)
}
