//! Publishing to NATS: records go one after another over one connection, and are acknowledged later.
//!
//! The connection is never made anew: what was written but not acknowledged may be gone, and a later record must not
//! get past it. (Within one connection a server takes records in the order they were sent; a cluster whose stream
//! changes its leader just then may still take a later one and not the one before it.) So the first loss of the connection, and the first record that is not acknowledged, is the end of
//! this publisher; its caller begins a new one after its last acknowledged record, and the server drops what it
//! already has by `Nats-Msg-Id`. The connection runs in a runtime of its own, which ends with the publisher:
//! nothing is sent after that.

use super::{ASK_TIMEOUT, Nats, streams};
use crate::adapters::carriers::window::{RECORDS_MAX, Unfit, Window};
use crate::adapters::carriers::{CarrierError, Outgoing};
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::{ContextBuilder, PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Context, Error as JetStreamError, ErrorCode};
use async_nats::{Event, HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// How long the next acknowledgement may take.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);
/// A second connection is never tried: this is longer than any publisher lives.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// The header of a record's key.
pub const KEY: &str = "key";

/// Sends records to NATS.
pub struct NatsPublisher {
    nats: Nats,
    window: Arc<Window>,
    context: Box<Context>,
    under_way: mpsc::UnboundedSender<(usize, PublishAckFuture)>,
    _runtime: Ends,
}

impl fmt::Debug for NatsPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsPublisher").field("window", &self.window).finish_non_exhaustive()
    }
}

/// A runtime that ends without waiting, wherever it is dropped. It is always there but while it is dropped.
struct Ends(Option<Box<Runtime>>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl NatsPublisher {
    /// Connects.
    pub(super) async fn start(nats: Nats) -> Result<Self, CarrierError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nats-publisher")
            .enable_all()
            .build()
            .map_err(|error| nats.unreachable(error.to_string()))?;
        let runtime = Ends(Some(Box::new(runtime)));
        let window = Arc::new(Window::default());
        let (under_way, acknowledged) = mpsc::unbounded_channel();
        let work = connect(nats.clone(), window.clone(), acknowledged);
        let Some(connecting) = runtime.0.as_ref().map(|runtime| runtime.spawn(work)) else {
            return Err(nats.unreachable("it is being closed"));
        };
        let context = match tokio::time::timeout(ASK_TIMEOUT, connecting).await {
            Ok(Ok(connected)) => Box::new(connected?),
            Ok(Err(error)) => return Err(nats.unreachable(error.to_string())),
            Err(_) => return Err(nats.unreachable("it did not answer in time")),
        };
        Ok(Self { nats, window, context, under_way, _runtime: runtime })
    }

    pub(in super::super) async fn send(&mut self, ticket: i64, record: Outgoing) -> Result<(), CarrierError> {
        let bytes = record.body.len()
            + record.key.len()
            + record.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.window.room(bytes).await.map_err(|reason| self.loss(reason))?;
        let event_type = record.headers.iter().find(|(name, _)| *name == "ce_type");
        let event_type = event_type.map(|(_, value)| value.as_str());
        let subject = self.nats.full(streams::subject(&record.topic, event_type));
        let headers = headers(&record).map_err(|what| self.nats.refused(what))?;
        let (written, most) =
            (written(&headers) + record.body.len(), self.context.client().server_info().max_payload);
        if written > most {
            // The server would say so by cutting the connection.
            let reason = format!(
                "its max_payload is {most}; set it to {written} or more in the server's configuration"
            );
            return Err(self.nats.unfit(Unfit { ticket, bytes: written }, reason));
        }
        let message = PublishMessage::build().payload(record.body.into()).headers(headers);
        match self.context.send_publish(subject, message).await {
            Ok(acknowledgement) => {
                let number = self.window.begin(ticket, bytes);
                if self.under_way.send((number, acknowledgement)).is_err() {
                    self.window.lose("its connection ended");
                }
                Ok(())
            }
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(self.nats.unfit(Unfit { ticket, bytes }, error.to_string()))
            }
            Err(error) => {
                self.window.lose(error.to_string());
                Err(self.nats.lost(error.to_string()))
            }
        }
    }

    pub(in super::super) fn acknowledged(&self) -> i64 {
        self.window.acknowledged()
    }

    pub(in super::super) async fn acknowledged_beyond(&mut self, ticket: i64) -> Result<i64, CarrierError> {
        self.window.acknowledged_beyond(ticket).await.map_err(|reason| self.loss(reason))
    }

    /// What the end of the window means.
    fn loss(&self, reason: String) -> CarrierError {
        match self.window.unfit() {
            Some(unfit) => self.nats.unfit(unfit, reason),
            None => self.nats.lost(reason),
        }
    }
}

/// Connects once, and leaves a task that takes the acknowledgements.
async fn connect(
    nats: Nats,
    window: Arc<Window>,
    acknowledged: mpsc::UnboundedReceiver<(usize, PublishAckFuture)>,
) -> Result<Context, CarrierError> {
    let connected = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (was_connected, told) = (connected.clone(), window.clone());
    let options = nats
        .options()?
        .client_capacity(RECORDS_MAX)
        .reconnect_delay_callback(move |_| {
            if was_connected.load(std::sync::atomic::Ordering::Acquire) { NEVER } else { Duration::ZERO }
        })
        .event_callback(move |event| {
            let told = told.clone();
            async move {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    told.lose("the connection was lost");
                }
            }
        });
    let client = nats.connect(options).await?;
    connected.store(true, std::sync::atomic::Ordering::Release);
    let context =
        ContextBuilder::new().timeout(ACKNOWLEDGED_WITHIN).max_ack_inflight(RECORDS_MAX * 2).build(client);
    tokio::spawn(take(acknowledged, window));
    Ok(context)
}

/// Takes the acknowledgements in order, until one does not come.
async fn take(mut under_way: mpsc::UnboundedReceiver<(usize, PublishAckFuture)>, window: Arc<Window>) {
    while let Some((number, acknowledgement)) = under_way.recv().await {
        match acknowledgement.await {
            Ok(_) => window.acknowledge(number),
            Err(error) if is_too_large(&error) => {
                let what = "give the stream a larger max_msg_size, or none";
                return window.refuse(number, format!("{error}; {what}"));
            }
            Err(error) => return window.lose(error.to_string()),
        }
    }
}

/// Whether the stream itself says that a record is larger than it takes.
fn is_too_large(error: &PublishError) -> bool {
    let said = std::error::Error::source(error).and_then(|source| source.downcast_ref::<JetStreamError>());
    said.is_some_and(|said| said.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}

/// How many bytes headers take, as they are sent.
fn written(headers: &HeaderMap) -> usize {
    let each = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
    });
    "NATS/1.0\r\n\r\n".len() + each.sum::<usize>()
}

/// Makes a record's headers, its key and its id among them.
fn headers(record: &Outgoing) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let mut insert = |name: &'static str, value: &str| {
        let name = HeaderName::from_str(name).map_err(|error| format!("the header {name}: {error}"))?;
        let value = HeaderValue::from_str(&encoded(value)).map_err(|error| error.to_string())?;
        headers.append(name, value);
        Ok::<(), String>(())
    };
    for (name, value) in &record.headers {
        insert(name, value)?;
    }
    insert(KEY, &record.key)?;
    headers.insert(
        NATS_MESSAGE_ID,
        HeaderValue::from_str(&encoded(&record.message_id)).map_err(|e| e.to_string())?,
    );
    Ok(headers)
}

/// Writes what a NATS header can't carry, control characters and blanks at the ends, as `%0A`, as the CloudEvents
/// binding for NATS has it; so a `%` itself is written so, too.
fn encoded(value: &str) -> String {
    let blank_at = |index: usize| index == 0 || index == value.len() - 1;
    let mut out = String::with_capacity(value.len());
    for (index, c) in value.char_indices() {
        if c == '%' || c.is_ascii_control() || (c == ' ' && blank_at(index)) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Reads [`encoded`] back; what is no such code stays as it is.
pub fn decoded(value: &str) -> String {
    if !value.contains('%') {
        return value.to_owned();
    }
    let bytes = value.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{decoded, encoded};

    #[test]
    fn any_text_survives_a_header() {
        for text in ["", "plain", " a b ", "a\r\nb: c\t", "100%", "%41", "Zoë → 東京", " ", "\u{7f}"] {
            let written = encoded(text);
            assert!(!written.contains(['\r', '\n', '\t']) && written.trim() == written, "{written:?}");
            assert_eq!(decoded(&written), text);
        }
        for (foreign, read) in
            [("100%", "100%"), ("%4", "%4"), ("a%20b", "a b"), ("%zz%41", "%zzA"), ("%ff", "%ff")]
        {
            assert_eq!(decoded(foreign), read);
        }
    }
}
