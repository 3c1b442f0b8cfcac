//! Sign-ins beside full booking load: passwords are hashed on threads that stand back.

use crate::http::{self, Client};
use crate::{city, millis};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::StoreConfig;
use ticketing_core::app::accounts::{NewAccount, sign_up};
use ticketing_core::domain::account::{Email, Password, Person};
use ticketing_core::engine::EngineConfig;
use ticketing_server::start::Running;

/// Sign-ins each second.
const A_SECOND: u64 = 50;
/// Accounts that sign in, in turn.
const ACCOUNTS: usize = 20;
/// Connections that they come over.
const CONNECTIONS: usize = 64;

/// Measures bookings alone, and beside sign-ins.
pub(crate) async fn measure(stores: &StoreConfig, callers: usize, seconds: u64) {
    let set = city::catalog(crate::OFFERINGS, crate::ROWS);
    let (app, task) = city::open(stores, EngineConfig::default(), set).await;
    app.stores.close().await;
    drop(app);
    task.finished().await;
    let server = http::serve(stores.clone()).await;
    for n in 0..ACCOUNTS {
        let email = Email::parse(&address(n)).expect("an address");
        let person = Person { email, username: None, first_name: None, last_name: None };
        let password = Password::parse(PASSWORD.into()).expect("a password");
        sign_up(server.app(), NewAccount { person, password }, None).await.expect("an account");
    }
    http::reserves(&server, callers, 2, crate::OFFERINGS).await;
    let alone = http::reserves(&server, callers, seconds, crate::OFFERINGS).await;
    crate::line("bookings over HTTP, nobody signs in", &alone, None);
    let storm = Storm::start(&server).await;
    let beside = http::reserves(&server, callers, seconds, crate::OFFERINGS).await;
    let signed = storm.stop().await;
    let what = format!("bookings beside {A_SECOND} sign-ins a second");
    crate::line(&what, &beside, Some((alone.per_second, ">= 0.8")));
    println!(
        "    {:.0} sign-ins/s were answered, p50 {:.0} ms; {} were told to come again",
        signed.done as f64 / signed.took.as_secs_f64(),
        millis(signed.p50),
        signed.refused
    );
    server.stop().await;
}

const PASSWORD: &str = "correct horse battery staple";

fn address(n: usize) -> String {
    format!("reader-{n}@example.org")
}

struct Storm {
    stop: Arc<AtomicBool>,
    began: Instant,
    tasks: Vec<tokio::task::JoinHandle<(Vec<Duration>, u64)>>,
}

struct Signed {
    done: usize,
    refused: u64,
    took: Duration,
    p50: Duration,
}

impl Storm {
    async fn start(server: &Running) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let every = Duration::from_millis(1_000 * CONNECTIONS as u64 / A_SECOND);
        let (began, mut tasks) = (Instant::now(), Vec::with_capacity(CONNECTIONS));
        for n in 0..CONNECTIONS {
            let mut client = Client::connect(server.address(), String::new()).await;
            let stop = Arc::clone(&stop);
            let body = format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, address(n % ACCOUNTS));
            let request = format!(
                "POST /api/users/signin HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            tasks.push(tokio::spawn(async move {
                let (mut times, mut refused) = (Vec::new(), 0);
                tokio::time::sleep(every / CONNECTIONS as u32 * n as u32).await;
                let mut ticks = tokio::time::interval(every);
                while !stop.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    let asked = Instant::now();
                    match client.ask(request.as_bytes()).await {
                        Some(200 | 201) => times.push(asked.elapsed()),
                        Some(_) | None => refused += 1,
                    }
                }
                (times, refused)
            }));
        }
        Self { stop, began, tasks }
    }

    async fn stop(self) -> Signed {
        let took = self.began.elapsed();
        self.stop.store(true, Ordering::Relaxed);
        let (mut times, mut refused) = (Vec::new(), 0);
        for task in self.tasks {
            let (own, lost) = task.await.expect("a reader ends");
            times.extend(own);
            refused += lost;
        }
        times.sort_unstable();
        let p50 = times.get(times.len() / 2).copied().unwrap_or_default();
        Signed { done: times.len(), refused, took, p50 }
    }
}
