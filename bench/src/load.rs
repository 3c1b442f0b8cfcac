//! Closed-loop load on the engine: so many callers, each waits for its answer and asks again.

use crate::city;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::{App, commands};

/// What a run measured.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) failed: u64,
}

impl Rate {
    pub(crate) fn of(mut latencies: Vec<Duration>, took: Duration, failed: u64) -> Self {
        latencies.sort_unstable();
        let at = |q: f64| latencies.get((latencies.len() as f64 * q) as usize).copied().unwrap_or_default();
        Self { per_second: latencies.len() as f64 / took.as_secs_f64(), p50: at(0.5), p99: at(0.99), failed }
    }
}

/// Runs `callers` for `seconds` on departures `0..offerings`, in turn.
pub(crate) async fn reserves(app: &App, callers: usize, seconds: u64, offerings: usize) -> Rate {
    let stop = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(0));
    let run = city::now().as_millis();
    let began = Instant::now();
    let mut tasks = Vec::with_capacity(callers);
    for caller in 0..callers {
        let (app, stop, next) = (app.clone(), Arc::clone(&stop), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let user = format!("{run}-{caller}");
            let (mut latencies, mut failed) = (Vec::with_capacity(4096), 0);
            while !stop.load(Ordering::Relaxed) {
                let n = next.fetch_add(1, Ordering::Relaxed);
                // A large odd step walks all departures without neighbours in one batch.
                let offering = (n.wrapping_mul(7_919) % offerings as u64) as usize;
                let (command, passenger) = city::reserve(offering, &user, 900);
                let asked = Instant::now();
                match commands::reserve(&app, command, passenger, city::meta(&user, n)).await {
                    Ok(_) => latencies.push(asked.elapsed()),
                    Err(_) => failed += 1,
                }
            }
            (latencies, failed)
        }));
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut all, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (latencies, lost) = task.await.expect("a caller ends");
        all.extend(latencies);
        failed += lost;
    }
    Rate::of(all, began.elapsed(), failed)
}
