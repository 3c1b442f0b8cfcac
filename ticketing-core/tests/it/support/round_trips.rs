//! A door to PostgreSQL that counts how often the server has said that it is ready for more: the round trips.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use ticketing_core::app::StoreConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The message of the server's that ends each round trip.
const READY_FOR_QUERY: u8 = b'Z';

/// Counts until it is dropped with its test's runtime.
pub struct Counted {
    pub config: StoreConfig,
    trips: Arc<AtomicUsize>,
}

impl Counted {
    /// Opens a door to the server of these stores.
    pub async fn open(config: &StoreConfig) -> Self {
        let url = config.database_url.clone().expect("PostgreSQL has a URL");
        let (login, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Without TLS, so that the server's words can be told apart.
        let url = format!("{login}@{}/{database}?sslmode=disable", listener.local_addr().unwrap());
        let trips = Arc::new(AtomicUsize::new(0));
        let (server, counts) = (server.to_owned(), Arc::clone(&trips));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&counts)));
            }
        });
        Self { config: StoreConfig { database_url: Some(url), ..config.clone() }, trips }
    }

    /// Round trips since the last call.
    pub fn take(&self) -> usize {
        self.trips.swap(0, Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: TcpStream, trips: Arc<AtomicUsize>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move {
        // Ends with either side.
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut body = Vec::new();
    loop {
        // A letter, and the length of what follows, itself counted.
        let mut head = [0; 5];
        if from_server.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        body.resize(length - 4, 0);
        if from_server.read_exact(&mut body).await.is_err() {
            return;
        }
        trips.fetch_add(usize::from(head[0] == READY_FOR_QUERY), Ordering::SeqCst);
        let sent = [head.as_slice(), &body].concat();
        if to_client.write_all(&sent).await.is_err() {
            return;
        }
    }
}
