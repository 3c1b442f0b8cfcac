//! Kafka.

use super::{CarrierError, Cursor, KafkaConfig, Message, Outgoing, Watermarks};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// The broker.
#[derive(Clone, Debug)]
pub struct Kafka {
    config: KafkaConfig,
}

/// Sends.
#[derive(Debug)]
pub struct KafkaPublisher {}

/// Reads.
#[derive(Debug)]
pub struct KafkaReader {}

fn missing() -> CarrierError {
    CarrierError::Unreachable { carrier: "kafka", address: String::new(), reason: "not yet".into() }
}

impl Kafka {
    pub(super) fn new(config: KafkaConfig) -> Self {
        Self { config }
    }
    pub(super) fn address(&self) -> String {
        format!("{:?}", self.config)
    }
    pub(super) async fn prepare(&self) -> Result<(), CarrierError> {
        Err(missing())
    }
    pub(super) async fn ping(&self, _timeout: Duration) -> Result<(), CarrierError> {
        Err(missing())
    }
    pub(super) async fn publisher(&self) -> Result<KafkaPublisher, CarrierError> {
        Err(missing())
    }
    pub(super) async fn reader(
        &self,
        _g: &str,
        _t: &[&str],
        _f: &[Cursor],
    ) -> Result<KafkaReader, CarrierError> {
        Err(missing())
    }
    pub(super) async fn watermarks(&self, _t: &[&str]) -> Result<Vec<Watermarks>, CarrierError> {
        Err(missing())
    }
    pub(super) async fn offsets_at(&self, _t: &[&str], _at: Timestamp) -> Result<Vec<Cursor>, CarrierError> {
        Err(missing())
    }
}

impl KafkaPublisher {
    pub(super) async fn send(&mut self, _n: i64, _r: Outgoing) -> Result<(), CarrierError> {
        Err(missing())
    }
    pub(super) fn acknowledged(&self) -> i64 {
        0
    }
    pub(super) async fn acknowledged_beyond(&mut self, _n: i64) -> Result<i64, CarrierError> {
        Err(missing())
    }
}

impl KafkaReader {
    pub(super) async fn next(&mut self, _m: usize, _w: Duration) -> Result<Vec<Message>, CarrierError> {
        Err(missing())
    }
    pub(super) fn show(&self, _c: &[Cursor]) {}
}
