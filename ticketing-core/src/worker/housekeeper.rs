//! Forgets what nobody may ask for any more: the stored answers of old requests, and sessions that are over. Never
//! bookings or events.
//!
//! Once an hour it walks over the answers in the order of their key, page by page, so that no statement is
//! long. Several processes on one store may walk at once: what one has forgotten the other does not find.

use crate::app::App;
use crate::store::error::Result;
use crate::store::idempotency::{self, Place};
use crate::store::{accounts, kept_out};
use std::time::Duration;

/// How long an answer is kept, in seconds: twice the day that a caller may count on.
pub const ANSWERS_KEPT_SECONDS: i64 = 48 * 3600;
/// Answers of one page.
const PAGE: i64 = 5_000;
/// How long after the start the first walk begins: the start has better things to do.
const FIRST_AFTER: Duration = Duration::from_secs(60);
/// How long after a walk the next one begins.
const AGAIN_AFTER: Duration = Duration::from_secs(3600);

/// Forgets for ever. A walk that fails is not repeated before its time: nothing waits for it.
pub async fn run(app: App) {
    tokio::time::sleep(FIRST_AFTER).await;
    loop {
        match forget_answers(&app).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "old answers were forgotten"),
            Err(error) => tracing::warn!(%error, "old answers can't be forgotten; will try again in an hour"),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Forgets every answer that is older than [`ANSWERS_KEPT_SECONDS`], and returns how many; and the sessions that were
/// signed out and would be over by now anyway.
///
/// # Errors
/// What the store says; what was forgotten before stays forgotten.
pub async fn forget_answers(app: &App) -> Result<usize> {
    let before = app.clock.now().plus_seconds(-ANSWERS_KEPT_SECONDS);
    let mut count = 0;
    let mut from = Place::default();
    loop {
        let page = idempotency::forget(&app.stores.write, before, from, PAGE).await?;
        count += page.count;
        match page.next {
            Some(next) => from = next,
            None => break,
        }
    }
    count += accounts::forget_answers(&app.stores.write, before).await?;
    kept_out::forget(&app.stores.write, app.clock.now().as_millis().div_euclid(1_000)).await?;
    Ok(count)
}
