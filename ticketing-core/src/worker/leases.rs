//! Keeps what only one process does at a time: beats for what this one holds, and takes what stands still.
//!
//! No two clocks are compared. A holder that could not beat for [`GIVE_UP_AFTER`] stops by itself; whoever watches
//! takes a lease only after it has stood still for [`TAKE_AFTER`], which is longer.

use crate::app::App;
use crate::domain::time::Timestamp;
use crate::store::error::Result;
use crate::store::leases::{self, Lease, Process};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Copies the log to the carrier.
pub const RELAY: &str = "relay";
/// Folds the carrier's topics into the read model.
pub const PROJECTOR: &str = "projector";
/// Reads what others tell.
pub const INBOUND: &str = "inbound";

/// How often a holder beats, and a watcher looks.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A holder that could not beat for so long stops.
const GIVE_UP_AFTER: Duration = Duration::from_secs(4);
/// A lease that stood still for so long is taken.
const TAKE_AFTER: Duration = Duration::from_secs(6);
/// How often a process says that it is still there.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// Processes that were not heard of for so many seconds are forgotten.
const FORGET_SECONDS: i64 = 3_600;

/// One lease that this process would like to have, and where it says whether it has it.
pub type Wanted = (&'static str, watch::Sender<Option<i64>>);

/// Keeps the leases for ever. What it says through `wanted` is the epoch, while the lease is held.
pub async fn run(app: App, mut process: Process, wanted: Vec<Wanted>) {
    let mut beat = tokio::time::interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watched = HashMap::new();
    let mut beaten_at = Instant::now();
    let mut say_at = Instant::now();
    let mut failing = false;
    loop {
        beat.tick().await;
        let began = Instant::now();
        let holds = wanted.iter().any(|(_, held)| held.borrow().is_some());
        let until = if holds { beaten_at + GIVE_UP_AFTER } else { began + GIVE_UP_AFTER };
        let says = say_at <= began;
        process.seen_at = app.clock.now().as_millis();
        let round = async {
            if says {
                say(&app, &process).await?;
            }
            round(&app, &process, &wanted, &mut watched).await
        };
        match tokio::time::timeout_at(until, round).await {
            Ok(Ok(held)) => {
                (beaten_at, failing) = (began, false);
                if says {
                    say_at = began + SAY_EVERY;
                }
                for (name, told) in &wanted {
                    tell(name, told, held.get(*name).copied());
                }
            }
            other => {
                let why = other.map_or_else(|_| "it does not answer".to_owned(), |r| error_of(&r));
                if !failing {
                    tracing::warn!(error = why, "leases can't be kept; will try again");
                }
                failing = true;
                if beaten_at.elapsed() >= GIVE_UP_AFTER {
                    wanted.iter().for_each(|(name, told)| tell(name, told, None));
                    watched.clear();
                }
            }
        }
    }
}

fn error_of<T>(result: &Result<T>) -> String {
    result.as_ref().err().map(ToString::to_string).unwrap_or_default()
}

fn tell(name: &str, told: &watch::Sender<Option<i64>>, held: Option<i64>) {
    told.send_if_modified(|before| {
        if *before == held {
            return false;
        }
        match held {
            Some(epoch) => tracing::info!(lease = name, epoch, "this process has the lease"),
            None => tracing::info!(lease = name, "this process has lost the lease"),
        }
        *before = held;
        true
    });
}

/// Beats for what is held and takes what is free; returns what is held by then.
async fn round(
    app: &App,
    process: &Process,
    wanted: &[Wanted],
    watched: &mut HashMap<&'static str, (Lease, Instant)>,
) -> Result<HashMap<String, i64>> {
    let db = &app.stores.write;
    let mut held: HashMap<String, i64> = leases::beat(db, process.id).await?.into_iter().collect();
    if wanted.iter().all(|(name, _)| held.contains_key(*name)) {
        return Ok(held);
    }
    let all = leases::all(db).await?;
    for (name, _) in wanted {
        if held.contains_key(*name) {
            continue;
        }
        let seen = all.iter().find(|lease| lease.name == *name);
        if let Some(seen) = seen {
            let (before, since) = watched.entry(name).or_insert_with(|| (seen.clone(), Instant::now()));
            if (before.epoch, before.beat) != (seen.epoch, seen.beat) {
                (*before, *since) = (seen.clone(), Instant::now());
            }
            if seen.owner.is_some() && since.elapsed() < TAKE_AFTER {
                continue;
            }
        }
        if let Some(epoch) = leases::take(db, name, seen, process.id, app.clock.now()).await? {
            held.insert((*name).to_owned(), epoch);
        }
        watched.remove(name);
    }
    Ok(held)
}

async fn say(app: &App, process: &Process) -> Result<()> {
    let db = &app.stores.write;
    leases::put_process(db, process).await?;
    let before = process.seen_at - FORGET_SECONDS * 1_000;
    leases::forget(db, process.id, Some(Timestamp::from_millis(before))).await
}

/// Gives back what this process holds, and says that it is gone.
pub async fn end(app: &App, process: &Process) {
    let db = &app.stores.write;
    let ended = async {
        leases::give_back(db, process.id).await?;
        leases::forget(db, process.id, None).await
    };
    match tokio::time::timeout(GIVE_UP_AFTER, ended).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "the leases are not given back; another process waits for them");
        }
        Err(_) => tracing::warn!("the leases are not given back in time; another process waits for them"),
    }
}

/// Runs `work` with the epoch whenever the lease is held, and ends it the moment it is lost. Work that breaks off is
/// begun again. Ends with the keeper.
pub async fn while_held<F>(mut lease: watch::Receiver<Option<i64>>, mut work: impl FnMut(i64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let held = *lease.borrow_and_update();
        let Some(epoch) = held else {
            if lease.changed().await.is_err() {
                return;
            }
            continue;
        };
        // Aborted when it is dropped, so also when this is.
        let mut working = JoinSet::new();
        working.spawn(work(epoch));
        let lost = async { lease.wait_for(|now| *now != Some(epoch)).await.is_err() };
        let is_over = tokio::select! {
            Some(ended) = working.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "what is done under a lease broke off; it begins again");
                }
                None
            }
            is_over = lost => Some(is_over),
        };
        working.shutdown().await;
        match is_over {
            Some(true) => return,
            Some(false) => {}
            None => tokio::time::sleep(super::RETRY_AFTER).await,
        }
    }
}
