//! How fast the read model is made: by the projector that catches up, and by a rebuild; and how fast it is verified.
//! Beside each figure stands the most memory that this process had meanwhile.

use crate::{city, fill, pgbench};
use std::time::Instant;
use ticketing_core::app::{App, StoreConfig};
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::projections;
use ticketing_core::ops::verify::{self, Check, Told};
use ticketing_core::store::db::Engine;
use ticketing_core::store::events;
use ticketing_core::worker::projector::Projector;

/// Departures of the history, and rows of 20 seats of each.
const OFFERINGS: usize = 1_000;
const ROWS: u32 = 200;
/// Events of the history unless told otherwise.
pub(crate) const EVENTS: usize = 1_000_000;

/// Makes a history of about `count` events and measures what is made of it.
pub(crate) async fn measure(stores: &StoreConfig, name: &str, count: usize) {
    let (app, _task) = city::open(stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    let begin = events::head(&app.stores.write).await.expect("a head");
    // Nine of ten bookings have two events.
    fill::fill(&app, count * 10 / 19, OFFERINGS).await;
    if app.stores.write.engine() == Engine::Postgres {
        pgbench::analyze(stores.database_url.as_deref().unwrap_or_default()).expect("statistics");
    }
    let head = events::head(&app.stores.write).await.expect("a head");
    let made = usize::try_from(head - begin).unwrap_or(0);

    forget_peak();
    let began = Instant::now();
    Projector::default().reach(&app, head).await.expect("projected");
    line(&format!("projector catches up with {made} events, {name}"), made, began);

    forget_peak();
    let began = Instant::now();
    let plan = projections::plan_rebuild(&app, "tickets").await.expect("a plan");
    let actor = Actor { name: "bench".into(), reason: None, correlation_id: None };
    let mut phases: Vec<(String, Instant)> = Vec::new();
    let mut tell = |phase: &str, _, _| {
        if phases.last().is_none_or(|(last, _)| last != phase) {
            phases.push((phase.to_owned(), Instant::now()));
        }
    };
    let done = projections::execute(&app, plan, &actor, &mut tell).await.expect("rebuilt");
    let events = usize::try_from(head).unwrap_or(0);
    line(&format!("rebuild of {events} events, {name}"), events, began);
    let ends = phases.iter().skip(1).map(|(_, at)| *at).chain([Instant::now()]);
    for ((phase, at), end) in phases.iter().zip(ends) {
        println!("{:<62}{:>13}{:>10.1}         s", format!("    {phase}"), "", (end - *at).as_secs_f64());
    }
    assert_eq!(done.lag, 0, "nobody else writes");

    verified(&app, name, events).await;
    app.stores.close().await;
}

async fn verified(app: &App, name: &str, events: usize) {
    forget_peak();
    let began = Instant::now();
    let mut findings = 0;
    let mut tell = |told| findings += u32::from(matches!(told, Told::Found(_)));
    verify::verify(app, &Check::ALL, &mut tell).await.expect("verified");
    line(&format!("verify everything of {events} events, {name}"), events, began);
    assert_eq!(findings, 0, "the history is right");
}

fn line(what: &str, events: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    let peak = peak_mib().map_or_else(String::new, |mib| format!("peak {mib} MiB"));
    println!("{what:<62}{:>13.0}{:>10}  {:<6} {seconds:.1} s, {peak}", events as f64 / seconds, "", "");
}

/// Lets the peak begin anew, where the system can.
fn forget_peak() {
    // Without it the peak is that of the whole run, which is only less telling.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process had at once, in MiB.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1_024)
}
