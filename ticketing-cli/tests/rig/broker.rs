//! The payment service: it tells what happened to payments, on the platform's topics, as an independent client would.
//! And what is found on the topics that the platform publishes.

use super::platform::Platform;
use super::{kafka, nats};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The topic of a payment service.
pub const PAYMENT_EVENTS: &str = "payment-events";
/// Notices that are sent at once.
const BATCH_MAX: usize = 200;
/// How long notices are collected.
const COLLECT: Duration = Duration::from_millis(50);
/// How soon a broker that is away is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What the payment service tells.
#[derive(Clone, Debug)]
pub struct Notice {
    pub key: String,
    pub body: String,
}

impl Notice {
    /// Something that happened to a payment of a booking.
    pub fn new(kind: &str, booking: &str, payment: &str, amount: &str, currency: &str) -> Self {
        let body = json!({
            "type": kind,
            "eventId": format!("{payment}-{kind}"),
            "bookingId": booking,
            "paymentId": payment,
            "amount": amount,
            "currency": currency,
        });
        Self { key: booking.to_owned(), body: body.to_string() }
    }
}

/// How the platform is told, and heard.
#[derive(Clone)]
pub enum Wire {
    /// By `ticketctl events publish`, to the topics of the embedded store.
    Embedded(Arc<Platform>),
    /// Through kcat.
    Kafka { brokers: String, prefix: String },
    /// By NATS' own protocol.
    Nats { url: String, prefix: String },
}

/// A record of a topic.
#[derive(Clone, Debug)]
pub struct Published {
    pub topic: String,
    /// Where it stands at the broker: the topic, or at NATS perhaps a subject of its own.
    pub subject: String,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Wire {
    async fn tell(&self, batch: &[Notice]) -> Result<(), String> {
        match self {
            Self::Embedded(platform) => {
                let args = ["events", "publish", PAYMENT_EVENTS, "-", "--as-is"];
                let lines: String = batch.iter().map(|notice| format!("{}\n", notice.body)).collect();
                let ran = platform.run_on(&args, &[], &lines);
                if ran.code == 0 { Ok(()) } else { Err(ran.err) }
            }
            Self::Kafka { brokers, prefix } => {
                kafka::publish(brokers, &format!("{prefix}{PAYMENT_EVENTS}"), batch).await
            }
            Self::Nats { url, prefix } => {
                nats::publish(url, &format!("{prefix}{PAYMENT_EVENTS}"), batch).await
            }
        }
    }

    /// Reads all that a payment service has told the platform: what stands where. The embedded topics are not read.
    pub async fn told(&self) -> Option<BTreeMap<(i64, i64), String>> {
        match self {
            Self::Embedded(_) => None,
            Self::Kafka { brokers, prefix } => Some(kafka::told(brokers, prefix, PAYMENT_EVENTS).await),
            Self::Nats { url, prefix } => Some(nats::told(url, prefix, PAYMENT_EVENTS).await),
        }
    }

    /// Reads all that the platform ever published; the embedded log has no topics beside it.
    pub async fn published(&self) -> Option<Vec<Published>> {
        match self {
            Self::Embedded(_) => None,
            Self::Kafka { brokers, prefix } => {
                let mut all = Vec::new();
                for topic in ["ticket-events", "catalog-events"] {
                    all.extend(kafka::read(brokers, prefix, topic).await);
                }
                Some(all)
            }
            Self::Nats { url, prefix } => Some(nats::read(url, prefix).await),
        }
    }
}

/// The payment service's sender. It sends in order and never gives up: what was perhaps sent is sent again.
#[derive(Clone, Debug)]
pub struct PaymentService {
    notices: mpsc::UnboundedSender<(Notice, oneshot::Sender<()>)>,
}

impl PaymentService {
    pub fn start(wire: Wire) -> Self {
        let (notices, mut wanted) = mpsc::unbounded_channel::<(Notice, oneshot::Sender<()>)>();
        tokio::spawn(async move {
            while let Some(first) = wanted.recv().await {
                tokio::time::sleep(COLLECT).await;
                let (mut batch, mut told) = (vec![first.0], vec![first.1]);
                while batch.len() < BATCH_MAX
                    && let Ok((notice, done)) = wanted.try_recv()
                {
                    batch.push(notice);
                    told.push(done);
                }
                while wire.tell(&batch).await.is_err() {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                // Whoever does not wait for it has dropped the other end.
                told.into_iter().for_each(|done| _ = done.send(()));
            }
        });
        Self { notices }
    }

    /// Tells, and returns when the broker has it.
    pub async fn tell(&self, notice: Notice) {
        let (done, told) = oneshot::channel();
        self.notices.send((notice, done)).unwrap();
        told.await.unwrap();
    }
}
