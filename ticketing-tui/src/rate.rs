//! How fast the log grows: rates from the differences between looks, never from counters of their own.

use serde::Deserialize as _;
use serde_json::Value;
use std::collections::VecDeque;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::status::Requests;

/// So many looks are remembered: ten minutes, at one a second.
const SAMPLES_MAX: usize = 600;
/// So many looks at what a server answered are remembered: some minutes.
const TRAFFIC_MAX: usize = 120;

/// The figures of one look that rates are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When it was.
    pub at: Timestamp,
    /// The log's last position.
    pub head: i64,
    /// All bookings of the read model.
    pub bookings: u64,
}

/// What happens in a second, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rates {
    /// Events.
    pub events: f64,
    /// New bookings.
    pub bookings: f64,
}

/// The looks so far, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(VecDeque<Sample>);

impl History {
    /// Adds a look. One that went back in time or in the log is of another store or clock: the others are
    /// forgotten.
    pub(crate) fn add(&mut self, sample: Sample) {
        if let Some(last) = self.0.back() {
            if sample.at == last.at {
                return;
            }
            if sample.at < last.at || sample.head < last.head {
                self.0.clear();
            }
        }
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// Returns the average rates over the last `seconds` before `until`, `None` before there are two looks.
    ///
    /// If looks were further apart, the average is over the time between the last two.
    pub(crate) fn rates(&self, until: Timestamp, seconds: i64) -> Option<Rates> {
        let known = self.0.partition_point(|sample| sample.at <= until);
        let last = known.checked_sub(1).map(|at| self.0[at])?;
        let first_wanted = self.0.partition_point(|sample| sample.at < last.at.plus_seconds(-seconds));
        let first = self.0[first_wanted.min(known.checked_sub(2)?)];
        let span = seconds_between(first, last);
        Some(Rates {
            events: (last.head - first.head) as f64 / span,
            bookings: last.bookings.saturating_sub(first.bookings) as f64 / span,
        })
    }

    /// Returns the events in each of the `n` seconds before the last look that was not after `until`, oldest
    /// first, in tenths; `None` where nobody looked.
    pub(crate) fn tenths_by_second(&self, until: Timestamp, n: usize) -> Vec<Option<u64>> {
        let known = self.0.partition_point(|sample| sample.at <= until);
        let Some(last) = known.checked_sub(1).map(|at| self.0[at].at) else { return vec![None; n] };
        let back = |seconds: usize| last.plus_seconds(-i64::try_from(seconds).unwrap_or(i64::MAX));
        (0..n).rev().map(|seconds| self.tenths_at(back(seconds))).collect()
    }

    fn tenths_at(&self, moment: Timestamp) -> Option<u64> {
        let after = self.0.partition_point(|sample| sample.at < moment);
        let (before, after) = (self.0.get(after.checked_sub(1)?)?, self.0.get(after)?);
        let tenths = (after.head - before.head) as f64 * 10.0 / seconds_between(*before, *after);
        Some(tenths.ceil().max(0.0) as u64)
    }
}

/// What a server answered, look by look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic(VecDeque<(Timestamp, Requests)>);

/// What a server answered in some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answered {
    /// In a second, on average.
    pub per_second: f64,
    /// Half took up to so many milliseconds; nothing if nobody asked.
    pub p50_ms: Option<f64>,
    /// 99 % did.
    pub p99_ms: Option<f64>,
    /// How many failed with a status of 500 or more.
    pub failed: u64,
    /// The time that this is of, in seconds.
    pub seconds: f64,
}

/// Reads what a server answered so far from a status, `None` if it does not tell.
pub(crate) fn requests_of(status: &Value) -> Option<Requests> {
    status.get("http").and_then(|http| Requests::deserialize(http).ok())
}

impl Traffic {
    /// Adds a look; one without figures, or of a server that began anew, forgets the others.
    pub(crate) fn add(&mut self, at: Timestamp, requests: Option<Requests>) {
        let Some(requests) = requests else { return self.0.clear() };
        if self.0.back().is_some_and(|(last, before)| at < *last || requests.since(before).is_none()) {
            self.0.clear();
        }
        // Of two looks at one moment the later one counts.
        self.0.pop_back_if(|(last, _)| *last == at);
        if self.0.len() == TRAFFIC_MAX {
            self.0.pop_front();
        }
        self.0.push_back((at, requests));
    }

    /// Returns what was answered in about the last `seconds` before `until`; `None` before there are two looks.
    pub(crate) fn answered(&self, until: Timestamp, seconds: i64) -> Option<Answered> {
        let known = self.0.partition_point(|(at, _)| *at <= until);
        let (last_at, last) = self.0.get(known.checked_sub(1)?)?;
        let wanted = self.0.partition_point(|(at, _)| *at < last_at.plus_seconds(-seconds));
        let (first_at, first) = self.0.get(wanted.min(known.checked_sub(2)?))?;
        let between = last.since(first)?;
        let span = (last_at.as_millis() - first_at.as_millis()).max(1) as f64 / 1000.0;
        Some(Answered {
            per_second: between.answered as f64 / span,
            p50_ms: between.percentile_ms(0.5),
            p99_ms: between.percentile_ms(0.99),
            failed: between.failed,
            seconds: span,
        })
    }
}

fn seconds_between(first: Sample, last: Sample) -> f64 {
    // Two looks of one history are never at the same time.
    (last.at.as_millis() - first.at.as_millis()).max(1) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::{History, Rates, SAMPLES_MAX, Sample, Traffic, requests_of};
    use serde_json::json;
    use ticketing_core::domain::time::Timestamp;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + n * 1000)
    }

    /// The second, the head, the bookings.
    type Look = (i64, i64, u64);

    fn history(samples: &[Look]) -> History {
        let mut history = History::default();
        for &(at, head, bookings) in samples {
            history.add(Sample { at: second(at), head, bookings });
        }
        history
    }

    #[test]
    fn a_rate_is_what_came_between_looks_by_the_time_between_them() {
        let rates = |events, bookings| Some(Rates { events, bookings });
        let rows: [(&[Look], Option<Rates>); 8] = [
            (&[], None),
            (&[(0, 100, 10)], None),
            (&[(0, 100, 10), (1, 103, 11)], rates(3.0, 1.0)),
            // Only the last ten seconds count.
            (&[(0, 0, 0), (20, 1000, 0), (25, 1050, 10), (30, 1100, 10)], rates(10.0, 1.0)),
            // Looks that are further apart than that still give an average.
            (&[(0, 0, 0), (30, 60, 30)], rates(2.0, 1.0)),
            // The read model can lose bookings in a rebuild; that is no negative rate.
            (&[(0, 5, 9), (1, 6, 0)], rates(1.0, 0.0)),
            // A restored store begins anew.
            (&[(0, 100, 9), (1, 50, 4), (2, 52, 5)], rates(2.0, 1.0)),
            // So does a clock that was set back.
            (&[(0, 100, 9), (-60, 110, 10)], None),
        ];
        for (samples, expected) in rows {
            assert_eq!(history(samples).rates(second(100), 10), expected, "{samples:?}");
        }
    }

    #[test]
    fn a_rate_as_of_a_moment_knows_nothing_that_came_later() {
        let history = history(&[(0, 0, 0), (1, 5, 0), (2, 500, 0)]);
        assert_eq!(history.rates(second(1), 10).unwrap().events, 5.0);
    }

    #[test]
    fn each_second_has_its_bar_and_a_second_without_looks_has_none() {
        let history = history(&[(1, 10, 0), (2, 14, 0), (4, 15, 0)]);
        let bars = history.tenths_by_second(second(5), 6);
        assert_eq!(bars, [None, None, None, Some(40), Some(5), Some(5)]);
        assert_eq!(history.tenths_by_second(second(3), 2), [None, Some(40)]);
        assert_eq!(history.tenths_by_second(second(0), 2), [None, None]);
    }

    #[test]
    fn what_a_server_answered_is_told_of_the_last_seconds_alone() {
        let http = |answered: u64, slow: u64| {
            let latencies =
                json!([{"upToMs": 1.0, "count": answered - slow}, {"upToMs": 100.0, "count": answered}]);
            requests_of(
                &json!({"http": {"answered": answered, "failed": slow, "latencies": latencies, "p50Ms": 1.0}}),
            )
        };
        let mut traffic = Traffic::default();
        traffic.add(second(0), http(1_000, 900));
        assert_eq!(traffic.answered(second(9), 10), None);
        traffic.add(second(10), http(1_100, 900));
        traffic.add(second(20), http(1_200, 901));
        let told = traffic.answered(second(20), 10).unwrap();
        assert_eq!((told.per_second, told.failed, told.seconds), (10.0, 1, 10.0));
        assert!(told.p50_ms.unwrap() < 1.0 && told.p99_ms.unwrap() <= 1.0, "{told:?}");
        // Another server, or none, has other counts.
        traffic.add(second(30), http(3, 0));
        assert_eq!(traffic.answered(second(30), 10), None);
        traffic.add(second(31), requests_of(&json!({"http": null})));
        assert!(traffic.0.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut history = History::default();
        for n in 0..5_000 {
            history.add(Sample { at: second(n), head: n, bookings: 0 });
        }
        assert_eq!(history.0.len(), SAMPLES_MAX);
        assert_eq!(history.tenths_by_second(second(4_999), 2), [Some(10), Some(10)]);
    }
}
