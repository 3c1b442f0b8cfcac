//! The ids of traces and spans.
//!
//! A trace's id, and that of its first span, are derived from the correlation id, so that processes which know only that
//! agree on them. All other spans have random ids.

use opentelemetry::{SpanId, TraceId};
use sha2::{Digest as _, Sha256};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Correlation ids that are remembered, so that of two requests with one only the first is the trace's first span.
const REMEMBERED_MAX: usize = 10_000;

/// The ids that a correlation id stands for.
pub(super) fn of(correlation_id: &str) -> (TraceId, SpanId) {
    let hash = Sha256::digest(correlation_id.as_bytes());
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    trace.copy_from_slice(&hash[..16]);
    span.copy_from_slice(&hash[16..24]);
    (TraceId::from_bytes(trace), SpanId::from_bytes(span))
}

/// Returns an id that nobody has.
pub(super) fn random() -> SpanId {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[8..]);
    SpanId::from_bytes(bytes)
}

/// The first spans that there were lately.
#[derive(Debug, Default)]
pub(super) struct Begun(Mutex<(HashSet<SpanId>, VecDeque<SpanId>)>);

impl Begun {
    /// Whether this is the first request of its trace.
    pub(super) fn is_first(&self, root: SpanId) -> bool {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, order) = &mut *begun;
        if !known.insert(root) {
            return false;
        }
        order.push_back(root);
        if order.len() > REMEMBERED_MAX
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, REMEMBERED_MAX, of, random};

    #[test]
    fn a_correlation_id_always_stands_for_the_same_trace() {
        assert_eq!(of("c-1"), of("c-1"));
        assert_ne!(of("c-1"), of("c-2"));
        let begun = Begun::default();
        assert!(begun.is_first(of("c-1").1) && !begun.is_first(of("c-1").1));
        for _ in 0..REMEMBERED_MAX {
            begun.is_first(random());
        }
        assert!(begun.is_first(of("c-1").1), "what is long past is forgotten");
    }
}
