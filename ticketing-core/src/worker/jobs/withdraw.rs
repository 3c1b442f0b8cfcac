//! Cancels all that is booked of an offering that is withdrawn, batch by batch: holds end, and what was paid goes back.
//!
//! A batch that is done twice finds nothing the second time.

use super::{StepError, Stepped};
use crate::app::{App, AppError};
use crate::engine::CommandError;
use crate::ops::OpsError;
use crate::ops::audit::Actor;
use crate::ops::jobs::WithdrawSpec;
use crate::ops::schedules::cancel_batch;
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
        let items = cancel_batch(app, *offering, reason, &self.actor, batch).await.map_err(failed)?;
        self.done += i64::try_from(items).unwrap_or(0);
        let progress = JobProgress {
            done: self.done,
            total: self.total.map(|total| total.max(self.done)),
            cursor: None,
            outcome: Some(format!("{} bookings cancelled", self.done)),
        };
        Ok(Stepped { progress, items, is_finished: items == 0 })
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
