//! What a load must keep to, and how the command ends by that.

use super::driver::End;
use super::live::ms;
use super::report::Report;
use serde::Serialize;
use std::time::Duration;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::grouped;

/// What a load must keep to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The 99th percentile of all latencies.
    pub p99_max: Option<Duration>,
    /// Errors, requests without an answer and requests that were due and not sent, in percent of all.
    pub errors_max: Option<f64>,
}

/// A limit and what there was.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `p99Ms` or `errorPercent`.
    pub check: &'static str,
    /// At most this.
    pub limit: f64,
    /// What it was; none where nothing was measured, which passes nothing.
    pub actual: Option<f64>,
    /// Whether the limit was kept.
    pub passed: bool,
}

impl Check {
    fn new(check: &'static str, limit: f64, actual: Option<f64>) -> Self {
        Self { check, limit, actual, passed: actual.is_some_and(|actual| actual <= limit) }
    }
}

impl Limits {
    /// Compares them with what there was.
    pub fn checks(&self, p99: Option<Duration>, error_percent: Option<f64>) -> Vec<Check> {
        let latency = self.p99_max.map(|max| Check::new("p99Ms", max.as_secs_f64() * 1000.0, p99.map(ms)));
        let errors = self.errors_max.map(|max| Check::new("errorPercent", max, error_percent));
        latency.into_iter().chain(errors).collect()
    }
}

/// Says how the command ends.
///
/// # Errors
/// Nothing sent; no server; a limit passed; without a limit, requests without an answer.
pub fn verdict(report: &Report, end: End, server: &str) -> Result<(), Failure> {
    if report.requests == 0 && end != End::Stopped {
        return Err(Failure::error("Nothing was sent.")
            .code("NOTHING_SENT")
            .why("The time was over before the first request that is measured.")
            .hint("give more by --duration, or less by --warmup"));
    }
    let is_gone = report.requests > 0 && report.unanswered == report.requests;
    if end == End::Silent || is_gone {
        return Err(Failure::unreachable(format!("{server} does not answer any more."))
            .why(format!(
                "{} of {} requests had no answer.",
                grouped(report.unanswered),
                grouped(report.requests)
            ))
            .hint("look at the server's log; ticketctl status"));
    }
    let failed: Vec<_> = report.checks.iter().filter(|check| !check.passed).map(told).collect();
    if !failed.is_empty() {
        return Err(Failure::unhealthy(failed.join(" ")).code("LIMIT_EXCEEDED"));
    }
    let is_judged = report.checks.iter().any(|check| check.check == "errorPercent");
    if report.unanswered > 0 && !is_judged {
        return Err(Failure::partial(format!(
            "{} of {} requests had no answer.",
            grouped(report.unanswered),
            grouped(report.requests)
        ))
        .hint("look at the server's log; --max-errors 1% says how many may be"));
    }
    Ok(())
}

fn told(check: &Check) -> String {
    let (what, unit, flag) = match check.check {
        "p99Ms" => ("The 99th percentile", "ms", "--max-p99"),
        _ => ("The share of errors", "%", "--max-errors"),
    };
    match check.actual {
        Some(actual) => format!("{what} is {actual} {unit}, over the {} {unit} of {flag}.", check.limit),
        None => format!("{what} is not known: nothing was measured for {flag}."),
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use std::time::Duration;

    #[test]
    fn a_limit_is_kept_up_to_itself_and_by_nothing_not_measured() {
        let limits = Limits { p99_max: Some(Duration::from_millis(50)), errors_max: Some(1.0) };
        let passed = |p99: Option<u64>, errors| {
            let checks = limits.checks(p99.map(Duration::from_millis), errors);
            checks.iter().map(|check| check.passed).collect::<Vec<_>>()
        };
        assert_eq!(passed(Some(50), Some(1.0)), [true, true]);
        assert_eq!(passed(Some(51), Some(1.01)), [false, false]);
        assert_eq!(passed(None, None), [false, false]);
        assert_eq!(Limits::default().checks(None, None), []);
    }
}
