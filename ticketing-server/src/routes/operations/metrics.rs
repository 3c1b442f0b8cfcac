//! `GET /metrics`: figures for Prometheus.

use crate::openapi::responses::PlainMetrics;
use crate::state::ServerState;
use axum::extract::State;
use axum::response::Response;
use ticketing_core::adapters::carriers::Carrier;

/// Returns all metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(PlainMetrics))]
pub async fn metrics(State(state): State<ServerState>) -> Response {
    let carrier = state.carrier.as_ref().map(Carrier::word);
    state.gauges.refresh(&state.app, &state.metrics, carrier).await;
    state.metrics.answer()
}
