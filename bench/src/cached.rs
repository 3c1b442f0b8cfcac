//! A buyer's tickets over HTTP: from the memory of the process, from a Redis that another process filled, and from
//! the read store. Two servers on one PostgreSQL.

use crate::city;
use crate::http::{self, Client};
use crate::load::Rate;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::{StoreConfig, commands, queries};
use ticketing_core::engine::EngineConfig;
use ticketing_server::auth::{Role, mint};
use ticketing_server::start::Running;

/// Connections, each with a buyer of its own.
const CONNECTIONS: usize = 16;
/// Buyers, each with so many tickets. Their first pages with each `limit` are as many cold pages.
const BUYERS: u64 = 150;
const TICKETS: u64 = 20;
const LIMITS: u64 = 100;

/// Measures, and prints a line for each.
pub(crate) async fn measure(stores: &StoreConfig, redis: Option<&str>, seconds: u64) {
    let (app, task) = city::open(stores, EngineConfig::default(), city::catalog(10, 200)).await;
    app.stores.close().await;
    drop(app);
    task.finished().await;
    let one = http::serve_with(stores.clone(), redis).await;
    let other = http::serve_with(stores.clone(), redis).await;
    sell(&one).await;

    let hot = Asked { pages: LIMITS, requests: u64::MAX };
    print("my-tickets, from the process, 16 connections", &asks(&one, hot, seconds).await);
    let cold = Asked { pages: u64::MAX, requests: BUYERS * LIMITS };
    let filled = asks(&one, cold, seconds).await;
    print("my-tickets, from PostgreSQL, each page once", &filled);
    if redis.is_some() {
        // Writes are made beside the answers.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let kept = one.app().tickets.counts().loads.min(BUYERS * LIMITS);
        let found = asks(&other, Asked { pages: u64::MAX, requests: kept }, seconds).await;
        print("my-tickets, from Redis, filled by another process", &found);
        println!("    where they came from: {:?}", other.app().tickets.counts());
    }
    println!("    and the first server: {:?}", one.app().tickets.counts());
    other.stop().await;
    one.stop().await;
}

async fn sell(server: &Running) {
    let mut tasks = Vec::new();
    for n in 0..BUYERS * TICKETS {
        let app = server.app().clone();
        tasks.push(tokio::spawn(async move {
            let user = format!("buyer-{}", n % BUYERS);
            let (command, passenger) = city::reserve((n % 10) as usize, &user, 3600);
            commands::reserve(&app, command, passenger, city::meta(&user, n)).await.expect("a hold").position
        }));
    }
    let mut last = 0;
    for task in tasks {
        last = task.await.expect("a buyer ends").max(last);
    }
    queries::wait_for(server.app(), Some(last)).await.expect("the read model follows");
}

fn print(what: &str, rate: &Rate) {
    crate::line(what, rate, None);
}

#[derive(Clone, Copy)]
struct Asked {
    /// Different pages.
    pages: u64,
    /// Requests at most.
    requests: u64,
}

async fn asks(server: &Running, asked: Asked, seconds: u64) -> Rate {
    let next = Arc::new(AtomicU64::new(0));
    let (began, mut tasks) = (Instant::now(), Vec::new());
    let until = began + Duration::from_secs(seconds);
    let tokens: Vec<String> = (0..BUYERS)
        .map(|n| mint(server.secret(), &format!("buyer-{n}"), Role::User, Duration::from_secs(3600)))
        .collect::<Result<_, _>>()
        .expect("tokens");
    let tokens = Arc::new(tokens);
    for _ in 0..CONNECTIONS {
        let tokens = Arc::clone(&tokens);
        let mut client = Client::connect(server.address(), String::new()).await;
        let next = Arc::clone(&next);
        tasks.push(tokio::spawn(async move {
            let (mut latencies, mut failed) = (Vec::new(), 0);
            while Instant::now() < until {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= asked.requests {
                    break;
                }
                let (buyer, limit) = (number % asked.pages / LIMITS, number % asked.pages % LIMITS + 1);
                let token = &tokens[buyer as usize];
                let request = format!(
                    "GET /api/tickets/queries/my-tickets?limit={limit} HTTP/1.1\r\nHost: bench\r\n\
                     Authorization: Bearer {token}\r\n\r\n"
                );
                let at = Instant::now();
                match client.ask(request.as_bytes()).await {
                    Some(200) => latencies.push(at.elapsed()),
                    Some(_) | None => failed += 1,
                }
            }
            (latencies, failed)
        }));
    }
    let (mut all, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (latencies, lost) = task.await.expect("a client ends");
        all.extend(latencies);
        failed += lost;
    }
    Rate::of(all, began.elapsed(), failed)
}
