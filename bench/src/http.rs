//! Load over real sockets: connections that stay open, each with a buyer of its own.

use crate::load::Rate;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::app::StoreConfig;
use ticketing_core::app::config::Settings;
use ticketing_server::auth::{Role, mint};
use ticketing_server::config::ServerConfig;
use ticketing_server::start::{Running, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Starts a server on these stores, with every worker and a rate limit that nobody reaches.
pub(crate) async fn serve(stores: StoreConfig) -> Running {
    serve_with(stores, None).await
}

/// The same with a Redis, if there is one.
pub(crate) async fn serve_with(stores: StoreConfig, redis: Option<&str>) -> Running {
    let set = [
        ("REDIS_URL", redis.unwrap_or_default()),
        ("RATE_LIMIT", "100000000/1s"),
        ("SIGN_IN_RATE_LIMIT", "100000000/1s"),
        ("PORT", "0"),
        ("JWT_SECRET", "b3nch-0nly-b3nch-0nly-b3nch-0nly-b3nch"),
    ];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::new(set, "").expect("settings");
    let config = ServerConfig::read(&settings, stores).expect("settings");
    start(config).await.expect("a server")
}

/// Reserves over `connections` for `seconds`.
pub(crate) async fn reserves(server: &Running, connections: usize, seconds: u64, offerings: usize) -> Rate {
    let stop = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(0));
    let run = crate::city::now().as_millis();
    let mut tasks = Vec::with_capacity(connections);
    for n in 0..connections {
        let user = format!("{run}-{n}");
        let token = mint(server.secret(), &user, Role::User, Duration::from_secs(3600)).expect("a token");
        let client = Client::connect(server.address(), token).await;
        let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
        tasks.push(tokio::spawn(client.run(user, stop, next, offerings)));
    }
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut all, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (latencies, lost) = task.await.expect("a client ends");
        all.extend(latencies);
        failed += lost;
    }
    Rate::of(all, began.elapsed(), failed)
}

pub(crate) struct Client {
    stream: TcpStream,
    token: String,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, token: String) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, token, buffer: vec![0; 8192] }
    }

    async fn run(
        mut self,
        user: String,
        stop: Arc<AtomicBool>,
        next: Arc<AtomicU64>,
        offerings: usize,
    ) -> (Vec<Duration>, u64) {
        let (mut latencies, mut failed) = (Vec::with_capacity(4096), 0);
        while !stop.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let offering = (n.wrapping_mul(7_919) % offerings as u64) as usize;
            let body = format!(
                r#"{{"routeId":"{}","scheduleId":"{}","passengerName":"Rosalind Franklin","passengerEmail":"rosalind.franklin@example.org","price":25.00,"currency":"USD"}}"#,
                crate::city::route_id(),
                crate::city::offering_id(offering),
            );
            let request = format!(
                "POST /api/tickets/commands/reserve HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\
                 Idempotency-Key: {user}-{n}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                self.token,
                body.len(),
            );
            let asked = Instant::now();
            match self.ask(request.as_bytes()).await {
                Some(201) => latencies.push(asked.elapsed()),
                Some(_) | None => failed += 1,
            }
        }
        (latencies, failed)
    }

    /// Sends a request and reads its whole answer; returns the status.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Option<u16> {
        self.stream.write_all(request).await.ok()?;
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await.ok()?;
            if read == 0 {
                return None;
            }
            filled += read;
            let text = &self.buffer[..filled];
            let Some(head) = text.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let headers = std::str::from_utf8(&text[..head]).ok()?;
            let length = headers.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            })?;
            if filled >= head + 4 + length {
                return headers.split(' ').nth(1)?.parse().ok();
            }
        }
    }
}
