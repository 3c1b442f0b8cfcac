//! The sockets: HTTP/1.1 with limits on heads, connections and idleness, and an orderly end.
//!
//! hyper is used directly because the ready-made loop has none of these limits.

use crate::shell::Shell;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// How long a request's head may take to arrive, which is also how long a connection may be idle.
    /// Longer than the 60 s for which common proxies keep an idle connection: the side that closes first
    /// must be theirs, or a request is lost now and then.
    pub head_read_timeout: Duration,
    /// The largest head, in bytes.
    pub head_bytes_max: usize,
    /// How many connections there may be; further ones wait in the listener's queue.
    pub connections_max: usize,
    /// How long the requests that run may go on after the end was asked for.
    pub shutdown_grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            head_read_timeout: Duration::from_secs(75),
            head_bytes_max: 16 * 1024,
            connections_max: 10_000,
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

/// How long to wait when the system has no file descriptor left for a connection.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Connections whose request had not ended within the grace; they were cut off.
    pub cut_off: usize,
}

/// Serves until `shutdown` completes; then accepts no more, closes idle connections, and finishes the
/// requests that run, for as long as the grace allows.
pub async fn serve(
    listener: TcpListener,
    shell: Arc<Shell>,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()>,
) -> Served {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_read_timeout)
        .max_header_size(limits.head_bytes_max);
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, peer, slot)) = accepted else { continue };
        let shell = Arc::clone(&shell);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let shell = Arc::clone(&shell);
            async move { Ok::<_, Infallible>(shell.handle(peer.ip(), request.map(Body::new)).await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            if let Err(e) = connection.await {
                // Clients that vanish or send nonsense: their affair, and too many to tell an operator.
                tracing::debug!(error = %e, %peer, "a connection broke off");
            }
            drop(slot);
        });
    }
    drop(listener);
    let ended = tokio::time::timeout(limits.shutdown_grace, graceful.shutdown()).await;
    while connections.try_join_next().is_some() {}
    let cut_off = if ended.is_ok() { 0 } else { connections.len() };
    if cut_off > 0 {
        tracing::error!(
            cut_off,
            "connections were cut off: their requests outlived the grace of the shutdown"
        );
    }
    connections.shutdown().await;
    Served { cut_off }
}

/// Waits for a slot and then for a connection; `None` if it was gone before it was here.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Without this an answer's last packet may wait for an acknowledgement of the one before.
            if let Err(e) = stream.set_nodelay(true) {
                tracing::debug!(error = %e, "TCP_NODELAY can't be set");
            }
            Some((stream, peer, slot))
        }
        Err(e) if is_of_one_connection(&e) => None,
        Err(e) => {
            tracing::error!(error = %e, "no connection can be accepted for now");
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            None
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
