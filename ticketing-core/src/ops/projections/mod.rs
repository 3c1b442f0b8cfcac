//! The read model as operators see it, and its rebuilding: from the log, beside the live tables, swapped at the end.
//!
//! Only rows of the read model are written, beside the live ones: nobody is charged, mailed or told, and nothing is
//! counted. The tables of before are kept until the next rebuild, for a way back.

mod fill;

use super::audit::{Actor, audited};
use super::verify::{Check, Finding, Told, verify_in};
use super::{OpsError, Plan, PlanChange};
use crate::app::{App, Stores};
use crate::domain::time::Timestamp;
use crate::projection::bodies;
use crate::store::views::rebuild::{self, Claim};
use crate::store::views::{self, Target, fold};
use crate::store::{audit, events, leases};
use fill::Filler;
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// The action of a rebuild, as plans and the audit log name it.
const REBUILD: &str = "projection rebuild";
/// The same of a way back.
const REVERT: &str = "projection revert";
/// The row that says that somebody rebuilds.
const EXCLUSIVE: &str = "rebuild/tickets";
/// How often whoever rebuilds says that it goes on.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// How often a swap is tried while readers or writers stand in its way.
const SWAPS_MAX: u32 = 100;
/// How long between two tries.
const SWAP_PAUSE: Duration = Duration::from_millis(100);

/// A projection as users see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionBody {
    /// Its name.
    pub name: &'static str,
    /// How far it has read the log.
    pub position: i64,
    /// Events that it has not folded yet.
    pub lag: i64,
    /// Its tickets.
    pub rows: u64,
    /// Streams that wait for an event that could not be folded.
    pub parked: u64,
    /// When its tables were last swapped, as the audit log has it: by a rebuild, or on the way back.
    pub rebuilt_at: Option<Timestamp>,
    /// How far the tables of before are, where they are kept.
    pub before_position: Option<i64>,
}

/// Returns every projection.
///
/// # Errors
/// What the stores say.
pub async fn list(app: &App) -> Result<Vec<ProjectionBody>, OpsError> {
    Ok(vec![one(app).await?])
}

async fn one(app: &App) -> Result<ProjectionBody, OpsError> {
    let (write, read) = (&app.stores.write, &app.stores.read);
    let position = fold::cursor(read).await?;
    let mut swapped = None;
    for action in [REBUILD, REVERT] {
        swapped = swapped.max(audit::last_done(write, action, fold::TICKETS).await?);
    }
    let before_position = match rebuild::is_there(read, Target::Before).await? {
        true => Some(fold::cursor_of(read, Target::Before).await?),
        false => None,
    };
    Ok(ProjectionBody {
        name: fold::TICKETS,
        position,
        lag: (events::head(write).await? - position).max(0),
        rows: views::tickets::count_all(read).await?,
        parked: views::checks::count_parked(read, Target::Live).await?,
        rebuilt_at: swapped.map(Timestamp::from_millis),
        before_position,
    })
}

/// Returns the projection of this name.
///
/// # Errors
/// Unknown, if there is none; what the stores say.
pub async fn named(app: &App, name: &str) -> Result<ProjectionBody, OpsError> {
    known(name)?;
    one(app).await
}

fn known(name: &str) -> Result<(), OpsError> {
    if name == fold::TICKETS {
        return Ok(());
    }
    Err(crate::app::AppError::NotFound { what: "projection", id: name.to_owned() }.into())
}

/// A planned rebuild, or way back.
#[derive(Clone, Debug)]
pub struct SwapPlan {
    /// What is shown.
    pub plan: Plan,
    incoming: Target,
    owner: Uuid,
}

/// Plans to make a projection anew from the log.
///
/// # Errors
/// Not found; what the stores say.
pub async fn plan_rebuild(app: &App, name: &str) -> Result<SwapPlan, OpsError> {
    let now = named(app, name).await?;
    let head = events::head(&app.stores.write).await?;
    let source = format!(r#""from":"the log, {head} events""#);
    Ok(SwapPlan { plan: plan(REBUILD, &now, head, &source), incoming: Target::Next, owner: Uuid::now_v7() })
}

/// Plans to put the tables of before in the place of the live ones, brought up to where the log is; the live ones are
/// then the tables of before.
///
/// # Errors
/// Not found, if none are kept; what the stores say.
pub async fn plan_revert(app: &App, name: &str) -> Result<SwapPlan, OpsError> {
    let now = named(app, name).await?;
    let Some(position) = now.before_position else {
        return Err(OpsError::Invalid(format!("no tables of before are kept of {name}: it was not rebuilt")));
    };
    let head = events::head(&app.stores.write).await?;
    let source = format!(r#""from":"the tables of before, at {position}""#);
    Ok(SwapPlan { plan: plan(REVERT, &now, head, &source), incoming: Target::Before, owner: Uuid::now_v7() })
}

fn plan(action: &str, now: &ProjectionBody, head: i64, source: &str) -> Plan {
    let ProjectionBody { name, position, rows, parked, .. } = now;
    let before = match now.before_position {
        Some(position) => format!(r#""kept, at {position}""#),
        None => "null".into(),
    };
    let change = PlanChange {
        kind: "projection".into(),
        id: Some((*name).to_owned()),
        before: Some(bodies::raw(format!(
            r#"{{"position":{position},"rows":{rows},"parked":{parked},"before":{before}}}"#
        ))),
        after: Some(bodies::raw(format!(
            r#"{{"position":{head},"rows":null,"parked":null,"before":"kept, at {position}",{source}}}"#
        ))),
    };
    Plan::new(action, vec![change])
}

/// How far a rebuild has come: the phase, what is done of it, and of how much.
pub type Tell<'a> = &'a mut (dyn FnMut(&str, u64, Option<u64>) + Send);

/// Makes the tables beside the live ones, checks them, and swaps them. Returns the projection as it then is.
///
/// # Errors
/// [`OpsError::UnderWay`] if somebody else is at it; [`OpsError::Invalid`] if what was made does not agree with the
/// log; what the stores say. In each case the live tables are as they were.
pub async fn execute(
    app: &App,
    plan: SwapPlan,
    actor: &Actor,
    tell: Tell<'_>,
) -> Result<ProjectionBody, OpsError> {
    let owner = plan.owner;
    let write = &app.stores.write;
    if !leases::begin_work(write, EXCLUSIVE, owner, app.clock.now()).await? {
        let since = leases::work_since(write, EXCLUSIVE).await?.unwrap_or_else(|| app.clock.now());
        let what = format!("the projection {} is being rebuilt", fold::TICKETS);
        return Err(OpsError::UnderWay { what, since });
    }
    // In a place of its own: it would not fit a small stack.
    let work = Box::pin(replace(app, &plan, owner, tell));
    let outcome = audited(app, actor, &plan.plan, alone(app, owner, work)).await;
    if outcome.is_err() {
        clean(&app.stores, &plan).await;
    }
    leases::end_work(write, EXCLUSIVE, owner).await?;
    outcome?;
    one(app).await
}

impl SwapPlan {
    /// The claim of whoever executes it to the tables that it fills.
    fn claim(&self) -> Claim {
        Claim::of(self.incoming, self.owner.simple().to_string())
    }

    /// Returns what takes away what this plan has made beside the live tables, should its execution be dropped where
    /// it stands: the live tables are as they were. It does nothing if somebody else has begun meanwhile. Whatever it
    /// fails at, the next rebuild does.
    pub fn abandon(&self, app: &App) -> impl Future<Output = ()> + Send + use<> {
        let (stores, plan) = (app.stores.clone(), self.clone());
        async move {
            clean(&stores, &plan).await;
            if let Err(error) = leases::end_work(&stores.write, EXCLUSIVE, plan.owner).await {
                tracing::warn!(%error, "the row that says that a rebuild runs could not be cleared; it ends by itself");
            }
        }
    }
}

/// Drops what was made, as long as it is still ours. The tables of before are never dropped.
async fn clean(stores: &Stores, plan: &SwapPlan) {
    if let Err(error) = rebuild::give_up(&stores.read, &plan.claim()).await {
        tracing::warn!(%error, "what the rebuild had made could not be dropped; the next one will drop it");
    }
}

/// Does the work while it beats; ends it if somebody else has taken it.
async fn alone<T>(
    app: &App,
    owner: Uuid,
    mut work: std::pin::Pin<Box<impl Future<Output = Result<T, OpsError>>>>,
) -> Result<T, OpsError> {
    loop {
        match tokio::time::timeout(BEAT_EVERY, &mut work).await {
            Ok(done) => return done,
            Err(_) => still_ours(app, owner).await?,
        }
    }
}

async fn still_ours(app: &App, owner: Uuid) -> Result<(), OpsError> {
    if leases::work_goes_on(&app.stores.write, EXCLUSIVE, owner, app.clock.now()).await? {
        return Ok(());
    }
    Err(not_ours())
}

fn not_ours() -> OpsError {
    OpsError::WorldMoved { what: "who rebuilds the projection".into() }
}

async fn replace(app: &App, plan: &SwapPlan, owner: Uuid, tell: Tell<'_>) -> Result<(), OpsError> {
    let (incoming, claim) = (plan.incoming, plan.claim());
    let mut filler = Filler::begin(app, &claim).await?;
    filler.reach_head(tell).await?;
    if incoming == Target::Next {
        filler.index(tell).await?;
        filler.reach_head(tell).await?;
    }
    Box::pin(checked(app, incoming, tell)).await?;
    tell("swapping", 0, None);
    for _ in 0..SWAPS_MAX {
        filler.reach_head(tell).await?;
        still_ours(app, owner).await?;
        if Box::pin(filler.swap()).await? {
            return Ok(());
        }
        tokio::time::sleep(SWAP_PAUSE).await;
    }
    Err(OpsError::Invalid(format!(
        "{SWAPS_MAX} swaps found somebody in the way who did not end; the live tables are as they were"
    )))
}

/// Checks what was made against the log.
async fn checked(app: &App, target: Target, tell: Tell<'_>) -> Result<(), OpsError> {
    let mut first: Option<Finding> = None;
    let mut heard = |told| match told {
        Told::Progress { done, total, .. } => tell("checking", done, total),
        Told::Found(finding) => first = first.take().or(Some(finding)),
    };
    let done = verify_in(app, target, &Check::OF_VIEW, &mut heard).await?;
    let count: u64 = done.iter().map(|check| check.findings).sum();
    match first {
        None => Ok(()),
        Some(Finding { kind, id, finding, .. }) => Err(OpsError::Invalid(format!(
            "what was made has {count} findings, the first of {kind} {id}: {finding}; the live tables are as they were"
        ))),
    }
}
