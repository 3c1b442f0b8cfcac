//! What a server near by answers to buyers, for a dashboard that works on its stores and not through it: the server's own
//! counts, as Prometheus reads them.

use crate::trust::client;
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use ticketing_core::ops::status::{Latency, NOT_OF_BUYERS, Requests};
use ticketing_tui::Answer;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Between two looks: a server lets nobody ask for its metrics much more often.
const LOOK_EVERY: Duration = Duration::from_secs(12);
/// So long one look may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// No metrics are longer, in bytes.
const METRICS_BYTES_MAX: usize = 4 << 20;

/// What is known of the server near by.
pub struct Near {
    client: Option<Client>,
    last: Mutex<Option<Look>>,
}

struct Look {
    address: String,
    at: Instant,
    requests: Option<Requests>,
}

impl Near {
    /// Makes ready; asks nothing yet.
    pub fn new(timeout: Duration) -> Self {
        // Without it there is still everything else.
        Self { client: client(timeout, "http://", None).ok(), last: Mutex::default() }
    }

    /// Adds to a status what the server that it names answers.
    pub async fn tell(&self, answer: &mut Answer) {
        let Some(status) = answer.rows.first_mut() else { return };
        let Some(address) = address_of(status) else { return };
        if let Some(requests) = self.look(&address).await
            && let Some(fields) = status.as_object_mut()
        {
            fields.insert("http".into(), json!(requests));
        }
    }

    async fn look(&self, address: &str) -> Option<Requests> {
        let mut last = self.last.lock().await;
        if let Some(look) =
            last.as_ref().filter(|look| look.address == address && look.at.elapsed() < LOOK_EVERY)
        {
            return look.requests.clone();
        }
        let requests = tokio::time::timeout(PATIENCE, self.ask(address)).await.ok().flatten();
        *last = Some(Look { address: address.to_owned(), at: Instant::now(), requests: requests.clone() });
        requests
    }

    async fn ask(&self, address: &str) -> Option<Requests> {
        let mut response =
            self.client.as_ref()?.get(format!("http://{address}/metrics")).send().await.ok()?;
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            text.extend_from_slice(&chunk);
            if text.len() > METRICS_BYTES_MAX {
                return None;
            }
        }
        response.status().is_success().then(|| of_metrics(&String::from_utf8_lossy(&text)))
    }
}

/// Returns where a server listens that serves these stores.
fn address_of(status: &Value) -> Option<String> {
    let of_process = |process: &Value| process.get("address").and_then(Value::as_str).map(str::to_owned);
    let server = status.get("server").and_then(of_process);
    server.or_else(|| status.get("processes")?.as_array()?.iter().find_map(of_process))
}

/// Reads what buyers were answered out of metrics in Prometheus' text format.
fn of_metrics(text: &str) -> Requests {
    let mut requests = Requests::default();
    let mut latencies: BTreeMap<u64, u64> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("http_request")) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let label = |name: &str| {
            let (_, rest) = series.split_once(&format!("{name}=\""))?;
            rest.split('"').next()
        };
        let route = label("route").unwrap_or_default();
        if NOT_OF_BUYERS.iter().any(|prefix| route.starts_with(prefix)) {
            continue;
        }
        let Ok(count) = value.parse::<f64>().map(|count| count as u64) else { continue };
        if series.starts_with("http_requests_total{") {
            requests.answered += count;
            if label("status").is_some_and(|status| status.starts_with('5')) {
                requests.failed += count;
            }
        } else if series.starts_with("http_request_duration_seconds_bucket{")
            && let Some(Ok(seconds)) = label("le").map(str::parse::<f64>)
            && seconds.is_finite()
        {
            *latencies.entry((seconds * 1e6).round() as u64).or_default() += count;
        }
    }
    let latency = |(micros, count): (u64, u64)| Latency { up_to_ms: micros as f64 / 1e3, count };
    requests.latencies = latencies.into_iter().map(latency).collect();
    requests
}

#[cfg(test)]
mod tests {
    use super::{address_of, of_metrics};
    use serde_json::json;

    #[test]
    fn a_servers_metrics_are_summed_over_what_buyers_ask() {
        let metrics = ticketing_server::metrics::Metrics::new();
        for (route, status, millis) in
            [("/api/routes", 200, 3), ("/v1/charge", 503, 30), ("/api/admin/commands", 200, 9)]
        {
            let status = reqwest::StatusCode::from_u16(status).unwrap();
            metrics.route(route).record(
                &reqwest::Method::GET,
                status,
                std::time::Duration::from_millis(millis),
            );
        }
        assert_eq!(of_metrics(&metrics.text()), metrics.of_buyers());
    }

    #[test]
    fn the_server_is_that_of_the_folder_or_one_of_the_processes() {
        let at = |address: &str| json!({"address": address});
        for (status, expected) in [
            (json!({"server": at("127.0.0.1:1"), "processes": []}), Some("127.0.0.1:1")),
            (json!({"server": null, "processes": [{"address": null}, at("10.0.0.1:2")]}), Some("10.0.0.1:2")),
            (json!({"server": null, "processes": []}), None),
        ] {
            assert_eq!(address_of(&status).as_deref(), expected);
        }
    }
}
