//! What Prometheus is told about mails, under names that dashboards and alerts rely on. All series are there, at 0, from
//! the start.

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use ticketing_core::domain::mail::MailKind;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::mails::Waiting;
use ticketing_core::worker::mail::{MailReport, OUTCOMES};

/// Upper bounds for the time that a mail takes, in seconds: a millisecond to half a minute.
const SEND_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The handles. Each is cheap to update and to clone.
#[derive(Clone)]
pub struct MailMetrics {
    /// `mails{state}`: how many are queued, and how many wait for an operator.
    mails: IntGaugeVec,
    /// `mail_oldest_seconds`: for how long the oldest queued one waits.
    oldest: Gauge,
    /// `mail_outcomes_total{kind,outcome}`.
    outcomes: IntCounterVec,
    /// `mail_send_seconds`.
    send_seconds: Histogram,
    /// `mail_breaker_open`: 1 while the mail server is left alone, or tried by one mail.
    breaker_open: IntGauge,
}

impl MailMetrics {
    /// Makes the metrics, at 0.
    ///
    /// # Errors
    /// A name is taken already.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let mails = Opts::new("mails", "Mails that are queued, or wait for an operator.");
        let outcomes = Opts::new("mail_outcomes_total", "Tries to send a mail, by what they came to.");
        let send = HistogramOpts::new("mail_send_seconds", "Time that a try to send a mail took.");
        let metrics = Self {
            mails: IntGaugeVec::new(mails, &["state"])?,
            oldest: Gauge::new("mail_oldest_seconds", "For how long the oldest queued mail waits.")?,
            outcomes: IntCounterVec::new(outcomes, &["kind", "outcome"])?,
            send_seconds: Histogram::with_opts(send.buckets(SEND_SECONDS.to_vec()))?,
            breaker_open: IntGauge::new(
                "mail_breaker_open",
                "1 while the mail server is left alone, since it can't be reached.",
            )?,
        };
        registry.register(Box::new(metrics.mails.clone()))?;
        registry.register(Box::new(metrics.oldest.clone()))?;
        registry.register(Box::new(metrics.outcomes.clone()))?;
        registry.register(Box::new(metrics.send_seconds.clone()))?;
        registry.register(Box::new(metrics.breaker_open.clone()))?;
        metrics.waiting(Waiting::default(), Timestamp::from_millis(0));
        for kind in MailKind::ALL {
            for outcome in OUTCOMES {
                metrics.outcomes.with_label_values(&[kind.word(), outcome]);
            }
        }
        Ok(metrics)
    }

    /// Counts one try.
    pub fn tried(&self, report: &MailReport) {
        self.outcomes.with_label_values(&[report.kind.word(), report.outcome]).inc();
        self.send_seconds.observe(report.took.as_secs_f64());
    }

    /// Says whether the mail server is left alone for a while.
    pub fn left_alone(&self, is_left_alone: bool) {
        self.breaker_open.set(i64::from(is_left_alone));
    }

    /// Says how many mails wait, and for how long.
    pub fn waiting(&self, waiting: Waiting, now: Timestamp) {
        self.mails.with_label_values(&["queued"]).set(waiting.queued);
        self.mails.with_label_values(&["failed"]).set(waiting.failed);
        let age_ms = waiting.oldest_at.map_or(0, |at| now.as_millis().saturating_sub(at.as_millis()));
        self.oldest.set(age_ms.max(0) as f64 / 1000.0);
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;
    use std::time::Duration;
    use ticketing_core::domain::mail::MailKind;
    use ticketing_core::domain::time::Timestamp;
    use ticketing_core::store::mails::Waiting;
    use ticketing_core::worker::mail::MailReport;

    #[test]
    fn everything_about_mails_is_there_from_the_start_and_counted() {
        let metrics = Metrics::new();
        let shown = |line: &str| {
            let text = metrics.text();
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        };
        for line in [
            r#"mails{state="queued"} 0"#,
            r#"mails{state="failed"} 0"#,
            "mail_oldest_seconds 0",
            "mail_breaker_open 0",
            "mail_send_seconds_count 0",
            r#"mail_outcomes_total{kind="confirmed",outcome="sent"} 0"#,
            r#"mail_outcomes_total{kind="refunded",outcome="away"} 0"#,
        ] {
            shown(line);
        }
        let took = Duration::from_millis(3);
        metrics.mail.tried(&MailReport { kind: MailKind::Expired, outcome: "later", took });
        let oldest_at = Some(Timestamp::from_millis(1_000));
        let waiting = Waiting { queued: 3, oldest_at, failed: 2 };
        metrics.mail.waiting(waiting, Timestamp::from_millis(3_500));
        metrics.mail.left_alone(true);
        for line in [
            r#"mails{state="queued"} 3"#,
            r#"mails{state="failed"} 2"#,
            "mail_oldest_seconds 2.5",
            "mail_breaker_open 1",
            r#"mail_outcomes_total{kind="expired",outcome="later"} 1"#,
        ] {
            shown(line);
        }
    }
}
