//! The fields of an event of the log that a filter may name.

use super::filter::{FieldKind, FieldSpec, Value};
use crate::domain::event::Event;
use crate::domain::log::LogEntry;
use crate::domain::time::Timestamp;

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields, as filters name them.
pub const EVENT_FIELDS: &[FieldSpec] = &[
    field("position", FieldKind::Number),
    field("type", FieldKind::Word(Event::TYPES)),
    field("stream", FieldKind::Text),
    field("version", FieldKind::Number),
    field("time", FieldKind::Time),
    field("age", FieldKind::Duration),
    field("actor", FieldKind::Text),
    field("correlation", FieldKind::Text),
    field("cause", FieldKind::Text),
    field("data", FieldKind::Text),
];

/// Returns what an event has in a field of [`EVENT_FIELDS`] at `now`.
#[must_use]
pub fn event_value<'r>(entry: &'r LogEntry, field: &str, now: Timestamp) -> Value<'r> {
    match field {
        "position" => Value::Number(entry.position),
        "type" => entry.event.type_name().into(),
        "stream" => entry.stream_id.to_string().into(),
        "version" => Value::Number(entry.stream_version.into()),
        "time" => Value::Time(entry.recorded_at),
        "age" => Value::Duration(now.as_millis().saturating_sub(entry.recorded_at.as_millis())),
        "actor" => entry.actor.as_str().into(),
        "correlation" => entry.correlation_id.as_str().into(),
        "cause" => entry.causation_id.as_deref().map_or(Value::Missing, Value::from),
        "data" => entry.event.data().into(),
        _ => Value::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::{EVENT_FIELDS, event_value};
    use crate::domain::booking::event::{BookingEvent, Cancelled};
    use crate::domain::event::Event;
    use crate::domain::id::OfferingId;
    use crate::domain::log::LogEntry;
    use crate::domain::time::Timestamp;
    use crate::ops::filter::Filter;
    use uuid::Uuid;

    #[test]
    fn an_event_answers_for_every_field() {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let offering_id = OfferingId(Uuid::from_u128(8));
        let entry = LogEntry {
            position: 17,
            stream_id: Uuid::from_u128(7),
            stream_version: 2,
            recorded_at: now.plus_seconds(-600),
            actor: "ada".into(),
            correlation_id: "c-1".into(),
            causation_id: None,
            event: Event::Booking(BookingEvent::TicketCancelled(Cancelled {
                offering_id,
                reason: Some("ill".into()),
            })),
        };
        for (query, expected) in [
            ("type=TicketCancelled actor=ada", true),
            ("type=ticketcancelled position>=17 version=2", true),
            ("stream~0007 correlation=c-1 cause=\"\"", true),
            ("age>5m time<now", true),
            ("data~\"ill\"", true),
            ("type=TicketBooked or actor!=ada", false),
            ("position>17", false),
        ] {
            let filter = Filter::parse(query, EVENT_FIELDS).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(filter.matches(now, |field| event_value(&entry, field, now)), expected, "{query}");
        }
        assert!(Filter::parse("type=Nothing", EVENT_FIELDS).is_err());
    }
}
