//! Folds events into the projection once more, from the log or from the broker's topics.
//!
//! Rows take only what is newer than they are, and of a booking's events only the one that comes next: so what is
//! missing is repaired, everything else is left as it is, and nothing happens but to rows. The projection's own
//! cursor is not moved, and nothing beyond it is folded.

use super::republish::NO_BROKER;
use super::{StepError, Stepped};
use crate::adapters::carriers::{Carrier, Cursor, Message, Reader, record};
use crate::app::App;
use crate::domain::event::Event;
use crate::domain::log::{LogEntry, RawEntry};
use crate::ops::jobs::{ReplaySource, ReplaySpec, RepublishSpec, TopicPart};
use crate::store::error::StoreError;
use crate::store::jobs::{Job, JobProgress};
use crate::store::views::pages::{Pages, keep_one_kind};
use crate::store::views::{Target, fold, identity};
use crate::store::{events, parked};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use uuid::Uuid;

/// Events of the log that are looked at at once.
const PAGE: i64 = 1_000;
/// How long the broker may be silent before the end that was seen is reached.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// What the broker's own tools show the reader as.
const GROUP: &str = "ticketing-replay";

/// What came of it so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Counts {
    /// Looked at.
    seen: i64,
    /// Changed a row.
    folded: i64,
    /// Of those, whose row had it already.
    known: i64,
    /// Their rows lack an earlier event that is not in the range.
    gaps: i64,
    /// Behind a parked event of their stream.
    parked: i64,
    /// Can't be read or folded.
    failed: i64,
    first_failure: Option<String>,
}

impl Counts {
    fn fail(&mut self, why: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(why);
    }
}

/// Where it goes on: a position, or offsets in the order of the spec's parts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Place {
    position: i64,
    offsets: Vec<i64>,
    counts: Counts,
}

/// The work of one job.
pub(super) struct Replay {
    spec: ReplaySpec,
    place: Place,
    total: Option<i64>,
    carrier: Option<Carrier>,
    /// Reads the parts of one topic.
    reader: Option<(String, Reader)>,
    pages: Pages,
}

impl Replay {
    pub(super) fn of(job: &Job, spec: ReplaySpec, carrier: Option<Carrier>) -> Result<Self, StepError> {
        if spec.projection != fold::TICKETS {
            return Err(StepError::Never(format!("there is no projection {:?}", spec.projection)));
        }
        let place = match (&job.cursor, &spec.source) {
            (Some(text), _) => serde_json::from_str(text)
                .map_err(|error| StepError::Never(format!("where it goes on can't be read: {error}")))?,
            (None, ReplaySource::Log(log)) => Place { position: log.after, ..Place::default() },
            (None, ReplaySource::Carrier { parts, .. }) => {
                Place { offsets: parts.iter().map(|part| part.from).collect(), ..Place::default() }
            }
        };
        match (&spec.source, &carrier) {
            (ReplaySource::Carrier { .. }, None) => return Err(StepError::Never(NO_BROKER.into())),
            (ReplaySource::Carrier { carrier: named, .. }, Some(carrier)) if named != carrier.word() => {
                let other = carrier.word();
                return Err(StepError::Never(format!(
                    "it reads from {named}, and here the broker is {other}"
                )));
            }
            (ReplaySource::Carrier { .. } | ReplaySource::Log(_), _) => {}
        }
        Ok(Self { spec, place, total: job.total, carrier, reader: None, pages: Pages::default() })
    }

    pub(super) async fn step(&mut self, app: &App, batch: usize) -> Result<Stepped, StepError> {
        let before = self.place.counts.seen;
        let is_finished = match self.spec.source.clone() {
            ReplaySource::Log(log) => self.read_log(app, &log, batch).await?,
            ReplaySource::Carrier { parts, .. } => self.read_carrier(app, &parts, batch).await?,
        };
        let counts = &self.place.counts;
        let progress = JobProgress {
            done: counts.seen,
            total: self.total,
            cursor: serde_json::to_string(&self.place).ok(),
            outcome: Some(sentence(counts)),
        };
        let items = usize::try_from(counts.seen - before).unwrap_or(0);
        Ok(Stepped { progress, items, is_finished })
    }

    async fn read_log(&mut self, app: &App, log: &RepublishSpec, batch: usize) -> Result<bool, StepError> {
        let left = log.limit.map_or(i64::MAX, |limit| limit - self.place.counts.seen);
        let batch = batch.min(usize::try_from(left).unwrap_or(0));
        let limit = PAGE.min(log.to - self.place.position).max(0);
        let mut chosen = Vec::new();
        let mut looked_at = self.place.position;
        for entry in events::raw_after(&app.stores.write, self.place.position, limit).await? {
            if chosen.len() == batch {
                break;
            }
            looked_at = entry.position;
            if log.has(&entry) {
                chosen.push(entry);
            }
        }
        let is_end = looked_at == self.place.position;
        let mut counts = self.place.counts.clone();
        fold_again(app, &mut self.pages, chosen, &mut counts).await?;
        let is_enough = log.limit.is_some_and(|limit| counts.seen >= limit);
        (self.place.position, self.place.counts) = (looked_at, counts);
        Ok(is_end || is_enough || looked_at >= log.to)
    }

    async fn read_carrier(
        &mut self,
        app: &App,
        parts: &[TopicPart],
        batch: usize,
    ) -> Result<bool, StepError> {
        let offsets = self.place.offsets.clone();
        let at = |part: &TopicPart, offset: &i64| *offset < part.to && !part.topic.is_empty();
        let open = |topic: &str| parts.iter().zip(&offsets).any(|(p, o)| p.topic == topic && at(p, o));
        // One topic after the other: tickets need the rows of what they are of.
        let Some(topic) = parts.iter().zip(&offsets).find(|(p, o)| at(p, o)).map(|(p, _)| p.topic.clone())
        else {
            return Ok(true);
        };
        if self.reader.as_ref().is_none_or(|(of, _)| *of != topic) {
            let Some(carrier) = &self.carrier else { return Err(StepError::Never(NO_BROKER.into())) };
            let from: Vec<Cursor> = parts
                .iter()
                .zip(&offsets)
                .filter(|(part, _)| part.topic == topic)
                .map(|(part, at)| Cursor {
                    topic: topic.clone(),
                    partition: part.partition,
                    next_offset: *at,
                })
                .collect();
            self.reader = Some((topic.clone(), carrier.reader(GROUP, &[&topic], &from).await?));
        }
        let Some((_, reader)) = &mut self.reader else { return Ok(false) };
        let read = reader.next(batch, SILENCE_MAX).await;
        if read.is_err() {
            self.reader = None;
        }
        let messages = read?;
        let mut place = self.place.clone();
        if messages.is_empty() {
            // The last offsets may be a transaction's marks, or were compacted away: no message comes with them.
            for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.topic == topic) {
                place.offsets[index] = place.offsets[index].max(part.to);
            }
        }
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            let part =
                parts.iter().position(|p| p.topic == message.topic && p.partition == message.partition);
            let Some(index) = part else { continue };
            let is_meant = (place.offsets[index]..parts[index].to).contains(&message.offset);
            place.offsets[index] = place.offsets[index].max(message.offset + 1);
            if is_meant {
                match entry(message) {
                    Ok(entry) => entries.push(entry),
                    Err(why) => {
                        place.counts.seen += 1;
                        place.counts.fail(why);
                    }
                }
            }
        }
        let folded = fold_again(app, &mut self.pages, entries, &mut place.counts).await;
        if let Err(error) = folded {
            // The messages were taken from the reader: they come again from a new one.
            self.reader = None;
            return Err(error);
        }
        self.place = place;
        if !open(&topic) {
            self.reader = None;
        }
        Ok(!parts.iter().zip(&self.place.offsets).any(|(part, offset)| at(part, offset)))
    }
}

fn entry(message: Message) -> Result<RawEntry, String> {
    let place = format!("{}/{}/{}", message.topic, message.partition, message.offset);
    record::entry(message).map_err(|why| format!("{place}: {why}"))
}

/// Folds a stretch of events, in order, as far as each comes next in its row.
async fn fold_again(
    app: &App,
    pages: &mut Pages,
    raw: Vec<RawEntry>,
    counts: &mut Counts,
) -> Result<(), StepError> {
    counts.seen += raw.len() as i64;
    let cursor = fold::cursor(&app.stores.read).await?;
    let parked: HashMap<Uuid, i64> = parked::open_streams(&app.stores.read).await?.into_iter().collect();
    let mut entries: Vec<LogEntry> = Vec::with_capacity(raw.len());
    for raw in raw {
        let position = raw.position;
        if position > cursor || parked.get(&raw.stream_id).is_some_and(|first| position >= *first) {
            counts.parked += 1;
            continue;
        }
        match raw.parse() {
            Ok(entry) => entries.push(entry),
            Err(error) => counts.fail(format!("position {position}: {error}")),
        }
    }
    while !entries.is_empty() {
        let mut run = entries.clone();
        keep_one_kind(&mut run);
        entries.drain(..run.len());
        let wanted = next_of_rows(app, run, counts).await?;
        put(app, pages, wanted, counts, cursor).await?;
    }
    Ok(())
}

/// Leaves out the events that their rows have, and those whose rows lack an earlier one.
async fn next_of_rows(
    app: &App,
    run: Vec<LogEntry>,
    counts: &mut Counts,
) -> Result<Vec<LogEntry>, StepError> {
    let of_row = |entry: &LogEntry| match &entry.event {
        Event::Booking(_) => Some(entry.stream_id),
        Event::Payment(event) => event.facts().booking_id.map(|id| id.0),
        Event::Catalog(_) => None,
    };
    let ids: HashSet<Uuid> = run.iter().filter_map(of_row).collect();
    let found = match ids.is_empty() {
        true => Vec::new(),
        false => fold::versions(&app.stores.read, ids.into_iter().collect()).await?,
    };
    let mut versions: HashMap<Uuid, i32> = found.into_iter().collect();
    let mut wanted = Vec::with_capacity(run.len());
    for entry in run {
        let Some(id) = of_row(&entry) else {
            wanted.push(entry);
            continue;
        };
        let version = versions.entry(id).or_insert(0);
        if entry.stream_version <= *version {
            counts.known += 1;
        } else if entry.stream_version == *version + 1 {
            *version = entry.stream_version;
            wanted.push(entry);
        } else {
            counts.gaps += 1;
        }
    }
    Ok(wanted)
}

async fn put(
    app: &App,
    pages: &mut Pages,
    entries: Vec<LogEntry>,
    counts: &mut Counts,
    cursor: i64,
) -> Result<(), StepError> {
    if entries.is_empty() {
        return Ok(());
    }
    match pages.build(&app.stores.read, &entries).await {
        Ok(page) => {
            write(app, &page, cursor).await?;
            counts.folded += entries.len() as i64;
        }
        Err(StoreError::Corrupt { .. }) if entries.len() > 1 => {
            // One of them can't be folded: what follows in its stream can't either, all others can.
            let mut broken: HashSet<Uuid> = HashSet::new();
            for entry in entries {
                let stream = entry.stream_id;
                if broken.contains(&stream) {
                    counts.gaps += 1;
                    continue;
                }
                let failed = counts.failed;
                Box::pin(put(app, pages, vec![entry], counts, cursor)).await?;
                if counts.failed > failed {
                    broken.insert(stream);
                }
            }
        }
        Err(error @ StoreError::Corrupt { .. }) => counts.fail(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn write(app: &App, page: &fold::Page, cursor: i64) -> Result<(), StepError> {
    // Pages of tickets that were read before the rows change are never served again.
    for row in &page.inserts {
        app.tickets.touch(&row.booking.user_id, cursor + 1);
    }
    let mut tx = app.stores.read.begin().await?;
    let users = fold::put(&mut tx, Target::Live, page).await?;
    identity::repaired(&mut tx).await?;
    tx.commit().await?;
    for user in users {
        app.tickets.touch(&user, cursor + 1);
    }
    Ok(())
}

fn sentence(counts: &Counts) -> String {
    let Counts { seen, folded, known, gaps, parked, failed, first_failure } = counts;
    let mut parts = vec![
        format!("{seen} events looked at"),
        format!("{folded} folded"),
        format!("{known} known to their rows"),
    ];
    if *gaps > 0 {
        parts.push(format!("{gaps} left out for an earlier event that is not in the range"));
    }
    if *parked > 0 {
        parts.push(format!("{parked} left to the projector or the dead letters"));
    }
    match first_failure {
        Some(why) => format!("{}, {failed} can't be folded: {why}", parts.join(", ")),
        None => parts.join(", "),
    }
}
