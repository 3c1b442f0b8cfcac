//! Figures that are looked up when somebody reads the metrics, and not more often than they are worth.

use crate::metrics::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{CONSUMED, Carrier, PUBLISHED, Watermarks};
use ticketing_core::app::App;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::groups::{self, Group, Mark};
use ticketing_core::store::error::Result;
use ticketing_core::store::views::fold::TICKETS;
use ticketing_core::store::{bookings, dead_letters, events, mails, outbox, parked, sagas, views};
use tokio::sync::Mutex;

/// How old the numbers of open holds and sagas may be: counting them reads an index from end to end.
const COUNTED_EVERY: Duration = Duration::from_secs(5);
/// How long the broker may take to say what it has.
const BROKER_TIMEOUT: Duration = Duration::from_millis(700);
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
    pub async fn refresh(&self, app: &App, metrics: &Metrics, carrier: Option<&Carrier>) {
        metrics.queue_length.set(i64::try_from(app.engine.queue_len()).unwrap_or(i64::MAX));
        // Who comes while another looks gets what the other found last.
        let Ok(mut counted_at) = self.counted_at.try_lock() else { return };
        let look = async {
            lag(app, metrics).await?;
            outbox_lag(app, metrics, carrier.map(Carrier::word)).await?;
            if counted_at.is_none_or(|at| at.elapsed() >= COUNTED_EVERY) {
                let open = bookings::holds_open(&app.stores.write, app.clock.now()).await?;
                metrics.holds_open.set(open);
                stand(app, metrics).await?;
                dead_letters(app, metrics).await?;
                metrics.mail.waiting(mails::waiting(&app.stores.write).await?, app.clock.now());
                consumer_lag(app, metrics, carrier).await?;
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
    let oldest = if head > at { events::raw_after(&app.stores.write, at, 1).await?.pop() } else { None };
    let age_ms = oldest.map_or(0, |event| app.clock.now().as_millis() - event.recorded_at.as_millis());
    metrics.projection_lag_seconds.set(age_ms.max(0) as f64 / 1000.0);
    Ok(())
}

/// How far the carrier is behind the log, by the relay's checkpoint. Without a carrier the log is the bus.
async fn outbox_lag(app: &App, metrics: &Metrics, carrier: Option<&'static str>) -> Result<()> {
    let Some(carrier) = carrier else { return Ok(()) };
    let db = &app.stores.write;
    let at = outbox::all(db).await?.iter().find(|c| c.carrier == carrier).map_or(0, |c| c.position);
    let head = events::head(db).await?;
    metrics.outbox_lag_events.set((head - at).max(0));
    let oldest = if head > at { events::raw_after(db, at, 1).await?.pop() } else { None };
    let age_ms = oldest.map_or(0, |event| app.clock.now().as_millis() - event.recorded_at.as_millis());
    metrics.outbox_lag_seconds.set(age_ms.max(0) as f64 / 1000.0);
    Ok(())
}

/// How many messages and events could not be handled and wait for an operator.
async fn dead_letters(app: &App, metrics: &Metrics) -> Result<()> {
    let letters = dead_letters::open_counts(&app.stores.write).await?;
    for topic in CONSUMED {
        let open = letters.iter().filter(|(source, _, _)| source == topic).map(|(_, _, n)| n).sum();
        metrics.dead_letters.with_label_values(&[*topic]).set(open);
    }
    let parked = parked::open_counts(&app.stores.read).await?.iter().map(|(_, n)| n).sum();
    metrics.dead_letters.with_label_values(&[TICKETS]).set(parked);
    Ok(())
}

/// How far our readers are behind each partition, by the broker's watermarks and our own cursors. While the broker does
/// not answer, the last figures stand.
async fn consumer_lag(app: &App, metrics: &Metrics, carrier: Option<&Carrier>) -> Result<()> {
    for group in Group::ALL {
        let rows = match carrier {
            None => groups::embedded_lag(app, group).await,
            Some(carrier) => {
                let topics = match group {
                    Group::Projector => PUBLISHED,
                    Group::Payments => CONSUMED,
                };
                let Ok(Ok(marks)) = tokio::time::timeout(BROKER_TIMEOUT, carrier.watermarks(topics)).await
                else {
                    continue;
                };
                let mark =
                    |m: Watermarks| Mark { topic: m.topic, partition: m.partition, low: m.low, high: m.high };
                let marks: Vec<Mark> = marks.into_iter().map(mark).collect();
                groups::lag(app, group, carrier.word(), &marks).await
            }
        };
        // A store that fails was seen to fail by the looks before this one.
        for row in rows.unwrap_or_default() {
            let labels = [row.group, row.topic.as_str(), &row.partition.to_string()];
            metrics.consumer_lag.with_label_values(&labels).set(row.lag);
        }
    }
    Ok(())
}
