//! The parts of a trace: what is done for one request, wherever it is done, tied together by its correlation id.
//!
//! Spans of `tracing` with a target of their own. Nobody logs them; a program that sends traces turns them into spans of
//! OpenTelemetry, and without one a part costs a glance at a flag.

use crate::domain::log::RawEntry;
use tracing::Span;

/// The target of all parts.
pub const TARGET: &str = "ticketing::trace";

/// A command on its way into the log: from the engine's queue to its commit.
#[must_use]
pub fn append(correlation_id: &str) -> Span {
    tracing::info_span!(target: TARGET, "append to the log", correlation_id, error = tracing::field::Empty)
}

/// The provider is asked for a charge or a refund.
#[must_use]
pub fn payment_call(correlation_id: &str, provider: &str, kind: &str, attempt_id: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "ask the payment provider",
        correlation_id,
        kind = "client",
        provider,
        what = kind,
        attempt_id,
        outcome = tracing::field::Empty
    )
}

/// A mail is sent.
#[must_use]
pub fn mail(correlation_id: &str, what: &str, mail_id: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "send a mail",
        correlation_id,
        kind = "client",
        what,
        mail_id,
        outcome = tracing::field::Empty
    )
}

/// An event is published to a carrier.
#[must_use]
pub fn publish(entry: &RawEntry, carrier: &str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "publish to the carrier",
        correlation_id = entry.correlation_id.as_str(),
        kind = "producer",
        carrier,
        event = entry.event_type.as_str(),
        position = entry.position
    )
}

/// Events are folded into the read model together: one part for each; none where nobody looks.
#[must_use]
pub fn fold(entries: &[RawEntry]) -> Vec<Span> {
    let mut parts = Vec::new();
    for entry in entries {
        let part = tracing::info_span!(
            target: TARGET,
            "fold into the read model",
            correlation_id = entry.correlation_id.as_str(),
            kind = "consumer",
            event = entry.event_type.as_str(),
            position = entry.position
        );
        if part.is_disabled() {
            break;
        }
        parts.push(part);
    }
    parts
}
