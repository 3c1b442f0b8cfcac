//! Jobs that nobody finishes: those that break off whoever does them, and those whose owner died before it stopped.

use crate::support::city::operator;
use crate::support::place::{BEGIN, Place, clock, on_both_engines};
use std::time::Duration;
use ticketing_core::app::App;
use ticketing_core::ops::Plan;
use ticketing_core::ops::jobs::{self as ops_jobs, JobPlan, JobSpec, LettersSpec};
use ticketing_core::store::jobs::{self, Job, JobProgress, JobState};
use ticketing_core::worker::jobs::{JobContext, TAKINGS_MAX, drive, run};
use tokio::sync::watch;
use uuid::Uuid;

on_both_engines!(
    a_job_that_breaks_off_whoever_does_it_fails_with_the_reason_and_can_be_resumed,
    a_job_that_gets_on_is_taken_up_as_often_as_it_needs,
    a_job_whose_owner_died_before_it_stopped_is_cancelled_by_whoever_takes_it_over,
);

/// A job with nothing to do, which is done as soon as somebody does it.
async fn created(app: &App, mine: bool) -> Job {
    let plan = JobPlan {
        plan: Plan::new("dlq redrive", Vec::new()),
        spec: JobSpec::Redrive(LettersSpec { streams: Vec::new() }),
        total: Some(0),
        rate: None,
    };
    ops_jobs::create(app, &plan, &operator(), mine).await.unwrap()
}

async fn look(app: &App, id: Uuid) -> Job {
    ops_jobs::one(app, id).await.unwrap()
}

/// Somebody takes it up.
async fn taken(app: &App, id: Uuid) -> (Job, Uuid) {
    let (seen, owner) = (look(app, id).await, Uuid::now_v7());
    assert!(jobs::claim(&app.stores.write, id, owner, seen.beat, BEGIN).await.unwrap());
    (look(app, id).await, owner)
}

async fn driven(app: &App, job: Job, owner: Uuid) -> Job {
    let stop = watch::channel(false).1;
    drive(app, &JobContext::default(), job, owner, stop, &mut |_| ()).await.unwrap()
}

async fn a_job_that_breaks_off_whoever_does_it_fails_with_the_reason_and_can_be_resumed(place: Place) {
    let app = place.program(&clock()).await;
    let id = created(&app, false).await.id;
    let mut before = Uuid::nil();
    for n in 1..=TAKINGS_MAX {
        let (job, owner) = taken(&app, id).await;
        assert_eq!((job.takings, job.state), (n, JobState::Running));
        let why = format!("Fault number {n}.");
        assert!(jobs::broke_off(&app.stores.write, id, owner, why.clone()).await.unwrap());
        assert!(
            !jobs::broke_off(&app.stores.write, id, before, "late".into()).await.unwrap(),
            "another has it"
        );
        assert_eq!(look(&app, id).await.error, Some(why), "whoever looks sees why");
        before = owner;
    }
    let (job, owner) = taken(&app, id).await;
    let failed = driven(&app, job, owner).await;
    let error = "It was taken up 5 times and never got on. Fault number 5.".to_owned();
    assert_eq!((failed.state, failed.error.clone()), (JobState::Failed, Some(error)));
    let kept = look(&app, id).await;
    assert_eq!((kept.state, kept.error), (JobState::Failed, failed.error));
    assert!(jobs::open(&app.stores.write, 9).await.unwrap().is_empty(), "nobody takes it any more");
    // Once the fault is mended, it goes on from where it was, with as many tries.
    let (plan, seen) = ops_jobs::plan_resume(&app, id).await.unwrap();
    let (job, is_mine) = ops_jobs::resume(&app, &plan, &seen, &operator(), true).await.unwrap();
    assert!(is_mine && job.takings == 1, "{job:?}");
    let owner = job.owner.unwrap();
    assert_eq!(driven(&app, job, owner).await.state, JobState::Done);
}

async fn a_job_that_gets_on_is_taken_up_as_often_as_it_needs(place: Place) {
    let app = place.program(&clock()).await;
    let id = created(&app, false).await.id;
    for n in 1..=i64::from(TAKINGS_MAX) * 2 {
        let (job, owner) = taken(&app, id).await;
        assert_eq!(job.takings, 1, "it got on since it was last taken up");
        jobs::broke_off(&app.stores.write, id, owner, "A fault.".into()).await.unwrap();
        let progress = JobProgress { done: n, total: None, cursor: None, outcome: None };
        assert_eq!(
            jobs::progress(&app.stores.write, id, owner, &progress, BEGIN).await.unwrap(),
            Some(false)
        );
        assert_eq!(look(&app, id).await.error, None);
    }
    let (job, owner) = taken(&app, id).await;
    assert_eq!(driven(&app, job, owner).await.state, JobState::Done);
}

async fn a_job_whose_owner_died_before_it_stopped_is_cancelled_by_whoever_takes_it_over(place: Place) {
    let app = place.program(&clock()).await;
    // Its owner never does anything.
    let dead = created(&app, true).await;
    assert!(jobs::cancel(&app.stores.write, dead.id, BEGIN).await.unwrap());
    let asked = look(&app, dead.id).await;
    assert!(asked.cancel_wanted && asked.state == JobState::Running, "its owner is to stop");
    let worker = tokio::spawn(run(app.clone(), JobContext::default()));
    let mut job = asked;
    for _ in 0..400 {
        if job.state.is_over() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        job = look(&app, dead.id).await;
    }
    worker.abort();
    assert_eq!((job.state, job.cancel_wanted, job.done), (JobState::Cancelled, false, 0), "{job:?}");
    assert_ne!(job.owner, dead.owner);
    assert!(job.ended_at.is_some());
}
