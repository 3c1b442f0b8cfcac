//! Figures that are looked up when somebody reads the metrics, and not more often than they are worth.

use crate::metrics::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::App;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::error::Result;
use ticketing_core::store::{bookings, events, sagas, views};
use tokio::sync::Mutex;

/// How old the numbers of open holds and sagas may be: counting them reads an index from end to end.
const COUNTED_EVERY: Duration = Duration::from_secs(5);
/// How long a look at the stores may take; then the last figures stand.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// When the figures were looked up, and by one reader at a time.
#[derive(Debug, Default)]
pub struct Gauges {
    counted_at: Mutex<Option<Instant>>,
    failing: AtomicBool,
}

impl Gauges {
    /// Brings the gauges of `metrics` up to date. If a store does not answer, the last figures stay.
    pub async fn refresh(&self, app: &App, metrics: &Metrics) {
        metrics.queue_length.set(i64::try_from(app.engine.queue_len()).unwrap_or(i64::MAX));
        // Who comes while another looks gets what the other found last.
        let Ok(mut counted_at) = self.counted_at.try_lock() else { return };
        let look = async {
            lag(app, metrics).await?;
            if counted_at.is_none_or(|at| at.elapsed() >= COUNTED_EVERY) {
                let open = bookings::holds_open(&app.stores.write, app.clock.now()).await?;
                metrics.holds_open.set(open);
                stand(app, metrics).await?;
                *counted_at = Some(Instant::now());
            }
            Ok::<(), ticketing_core::store::error::StoreError>(())
        };
        let fault = match tokio::time::timeout(LOOK_TIMEOUT, look).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", LOOK_TIMEOUT.as_secs())),
        };
        // Said when it begins, not at every scrape.
        let failed_before = self.failing.swap(fault.is_some(), Ordering::Relaxed);
        if let Some(error) = fault.filter(|_| !failed_before) {
            tracing::warn!(error, "gauges can't be looked up; the metrics show the last ones");
        }
    }
}

/// Where the sagas stand, and how many of them are stuck.
async fn stand(app: &App, metrics: &Metrics) -> Result<()> {
    let db = &app.stores.write;
    let counts = sagas::counts(db).await?;
    let now = app.clock.now();
    let mut stuck = 0;
    for (state, _, oldest) in &counts {
        let Some(limit_ms) = state.limit_ms() else { continue };
        let since = Timestamp::from_millis(now.as_millis() - limit_ms);
        // Mostly even the oldest is not stuck.
        if *oldest <= since {
            stuck += sagas::standing_count(db, *state, since).await?;
        }
    }
    metrics.payments.stand(&counts, stuck, now);
    Ok(())
}

/// How far the read model is behind the log, by the stores' own cursors.
async fn lag(app: &App, metrics: &Metrics) -> Result<()> {
    let at = views::fold::cursor(&app.stores.read).await?;
    let head = events::head(&app.stores.write).await?;
    metrics.projection_lag_events.set((head - at).max(0));
    let oldest = if head > at { events::after(&app.stores.write, at, 1).await?.pop() } else { None };
    let age_ms = oldest.map_or(0, |event| app.clock.now().as_millis() - event.recorded_at.as_millis());
    metrics.projection_lag_seconds.set(age_ms.max(0) as f64 / 1000.0);
    Ok(())
}
