//! Long work of operators: what is to be done, how far it has come, and who does it.
//!
//! A job belongs to one owner at a time, who beats. `beat` grows with each beat and each change of hands, and every
//! write of an owner names itself: one that was thought dead and goes on writes nothing any more.

use super::db::{Column, Db, Tx};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// For whoever takes it.
    Waiting,
    /// Somebody does it.
    Running,
    /// All of it is done.
    Done,
    /// It can't go on by itself.
    Failed,
    /// It was stopped; it can be gone on with.
    Cancelled,
}

impl JobState {
    /// All.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The word of the store and the tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Waiting | Self::Running => false,
            Self::Done | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id (UUID v7).
    pub id: Uuid,
    /// What kind of work: one word.
    pub kind: String,
    /// What exactly: JSON, as its kind reads it.
    pub spec: String,
    /// Where it stands.
    pub state: JobState,
    /// How many things are done.
    pub done: i64,
    /// How many there are, where that is known.
    pub total: Option<i64>,
    /// Where it goes on, as its kind reads it; `None` at the beginning.
    pub cursor: Option<String>,
    /// How many things a second at most.
    pub rate: Option<i32>,
    /// What came of it, as a sentence.
    pub outcome: Option<String>,
    /// Why it failed, as a sentence.
    pub error: Option<String>,
    /// Whether somebody asked it to stop.
    pub cancel_wanted: bool,
    /// Who began it.
    pub actor: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Who does it, or did last.
    pub owner: Option<Uuid>,
    /// Grows while somebody does it.
    pub beat: i64,
    /// How often it was taken up since it last got on.
    pub takings: i32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was first begun.
    pub started_at: Option<Timestamp>,
    /// When it last got on.
    pub moved_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// A job that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id (UUID v7).
    pub id: Uuid,
    /// What kind of work.
    pub kind: String,
    /// What exactly: JSON.
    pub spec: String,
    /// How many things there are.
    pub total: Option<i64>,
    /// How many things a second at most.
    pub rate: Option<i32>,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// Who does it at once; `None` leaves it to whoever takes it.
    pub owner: Option<Uuid>,
    /// When.
    pub at: Timestamp,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobProgress {
    /// How many things are done.
    pub done: i64,
    /// How many there are.
    pub total: Option<i64>,
    /// Where it goes on.
    pub cursor: Option<String>,
    /// What came of it so far, as a sentence.
    pub outcome: Option<String>,
}

#[derive(sqlx::FromRow)]
struct JobRow {
    id: Uuid,
    kind: String,
    spec: String,
    state: String,
    done: i64,
    total: Option<i64>,
    cursor: Option<String>,
    rate: Option<i32>,
    outcome: Option<String>,
    error: Option<String>,
    cancel_wanted: i32,
    actor: String,
    reason: Option<String>,
    owner: Option<Uuid>,
    beat: i64,
    takings: i32,
    created_at: i64,
    started_at: Option<i64>,
    moved_at: i64,
    ended_at: Option<i64>,
}

impl JobRow {
    fn job(self) -> Result<Job> {
        let state = JobState::parse(&self.state).ok_or_else(|| StoreError::Corrupt {
            table: "jobs",
            column: "state",
            row: self.id.to_string(),
            reason: format!("{:?} is no state", self.state),
        })?;
        Ok(Job {
            id: self.id,
            kind: self.kind,
            spec: self.spec,
            state,
            done: self.done,
            total: self.total,
            cursor: self.cursor,
            rate: self.rate,
            outcome: self.outcome,
            error: self.error,
            cancel_wanted: self.cancel_wanted != 0,
            actor: self.actor,
            reason: self.reason,
            owner: self.owner,
            beat: self.beat,
            takings: self.takings,
            created_at: Timestamp::from_millis(self.created_at),
            started_at: self.started_at.map(Timestamp::from_millis),
            moved_at: Timestamp::from_millis(self.moved_at),
            ended_at: self.ended_at.map(Timestamp::from_millis),
        })
    }
}

statements! {
    CREATE = "INSERT INTO jobs (id, kind, spec, state, done, total, rate, cancel_wanted, actor, reason, owner, beat,
            created_at, started_at, moved_at)
        SELECT id, kind, spec, state, 0, total, rate, 0, actor, reason, owner, 0, created_at, started_at, created_at
        FROM {rows id uuid, kind text, spec text, state text, total big, rate int, actor text, reason text,
            owner uuid, created_at big, started_at big}
        WHERE true";
    /// Leans on the primary key.
    BY_ID = "SELECT id, kind, spec, state, done, total, cursor, rate, outcome, error, cancel_wanted, actor, reason,
            owner, beat, takings, created_at, started_at, moved_at, ended_at
        FROM jobs WHERE id {any uuid} ORDER BY id";
    /// Leans on the primary key: ids grow with time.
    NEWEST = "SELECT id, kind, spec, state, done, total, cursor, rate, outcome, error, cancel_wanted, actor, reason,
            owner, beat, takings, created_at, started_at, moved_at, ended_at
        FROM jobs WHERE id < $1 ORDER BY id DESC LIMIT $2";
    /// Leans on `jobs_open`.
    OPEN = "SELECT id, kind, spec, state, done, total, cursor, rate, outcome, error, cancel_wanted, actor, reason,
            owner, beat, takings, created_at, started_at, moved_at, ended_at
        FROM jobs WHERE state IN ('waiting', 'running') ORDER BY created_at LIMIT $1";
    /// Leans on the primary key.
    BETWEEN = "SELECT id FROM jobs WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM jobs b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM jobs a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on the primary key. Nobody else has taken it since it was looked at, and its owner has not beaten. Why it
    /// broke off before stays until it gets on.
    CLAIM = "UPDATE jobs SET state = 'running', owner = $2, beat = beat + 1, takings = takings + 1,
            started_at = COALESCE(started_at, $4), moved_at = $4
        WHERE id = $1 AND beat = $3 AND state IN ('waiting', 'running')";
    /// Leans on the primary key.
    BEAT = "UPDATE jobs SET beat = beat + 1 WHERE id = $1 AND owner = $2 AND state = 'running'
        RETURNING cancel_wanted";
    /// Leans on the primary key.
    PROGRESS = "UPDATE jobs SET done = $3, total = $4, cursor = $5, outcome = $6, beat = beat + 1, takings = 0,
            error = NULL, moved_at = $7
        WHERE id = $1 AND owner = $2 AND state = 'running'
        RETURNING cancel_wanted";
    /// Leans on the primary key.
    FINISH = "UPDATE jobs SET state = $3, outcome = $4, error = $5, cancel_wanted = 0, beat = beat + 1, moved_at = $6,
            ended_at = $6
        WHERE id = $1 AND owner = $2 AND state = 'running'";
    /// Leans on the primary key.
    BROKE_OFF = "UPDATE jobs SET error = $3 WHERE id = $1 AND owner = $2 AND state = 'running'";
    /// Leans on the primary key. One that nobody does is over at once.
    CANCEL = "UPDATE jobs SET state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
            cancel_wanted = CASE state WHEN 'running' THEN 1 ELSE 0 END,
            ended_at = CASE state WHEN 'waiting' THEN $2 ELSE ended_at END,
            moved_at = CASE state WHEN 'waiting' THEN $2 ELSE moved_at END,
            beat = CASE state WHEN 'waiting' THEN beat + 1 ELSE beat END
        WHERE id = $1 AND state IN ('waiting', 'running')";
    /// Leans on the primary key.
    RESUME = "UPDATE jobs SET state = 'waiting', cancel_wanted = 0, error = NULL, ended_at = NULL, beat = beat + 1,
            takings = 0, moved_at = $3
        WHERE id = $1 AND beat = $2 AND state IN ('failed', 'cancelled')";
    /// Leans on `jobs_open`.
    OPEN_COUNTS = "SELECT state, COUNT(*) AS n FROM jobs WHERE state IN ('waiting', 'running')
        GROUP BY state ORDER BY state";
}

/// Writes a job down.
///
/// # Errors
/// What the store says.
pub async fn create(db: &Db, job: &NewJob) -> Result<()> {
    let mut tx = db.begin().await?;
    create_in(&mut tx, job).await?;
    tx.commit().await
}

/// Writes a job down together with what it goes on with.
///
/// # Errors
/// What the store says.
pub async fn create_in(tx: &mut Tx, job: &NewJob) -> Result<()> {
    let state = if job.owner.is_some() { JobState::Running } else { JobState::Waiting };
    let columns = vec![
        Column::Uuid(vec![job.id]),
        Column::Text(vec![job.kind.clone()]),
        Column::Text(vec![job.spec.clone()]),
        Column::Text(vec![state.word().to_owned()]),
        Column::OptBig(vec![job.total]),
        Column::OptInt(vec![job.rate]),
        Column::Text(vec![job.actor.clone()]),
        Column::OptText(vec![job.reason.clone()]),
        Column::OptUuid(vec![job.owner]),
        Column::Big(vec![job.at.as_millis()]),
        Column::OptBig(vec![job.owner.map(|_| job.at.as_millis())]),
    ];
    tx.run(&CREATE, args![columns]).await?;
    Ok(())
}

/// Returns these jobs, those that exist, the oldest first.
///
/// # Errors
/// What the store says.
pub async fn load(db: &Db, ids: Vec<Uuid>) -> Result<Vec<Job>> {
    jobs(db.all(&BY_ID, args![Column::Uuid(ids)]).await?)
}

/// Walks the jobs, the newest first, `limit` at most. Start with `None`, go on with the last one's id.
///
/// # Errors
/// What the store says.
pub async fn newest(db: &Db, before: Option<Uuid>, limit: i64) -> Result<Vec<Job>> {
    jobs(db.all(&NEWEST, args![before.unwrap_or(Uuid::max()), limit]).await?)
}

/// Returns the jobs that are waiting or running, the oldest first, `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn open(db: &Db, limit: i64) -> Result<Vec<Job>> {
    jobs(db.all(&OPEN, args![limit]).await?)
}

/// Returns at most two jobs' ids between two ids.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that a job has.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Takes a job that was seen with this beat; false if it has moved since, and then nothing is done.
///
/// # Errors
/// What the store says.
pub async fn claim(db: &Db, id: Uuid, owner: Uuid, beat: i64, now: Timestamp) -> Result<bool> {
    changed(db, &CLAIM, args![id, owner, beat, now.as_millis()]).await
}

/// Says that its owner lives. Returns whether it is asked to stop; `None` if it is no longer this owner's.
///
/// # Errors
/// What the store says.
pub async fn beat(db: &Db, id: Uuid, owner: Uuid) -> Result<Option<bool>> {
    let rows: Vec<(i32,)> = db.write(&BEAT, args![id, owner]).await?;
    Ok(rows.first().map(|(wanted,)| *wanted != 0))
}

/// Writes down how far it has come, which is a beat, too. Returns whether it is asked to stop; `None` if it is no
/// longer this owner's, and then nothing is done.
///
/// # Errors
/// What the store says.
pub async fn progress(
    db: &Db,
    id: Uuid,
    owner: Uuid,
    progress: &JobProgress,
    now: Timestamp,
) -> Result<Option<bool>> {
    let JobProgress { done, total, cursor, outcome } = progress;
    let values = args![id, owner, *done, *total, cursor.clone(), outcome.clone(), now.as_millis()];
    let rows: Vec<(i32,)> = db.write(&PROGRESS, values).await?;
    Ok(rows.first().map(|(wanted,)| *wanted != 0))
}

/// Ends a job; false if it is no longer this owner's, and then nothing is done.
///
/// # Errors
/// What the store says.
pub async fn finish(
    db: &Db,
    id: Uuid,
    owner: Uuid,
    state: JobState,
    outcome: Option<String>,
    error: Option<String>,
    now: Timestamp,
) -> Result<bool> {
    changed(db, &FINISH, args![id, owner, state.word(), outcome, error, now.as_millis()]).await
}

/// Writes down why a job broke off, for whoever takes it up; false if it is no longer this owner's.
///
/// # Errors
/// What the store says.
pub async fn broke_off(db: &Db, id: Uuid, owner: Uuid, why: String) -> Result<bool> {
    changed(db, &BROKE_OFF, args![id, owner, why]).await
}

/// Asks a job to stop: one that waits is over at once, one that runs after its batch. False if it is over.
///
/// # Errors
/// What the store says.
pub async fn cancel(db: &Db, id: Uuid, now: Timestamp) -> Result<bool> {
    changed(db, &CANCEL, args![id, now.as_millis()]).await
}

/// Lets a job go on that failed or was cancelled and was seen with this beat; false if it has moved since.
///
/// # Errors
/// What the store says.
pub async fn resume(db: &Db, id: Uuid, beat: i64, now: Timestamp) -> Result<bool> {
    changed(db, &RESUME, args![id, beat, now.as_millis()]).await
}

/// Returns how many jobs are waiting and running, by state.
///
/// # Errors
/// What the store says.
pub async fn open_counts(db: &Db) -> Result<Vec<(String, i64)>> {
    db.all(&OPEN_COUNTS, args![]).await
}

async fn changed(db: &Db, sql: &'static super::sql::Sql, values: Vec<super::db::Arg>) -> Result<bool> {
    let mut tx = db.begin().await?;
    let changed = tx.run(sql, values).await? > 0;
    tx.commit().await?;
    Ok(changed)
}

fn jobs(rows: Vec<JobRow>) -> Result<Vec<Job>> {
    rows.into_iter().map(JobRow::job).collect()
}
