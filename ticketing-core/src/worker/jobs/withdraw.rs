//! Cancels all that is booked of an offering that is withdrawn, batch by batch: holds end, and what was paid goes back.
//!
//! A batch that is done twice finds nothing the second time.

use super::{StepError, Stepped};
use crate::app::{App, AppError};
use crate::engine::CommandError;
use crate::ops::OpsError;
use crate::ops::audit::Actor;
use crate::ops::jobs::WithdrawSpec;
use crate::ops::schedules::{Batch, cancel_batch, withdrawn};
use crate::store::jobs::{Job, JobProgress};

/// The work of one job.
pub(super) struct Withdraw {
    spec: WithdrawSpec,
    actor: Actor,
    done: i64,
    total: Option<i64>,
}

impl Withdraw {
    pub(super) fn of(job: &Job, spec: WithdrawSpec) -> Self {
        let actor = Actor {
            name: job.actor.clone(),
            reason: job.reason.clone(),
            correlation_id: Some(format!("job-{}", job.id)),
        };
        Self { spec, actor, done: job.done, total: job.total }
    }

    pub(super) async fn step(&mut self, app: &App, batch: usize) -> Result<Stepped, StepError> {
        let WithdrawSpec { offering, reason } = &self.spec;
        let Batch { done: items, is_last } =
            cancel_batch(app, *offering, reason, &self.actor, batch).await.map_err(failed)?;
        self.done += i64::try_from(items).unwrap_or(0);
        // Buyers cancel meanwhile, and holds end: at the end what was done is all there was.
        let total = if is_last { Some(self.done) } else { self.total.map(|total| total.max(self.done)) };
        let progress =
            JobProgress { done: self.done, total, cursor: None, outcome: Some(withdrawn(self.done)) };
        Ok(Stepped { progress, items, is_finished: is_last })
    }
}

/// A rule does not change its mind.
fn failed(error: OpsError) -> StepError {
    match error {
        OpsError::App(AppError::NotFound { .. } | AppError::Command(CommandError::Rejected(_))) => {
            StepError::Never(error.to_string())
        }
        error => error.into(),
    }
}
