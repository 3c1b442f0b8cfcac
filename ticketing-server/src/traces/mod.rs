//! Traces over OTLP (`OTEL_EXPORTER_OTLP_ENDPOINT`): one booking from its request through the log, the carrier and the
//! projector to the payment call and the mail, in whatever process each of them happens.
//!
//! All of it is tied together by the correlation id, which every event has anyway: the trace's id is derived from it, so
//! nothing else need travel along. Nothing waits for a collector: spans that it does not take in time are counted and
//! dropped.

mod export;
mod ids;
mod layer;

pub use export::flush;
pub(crate) use layer::is_traced;
pub use ticketing_core::traces::TARGET;

use crate::settings::SettingsError;
use export::Spans;
use layer::Tracing;
use std::time::Duration;

/// The variable.
pub const VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// How long the end of a server waits for its last spans to be taken.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSettings {
    /// The collector's address for traces: `http://localhost:4318/v1/traces`.
    endpoint: String,
}

impl TraceSettings {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, the address of a collector that takes OTLP over HTTP; `None` if it is not set.
    ///
    /// # Errors
    /// It is no address.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingsError> {
        let Some(text) = variable(VARIABLE).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()) else {
            return Ok(None);
        };
        let uri = text.parse::<axum::http::Uri>().ok();
        let is_http =
            uri.as_ref().and_then(axum::http::Uri::scheme_str).is_some_and(|s| matches!(s, "http" | "https"));
        if !is_http || uri.is_none_or(|uri| uri.host().is_none_or(str::is_empty)) {
            let problem = "is no address of a collector; write it as http://localhost:4318".to_owned();
            return Err(SettingsError { variable: VARIABLE, problem });
        }
        Ok(Some(Self { endpoint: format!("{}/v1/traces", text.trim_end_matches('/')) }))
    }

    /// Begins to send, from a thread of its own, and returns what takes the spans.
    pub(crate) fn begin(self) -> Tracing {
        Tracing::new(Spans::begin(self.endpoint))
    }
}

#[cfg(test)]
mod tests {
    use super::TraceSettings;

    #[test]
    fn the_endpoint_is_an_address_and_the_path_of_traces_is_added() {
        let read = |text: &str| TraceSettings::read(|_| Some(text.to_owned()));
        assert_eq!(read(" ").unwrap(), None);
        for text in ["http://localhost:4318", "http://localhost:4318/"] {
            assert_eq!(read(text).unwrap().unwrap().endpoint, "http://localhost:4318/v1/traces");
        }
        for text in ["localhost:4318", "grpc://h:4317", "http://", "x y"] {
            assert_eq!(read(text).unwrap_err().variable, super::VARIABLE, "{text}");
        }
    }
}
