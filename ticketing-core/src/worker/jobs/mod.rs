//! Does the jobs: takes one that waits, or one whose owner is gone, and does it batch by batch.
//!
//! A batch may be done twice, if its process dies before it has written down how far it came: each kind of work
//! bears that. What this process knows of others' clocks is nothing: a job is taken over once its beat has stood
//! still for [`LEASE`] by our own.

mod letters;
mod replay;
mod republish;
mod withdraw;

use super::RETRY_AFTER;
use crate::adapters::carriers::Carrier;
use crate::app::{App, AppError};
use crate::engine::CommandError;
use crate::ops::OpsError;
use crate::ops::dlq::work::release_stranded;
use crate::ops::jobs::JobSpec;
use crate::store::error::StoreError;
use crate::store::jobs::{self, Job, JobProgress, JobState};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use uuid::Uuid;

/// How long a beat may stand still before another process goes on with the job.
pub const LEASE: Duration = Duration::from_secs(10);
/// How often an owner beats while a batch takes long.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// How often jobs are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Jobs that one process does at once; the others wait for it or for another process.
const AT_ONCE_MAX: usize = 4;
/// Jobs of one look.
const OPEN_MAX: i64 = 100;
/// How often a job is taken up without getting on before it fails: it breaks off whoever does it.
pub const TAKINGS_MAX: i32 = 5;
/// For how long a batch that fails is tried again before its job fails.
const FAILING_MAX: Duration = Duration::from_secs(30);
/// Things of one batch, where no rate says less.
const BATCH: usize = 200;

/// What jobs work with, besides the stores.
#[derive(Clone, Debug, Default)]
pub struct JobContext {
    /// The broker; `None` for the embedded bus.
    pub carrier: Option<Carrier>,
}

/// Why a batch was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// It may go better soon.
    #[error("{0}")]
    Later(String),
    /// It will not.
    #[error("{0}")]
    Never(String),
}

/// What a store that is away refuses may go better soon, as may all else.
impl From<OpsError> for StepError {
    fn from(error: OpsError) -> Self {
        match &error {
            OpsError::App(AppError::Store(store) | AppError::Command(CommandError::Store(store)))
                if store.is_refusal() =>
            {
                Self::Never(error.to_string())
            }
            OpsError::App(_)
            | OpsError::Of { .. }
            | OpsError::WorldMoved { .. }
            | OpsError::Partly { .. }
            | OpsError::BrokeOff { .. }
            | OpsError::Unknown { .. }
            | OpsError::UnderWay { .. }
            | OpsError::Invalid(_) => Self::Later(error.to_string()),
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        if error.is_refusal() { Self::Never(error.to_string()) } else { Self::Later(error.to_string()) }
    }
}

/// What a batch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stepped {
    /// How far the job is now.
    pub progress: JobProgress,
    /// How many things this batch did, for the rate.
    pub items: usize,
    /// Whether that was all.
    pub is_finished: bool,
}

/// A job under way, with what its kind remembers between batches.
enum Work {
    Letters(letters::Letters),
    Republish(Box<republish::Republish>),
    Replay(Box<replay::Replay>),
    Withdraw(withdraw::Withdraw),
}

impl Work {
    fn of(job: &Job, context: &JobContext) -> Result<Self, StepError> {
        Ok(match JobSpec::of(job).map_err(StepError::Never)? {
            JobSpec::Redrive(spec) | JobSpec::Discard(spec) => {
                Self::Letters(letters::Letters::of(job, spec)?)
            }
            JobSpec::Republish(spec) => {
                Self::Republish(Box::new(republish::Republish::of(job, spec, context.carrier.clone())?))
            }
            JobSpec::Replay(spec) => {
                Self::Replay(Box::new(replay::Replay::of(job, spec, context.carrier.clone())?))
            }
            JobSpec::Withdraw(spec) => Self::Withdraw(withdraw::Withdraw::of(job, spec)),
        })
    }

    async fn step(&mut self, app: &App, batch: usize) -> Result<Stepped, StepError> {
        match self {
            Self::Letters(work) => work.step(app, batch).await,
            Self::Republish(work) => work.step(app, batch).await,
            Self::Replay(work) => work.step(app, batch).await,
            Self::Withdraw(work) => work.step(app, batch).await,
        }
    }
}

/// The jobs that are under way in this process.
#[derive(Default)]
struct Doing {
    tasks: JoinSet<Result<Job, StoreError>>,
    /// Which task does which job: one that panics can't say.
    jobs: HashMap<Id, Uuid>,
}

impl Doing {
    fn begin(&mut self, id: Uuid, work: impl Future<Output = Result<Job, StoreError>> + Send + 'static) {
        let task = self.tasks.spawn(work);
        self.jobs.insert(task.id(), id);
    }

    fn has(&self, id: Uuid) -> bool {
        self.jobs.values().any(|job| *job == id)
    }

    fn room(&self) -> usize {
        AT_ONCE_MAX.saturating_sub(self.jobs.len())
    }

    /// Waits for one that is over here, however that came; `None` if none is under way.
    async fn ended(&mut self) -> Option<(Option<Uuid>, Result<Result<Job, StoreError>, JoinError>)> {
        let (task, outcome) = match self.tasks.join_next_with_id().await? {
            Ok((task, outcome)) => (task, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        Some((self.jobs.remove(&task), outcome))
    }
}

/// Takes and does jobs for ever. What this process is doing when it is stopped, another goes on with.
pub async fn run(app: App, context: JobContext) {
    let owner = Uuid::now_v7();
    let mut doing = Doing::default();
    // Whose beat was seen to be what, and since when.
    let mut seen: HashMap<Uuid, (i64, Instant)> = HashMap::new();
    let mut failing = false;
    let (_never, stop) = watch::channel(false);
    loop {
        match look(&app, owner, &mut seen, &doing).await {
            Ok(taken) => {
                failing = false;
                for job in taken {
                    tracing::info!(job = %job.id, kind = job.kind, "a job is taken");
                    let (app, context, stop, id) = (app.clone(), context.clone(), stop.clone(), job.id);
                    let work = async move { drive(&app, &context, job, owner, stop, &mut |_| ()).await };
                    doing.begin(id, work);
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "jobs can't be looked for; will try again");
                }
                failing = true;
            }
        }
        let look_at = Instant::now() + LOOK_EVERY;
        loop {
            tokio::select! {
                Some((id, outcome)) = doing.ended() => {
                    let id = id.unwrap_or_default();
                    match outcome {
                        Ok(outcome) => tell(id, &outcome),
                        // Nobody beats for it now, so it is taken up again, here or elsewhere.
                        Err(error) => {
                            tracing::error!(job = %id, %error, "a job broke off; it is taken up again");
                            if let Err(error) = jobs::broke_off(&app.stores.write, id, owner, why(error)).await {
                                tracing::warn!(job = %id, %error, "why it broke off can't be written down");
                            }
                        }
                    }
                },
                () = tokio::time::sleep_until(look_at) => break,
            }
        }
    }
}

/// Why a task broke off, as a sentence.
fn why(error: JoinError) -> String {
    let panic = error.try_into_panic().ok();
    let said = panic.as_ref().and_then(|panic| {
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
    });
    format!("It broke off by a fault of this program: {}", said.unwrap_or("the log says more."))
}

fn tell(id: Uuid, outcome: &Result<Job, StoreError>) {
    match outcome {
        Ok(job) if job.state == JobState::Failed => {
            tracing::error!(job = %id, error = job.error.as_deref().unwrap_or_default(), "a job failed");
        }
        Ok(job) => {
            let outcome = job.outcome.as_deref().unwrap_or_default();
            tracing::info!(job = %id, state = job.state.word(), outcome, "a job is over here");
        }
        Err(error) => tracing::warn!(job = %id, %error, "a job can't go on here; another takes it"),
    }
}

/// Takes what waits or is left alone, and clears what waits for nothing.
async fn look(
    app: &App,
    owner: Uuid,
    seen: &mut HashMap<Uuid, (i64, Instant)>,
    doing: &Doing,
) -> Result<Vec<Job>, StoreError> {
    if let Err(error) = release_stranded(app).await {
        tracing::debug!(%error, "letters that wait for nothing can't be tried now");
    }
    let open = jobs::open(&app.stores.write, OPEN_MAX).await?;
    seen.retain(|id, _| open.iter().any(|job| job.id == *id));
    let now = Instant::now();
    let mut taken = Vec::new();
    for job in open {
        let (beat, since) = seen.entry(job.id).or_insert((job.beat, now));
        if *beat != job.beat {
            (*beat, *since) = (job.beat, now);
        }
        let is_free = match job.state {
            JobState::Waiting => true,
            JobState::Running => since.elapsed() >= LEASE && (job.owner != Some(owner) || !doing.has(job.id)),
            JobState::Done | JobState::Failed | JobState::Cancelled => false,
        };
        if is_free
            && taken.len() < doing.room()
            && jobs::claim(&app.stores.write, job.id, owner, job.beat, app.clock.now()).await?
        {
            taken.extend(jobs::load(&app.stores.write, vec![job.id]).await?);
        }
    }
    Ok(taken)
}

/// Does a job that is this owner's, until it is over, somebody asks it to stop, `stop` says so, or another has taken
/// it. Returns it as it then is; `report` is told after each batch. What `stop` ends is cancelled after the batch at
/// hand, and can be resumed.
///
/// # Errors
/// What the store says, if it can't even be written down that the job failed.
pub async fn drive(
    app: &App,
    context: &JobContext,
    job: Job,
    owner: Uuid,
    mut stop: watch::Receiver<bool>,
    report: &mut (dyn FnMut(&Job) + Send),
) -> Result<Job, StoreError> {
    let mut job = job;
    // Whoever did it before died before it could stop.
    if job.cancel_wanted {
        return end(app, job, owner, JobState::Cancelled, None).await;
    }
    if job.takings > TAKINGS_MAX {
        let last = job.error.as_deref().unwrap_or("Nobody who did it could say why.");
        let why = format!("It was taken up {TAKINGS_MAX} times and never got on. {last}");
        return end(app, job, owner, JobState::Failed, Some(why)).await;
    }
    let mut work = match Work::of(&job, context) {
        Ok(work) => work,
        Err(error) => return end(app, job, owner, JobState::Failed, Some(error.to_string())).await,
    };
    let batch =
        job.rate.and_then(|rate| usize::try_from(rate).ok()).map_or(BATCH, |rate| rate.clamp(1, BATCH));
    let mut failing_since: Option<Instant> = None;
    loop {
        let began = Instant::now();
        let stepped = tokio::select! {
            stepped = work.step(app, batch) => stepped,
            () = beat_until_lost(app, job.id, owner) => return lost(app, job).await,
        };
        match stepped {
            Ok(stepped) => {
                failing_since = None;
                let now = app.clock.now();
                let cancel = progress(app, &job, owner, &stepped.progress).await?;
                let Some(cancel_wanted) = cancel else { return lost(app, job).await };
                let JobProgress { done, total, cursor, outcome } = stepped.progress;
                job = Job { done, total, cursor, outcome, takings: 0, error: None, moved_at: now, ..job };
                report(&job);
                if stepped.is_finished {
                    return end(app, job, owner, JobState::Done, None).await;
                }
                if cancel_wanted || *stop.borrow() {
                    return end(app, job, owner, JobState::Cancelled, None).await;
                }
                pace(&job, stepped.items, began, &mut stop).await;
                if *stop.borrow() {
                    return end(app, job, owner, JobState::Cancelled, None).await;
                }
            }
            Err(StepError::Never(why)) => return end(app, job, owner, JobState::Failed, Some(why)).await,
            Err(StepError::Later(why)) => {
                let since = *failing_since.get_or_insert(began);
                if since.elapsed() >= FAILING_MAX {
                    return end(app, job, owner, JobState::Failed, Some(why)).await;
                }
                tracing::warn!(job = %job.id, error = why, "a batch of a job failed; will try again");
                match jobs::beat(&app.stores.write, job.id, owner).await {
                    Ok(None) => return lost(app, job).await,
                    Ok(Some(true)) => return end(app, job, owner, JobState::Cancelled, None).await,
                    Ok(Some(false)) | Err(_) => {}
                }
                if *stop.borrow() {
                    return end(app, job, owner, JobState::Cancelled, None).await;
                }
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Beats for a job until another has it. It is polled beside the batch and never instead of it: the batch may hold
/// what a beat waits for, the one connection that writes.
async fn beat_until_lost(app: &App, job: Uuid, owner: Uuid) {
    loop {
        tokio::time::sleep(BEAT_EVERY).await;
        // A beat that can't be written is no reason to stop: whoever takes the job over bears it.
        if let Ok(None) = jobs::beat(&app.stores.write, job, owner).await {
            return;
        }
    }
}

/// Keeps to the rate: so many things take at least so long.
async fn pace(job: &Job, items: usize, began: Instant, stop: &mut watch::Receiver<bool>) {
    let Some(rate) = job.rate.filter(|rate| *rate > 0) else { return };
    let until = began + Duration::from_secs_f64(items as f64 / f64::from(rate));
    // Whoever asks it to stop need not wait; without a sender nobody will.
    tokio::select! {
        () = tokio::time::sleep_until(until) => {}
        Ok(()) = stop.changed() => {}
    }
}

async fn progress(app: &App, job: &Job, owner: Uuid, done: &JobProgress) -> Result<Option<bool>, StoreError> {
    let began = Instant::now();
    loop {
        match jobs::progress(&app.stores.write, job.id, owner, done, app.clock.now()).await {
            Err(error) if error.is_transient() && began.elapsed() < LEASE => {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            written => return written,
        }
    }
}

async fn end(
    app: &App,
    job: Job,
    owner: Uuid,
    state: JobState,
    error: Option<String>,
) -> Result<Job, StoreError> {
    let now = app.clock.now();
    let outcome = job.outcome.clone();
    if jobs::finish(&app.stores.write, job.id, owner, state, outcome, error.clone(), now).await? {
        return Ok(Job { state, error, cancel_wanted: false, moved_at: now, ended_at: Some(now), ..job });
    }
    lost(app, job).await
}

/// Another has it: returns it as that one has brought it.
async fn lost(app: &App, job: Job) -> Result<Job, StoreError> {
    Ok(jobs::load(&app.stores.write, vec![job.id]).await?.pop().unwrap_or(job))
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE_MAX, Doing, why};
    use crate::store::error::StoreError;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_job_whose_task_panics_is_nobodys_again() {
        let (mut doing, broken, other) = (Doing::default(), Uuid::now_v7(), Uuid::now_v7());
        doing.begin(broken, async { panic!("index out of bounds") });
        doing.begin(other, std::future::pending());
        assert!(doing.has(broken) && doing.room() == AT_ONCE_MAX - 2);
        let (id, outcome) = doing.ended().await.unwrap();
        let error = outcome.unwrap_err();
        assert!(id == Some(broken) && error.is_panic());
        assert_eq!(why(error), "It broke off by a fault of this program: index out of bounds");
        assert!(!doing.has(broken) && doing.has(other) && doing.room() == AT_ONCE_MAX - 1);
        let away = StoreError::Unavailable { store: "write", reason: "away".into() };
        doing.begin(broken, async { Err(away) });
        let (id, outcome) = doing.ended().await.unwrap();
        assert!(id == Some(broken) && outcome.is_ok_and(|outcome| outcome.is_err()));
    }
}
