//! Redrives or discards letters, stream by stream.

use super::{StepError, Stepped};
use crate::app::App;
use crate::ops::dlq::work::{self, Counts};
use crate::ops::jobs::{LettersSpec, StreamWork};
use crate::store::jobs::{Job, JobProgress};
use serde::{Deserialize, Serialize};

/// Where it goes on, and what came of it so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Place {
    next: usize,
    done: i64,
    counts: Counts,
}

/// The work of one job.
pub(super) struct Letters {
    spec: LettersSpec,
    place: Place,
    by: String,
    total: i64,
}

impl Letters {
    pub(super) fn of(job: &Job, spec: LettersSpec) -> Result<Self, StepError> {
        let place = match &job.cursor {
            Some(text) => serde_json::from_str(text)
                .map_err(|error| StepError::Never(format!("where it goes on can't be read: {error}")))?,
            None => Place::default(),
        };
        let total = spec.streams.iter().map(|work| work.letters).sum();
        Ok(Self { spec, place, by: job.actor.clone(), total })
    }

    /// Takes streams until so many letters are done. A stream that was done before is found to be done.
    pub(super) async fn step(&mut self, app: &App, batch: usize) -> Result<Stepped, StepError> {
        let mut items = 0;
        // Only what is done is counted: a stream that fails of a sudden is taken again as a whole.
        let mut place = self.place.clone();
        while items < batch
            && let Some(StreamWork { queue, head, discard, letters }) = self.spec.streams.get(place.next)
        {
            let mut counts = place.counts.clone();
            let done = match head {
                Some(head) => work::redrive(app, queue, *head, &self.by, &mut counts).await,
                None => work::discard(app, queue, discard, &self.by, &mut counts).await,
            };
            match done {
                Ok(()) => {}
                // The streams before it are written down first.
                Err(_) if items > 0 => break,
                Err(error) => return Err(error.into()),
            }
            items += usize::try_from(*letters).unwrap_or(1).max(1);
            place = Place { next: place.next + 1, done: place.done + letters, counts };
        }
        self.place = place;
        let progress = JobProgress {
            done: self.place.done,
            total: Some(self.total),
            cursor: serde_json::to_string(&self.place).ok(),
            outcome: Some(sentence(&self.place.counts)),
        };
        Ok(Stepped { progress, items, is_finished: self.place.next >= self.spec.streams.len() })
    }
}

fn sentence(counts: &Counts) -> String {
    let Counts { redriven, discarded, failed, moved, first_failure } = counts;
    let mut parts = vec![format!("{redriven} redriven")];
    if *discarded > 0 {
        parts.insert(0, format!("{discarded} discarded"));
    }
    if *failed > 0 {
        parts.push(format!("{failed} dead again"));
    }
    if *moved > 0 {
        parts.push(format!("{moved} had moved and were left alone"));
    }
    match first_failure {
        Some(why) => format!("{}; the first that is dead again: {why}", parts.join(", ")),
        None => parts.join(", "),
    }
}
