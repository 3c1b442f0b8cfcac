//! `GET /metrics`: figures for Prometheus.

use crate::openapi::responses::PlainMetrics;
use crate::state::ServerState;
use axum::extract::State;
use axum::response::Response;

/// Returns all metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(PlainMetrics))]
pub async fn metrics(State(state): State<ServerState>) -> Response {
    state.gauges.refresh(&state.app, &state.metrics, state.carrier.as_ref()).await;
    state.metrics.answer()
}
