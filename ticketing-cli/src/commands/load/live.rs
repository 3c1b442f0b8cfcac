//! What a load shows while it runs, on stderr: a line that is drawn over each second at a terminal, else one every ten
//! seconds. It never holds the load up.

use super::record::{Record, Tally};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write as _;
use std::time::Duration;
use ticketing_desk::output::grouped;
use ticketing_desk::progress::Style;

/// Without a terminal, so many seconds lie between two lines.
const LINE_EVERY_S: u64 = 10;

/// The figures of a second.
#[derive(Clone, Copy, Debug)]
pub struct Second<'a> {
    /// Since the begin, warm-up and all.
    pub elapsed: Duration,
    /// Whether nothing is measured yet.
    pub is_warmup: bool,
    /// How long the second was.
    pub took: Duration,
    /// What came in it.
    pub last: &'a Tally,
    /// What has come in all.
    pub all: &'a Record,
}

/// Shows the figures. Dropped, it takes its line away, so that the report stands alone.
#[derive(Debug)]
pub struct Live {
    style: Style,
    bar: Option<ProgressBar>,
    length: String,
    last_line_s: u64,
    /// Without a terminal, what came since the last line.
    since: Tally,
    since_took: Duration,
}

impl Live {
    /// Begins to show a load of this length, in words.
    pub fn start(style: Style, length: String) -> Self {
        let bar = matches!(style, Style::Bar).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{wide_msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.set_message(format!("0 s of {length}"));
            bar
        });
        Self { style, bar, length, last_line_s: 0, since: Tally::default(), since_took: Duration::ZERO }
    }

    /// Shows a second.
    pub fn show(&mut self, second: &Second<'_>) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.line(second, second.last, second.took));
            return;
        }
        if !matches!(self.style, Style::Lines) {
            return;
        }
        self.since.add(second.last);
        self.since_took += second.took;
        let now_s = second.elapsed.as_secs();
        if now_s >= self.last_line_s + LINE_EVERY_S {
            let line = self.line(second, &self.since, self.since_took);
            (self.last_line_s, self.since, self.since_took) = (now_s, Tally::default(), Duration::ZERO);
            // A closed stderr fails no load.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Says that something else goes on now.
    pub fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    fn line(&self, second: &Second<'_>, last: &Tally, took: Duration) -> String {
        let seconds = second.elapsed.as_secs_f64().round();
        if second.is_warmup {
            return format!("{seconds} s of {}: warming up", self.length);
        }
        let total = second.all.total();
        let per_second = (last.requests() as f64 / took.as_secs_f64().max(0.001)).round() as u64;
        let ms = |part: f64| {
            last.quantile(part).map_or_else(|| "-".to_owned(), |time| format!("{} ms", shown_ms(time)))
        };
        format!(
            "{seconds} s of {}: {}/s, p50 {}, p99 {}, refused {} %, errors {}",
            self.length,
            grouped(per_second),
            ms(0.5),
            ms(0.99),
            (last.refused * 100).checked_div(last.requests()).unwrap_or(0),
            grouped(total.failed()),
        )
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Returns a time in milliseconds to three significant digits, but not below a microsecond nor above a millisecond:
/// 0.007, 1.23, 12.3, 123, 1234.
pub fn ms(time: Duration) -> f64 {
    let ms = time.as_secs_f64() * 1000.0;
    if ms <= 0.0 {
        return 0.0;
    }
    let digits = (2.0 - ms.log10().floor()).clamp(0.0, 3.0);
    let factor = 10_f64.powf(digits);
    (ms * factor).round() / factor
}

/// The same as people read it.
fn shown_ms(time: Duration) -> String {
    ms(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Live, Second, ms};
    use crate::commands::load::profile::Kind;
    use crate::commands::load::record::{Outcome, Record};
    use std::time::Duration;
    use ticketing_desk::progress::Style;

    #[test]
    fn milliseconds_have_three_digits() {
        for (us, expected) in [
            (0, 0.0),
            (7, 0.007),
            (123, 0.123),
            (1_234, 1.23),
            (12_345, 12.3),
            (123_456, 123.0),
            (9_999_499, 9999.0),
        ] {
            assert!(
                (ms(Duration::from_micros(us)) - expected).abs() < 1e-9,
                "{us}: {}",
                ms(Duration::from_micros(us))
            );
        }
    }

    #[test]
    fn a_line_fits_a_terminal_and_says_what_goes_on() {
        let mut record = Record::default();
        for status in [201, 201, 409, 503] {
            record.note(Kind::Book, &Outcome::Answered { status, code: None }, Duration::from_micros(18_230));
        }
        let total = record.total();
        let live = Live::start(Style::Silent, "30 s".into());
        let took = Duration::from_millis(1000);
        let mut second = Second {
            elapsed: Duration::from_millis(12_010),
            is_warmup: false,
            took,
            last: &total,
            all: &record,
        };
        let line = live.line(&second, &total, took);
        assert_eq!(line, "12 s of 30 s: 4/s, p50 18.2 ms, p99 18.2 ms, refused 25 %, errors 1");
        assert!(line.len() < 80);
        second.is_warmup = true;
        assert_eq!(live.line(&second, &total, took), "12 s of 30 s: warming up");
    }
}
