//! Publishes events of the log to the broker once more, each marked with the job's id.
//!
//! Consumers that drop what they have seen by `ce_id` do so with these; those that want them know them by the mark.

use super::{StepError, Stepped};
use crate::adapters::carriers::{Carrier, CarrierError, Publisher, record};
use crate::app::App;
use crate::domain::catalog::OfferingKind;
use crate::domain::log::RawEntry;
use crate::ops::jobs::RepublishSpec;
use crate::store::events;
use crate::store::jobs::{Job, JobProgress};
use crate::worker::kinds::Kinds;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// Events that are looked at at once.
const PAGE: i64 = 1_000;
/// How long the broker may take to acknowledge a batch.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(20);

/// Where it goes on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Place {
    position: i64,
    sent: i64,
}

/// The work of one job.
pub(super) struct Republish {
    id: Uuid,
    spec: RepublishSpec,
    place: Place,
    total: Option<i64>,
    carrier: Carrier,
    publisher: Option<Publisher>,
    kinds: Kinds,
}

impl From<CarrierError> for StepError {
    fn from(error: CarrierError) -> Self {
        match error {
            CarrierError::Unreachable { .. } | CarrierError::Unfitting { .. } | CarrierError::Lost { .. } => {
                Self::Later(error.to_string())
            }
            CarrierError::Refused { .. } | CarrierError::Unfit { .. } => Self::Never(error.to_string()),
        }
    }
}

/// What is said where a job needs a broker and none is set.
pub(super) const NO_BROKER: &str =
    "there is no broker here: set KAFKA_BROKERS or NATS_URL for the process that does the job";

impl Republish {
    pub(super) fn of(job: &Job, spec: RepublishSpec, carrier: Option<Carrier>) -> Result<Self, StepError> {
        let carrier = carrier.ok_or_else(|| StepError::Never(NO_BROKER.into()))?;
        let place = match &job.cursor {
            Some(text) => serde_json::from_str(text)
                .map_err(|error| StepError::Never(format!("where it goes on can't be read: {error}")))?,
            None => Place { position: spec.after, sent: 0 },
        };
        Ok(Self {
            id: job.id,
            spec,
            place,
            total: job.total,
            carrier,
            publisher: None,
            kinds: Kinds::default(),
        })
    }

    pub(super) async fn step(&mut self, app: &App, batch: usize) -> Result<Stepped, StepError> {
        let (chosen, looked_at) = page(app, &self.spec, self.place, batch).await?;
        let items = chosen.len();
        if let Some(last) = chosen.last().map(|entry| entry.position) {
            let kinds = self.kinds.of(&app.stores.write, &chosen).await?;
            let sent = self.send(&chosen, &kinds, last).await;
            if sent.is_err() {
                // What was not acknowledged is sent again by a new one.
                self.publisher = None;
            }
            sent?;
        }
        self.place = Place { position: looked_at, sent: self.place.sent + items as i64 };
        let is_enough = self.spec.limit.is_some_and(|limit| self.place.sent >= limit);
        let progress = JobProgress {
            done: self.place.sent,
            total: self.total,
            cursor: serde_json::to_string(&self.place).ok(),
            outcome: Some(format!(
                "{} events published to {} once more, up to position {looked_at}",
                self.place.sent,
                self.carrier.word()
            )),
        };
        Ok(Stepped { progress, items, is_finished: is_enough || looked_at >= self.spec.to })
    }

    async fn send(
        &mut self,
        entries: &[RawEntry],
        kinds: &[OfferingKind],
        last: i64,
    ) -> Result<(), StepError> {
        let all = async {
            let publisher = match &mut self.publisher {
                Some(publisher) => publisher,
                none => none.insert(self.carrier.publisher().await?),
            };
            for (entry, of) in entries.iter().zip(kinds) {
                publisher.send(entry.position, record::outgoing(entry, *of, Some(self.id))).await?;
            }
            let mut acknowledged = publisher.acknowledged();
            while acknowledged < last {
                acknowledged = publisher.acknowledged_beyond(acknowledged).await?;
            }
            Ok::<(), StepError>(())
        };
        let late = || StepError::Later(format!("{} did not acknowledge in time", self.carrier.word()));
        match tokio::time::timeout(ACKNOWLEDGED_WITHIN, all).await {
            Ok(sent) => sent,
            Err(_) => Err(late()),
        }
    }
}

/// Returns the next events that are meant, `batch` at most, and the position up to which the log was looked at.
async fn page(
    app: &App,
    spec: &RepublishSpec,
    place: Place,
    batch: usize,
) -> Result<(Vec<RawEntry>, i64), StepError> {
    let left = spec.limit.map_or(i64::MAX, |limit| limit - place.sent);
    let batch = batch.min(usize::try_from(left).unwrap_or(0));
    let mut looked_at = place.position;
    let mut chosen = Vec::new();
    let limit = PAGE.min(spec.to - place.position);
    for entry in events::raw_after(&app.stores.write, place.position, limit).await? {
        if chosen.len() == batch {
            return Ok((chosen, looked_at));
        }
        looked_at = entry.position;
        if spec.has(&entry) {
            chosen.push(entry);
        }
    }
    // Positions have no gaps: what was not found is not there yet.
    let end = if limit < PAGE { spec.to } else { looked_at };
    Ok((chosen, end.max(looked_at)))
}
