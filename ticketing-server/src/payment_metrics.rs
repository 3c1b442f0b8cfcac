//! What Prometheus is told about payments and their sagas, under the names that dashboards and alerts rely on.
//! All series are there, at 0, from the start.

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use ticketing_core::adapters::payments::PROVIDERS;
use ticketing_core::adapters::payments::guard::OUTCOMES;
use ticketing_core::domain::payment::AttemptKind;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::saga::SagaState;
use ticketing_core::worker::payments::PaymentReport;

/// Upper bounds for the time that a provider takes, in seconds: a millisecond to a minute.
const CALL_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The handles. Each is cheap to update and to clone.
#[derive(Clone)]
pub struct PaymentMetrics {
    /// `sagas{state}`: how many stand in each open state.
    sagas: IntGaugeVec,
    /// `sagas_stuck`: how many of them make no progress where they should.
    stuck: IntGauge,
    /// `saga_oldest_seconds{state}`: for how long the one that has stood there longest.
    oldest: GaugeVec,
    /// `payment_outcomes_total{provider,kind,outcome}`.
    outcomes: IntCounterVec,
    /// `payment_call_seconds{provider,kind}`.
    call_seconds: HistogramVec,
    /// `payment_breaker_open`: 1 while no calls are made, or one that tries.
    breaker_open: IntGauge,
}

impl PaymentMetrics {
    /// Makes the metrics, at 0.
    ///
    /// # Errors
    /// A name is taken already.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let call = HistogramOpts::new("payment_call_seconds", "Time that a payment provider took to answer.");
        let outcomes =
            Opts::new("payment_outcomes_total", "Answers of payment providers, by what they said.");
        let oldest = Opts::new("saga_oldest_seconds", "For how long the oldest saga stands in its state.");
        let metrics = Self {
            sagas: IntGaugeVec::new(Opts::new("sagas", "Sagas that are not over, by state."), &["state"])?,
            stuck: IntGauge::new("sagas_stuck", "Sagas that make no progress where they should.")?,
            oldest: GaugeVec::new(oldest, &["state"])?,
            outcomes: IntCounterVec::new(outcomes, &["provider", "kind", "outcome"])?,
            call_seconds: HistogramVec::new(call.buckets(CALL_SECONDS.to_vec()), &["provider", "kind"])?,
            breaker_open: IntGauge::new(
                "payment_breaker_open",
                "1 while the payment provider is left alone, since it gives no clear answers.",
            )?,
        };
        registry.register(Box::new(metrics.sagas.clone()))?;
        registry.register(Box::new(metrics.stuck.clone()))?;
        registry.register(Box::new(metrics.oldest.clone()))?;
        registry.register(Box::new(metrics.outcomes.clone()))?;
        registry.register(Box::new(metrics.call_seconds.clone()))?;
        registry.register(Box::new(metrics.breaker_open.clone()))?;
        metrics.stand(&[], 0, Timestamp::from_millis(0));
        for provider in PROVIDERS {
            for kind in [AttemptKind::Charge, AttemptKind::Refund] {
                metrics.call_seconds.with_label_values(&[provider, kind.word()]);
                for outcome in OUTCOMES {
                    metrics.outcomes.with_label_values(&[provider, kind.word(), outcome]);
                }
            }
        }
        Ok(metrics)
    }

    /// Counts one answer of a provider.
    pub fn answered(&self, report: &PaymentReport) {
        let PaymentReport { provider, kind, outcome, took } = *report;
        self.outcomes.with_label_values(&[provider, kind.word(), outcome]).inc();
        self.call_seconds.with_label_values(&[provider, kind.word()]).observe(took.as_secs_f64());
    }

    /// Says whether the provider is left alone for a while, since it gives no clear answers.
    pub fn left_alone(&self, is_left_alone: bool) {
        self.breaker_open.set(i64::from(is_left_alone));
    }

    /// Says where the sagas stand: how many in each open state and since when the oldest, and how many are stuck.
    pub fn stand(&self, counts: &[(SagaState, i64, Timestamp)], stuck: i64, now: Timestamp) {
        for state in SagaState::ALL.into_iter().filter(|state| state.is_open()) {
            let found = counts.iter().find(|(of, ..)| *of == state);
            let (count, age_ms) = found.map_or((0, 0), |(_, count, oldest)| {
                (*count, now.as_millis().saturating_sub(oldest.as_millis()))
            });
            self.sagas.with_label_values(&[state.word()]).set(count);
            self.oldest.with_label_values(&[state.word()]).set(age_ms.max(0) as f64 / 1000.0);
        }
        self.stuck.set(stuck);
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;
    use std::time::Duration;
    use ticketing_core::domain::payment::AttemptKind;
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::saga::SagaState;
    use ticketing_core::worker::payments::PaymentReport;

    #[test]
    fn everything_about_payments_is_there_from_the_start() {
        let text = Metrics::new().text();
        for line in [
            r#"sagas{state="AWAITING_PAYMENT"} 0"#,
            r#"sagas{state="PARKED"} 0"#,
            "sagas_stuck 0",
            "payment_breaker_open 0",
            r#"saga_oldest_seconds{state="REFUNDING"} 0"#,
            r#"payment_outcomes_total{kind="charge",outcome="declined",provider="simulated"} 0"#,
            r#"payment_outcomes_total{kind="refund",outcome="unclear",provider="stripe"} 0"#,
            r#"payment_call_seconds_count{kind="charge",provider="stripe"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains(r#"sagas{state="CONFIRMED"}"#), "what is over is not counted");
    }

    #[test]
    fn answers_are_counted_and_states_shown() {
        let metrics = Metrics::new();
        metrics.payments.answered(&PaymentReport {
            provider: "simulated",
            kind: AttemptKind::Charge,
            outcome: "declined",
            took: Duration::from_millis(3),
        });
        let at = Timestamp::from_millis;
        metrics.payments.stand(&[(SagaState::Charging, 3, at(1_000))], 2, at(3_500));
        let shown = |line: &str| metrics.text().lines().any(|found| found == line);
        assert!(shown(r#"payment_outcomes_total{kind="charge",outcome="declined",provider="simulated"} 1"#));
        let bucket = |le: &str| {
            format!(r#"payment_call_seconds_bucket{{kind="charge",provider="simulated",le="{le}"}}"#)
        };
        assert!(shown(&format!("{} 0", bucket("0.0025"))) && shown(&format!("{} 1", bucket("0.005"))));
        assert!(shown(r#"sagas{state="CHARGING"} 3"#) && shown("sagas_stuck 2"));
        assert!(shown(r#"saga_oldest_seconds{state="CHARGING"} 2.5"#));
        // What is over leaves no figure behind.
        metrics.payments.stand(&[], 0, at(9_000));
        assert!(shown(r#"sagas{state="CHARGING"} 0"#) && shown(r#"saga_oldest_seconds{state="CHARGING"} 0"#));
    }
}
