//! An event as it stands in the log and on the topics, with its place in both its stream and the log.

use super::event::{Event, EventError};
use super::time::Timestamp;
use uuid::Uuid;

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the log, from 1.
    pub position: i64,
    /// The booking, or the thing of the catalogue, that it happened to.
    pub stream_id: Uuid,
    /// Its place in its stream, from 1.
    pub stream_version: i32,
    /// When it was decided.
    pub recorded_at: Timestamp,
    /// Who acted; `system` when no person did.
    pub actor: String,
    /// The request that all this followed from.
    pub correlation_id: String,
    /// What directly caused it.
    pub causation_id: Option<String>,
    /// What happened.
    pub event: Event,
}

/// The same before its data is read: whether this program understands it is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// See [`LogEntry`].
    pub position: i64,
    /// See [`LogEntry`].
    pub stream_id: Uuid,
    /// See [`LogEntry`].
    pub stream_version: i32,
    /// The event's type.
    pub event_type: String,
    /// See [`LogEntry`].
    pub recorded_at: Timestamp,
    /// See [`LogEntry`].
    pub actor: String,
    /// See [`LogEntry`].
    pub correlation_id: String,
    /// See [`LogEntry`].
    pub causation_id: Option<String>,
    /// The event's data, as JSON.
    pub data: String,
}

impl RawEntry {
    /// Reads the event.
    ///
    /// # Errors
    /// Its type is unknown, or its data is not what its type says.
    pub fn parse(self) -> Result<LogEntry, EventError> {
        Ok(LogEntry {
            event: Event::parse(&self.event_type, &self.data)?,
            position: self.position,
            stream_id: self.stream_id,
            stream_version: self.stream_version,
            recorded_at: self.recorded_at,
            actor: self.actor,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
        })
    }
}
