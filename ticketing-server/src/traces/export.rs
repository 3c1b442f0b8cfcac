//! Sends spans to a collector: from a thread of its own, in batches, and at no request's cost.

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use ticketing_core::adapters::tls;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Spans that wait; more are dropped.
const WAITING_MAX: usize = 16_384;
/// Spans of one request to the collector.
const BATCH_MAX: usize = 512;
/// How long spans wait for others to go with.
const LINGER: Duration = Duration::from_millis(500);
/// How long the collector may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

enum Told {
    Span(Box<SpanData>),
    Flush(oneshot::Sender<()>),
}

/// Where spans are put.
pub(super) struct Spans(mpsc::Sender<Told>);

/// Spans that were dropped, since the collector did not take them in time.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// The process's own, once it has begun.
static SPANS: OnceLock<mpsc::Sender<Told>> = OnceLock::new();

impl Spans {
    /// Begins to send. Without a thread, or an exporter, nothing is: that is said in the log, and all goes on.
    pub(super) fn begin(endpoint: String) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        // There is one subscriber of a process, so one that begins.
        let _ = SPANS.set(sender.clone());
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(send_all(&endpoint, receiver)),
                Err(error) => tracing::error!(%error, "traces can't be sent"),
            }
        };
        if let Err(error) = std::thread::Builder::new().name("traces".into()).spawn(work) {
            tracing::error!(%error, "traces can't be sent");
        }
        Self(sender)
    }

    /// Puts a span to be sent, or drops it where too many wait.
    pub(super) fn put(&self, span: SpanData) {
        if self.0.try_send(Told::Span(Box::new(span))).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits until all spans that were put are sent or dropped, but no longer than `limit`.
pub async fn flush(limit: Duration) {
    let Some(spans) = SPANS.get() else { return };
    let (done, is_done) = oneshot::channel();
    let flushed = async {
        if spans.send(Told::Flush(done)).await.is_ok() {
            // The thread has ended, so there is nothing more to wait for.
            let _ = is_done.await;
        }
    };
    if tokio::time::timeout(limit, flushed).await.is_err() {
        tracing::warn!("the last traces are not sent: the collector does not take them in time");
    }
}

async fn send_all(endpoint: &str, mut spans: mpsc::Receiver<Told>) {
    tls::use_ring();
    let built = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build();
    let mut exporter = match built {
        Ok(exporter) => exporter,
        Err(error) => return tracing::error!(%error, "traces can't be sent"),
    };
    exporter.set_resource(&Resource::builder().with_service_name("ticketing").build());
    let mut failing = false;
    while let Some(first) = spans.recv().await {
        let (mut batch, mut flushes) = (Vec::new(), Vec::new());
        let until = Instant::now() + LINGER;
        let mut next = Some(first);
        while let Some(told) = next.take() {
            match told {
                Told::Span(span) => batch.push(*span),
                Told::Flush(done) => flushes.push(done),
            }
            next = match batch.len() {
                BATCH_MAX => None,
                _ if !flushes.is_empty() => spans.try_recv().ok(),
                _ => tokio::time::timeout_at(until, spans.recv()).await.ok().flatten(),
            };
        }
        let count = batch.len() as u64;
        if count > 0 {
            let sent = tokio::time::timeout(EXPORT_TIMEOUT, exporter.export(batch)).await;
            let fault = match sent {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("no answer within {} s", EXPORT_TIMEOUT.as_secs())),
            };
            if fault.is_some() {
                DROPPED.fetch_add(count, Ordering::Relaxed);
            }
            // Said when it begins and when it ends, not at every batch.
            match fault {
                Some(error) if !failing => {
                    tracing::warn!(
                        endpoint,
                        error,
                        "traces are not taken; they are dropped, and all goes on"
                    );
                    failing = true;
                }
                None if failing => {
                    let dropped = DROPPED.load(Ordering::Relaxed);
                    tracing::info!(endpoint, dropped, "traces are taken again");
                    failing = false;
                }
                Some(_) | None => {}
            }
        }
        for done in flushes {
            // Whoever waited may have given up.
            let _ = done.send(());
        }
    }
}
