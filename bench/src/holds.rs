//! An embedded store with many open holds, left in a folder for `scripts/list-memory`.

use crate::{city, fill};
use std::path::PathBuf;
use std::time::Instant;
use ticketing_core::app::StoreConfig;
use ticketing_core::engine::EngineConfig;
use ticketing_core::store::events;
use ticketing_core::worker::projector::Projector;

/// Departures that the holds are of, and rows of 20 seats of each: four million seats.
const OFFERINGS: usize = 1_000;
const ROWS: u32 = 200;
/// As many holds as there are seats to be held.
const HOLDS_MAX: usize = OFFERINGS * ROWS as usize * 20;

/// Makes a store with so many holds in a folder, in the form in which the engine writes them, and the read model of them.
pub(crate) async fn make(folder: &str, count: &str) {
    let Some(count) = count.parse::<usize>().ok().filter(|count| (1..=HOLDS_MAX).contains(count)) else {
        println!("how many holds is a whole number up to {HOLDS_MAX}");
        return;
    };
    let stores = StoreConfig { data_dir: PathBuf::from(folder), database_url: None, read_database_url: None };
    let began = Instant::now();
    let (app, _task) = city::open(&stores, EngineConfig::default(), city::catalog(OFFERINGS, ROWS)).await;
    fill::fill_with(&app, count, OFFERINGS, |_| true).await;
    let head = events::head(&app.stores.write).await.expect("a head");
    Projector::default().reach(&app, head).await.expect("projected");
    app.stores.close().await;
    println!("{count} holds in {folder}, made in {:.1} s", began.elapsed().as_secs_f64());
}
