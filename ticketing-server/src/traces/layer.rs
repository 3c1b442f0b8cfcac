//! Turns the program's spans of the target [`TARGET`] into spans of OpenTelemetry.
//!
//! Each names its `correlation_id`; without one, or an empty one, it is no part of any trace. A span inside another of
//! the same trace is its child; any other is a child of the trace's first span, the request, which may be of another process.

use super::export::Spans;
use super::ids::{self, Begun};
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::fmt;
use std::time::SystemTime;
use ticketing_core::traces::TARGET;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The span of a request: the first of its trace.
const REQUEST: &str = "request";

/// Whether a span or an event is a part of traces alone.
pub(crate) fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}

/// The layer.
pub(crate) struct Tracing {
    spans: Spans,
    begun: Begun,
    scope: InstrumentationScope,
}

impl Tracing {
    pub(super) fn new(spans: Spans) -> Self {
        let scope =
            InstrumentationScope::builder("ticketing").with_version(env!("CARGO_PKG_VERSION")).build();
        Self { spans, begun: Begun::default(), scope }
    }
}

/// A span that is open.
struct Open {
    trace_id: TraceId,
    span_id: SpanId,
    parent: SpanId,
    name: &'static str,
    began_at: SystemTime,
    fields: Fields,
}

/// What a span says of itself.
#[derive(Default)]
struct Fields {
    correlation_id: String,
    kind: Option<SpanKind>,
    error: Option<String>,
    traceparent: Option<SpanContext>,
    attributes: Vec<KeyValue>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match field.name() {
            "correlation_id" => self.correlation_id = value.to_string(),
            "kind" => {
                self.kind = match value.as_str().as_ref() {
                    "server" => Some(SpanKind::Server),
                    "client" => Some(SpanKind::Client),
                    "producer" => Some(SpanKind::Producer),
                    "consumer" => Some(SpanKind::Consumer),
                    _ => None,
                };
                return;
            }
            "error" => self.error = Some(value.to_string()),
            "traceparent" => {
                self.traceparent = traceparent(&value.as_str());
                return;
            }
            _ => {}
        }
        self.attributes.push(KeyValue::new(field.name(), value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned().into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, i64::try_from(value).unwrap_or(i64::MAX).into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
}

/// Reads a caller's own place in its trace (W3C Trace Context, version 00); `None` for what is none.
fn traceparent(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().split('-');
    let ("00", trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    if parts.next().is_some() || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Tracing {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !is_traced(attributes.metadata()) {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let Some(span) = context.span(id) else { return };
        if fields.correlation_id.is_empty() {
            return;
        }
        let (trace_id, root) = ids::of(&fields.correlation_id);
        let inside = span.scope().skip(1).find_map(|outer| {
            let extensions = outer.extensions();
            extensions.get::<Open>().filter(|open| open.trace_id == trace_id).map(|open| open.span_id)
        });
        let name = attributes.metadata().name();
        let (span_id, parent) = match inside {
            Some(outer) => (ids::random(), outer),
            None if name == REQUEST && self.begun.is_first(root) => (root, SpanId::INVALID),
            None => (ids::random(), root),
        };
        let open = Open { trace_id, span_id, parent, name, began_at: SystemTime::now(), fields };
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        let Open { trace_id, span_id, parent, name, began_at, fields } = open;
        let mut links = SpanLinks::default();
        links.links.extend(fields.traceparent.map(|context| Link::new(context, Vec::new(), 0)));
        self.spans.put(SpanData {
            span_context: SpanContext::new(
                trace_id,
                span_id,
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: fields.kind.unwrap_or(SpanKind::Internal),
            name: name.into(),
            start_time: began_at,
            end_time: SystemTime::now(),
            attributes: fields.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: fields.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::traceparent;

    #[test]
    fn a_caller_s_own_trace_is_read_as_w3c_writes_it() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = traceparent(good).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        for bad in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-zz-b7ad6b7169203331-01",
        ] {
            assert!(traceparent(bad).is_none(), "{bad}");
        }
    }
}
