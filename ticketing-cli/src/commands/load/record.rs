//! What came of the requests, counted and measured in bounded memory.
//!
//! Latencies are those of all answers, refusals and errors too, and of requests that nobody answered in time, with
//! the time that was waited. A connection that could not be made has none: nothing was waited for.

use super::profile::Kind;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Latencies are kept to three significant digits, as HDR histograms do, in microseconds.
const SIGNIFICANT_DIGITS: u8 = 3;
/// The longest latency that is told from longer ones, far above every timeout.
const LATENCY_MAX_US: u64 = 24 * 3600 * 1_000_000;

/// The status of what the rules forbid.
pub const REFUSED: u16 = 409;

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// No connection could be made.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The connection broke, or what came was no answer.
    Broken,
}

impl Lost {
    /// Tells them apart by what the client says.
    pub fn of(error: &reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Broken
        }
    }

    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer, and the error code in it.
    Answered {
        /// The status code.
        status: u16,
        /// The code, where it is no success.
        code: Option<Box<str>>,
    },
    /// Without one.
    Lost(Lost),
}

/// What an outcome means to whoever runs the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It was done.
    Ok,
    /// The rules forbade it, as they should in a sale: the seat is taken, the departure sold out.
    Refused,
    /// The server could or would not serve it: 429, 5xx, and every refusal that a right request can't have.
    Error,
    /// There was no answer.
    Unanswered,
}

impl Outcome {
    /// Says what it means.
    pub const fn meaning(&self) -> Meaning {
        match self {
            Self::Answered { status: 200..=299, .. } => Meaning::Ok,
            Self::Answered { status: REFUSED, .. } => Meaning::Refused,
            Self::Answered { .. } => Meaning::Error,
            Self::Lost(_) => Meaning::Unanswered,
        }
    }
}

/// What came of the requests of one kind, or of all.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Done.
    pub ok: u64,
    /// Forbidden by the rules.
    pub refused: u64,
    /// Not served.
    pub errors: u64,
    /// Not answered.
    pub unanswered: u64,
    latencies_us: Histogram<u64>,
}

impl Default for Tally {
    #[allow(clippy::expect_used, reason = "three digits are among those that it has")]
    fn default() -> Self {
        // It grows up to the longest latency there was.
        let latencies_us = Histogram::new(SIGNIFICANT_DIGITS).expect("a histogram of three digits");
        Self { ok: 0, refused: 0, errors: 0, unanswered: 0, latencies_us }
    }
}

impl Tally {
    /// How many requests there were.
    pub const fn requests(&self) -> u64 {
        self.ok + self.refused + self.errors + self.unanswered
    }

    /// How many failed: were answered by an error, or not at all.
    pub const fn failed(&self) -> u64 {
        self.errors + self.unanswered
    }

    /// Returns the latency that this part of the requests did not exceed, from 0 to 1; none if there were none.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        (!self.latencies_us.is_empty())
            .then(|| Duration::from_micros(self.latencies_us.value_at_quantile(part)))
    }

    /// Returns the longest latency.
    pub fn max(&self) -> Option<Duration> {
        (!self.latencies_us.is_empty()).then(|| Duration::from_micros(self.latencies_us.max()))
    }

    /// Returns the mean latency.
    pub fn mean(&self) -> Option<Duration> {
        (!self.latencies_us.is_empty()).then(|| Duration::from_secs_f64(self.latencies_us.mean() / 1e6))
    }

    fn count(&mut self, meaning: Meaning) {
        match meaning {
            Meaning::Ok => self.ok += 1,
            Meaning::Refused => self.refused += 1,
            Meaning::Error => self.errors += 1,
            Meaning::Unanswered => self.unanswered += 1,
        }
    }

    /// Adds what another has.
    pub fn add(&mut self, other: &Self) {
        self.ok += other.ok;
        self.refused += other.refused;
        self.errors += other.errors;
        self.unanswered += other.unanswered;
        // It grows by itself, so it can't fail.
        let _ = self.latencies_us.add(&other.latencies_us);
    }
}

/// What came of the requests of some time.
#[derive(Clone, Debug, Default)]
pub struct Record {
    kinds: [Tally; Kind::ALL.len()],
    /// How often each status came.
    pub statuses: BTreeMap<u16, u64>,
    /// How often each code came, by the status that it came with; an empty one stands for none.
    pub codes: BTreeMap<u16, BTreeMap<Box<str>, u64>>,
    /// Why there were no answers.
    pub lost: BTreeMap<Lost, u64>,
}

impl Record {
    /// Takes down what came of a request, and how long that took.
    pub fn note(&mut self, kind: Kind, outcome: &Outcome, latency: Duration) {
        let tally = &mut self.kinds[kind as usize];
        let meaning = outcome.meaning();
        tally.count(meaning);
        if *outcome != Outcome::Lost(Lost::Connect) {
            let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).clamp(1, LATENCY_MAX_US);
            // It grows by itself up to the longest, so it can't fail.
            let _ = tally.latencies_us.record(us);
        }
        match outcome {
            Outcome::Answered { status, code } => {
                *self.statuses.entry(*status).or_default() += 1;
                if meaning != Meaning::Ok {
                    bump(self.codes.entry(*status).or_default(), code.as_deref().unwrap_or_default());
                }
            }
            Outcome::Lost(lost) => *self.lost.entry(*lost).or_default() += 1,
        }
    }

    /// Adds what another has.
    pub fn add(&mut self, other: &Self) {
        self.kinds.iter_mut().zip(&other.kinds).for_each(|(ours, theirs)| ours.add(theirs));
        other.statuses.iter().for_each(|(status, count)| *self.statuses.entry(*status).or_default() += count);
        for (status, codes) in &other.codes {
            let ours = self.codes.entry(*status).or_default();
            codes.iter().for_each(|(code, count)| *ours.entry(code.clone()).or_default() += count);
        }
        other.lost.iter().for_each(|(lost, count)| *self.lost.entry(*lost).or_default() += count);
    }

    /// How often a refusal of the rules came with this code.
    pub fn refused_by(&self, code: &str) -> u64 {
        self.codes.get(&REFUSED).and_then(|codes| codes.get(code)).copied().unwrap_or(0)
    }

    /// What came of one kind.
    pub fn of(&self, kind: Kind) -> &Tally {
        &self.kinds[kind as usize]
    }

    /// What came of all.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.kinds.iter().for_each(|tally| total.add(tally));
        total
    }
}

/// A code is copied only when it is new.
fn bump(codes: &mut BTreeMap<Box<str>, u64>, code: &str) {
    match codes.get_mut(code) {
        Some(count) => *count += 1,
        None => {
            codes.insert(code.into(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lost, Meaning, Outcome, Record};
    use crate::commands::load::profile::Kind;
    use std::time::Duration;

    fn answered(status: u16, code: Option<&str>) -> Outcome {
        Outcome::Answered { status, code: code.map(Box::from) }
    }

    #[test]
    fn refusals_of_the_rules_are_answers_and_everything_else_that_is_no_success_is_an_error() {
        for (status, expected) in [
            (200, Meaning::Ok),
            (201, Meaning::Ok),
            (202, Meaning::Ok),
            (409, Meaning::Refused),
            (302, Meaning::Error),
            (401, Meaning::Error),
            (404, Meaning::Error),
            (422, Meaning::Error),
            (429, Meaning::Error),
            (500, Meaning::Error),
            (503, Meaning::Error),
        ] {
            assert_eq!(answered(status, None).meaning(), expected, "{status}");
        }
        assert_eq!(Outcome::Lost(Lost::Timeout).meaning(), Meaning::Unanswered);
    }

    #[test]
    fn percentiles_are_of_the_kind_and_of_all_to_three_digits() {
        let mut record = Record::default();
        for ms in 1..=1000 {
            record.note(Kind::Book, &answered(201, None), Duration::from_millis(ms));
            record.note(Kind::Seats, &answered(200, None), Duration::from_micros(ms));
        }
        let close = |found: Option<Duration>, expected: Duration| {
            let (found, expected) = (found.unwrap().as_secs_f64(), expected.as_secs_f64());
            assert!((found / expected - 1.0).abs() < 0.002, "{found} is not {expected}");
        };
        let book = record.of(Kind::Book);
        close(book.quantile(0.5), Duration::from_millis(500));
        close(book.quantile(0.99), Duration::from_millis(990));
        close(book.quantile(0.999), Duration::from_millis(999));
        close(book.max(), Duration::from_millis(1000));
        close(book.mean(), Duration::from_micros(500_500));
        close(record.total().quantile(0.5), Duration::from_millis(1));
        assert_eq!(record.of(Kind::Cancel).quantile(0.5), None);
        assert_eq!(record.total().requests(), 2000);
    }

    #[test]
    fn two_records_add_up() {
        let (mut one, mut two) = (Record::default(), Record::default());
        one.note(Kind::Book, &answered(409, Some("SEAT_TAKEN")), Duration::from_millis(1));
        two.note(Kind::Book, &answered(409, Some("SEAT_TAKEN")), Duration::from_millis(3));
        two.note(Kind::Book, &answered(429, Some("RATE_LIMITED")), Duration::from_millis(3));
        two.note(Kind::Cancel, &answered(502, None), Duration::from_millis(3));
        two.note(Kind::Cancel, &Outcome::Lost(Lost::Connect), Duration::from_secs(9));
        one.add(&two);
        let total = one.total();
        assert_eq!((total.requests(), total.refused, total.errors, total.unanswered), (5, 2, 2, 1));
        assert_eq!(total.failed(), 3);
        assert_eq!(one.codes[&409]["SEAT_TAKEN"], 2);
        assert_eq!((one.codes[&429]["RATE_LIMITED"], one.codes[&502][""]), (1, 1));
        assert_eq!((one.statuses[&409], one.lost[&Lost::Connect]), (2, 1));
        assert!(total.max().unwrap() < Duration::from_secs(1), "a connection not made has no latency");
    }
}
