//! Measures the figures of the README side by side, in one run, and prints them as a table.

mod city;
mod load;
mod pgbench;

use std::path::PathBuf;
use ticketing_core::app::StoreConfig;
use ticketing_core::engine::EngineConfig;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    let url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL");
    let seconds = 5;
    let db = pgbench::fresh(&url, "bench_pgbench").expect("db");
    let config =
        StoreConfig { data_dir: PathBuf::new(), database_url: Some(db.clone()), read_database_url: None };
    let (app, _task) = city::open(&config, EngineConfig::default(), city::catalog(1, 1)).await;
    drop(app);
    if std::env::args().nth(1).is_none() {
        println!("pgbench {:?}", pgbench::best(&db, seconds));
    }
    let which = std::env::args().nth(1).unwrap_or_default();
    if which != "sqlite" {
        let db = pgbench::fresh(&url, "bench_engine").expect("db");
        let config =
            StoreConfig { data_dir: PathBuf::new(), database_url: Some(db.clone()), read_database_url: None };
        let (app, _task) = city::open(&config, EngineConfig::default(), city::catalog(1000, 100)).await;
        for callers in [1, 256, 256] {
            println!("engine pg {callers} {:?}", load::reserves(&app, callers, seconds, 1000).await);
        }
    }
    if which == "pg" {
        return;
    }
    let dir = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    let config = StoreConfig { data_dir: dir.clone(), database_url: None, read_database_url: None };
    let (app, _task) = city::open(&config, EngineConfig::default(), city::catalog(1000, 100)).await;
    for callers in [1, 256, 256] {
        println!("engine sqlite {callers} {:?}", load::reserves(&app, callers, seconds, 1000).await);
    }
    std::fs::remove_dir_all(dir).unwrap_or_default();
}
