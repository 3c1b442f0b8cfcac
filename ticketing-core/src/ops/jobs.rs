//! Jobs as operators see them: long work that is written down before it begins, so that it is gone on with whatever
//! dies in between.
//!
//! Here is what a job is to do and how it stands; a worker does it.

use super::audit::{Actor, audited};
use super::dlq::work::{Queue, Seen};
use super::filter::{FieldKind, FieldSpec, Filter, Value};
use super::{OpsError, Plan, lookup};
use crate::app::{App, AppError};
use crate::domain::id::OfferingId;
use crate::domain::time::Timestamp;
use crate::store::jobs::{self, Job, JobState, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Jobs of one page of a list.
pub const PAGE: i64 = 500;

/// What a job is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobSpec {
    /// Try letters again.
    Redrive(LettersSpec),
    /// Give letters up.
    Discard(LettersSpec),
    /// Publish events of the log to the broker once more.
    Republish(RepublishSpec),
    /// Fold events into the projection once more.
    Replay(ReplaySpec),
    /// Cancel all that is booked of an offering that is withdrawn.
    Withdraw(WithdrawSpec),
}

/// What is withdrawn, with all its bookings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawSpec {
    /// The event or departure.
    pub offering: OfferingId,
    /// The reason that buyers are given.
    pub reason: String,
}

/// The letters of a redrive or discard, by stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LettersSpec {
    /// The streams, in the order in which they are taken.
    pub streams: Vec<StreamWork>,
}

/// What is to be done in one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamWork {
    /// Which.
    pub queue: Queue,
    /// The letter at its head, to be redriven.
    pub head: Option<Seen>,
    /// Those that are to be given up.
    pub discard: Vec<Seen>,
    /// How many letters of it are in the plan.
    pub letters: i64,
}

/// Which events of the log are published once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepublishSpec {
    /// Those after this position,
    pub after: i64,
    /// up to and with this one,
    pub to: i64,
    /// not before this time,
    pub from_time: Option<Timestamp>,
    /// and before this one.
    pub to_time: Option<Timestamp>,
    /// Only these types; all, if there are none.
    pub types: Vec<String>,
    /// Only this stream.
    pub stream: Option<Uuid>,
    /// So many at most.
    pub limit: Option<i64>,
}

/// Which events are folded once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplaySpec {
    /// Into which projection.
    pub projection: String,
    /// From where.
    pub source: ReplaySource,
}

/// Where replayed events come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplaySource {
    /// The log.
    Log(RepublishSpec),
    /// The broker's topics.
    Carrier {
        /// `kafka` or `nats`.
        carrier: String,
        /// Each partition's offsets, the catalogue's first.
        parts: Vec<TopicPart>,
    },
}

/// A stretch of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicPart {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset.
    pub from: i64,
    /// The first offset that is not in it any more.
    pub to: i64,
}

impl JobSpec {
    /// The kinds' words.
    pub const KINDS: [&'static str; 5] = ["redrive", "discard", "republish", "replay", "withdraw"];

    /// What kind of work it is: one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Redrive(_) => "redrive",
            Self::Discard(_) => "discard",
            Self::Republish(_) => "republish",
            Self::Replay(_) => "replay",
            Self::Withdraw(_) => "withdraw",
        }
    }

    fn json(&self) -> Result<String, OpsError> {
        let json = match self {
            Self::Redrive(spec) | Self::Discard(spec) => serde_json::to_string(spec),
            Self::Republish(spec) => serde_json::to_string(spec),
            Self::Replay(spec) => serde_json::to_string(spec),
            Self::Withdraw(spec) => serde_json::to_string(spec),
        };
        json.map_err(|error| OpsError::Invalid(format!("the job can't be written down: {error}")))
    }

    /// Reads what a job is to do.
    ///
    /// # Errors
    /// A sentence, for a kind that this program does not know, or what is none of it.
    pub fn of(job: &Job) -> Result<Self, String> {
        let spec = job.spec.as_str();
        let read = match job.kind.as_str() {
            "redrive" => serde_json::from_str(spec).map(Self::Redrive),
            "discard" => serde_json::from_str(spec).map(Self::Discard),
            "republish" => serde_json::from_str(spec).map(Self::Republish),
            "replay" => serde_json::from_str(spec).map(Self::Replay),
            "withdraw" => serde_json::from_str(spec).map(Self::Withdraw),
            kind => return Err(format!("this program knows no jobs of the kind {kind:?}")),
        };
        read.map_err(|error| format!("what the job is to do can't be read: {error}"))
    }
}

/// A planned job.
#[derive(Clone, Debug)]
pub struct JobPlan {
    /// What is shown.
    pub plan: Plan,
    /// What is done.
    pub spec: JobSpec,
    /// How many things there are.
    pub total: Option<i64>,
    /// How many a second at most.
    pub rate: Option<u32>,
}

/// Writes a planned job down. If it is `mine`, it belongs to an owner of its own at once, who is to begin; else it
/// waits for whoever takes it.
///
/// # Errors
/// What the store says.
pub async fn create(app: &App, planned: &JobPlan, actor: &Actor, mine: bool) -> Result<Job, OpsError> {
    let job = draft(app, planned, actor, mine)?;
    audited(app, actor, &planned.plan, async {
        jobs::create(&app.stores.write, &job).await?;
        one(app, job.id).await
    })
    .await
}

/// The row of a planned job. See [`create`].
///
/// # Errors
/// [`OpsError::Invalid`] for what can't be written down.
pub(super) fn draft(app: &App, planned: &JobPlan, actor: &Actor, mine: bool) -> Result<NewJob, OpsError> {
    Ok(NewJob {
        id: Uuid::now_v7(),
        kind: planned.spec.kind().to_owned(),
        spec: planned.spec.json()?,
        total: planned.total,
        rate: planned.rate.map(|rate| i32::try_from(rate).unwrap_or(i32::MAX)),
        actor: actor.name.clone(),
        reason: actor.reason.clone(),
        owner: mine.then(Uuid::now_v7),
        at: app.clock.now(),
    })
}

/// Returns a job.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn one(app: &App, id: Uuid) -> Result<Job, OpsError> {
    jobs::load(&app.stores.write, vec![id]).await?.pop().ok_or_else(|| not_found(&id.to_string()))
}

fn not_found(id: &str) -> OpsError {
    AppError::NotFound { what: "job", id: id.to_owned() }.into()
}

/// Returns the job with this id or unique beginning of one.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; what the store says.
pub async fn find(app: &App, id: &str) -> Result<Uuid, OpsError> {
    let (low, high) = match Uuid::parse_str(id) {
        Ok(id) => (id, id),
        Err(_) => lookup::range(id).ok_or_else(|| not_found(id))?,
    };
    let found = jobs::with_id_between(&app.stores.write, low, high).await?;
    lookup::unique("job", id, &found)?.ok_or_else(|| not_found(id))
}

/// Walks all jobs, the newest first. Start with `None`, go on with the last one's id; an empty page is the end.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, after: Option<Uuid>) -> Result<Vec<Job>, OpsError> {
    Ok(jobs::newest(&app.stores.write, after, PAGE).await?)
}

/// Returns how many characters of these jobs' ids tell each from every other job.
///
/// # Errors
/// What the store says.
pub async fn prefix_len(app: &App, ids: &[Uuid]) -> Result<usize, OpsError> {
    Ok(lookup::prefix_len(&jobs::neighbours(&app.stores.write, ids.to_vec()).await?))
}

/// Plans to stop jobs. Those that are over are left out.
///
/// # Errors
/// Not found; what the store says.
pub async fn plan_cancel(app: &App, ids: &[Uuid]) -> Result<Plan, OpsError> {
    plan_move(app, "job cancel", ids, |job| (!job.state.is_over()).then_some(JobState::Cancelled)).await
}

/// Plans to let a job go on that failed or was cancelled, or that nobody does.
///
/// # Errors
/// [`OpsError::Invalid`] if it is done; not found; what the store says.
pub async fn plan_resume(app: &App, id: Uuid) -> Result<(Plan, Job), OpsError> {
    let job = one(app, id).await?;
    if job.state == JobState::Done {
        return Err(OpsError::Invalid(format!("job {id} is done: there is nothing left of it")));
    }
    Ok((plan_move(app, "job resume", &[id], |_| Some(JobState::Running)).await?, job))
}

async fn plan_move(
    app: &App,
    action: &str,
    ids: &[Uuid],
    to: impl Fn(&Job) -> Option<JobState>,
) -> Result<Plan, OpsError> {
    let mut changes = Vec::new();
    for id in ids {
        let job = one(app, *id).await?;
        let Some(to) = to(&job) else { continue };
        let after = JobBody { state: to.word(), ..body(&job) };
        changes.push(super::PlanChange {
            kind: "job".into(),
            id: Some(id.to_string()),
            before: super::plan::raw_of(&body(&job)),
            after: super::plan::raw_of(&after),
        });
    }
    Ok(Plan::new(action, changes))
}

/// Asks the jobs of a plan to stop: one that waits is over at once, one that runs after the batch at hand.
///
/// # Errors
/// What the store says.
pub async fn cancel(app: &App, plan: &Plan, actor: &Actor) -> Result<(), OpsError> {
    audited(app, actor, plan, async {
        let ids = plan.changes.iter().filter_map(|change| change.id.as_deref());
        for id in ids.filter_map(|id| Uuid::parse_str(id).ok()) {
            jobs::cancel(&app.stores.write, id, app.clock.now()).await?;
        }
        Ok(())
    })
    .await
}

/// Lets a job go on, if it is as it was looked at. If it is to be `mine`, it belongs to a new owner at once, who is to
/// begin; else it waits for whoever takes it. Returns it as it then is, and whether it is the caller's: a server may
/// have been faster.
///
/// # Errors
/// [`OpsError::WorldMoved`]; what the store says.
pub async fn resume(
    app: &App,
    plan: &Plan,
    job: &Job,
    actor: &Actor,
    mine: bool,
) -> Result<(Job, bool), OpsError> {
    audited(app, actor, plan, async {
        let db = &app.stores.write;
        let moved = || OpsError::WorldMoved { what: format!("job {}", job.id) };
        let mut beat = job.beat;
        if job.state.is_over() {
            if !jobs::resume(db, job.id, beat, app.clock.now()).await? {
                return Err(moved());
            }
            beat += 1;
        }
        // A server that was faster does it as well.
        let claimed = mine && jobs::claim(db, job.id, Uuid::now_v7(), beat, app.clock.now()).await?;
        if mine && !claimed && !job.state.is_over() {
            return Err(moved());
        }
        Ok((one(app, job.id).await?, claimed))
    })
    .await
}

/// How a job's letters or events fared, where its kind counts them: how many are good, how many failed, and why the
/// first one did.
#[must_use]
pub fn failures(job: &Job) -> Option<(u64, u64, String)> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Counts {
        redriven: u64,
        discarded: u64,
        folded: u64,
        known: u64,
        failed: u64,
        first_failure: Option<String>,
    }
    #[derive(Deserialize)]
    struct Place {
        counts: Counts,
    }
    let place: Place = serde_json::from_str(job.cursor.as_deref()?).ok()?;
    let Counts { redriven, discarded, folded, known, failed, first_failure } = place.counts;
    (failed > 0).then(|| (redriven + discarded + folded + known, failed, first_failure.unwrap_or_default()))
}

/// A job as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobBody {
    /// Its id.
    pub id: Uuid,
    /// What kind of work.
    pub kind: String,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    pub state: &'static str,
    /// How many things are done.
    pub done: i64,
    /// How many there are, where that is known.
    pub total: Option<i64>,
    /// How many a second at most.
    pub rate: Option<i32>,
    /// What came of it so far.
    pub outcome: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether it was asked to stop and has not yet.
    pub cancel_wanted: bool,
    /// Who began it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Who does it, or did last.
    pub owner: Option<Uuid>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// When it last got on.
    pub moved_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// A job with what exactly it does.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDetails {
    /// What lists show.
    #[serde(flatten)]
    pub job: JobBody,
    /// What exactly it does.
    pub spec: Box<RawValue>,
    /// Where it goes on.
    pub cursor: Option<String>,
}

/// Returns a job as users see it in a list.
#[must_use]
pub fn body(job: &Job) -> JobBody {
    JobBody {
        id: job.id,
        kind: job.kind.clone(),
        state: job.state.word(),
        done: job.done,
        total: job.total,
        rate: job.rate,
        outcome: job.outcome.clone(),
        error: job.error.clone(),
        cancel_wanted: job.cancel_wanted,
        actor: job.actor.clone(),
        reason: job.reason.clone(),
        owner: job.owner,
        created_at: job.created_at,
        started_at: job.started_at,
        moved_at: job.moved_at,
        ended_at: job.ended_at,
    }
}

/// Returns a job with what exactly it does.
#[must_use]
pub fn details(job: &Job) -> JobDetails {
    let spec = RawValue::from_string(job.spec.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned());
    JobDetails { job: body(job), spec, cursor: job.cursor.clone() }
}

const STATES: &[&str] = &["waiting", "running", "done", "failed", "cancelled"];
const KINDS: &[&str] = &JobSpec::KINDS;

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields of a job, as `--query` names them.
pub const JOB_FIELDS: &[FieldSpec] = &[
    field("id", FieldKind::Text),
    field("kind", FieldKind::Word(KINDS)),
    field("state", FieldKind::Word(STATES)),
    field("actor", FieldKind::Text),
    field("reason", FieldKind::Text),
    field("done", FieldKind::Number),
    field("total", FieldKind::Number),
    field("age", FieldKind::Duration),
    field("still", FieldKind::Duration),
];

/// Whether a job passes a filter that was parsed against [`JOB_FIELDS`].
#[must_use]
pub fn passes(filter: &Filter, job: &Job, now: Timestamp) -> bool {
    let since = |at: Timestamp| Value::Duration(now.as_millis().saturating_sub(at.as_millis()));
    filter.matches(now, |name| match name {
        "id" => job.id.to_string().into(),
        "kind" => job.kind.as_str().into(),
        "state" => job.state.word().into(),
        "actor" => job.actor.as_str().into(),
        "reason" => job.reason.as_deref().map_or(Value::Missing, Value::from),
        "done" => Value::Number(job.done),
        "total" => job.total.map_or(Value::Missing, Value::Number),
        "age" => since(job.created_at),
        "still" => since(job.moved_at),
        _ => Value::Missing,
    })
}

impl RepublishSpec {
    /// Whether an event between its positions is meant.
    #[must_use]
    pub fn has(&self, entry: &crate::domain::log::RawEntry) -> bool {
        self.from_time.is_none_or(|from| entry.recorded_at >= from)
            && self.to_time.is_none_or(|to| entry.recorded_at < to)
            && (self.types.is_empty() || self.types.contains(&entry.event_type))
            && self.stream.is_none_or(|stream| entry.stream_id == stream)
    }
}
