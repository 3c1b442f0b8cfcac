//! What Prometheus is told, under the names that dashboards and alerts rely on. All of them are there, at
//! 0, from the start.
//!
//! The server counts what passes through it; what the engine and the read model know they write into the
//! public handles, or a closure fetches it when somebody looks.

use crate::mail_metrics::MailMetrics;
use crate::payment_metrics::PaymentMetrics;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use prometheus::core::Collector as _;
use prometheus::proto::{LabelPair, Metric};
use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder,
};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use ticketing_core::adapters::carriers::CONSUMED;
use ticketing_core::ops::status::{Latency, NOT_OF_BUYERS, Requests};
use ticketing_core::store::views::fold::TICKETS;

/// Upper bounds for latencies, in seconds: half a millisecond to ten seconds.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds for how many commands one transaction carries.
const BATCH: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

type Refresh = Box<dyn Fn() + Send + Sync>;

/// The handles of all metrics. Each is cheap to update and to clone.
pub struct Metrics {
    registry: Registry,
    refresh: Mutex<Vec<Refresh>>,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    unmatched: OnceLock<Arc<RouteMeter>>,
    /// `user_registrations_total`
    pub user_registrations: IntCounter,
    /// `user_logins_total`
    pub user_logins: IntCounter,
    /// `seat_reservations_total`: holds that began. A replay counts nothing, here and below.
    pub seat_reservations: IntCounter,
    /// `seat_reservations_failed`: holds that were refused.
    pub seat_reservations_failed: IntCounter,
    /// `expired_reservations_released`: holds that ended by time, once their seats are released.
    pub expired_reservations_released: IntCounter,
    /// `engine_batch_commands`: how many commands a transaction carried.
    pub batch_commands: Histogram,
    /// `engine_commit_seconds`: from a batch's begin to its commit.
    pub commit_seconds: Histogram,
    /// `engine_queue_length`: commands that wait.
    pub queue_length: IntGauge,
    /// `holds_open`: holds that have not ended.
    pub holds_open: IntGauge,
    /// `projection_lag_events`: how far the read model is behind the log.
    pub projection_lag_events: IntGauge,
    /// `projection_lag_seconds`: how old the oldest event is that the read model lacks.
    pub projection_lag_seconds: Gauge,
    /// `outbox_lag_events`: how far the carrier is behind the log; 0 with the embedded bus, which is the log.
    pub outbox_lag_events: IntGauge,
    /// `outbox_lag_seconds`: how old the oldest event is that the carrier has not acknowledged.
    pub outbox_lag_seconds: Gauge,
    /// `dead_letters`: messages and events that wait for an operator, by where they came from.
    pub dead_letters: IntGaugeVec,
    /// `consumer_lag`: messages that our readers have not read, by group, topic and partition.
    pub consumer_lag: IntGaugeVec,
    /// Of payments and their sagas.
    pub payments: PaymentMetrics,
    /// Of mails.
    pub mail: MailMetrics,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Makes all metrics, at 0.
    ///
    /// # Panics
    /// Never: the names are valid and all different, which every test that makes one proves.
    #[must_use]
    #[allow(clippy::expect_used, reason = "names and buckets are constants")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help).expect("a valid name");
            registry.register(Box::new(counter.clone())).expect("a name of its own");
            counter
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("a valid name");
            registry.register(Box::new(gauge.clone())).expect("a name of its own");
            gauge
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let histogram = Histogram::with_opts(options).expect("a valid name");
            registry.register(Box::new(histogram.clone())).expect("a name of its own");
            histogram
        };
        let requests = IntCounterVec::new(
            Opts::new("http_requests_total", "Requests answered, by route, method and status."),
            &["route", "method", "status"],
        )
        .expect("a valid name");
        let seconds =
            HistogramOpts::new("http_request_duration_seconds", "Time to answer, by route and method.");
        let request_seconds =
            HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["route", "method"]).expect("a valid name");
        registry.register(Box::new(requests.clone())).expect("a name of its own");
        registry.register(Box::new(request_seconds.clone())).expect("a name of its own");
        let lag_seconds =
            Gauge::new("projection_lag_seconds", "Age of the oldest event that the read model lacks.")
                .expect("a valid name");
        registry.register(Box::new(lag_seconds.clone())).expect("a name of its own");
        let outbox_lag_seconds = Gauge::new(
            "outbox_lag_seconds",
            "Age of the oldest event that the carrier has not acknowledged.",
        )
        .expect("a valid name");
        registry.register(Box::new(outbox_lag_seconds.clone())).expect("a name of its own");
        let dead_letters = IntGaugeVec::new(
            Opts::new("dead_letters", "Messages and events that wait for an operator, by their source."),
            &["source"],
        )
        .expect("a valid name");
        registry.register(Box::new(dead_letters.clone())).expect("a name of its own");
        let consumer_lag = IntGaugeVec::new(
            Opts::new("consumer_lag", "Messages that are not read yet, by group, topic and partition."),
            &["group", "topic", "partition"],
        )
        .expect("a valid name");
        registry.register(Box::new(consumer_lag.clone())).expect("a name of its own");
        for source in CONSUMED.iter().chain([&TICKETS]) {
            dead_letters.with_label_values(&[*source]).set(0);
        }
        Self {
            user_registrations: counter("user_registrations_total", "Accounts made."),
            user_logins: counter("user_logins_total", "Successful sign-ins."),
            seat_reservations: counter("seat_reservations_total", "Holds that began."),
            seat_reservations_failed: counter("seat_reservations_failed", "Holds that were refused."),
            expired_reservations_released: counter(
                "expired_reservations_released",
                "Holds that ended by time and whose seats were released.",
            ),
            batch_commands: histogram("engine_batch_commands", "Commands in one transaction.", BATCH),
            commit_seconds: histogram("engine_commit_seconds", "Time to write and commit a batch.", SECONDS),
            queue_length: gauge("engine_queue_length", "Commands that wait for the engine."),
            holds_open: gauge("holds_open", "Holds that have not ended."),
            projection_lag_events: gauge("projection_lag_events", "Events that the read model lacks."),
            projection_lag_seconds: lag_seconds,
            outbox_lag_events: gauge("outbox_lag_events", "Events that the carrier has not acknowledged."),
            outbox_lag_seconds,
            dead_letters,
            consumer_lag,
            payments: PaymentMetrics::register(&registry).expect("names of their own"),
            mail: MailMetrics::register(&registry).expect("names of their own"),
            refresh: Mutex::default(),
            unmatched: OnceLock::new(),
            requests,
            request_seconds,
            registry,
        }
    }

    /// Has `refresh` run each time before the metrics are read; it sets gauges and must not wait.
    pub fn on_scrape(&self, refresh: impl Fn() + Send + Sync + 'static) {
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(refresh));
    }

    /// Adds a metric of somebody else, such as outbox lag per partition.
    ///
    /// # Errors
    /// The name is taken already.
    pub fn register(
        &self,
        metric: impl prometheus::core::Collector + 'static,
    ) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(metric))
    }

    /// Returns all metrics in Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn text(&self) -> String {
        for refresh in self.refresh.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            refresh();
        }
        let mut text = Vec::new();
        if let Err(e) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(error = %e, "metrics can't be written");
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Returns what buyers were answered so far, for `ticketctl status`.
    #[must_use]
    pub fn of_buyers(&self) -> Requests {
        let mut found = Requests::default();
        for counter in self.requests.collect().iter().flat_map(|family| family.get_metric()) {
            if !is_of_buyers(label(counter, "route")) {
                continue;
            }
            // Whole numbers, counted one by one.
            let count = counter.get_counter().get_value() as u64;
            found.answered += count;
            if label(counter, "status").starts_with('5') {
                found.failed += count;
            }
        }
        let mut counts = vec![0; SECONDS.len()];
        for histogram in self.request_seconds.collect().iter().flat_map(|family| family.get_metric()) {
            if is_of_buyers(label(histogram, "route")) {
                let buckets = histogram.get_histogram().get_bucket();
                for (count, bucket) in counts.iter_mut().zip(buckets) {
                    *count += bucket.cumulative_count();
                }
            }
        }
        let latency = |(seconds, count): (&f64, u64)| Latency { up_to_ms: seconds * 1_000.0, count };
        found.latencies = SECONDS.iter().zip(counts).map(latency).collect();
        found
    }

    /// Answers `GET /metrics`.
    #[must_use]
    pub fn answer(&self) -> Response {
        let mut response = Response::new(Body::from(self.text()));
        let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, format);
        response
    }

    /// Returns the meter of a route, by its template: `/api/routes/{id}`.
    #[must_use]
    pub fn route(&self, template: &str) -> Arc<RouteMeter> {
        Arc::new(RouteMeter {
            template: template.to_owned(),
            requests: self.requests.clone(),
            seconds: self.request_seconds.clone(),
            by_method: Default::default(),
        })
    }

    /// Returns the meter of requests that reach no route: unknown addresses, too many requests.
    #[must_use]
    pub fn unmatched(&self) -> Arc<RouteMeter> {
        self.unmatched.get_or_init(|| self.route("unmatched")).clone()
    }
}

/// Whether a route is for buyers, and not for those who look after the server.
fn is_of_buyers(route: &str) -> bool {
    !NOT_OF_BUYERS.iter().any(|prefix| route.starts_with(prefix))
}

fn label<'m>(metric: &'m Metric, name: &str) -> &'m str {
    metric.get_label().iter().find(|label| label.name() == name).map_or("", LabelPair::value)
}

/// The methods that are counted by name; others count as `OTHER`, since a client can make up any word.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The statuses from 100 to 599.
const STATUSES: usize = 500;

/// Counts the requests of one route. The label values are looked up once each, on their first use.
pub struct RouteMeter {
    template: String,
    requests: IntCounterVec,
    seconds: HistogramVec,
    by_method: [OnceLock<MethodMeter>; METHODS.len() + 1],
}

struct MethodMeter {
    seconds: Histogram,
    by_status: Box<[OnceLock<IntCounter>]>,
}

impl fmt::Debug for RouteMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RouteMeter({})", self.template)
    }
}

impl RouteMeter {
    /// Counts a request that was answered.
    pub fn record(&self, method: &Method, status: StatusCode, took: Duration) {
        let index = METHODS.iter().position(|m| m == method).unwrap_or(METHODS.len());
        let method = METHODS.get(index).map_or("OTHER", Method::as_str);
        let meter = self.by_method[index].get_or_init(|| MethodMeter {
            seconds: self.seconds.with_label_values(&[&self.template, method]),
            by_status: (0..STATUSES).map(|_| OnceLock::new()).collect(),
        });
        let status_index = usize::from(status.as_u16()).saturating_sub(100).min(STATUSES - 1);
        let count = || self.requests.with_label_values(&[self.template.as_str(), method, status.as_str()]);
        meter.by_status[status_index].get_or_init(count).inc();
        meter.seconds.observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use axum::http::{Method, StatusCode};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn the_promised_names_are_there_at_0_from_the_start() {
        let text = Metrics::new().text();
        for name in [
            "user_registrations_total",
            "user_logins_total",
            "seat_reservations_total",
            "seat_reservations_failed",
            "expired_reservations_released",
            "engine_queue_length",
            "holds_open",
            "projection_lag_events",
            "projection_lag_seconds",
            "outbox_lag_events",
            "outbox_lag_seconds",
            "dead_letters{source=\"payment-events\"}",
            "dead_letters{source=\"tickets\"}",
            "engine_batch_commands_count",
            "engine_commit_seconds_count",
        ] {
            assert!(text.lines().any(|l| l == format!("{name} 0")), "{name} in\n{text}");
        }
    }

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let metrics = Metrics::new();
        let meter = metrics.route("/api/routes/{id}");
        let rows = [
            (Method::GET, StatusCode::OK),
            (Method::GET, StatusCode::OK),
            (Method::GET, StatusCode::NOT_FOUND),
            (Method::from_bytes(b"BREW").unwrap(), StatusCode::METHOD_NOT_ALLOWED),
            (Method::from_bytes(b"STEEP").unwrap(), StatusCode::METHOD_NOT_ALLOWED),
        ];
        for (method, status) in rows {
            meter.record(&method, status, Duration::from_millis(3));
        }
        let text = metrics.text();
        for line in [
            r#"http_requests_total{method="GET",route="/api/routes/{id}",status="200"} 2"#,
            r#"http_requests_total{method="GET",route="/api/routes/{id}",status="404"} 1"#,
            r#"http_requests_total{method="OTHER",route="/api/routes/{id}",status="405"} 2"#,
            r#"http_request_duration_seconds_count{method="GET",route="/api/routes/{id}"} 3"#,
            r#"http_request_duration_seconds_bucket{method="GET",route="/api/routes/{id}",le="0.0025"} 0"#,
            r#"http_request_duration_seconds_bucket{method="GET",route="/api/routes/{id}",le="0.005"} 3"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn what_buyers_were_answered_is_summed_without_what_operators_ask() {
        let metrics = Metrics::new();
        for (route, status, millis) in [
            ("/api/routes/{id}", StatusCode::OK, 3),
            ("/v1/charge", StatusCode::SERVICE_UNAVAILABLE, 30),
            ("/api/admin/commands", StatusCode::OK, 3),
            ("/metrics", StatusCode::OK, 3),
            ("/api/health/ready", StatusCode::SERVICE_UNAVAILABLE, 3),
        ] {
            metrics.route(route).record(&Method::GET, status, Duration::from_millis(millis));
        }
        let found = metrics.of_buyers();
        assert_eq!((found.answered, found.failed), (2, 1));
        let up_to = |ms: f64| found.latencies.iter().find(|it| it.up_to_ms == ms).map(|it| it.count);
        assert_eq!(
            (up_to(2.5), up_to(5.0), up_to(50.0), up_to(10_000.0)),
            (Some(0), Some(1), Some(2), Some(2))
        );
    }

    #[test]
    fn gauges_are_refreshed_when_somebody_looks() {
        let metrics = Arc::new(Metrics::new());
        let holds = metrics.holds_open.clone();
        metrics.on_scrape(move || holds.add(7));
        assert!(metrics.text().contains("\nholds_open 7\n"));
        assert!(metrics.text().contains("\nholds_open 14\n"));
    }
}
