//! Progress of long work, on stderr: a bar at a terminal, else a line now and then.
//!
//! It never holds the work up and never fails it: what can't be drawn is not drawn.

use crate::output::Printer;
use crate::output::{grouped, visible::visible};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Without a terminal, so much time lies between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// With one, so much between two turns of the spinner.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

/// What is done is told in so many characters beside a bar, so that both have room on one line of eighty columns.
const LABEL_MAX: usize = 34;

/// The bar itself is so wide.
const BAR_WIDTH: usize = 20;

/// How far work has come, for whoever shows it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// What is done.
    pub label: String,
    /// So many steps of it are.
    pub done: u64,
    /// Of so many, if that is known.
    pub total: Option<u64>,
}

/// Takes reports of progress.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(ProgressReport) + Send + Sync>);

impl Reporter {
    /// Returns what hands reports to `to`.
    pub fn new(to: impl Fn(ProgressReport) + Send + Sync + 'static) -> Self {
        Self(Arc::new(to))
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter(…)")
    }
}

/// How progress is shown.
#[derive(Clone, Debug)]
pub enum Style {
    /// A bar that moves.
    Bar,
    /// A line every ten seconds.
    Lines,
    /// Not at all.
    Silent,
    /// By somebody else, who is told.
    Reported(Reporter),
}

/// Work under way. Dropped without [`Progress::finish`], it takes its bar away, so that an error stands alone.
#[derive(Debug)]
pub struct Progress {
    style: Style,
    bar: Option<ProgressBar>,
    label: String,
    done: u64,
    total: Option<u64>,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Starts showing work of `total` steps, or of an unknown number.
    #[must_use]
    pub fn start(style: Style, label: &str, total: Option<u64>) -> Self {
        let bar = matches!(style, Style::Bar).then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(TICK_INTERVAL);
            bar
        });
        let now = Instant::now();
        let mut progress =
            Self { style, bar, label: String::new(), done: 0, total: None, started: now, last_line: now };
        progress.begin(label, total);
        progress
    }

    /// Takes a report of the work itself: its phase, and how far that has come.
    ///
    /// Fits a callback: `&mut |phase: &str, done, total| progress.report(phase, done, total)`.
    pub fn report(&mut self, phase: &str, done: u64, total: Option<u64>) {
        if self.label != phase || self.total != total {
            self.begin(phase, total);
        }
        self.set(done);
    }

    /// Says how many steps are done.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        let since = self.last_line.elapsed();
        match &self.style {
            Style::Lines if since >= LINE_INTERVAL => {
                self.last_line = Instant::now();
                tell(&line(&self.label, self.done, self.total, self.started.elapsed()));
            }
            Style::Reported(reporter) if since >= TICK_INTERVAL => {
                self.last_line = Instant::now();
                (reporter.0)(ProgressReport { label: self.label.clone(), done, total: self.total });
            }
            Style::Bar | Style::Lines | Style::Silent | Style::Reported(_) => {}
        }
    }

    /// Ends it with a sentence that says what was done, among the printer's notes.
    pub fn finish(mut self, printer: &mut Printer, summary: &str) {
        self.clear();
        printer.note(summary);
    }

    fn begin(&mut self, label: &str, total: Option<u64>) {
        label.clone_into(&mut self.label);
        self.total = total;
        if let Some(bar) = &self.bar {
            bar.set_style(bar_style(total));
            bar.set_message(short(&visible(label)));
            match total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Cuts a label so that a bar fits beside it: after a whole word, where that leaves most of it.
fn short(label: &str) -> String {
    if label.chars().count() <= LABEL_MAX {
        return label.to_owned();
    }
    let kept: String = label.chars().take(LABEL_MAX - 1).collect();
    let at_word = kept.rfind(' ').filter(|at| *at > LABEL_MAX / 2).unwrap_or(kept.len());
    format!("{}…", kept.get(..at_word).unwrap_or(&kept))
}

/// The bar's look; the templates are ours, so a plain bar is only a guard against a typing error.
fn bar_style(total: Option<u64>) -> ProgressStyle {
    let template = match total {
        Some(_) => format!("{{msg}} [{{bar:{BAR_WIDTH}}}] {{human_pos}}/{{human_len}} {{eta}}"),
        None => "{spinner} {msg} {human_pos} {elapsed}".to_owned(),
    };
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn line(label: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let label = visible(label);
    let seconds = elapsed.as_secs();
    match total {
        Some(total) => {
            let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
            format!("{label}: {} of {} ({percent} %), {seconds} s", grouped(done), grouped(total))
        }
        None => format!("{label}: {}, {seconds} s", grouped(done)),
    }
}

fn tell(text: &str) {
    // Progress is a courtesy: a closed stderr fails no work.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::{BAR_WIDTH, Progress, Style, bar_style, line, short};
    use std::time::Duration;

    #[test]
    fn a_line_says_how_far_the_work_has_come() {
        let seconds = Duration::from_secs(20);
        assert_eq!(line("Stop times", 3412, Some(6824), seconds), "Stop times: 3,412 of 6,824 (50 %), 20 s");
        assert_eq!(line("Rows\u{1b}", 7, None, seconds), "Rows\\u{1b}: 7, 20 s");
        assert_eq!(line("None", 0, Some(0), seconds), "None: 0 of 0 (100 %), 20 s");
    }

    #[test]
    fn a_label_and_its_bar_fit_on_one_line_of_eighty_columns() {
        let counts = "1,234,567/1,234,567";
        for (label, expected) in [
            ("Cancel 3 bookings", "Cancel 3 bookings"),
            (
                "Cancel event tosca@19:30/2026-12-01 and its 1,234 reservations",
                "Cancel event tosca@19:30/2026-12-…",
            ),
            ("Cancel event tosca@19:30 and its 1,234 reservations", "Cancel event tosca@19:30 and its…"),
        ] {
            assert_eq!(short(label), expected);
            assert!(format!("{expected} [{:BAR_WIDTH$}] {counts} 1m", "").chars().count() <= 80, "{label}");
        }
    }

    #[test]
    fn a_callback_moves_it_through_its_phases() {
        fn work(report: &mut dyn FnMut(&str, u64, Option<u64>)) {
            report("read", 1, None);
            report("write", 5, Some(9));
        }
        for style in [Style::Bar, Style::Silent, Style::Reported(super::Reporter::new(|_| ()))] {
            let mut progress = Progress::start(style, "start", None);
            work(&mut |phase, done, total| progress.report(phase, done, total));
            assert_eq!((progress.label.as_str(), progress.done, progress.total), ("write", 5, Some(9)));
        }
    }

    #[test]
    fn both_templates_are_accepted() {
        for total in [None, Some(1)] {
            let _ = bar_style(total);
        }
    }
}
