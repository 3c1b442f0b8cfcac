//! One buyer's fifty tickets, from the cache and without it.

use crate::load::Rate;
use std::time::{Duration, Instant};
use ticketing_core::app::App;
use ticketing_core::app::queries::tickets::my_tickets;
use ticketing_core::domain::id::UserId;
use ticketing_core::projection::bodies;
use ticketing_core::store::views::tickets::{self, UserQuery};

/// Askers at once.
const ASKERS: usize = 32;

/// Asks for `seconds`; with `cached`, as the server does; else straight from the read model, every time.
pub(crate) async fn asked(app: &App, user: &str, seconds: u64, cached: bool) -> Rate {
    let query = UserQuery { user_id: UserId(user.into()), kind: None, state: None, page: 1, limit: 50 };
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let mut tasks = Vec::with_capacity(ASKERS);
    for _ in 0..ASKERS {
        let (app, query) = (app.clone(), query.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < until {
                let asked = Instant::now();
                let len = if cached {
                    my_tickets(&app, query.clone(), None).await.expect("tickets").data.len()
                } else {
                    straight(&app, &query).await
                };
                assert!(len > 5_000, "fifty tickets were asked for");
                latencies.push(asked.elapsed());
                tokio::task::yield_now().await;
            }
            latencies
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("an asker ends"));
    }
    Rate::of(all, began.elapsed(), 0)
}

async fn straight(app: &App, query: &UserQuery) -> usize {
    let now = app.clock.now();
    let rows = tickets::of_user(&app.stores.read, query, now).await.expect("rows");
    tickets::count_of_user(&app.stores.read, query, now).await.expect("a count");
    let lines: Vec<String> = rows.iter().map(|row| bodies::ticket(row, now)).collect();
    bodies::array(&lines).len()
}
