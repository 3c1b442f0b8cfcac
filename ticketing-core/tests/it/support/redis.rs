//! The Redis of `TEST_REDIS_URL`, and a way to it that can be cut, or stand still.
//!
//! Without it these tests are left out, with one line that says so; with `TICKETING_REQUIRE_SERVICES=1`, as in
//! `.ci/run`, they fail. Tests share it: each is a system of its own there.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;
use ticketing_core::adapters::redis::{Limits, RedisConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Limits that a busy machine does not reach by itself.
pub const PATIENT: Limits = Limits {
    call_timeout: Duration::from_secs(5),
    connect_timeout: Duration::from_secs(5),
    failures_max: 3,
    look_every: Duration::from_millis(20),
};

/// Where the Redis of the tests is; `None` if there is none and the test is to be left out.
pub fn url() -> Option<String> {
    static SAID: Once = Once::new();
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = set("TEST_REDIS_URL") {
        return Some(url);
    }
    assert!(
        set("TICKETING_REQUIRE_SERVICES").as_deref() != Some("1"),
        "TICKETING_REQUIRE_SERVICES=1, but there is no Redis; set TEST_REDIS_URL"
    );
    // Past the test harness, which keeps what passing tests print to itself.
    SAID.call_once(|| {
        let _ = writeln!(std::io::stderr(), "Redis tests left out: set TEST_REDIS_URL to one");
    });
    None
}

/// The same as a configuration.
pub fn config() -> Option<RedisConfig> {
    url().map(|url| RedisConfig::parse(&url).unwrap())
}

/// How a [`Line`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All goes through.
    Open,
    /// Connections are taken, and nothing goes through.
    Still,
    /// Connections are ended, and new ones, too.
    Cut,
}

/// A way to the Redis of the tests, which takes its passwords and databases with it.
pub struct Line {
    way: watch::Sender<Way>,
    url: String,
}

impl Line {
    pub async fn to_redis(way: Way) -> Option<Self> {
        let url = url()?;
        let from = url.find('@').map_or_else(|| url.find("://").unwrap() + 3, |at| at + 1);
        let until = url[from..].find('/').map_or(url.len(), |at| from + at);
        let far = match &url[from..until] {
            host if host.contains(':') => host.to_owned(),
            host => format!("{host}:6379"),
        };
        let (address, way) = line(far, way).await;
        Some(Self { way, url: format!("{}{address}{}", &url[..from], &url[until..]) })
    }

    pub fn config(&self) -> RedisConfig {
        RedisConfig::parse(&self.url).unwrap()
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn line(far: String, way: Way) -> (SocketAddr, watch::Sender<Way>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (way, ways) = watch::channel(way);
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        let mut ended = ways.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections.spawn(carry(accepted.unwrap().0, far.clone(), ways.clone()));
                }
                gone = async { while ended.changed().await.is_ok() {} } => return gone,
            }
        }
    });
    (address, way)
}

async fn carry(mut near: TcpStream, far: String, mut ways: watch::Receiver<Way>) {
    let mut far = TcpStream::connect(far).await.unwrap();
    let (mut there, mut back) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let way = *ways.borrow_and_update();
        match way {
            Way::Cut => return,
            Way::Still if ways.changed().await.is_err() => return,
            Way::Still => {}
            Way::Open => tokio::select! {
                changed = ways.changed() => if changed.is_err() { return },
                read = near.read(&mut there) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(n) => far.write_all(&there[..n]).await.unwrap(),
                },
                read = far.read(&mut back) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(n) => if near.write_all(&back[..n]).await.is_err() { return },
                },
            },
        }
    }
}
