//! What a command answered last, how old that is, and when it is to be asked again.

use crate::desk::{Answer, Refusal};
use crate::screens::{ItemLook, Look, Screen};
use crate::seating::Seating;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use ticketing_core::domain::time::Timestamp;

/// An answer that takes long is followed by so many times as long a rest: watching must not weigh on a store that has
/// work to do.
const REST_FACTOR: u32 = 3;
/// But for no longer than this.
const REST_MAX: Duration = Duration::from_secs(30);
/// Where changes are told of, one looks so many times less often without a change.
pub(super) const QUIET_FACTOR: u32 = 5;
/// What changes by events alone is looked at after this, if there was none: a hold may have ended that nobody swept.
const QUIET_OF_LOG: Duration = Duration::from_secs(30);
/// What failed is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// The ring keeps so many events.
pub(crate) const RING_ROWS_MAX: usize = 5_000;
/// So many samples of each lag are kept.
const LAG_SAMPLES_MAX: usize = 10;
/// Lags of no more rows than this are followed.
const LAG_ROWS_MAX: usize = 500;

/// What a command answered last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    /// The rows: for a ring, the latest first.
    rows: Vec<Value>,
    /// The rows that pass the filter that is looked for here, if there is one.
    passing: Option<Vec<usize>>,
    /// What stderr said, a line each.
    pub notes: Vec<String>,
    /// What a table would print.
    pub text: Option<String>,
    /// When it was answered.
    pub at: Option<Timestamp>,
    /// Why the last question was not answered.
    pub refusal: Option<Refusal>,
    /// How long the last answer took.
    pub took: Duration,
    /// Whether it is being asked, since when.
    pub asked_at: Option<Timestamp>,
    /// Which question it was: an answer to another one is too late.
    pub question: u64,
    /// Where each seat of a map is.
    pub seating: Seating,
    /// How far the read store was when it was asked, where that is known.
    read_at: Option<i64>,
    /// Events that came and went between two looks, too many to be read.
    pub dropped: u64,
    due_at: Option<Timestamp>,
    /// When it is asked even if no change was told of.
    due_anyway_at: Option<Timestamp>,
    has_changed: bool,
    lags: HashMap<String, Vec<(Timestamp, i64)>>,
    #[cfg(test)]
    pub touched: std::cell::Cell<u64>,
}

impl Feed {
    /// Returns how many rows there are to be seen.
    pub(crate) fn len(&self) -> usize {
        self.passing.as_ref().map_or(self.rows.len(), Vec::len)
    }

    /// Returns how many rows were answered.
    pub(crate) const fn all(&self) -> usize {
        self.rows.len()
    }

    /// Returns a row among those to be seen.
    pub(crate) fn row(&self, index: usize) -> Option<&Value> {
        #[cfg(test)]
        self.touched.set(self.touched.get() + 1);
        match &self.passing {
            Some(passing) => self.rows.get(*passing.get(index)?),
            None => self.rows.get(index),
        }
    }

    /// Returns where the row of an id is among those to be seen.
    pub(crate) fn find(&self, screen: &Screen, id: &str) -> Option<usize> {
        (0..self.len()).find(|index| self.row(*index).is_some_and(|row| screen.id_of(row) == id))
    }

    /// Returns the only row of an object.
    pub(crate) fn object(&self) -> Option<&Value> {
        self.rows.first()
    }

    /// Returns all rows.
    pub(crate) fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// Says whether it is time to ask; where changes are told of, that is after a change, or after a while.
    /// `read_at` is how far the read store is, for what changes by events alone: while that stands still, it is after a
    /// while, whatever was told.
    pub(crate) fn is_due(&self, now: Timestamp, hears_changes: bool, read_at: Option<i64>) -> bool {
        let is_past = |due: Option<Timestamp>| due.is_none_or(|due| due <= now);
        let has_changed = match (read_at, self.read_at) {
            (Some(now), Some(then)) => now != then,
            (None, _) | (_, None) => !hears_changes || self.has_changed,
        };
        let is_worth_it = has_changed || is_past(self.due_anyway_at);
        self.asked_at.is_none() && is_past(self.due_at) && is_worth_it
    }

    /// Says whether it was asked when the read store was there.
    pub(crate) fn is_as_of(&self, read_at: i64) -> bool {
        self.read_at == Some(read_at)
    }

    /// Takes note that what was answered may not be so any more.
    pub(crate) const fn changed(&mut self) {
        self.has_changed = true;
    }

    /// Makes it due at once.
    pub(crate) const fn hurry(&mut self) {
        (self.due_at, self.due_anyway_at) = (None, None);
    }

    /// Notes that it is being asked.
    pub(crate) const fn asked(&mut self, question: u64, now: Timestamp, read_at: Option<i64>) {
        self.question = question;
        self.read_at = read_at;
        self.asked_at = Some(now);
        self.has_changed = false;
    }

    /// Forgets that it is being asked: the answer would be to an old question.
    pub(crate) const fn forget_question(&mut self) {
        self.asked_at = None;
        (self.due_at, self.due_anyway_at) = (None, None);
        self.question = 0;
    }

    /// Takes an answer in.
    pub(crate) fn answered(&mut self, screen: &Screen, answer: Answer, took: Duration, now: Timestamp) {
        (self.asked_at, self.at, self.took, self.refusal) = (None, Some(now), took, None);
        (self.notes, self.text) = (answer.notes, answer.text);
        let every = Duration::from_secs(screen.every_seconds.unsigned_abs());
        let rest = every.saturating_sub(took).max((took * REST_FACTOR).min(REST_MAX));
        self.due_at = Some(later(now, rest));
        let quiet = if screen.is_of_log { QUIET_OF_LOG } else { every * QUIET_FACTOR };
        self.due_anyway_at = Some(later(now, rest.max(quiet)));
        if screen.look == Look::Ring {
            self.merge(answer.rows);
        } else {
            self.rows = answer.rows;
        }
        self.seating = match (screen.item_look, self.object().and_then(|map| map.get("seats"))) {
            (ItemLook::Seats, Some(Value::Array(seats))) => Seating::of_vehicle(seats),
            (ItemLook::Section, Some(Value::Array(seats))) => Seating::of_section(seats),
            _ => Seating::default(),
        };
        self.passing = None;
        self.follow_lags(screen, now);
    }

    /// Takes note that it was not answered; what was known stays.
    pub(crate) fn refused(&mut self, refusal: Refusal, now: Timestamp) {
        self.asked_at = None;
        self.refusal = Some(refusal);
        self.due_at = Some(later(now, RETRY_AFTER));
        self.due_anyway_at = None;
    }

    /// Shows only the rows that contain `text`, whatever the case.
    pub(crate) fn look_for(&mut self, text: Option<&str>) {
        self.passing = text.map(|text| {
            let text = text.to_lowercase();
            let passes = |row: &Value| contains(row, &text);
            self.rows.iter().enumerate().filter(|(_, row)| passes(row)).map(|(index, _)| index).collect()
        });
    }

    /// Puts new events before the known ones. Positions have no gaps, so what lies between two looks is counted.
    fn merge(&mut self, events: Vec<Value>) {
        let position = |row: &Value| crate::row::number(row, "position").unwrap_or(0);
        let last = self.rows.first().map(position);
        let is_same_log = match (last, events.last().map(position)) {
            (Some(last), Some(head)) => head >= last,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if !is_same_log {
            // A restored store begins anew.
            self.rows.clear();
        }
        let last = last.filter(|_| is_same_log);
        let first_new = events.iter().position(|row| last.is_none_or(|last| position(row) > last));
        let Some(first_new) = first_new else { return };
        if let (Some(last), Some(row)) = (last, events.get(first_new)) {
            self.dropped += (position(row) - last - 1).unsigned_abs();
        }
        let known = std::mem::take(&mut self.rows);
        self.rows = events.into_iter().skip(first_new).rev().chain(known).take(RING_ROWS_MAX).collect();
    }

    fn follow_lags(&mut self, screen: &Screen, now: Timestamp) {
        let Some(path) =
            screen.columns.iter().find(|it| it.kind == crate::row::Kind::Eta).map(|column| column.path)
        else {
            return;
        };
        let mut lags = HashMap::new();
        for row in self.rows.iter().take(LAG_ROWS_MAX) {
            let Some(lag) = crate::row::number(row, path) else { continue };
            let id = screen.id_of(row);
            let mut samples = self.lags.remove(&id).unwrap_or_default();
            samples.push((now, lag));
            let surplus = samples.len().saturating_sub(LAG_SAMPLES_MAX);
            samples.drain(..surplus);
            lags.insert(id, samples);
        }
        self.lags = lags;
    }

    /// Returns when the lag of an id will be gone, in seconds, at the pace of the last looks.
    pub(crate) fn eta(&self, id: &str) -> Eta {
        let Some(samples) = self.lags.get(id) else { return Eta::Unknown };
        match (samples.first(), samples.last()) {
            (_, Some((_, 0))) => Eta::Gone,
            (Some((first_at, first)), Some((last_at, last))) if last_at > first_at => {
                let millis = last_at.as_millis() - first_at.as_millis();
                if last < first { Eta::In(last * millis / (first - last) / 1000) } else { Eta::Growing }
            }
            _ => Eta::Unknown,
        }
    }
}

/// When a lag will be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eta {
    /// It was not looked at twice.
    Unknown,
    /// There is none.
    Gone,
    /// After so many seconds.
    In(i64),
    /// Never, as things stand.
    Growing,
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    Timestamp::from_millis(
        now.as_millis().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
    )
}

/// Says whether any value of a row contains a text in small letters.
fn contains(row: &Value, text: &str) -> bool {
    match row {
        Value::Array(items) => items.iter().any(|item| contains(item, text)),
        Value::Object(fields) => fields.values().any(|value| contains(value, text)),
        Value::String(value) => value.to_lowercase().contains(text),
        Value::Number(number) => number.to_string().contains(text),
        Value::Bool(_) | Value::Null => false,
    }
}
