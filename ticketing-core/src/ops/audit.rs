//! Every direct change leaves a row: who, when, what was planned, and what came of it.

use super::{OpsError, Plan, lists};
use crate::app::App;
use crate::domain::time::Timestamp;
use crate::store::audit::{self, AuditRow};
use crate::store::db::Db;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Who makes a change, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub name: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The request that the change follows from; one is made where there is none.
    pub correlation_id: Option<String>,
}

impl Actor {
    /// Returns what all that follows from the change is found by.
    #[must_use]
    pub(super) fn correlation(&self) -> String {
        self.correlation_id.clone().unwrap_or_else(|| format!("ticketctl-{}", Uuid::now_v7()))
    }
}

/// Runs a change between the two halves of its audit row. If the program dies in between, the row stays at
/// `started`, which says that the change may have happened.
///
/// # Errors
/// What the change says; what the store says of the row before the change.
pub async fn audited<T>(
    app: &App,
    actor: &Actor,
    plan: &Plan,
    change: impl Future<Output = Result<T, OpsError>>,
) -> Result<T, OpsError> {
    let row = row(actor, plan, app.clock.now(), "started");
    let id = row.id;
    audit::begin(&app.stores.write, &row).await?;
    let outcome = change.await;
    let result = match &outcome {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("failed: {error}"),
    };
    if let Err(error) = audit::finish(&app.stores.write, id, result).await {
        tracing::warn!(audit = %id, %error, "the audit row's result could not be written");
    }
    outcome
}

/// Writes down a change that is made already: of a store that was not there before it.
///
/// # Errors
/// What the store says.
pub async fn record_done(db: &Db, actor: &Actor, plan: &Plan, now: Timestamp) -> Result<(), OpsError> {
    Ok(audit::begin(db, &row(actor, plan, now, "done")).await?)
}

fn row(actor: &Actor, plan: &Plan, now: Timestamp, result: &str) -> AuditRow {
    AuditRow {
        id: Uuid::now_v7(),
        at: now.as_millis(),
        actor: actor.name.clone(),
        action: plan.action.clone(),
        target: plan.target(),
        reason: actor.reason.clone(),
        plan: stored_plan(plan),
        result: result.into(),
    }
}

/// Changes of a plan that an audit row keeps in full; of more, their number and the first ones.
const STORED_CHANGES_MAX: usize = 1_000;

fn stored_plan(plan: &Plan) -> String {
    let mut kept = plan.clone();
    kept.changes.truncate(STORED_CHANGES_MAX);
    serde_json::to_string(&kept).unwrap_or_else(|_| "{}".into())
}

/// Returns the newest rows as users see them, all of them without a limit, and how many there are.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, limit: Option<u64>) -> Result<(Vec<AuditBody>, u64), OpsError> {
    let limit = limit.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX);
    let rows = audit::list(&app.stores.write, limit).await?;
    let total = audit::count(&app.stores.write).await?;
    Ok((rows.into_iter().map(body).collect(), total))
}

/// Returns a page of rows, newest first, after the one with this time and id.
///
/// # Errors
/// What the store says.
pub async fn page(app: &App, after: Option<(Timestamp, Uuid)>) -> Result<Vec<AuditBody>, OpsError> {
    let before = after.map_or((i64::MAX, Uuid::max()), |(at, id)| (at.as_millis(), id));
    let rows = audit::page(&app.stores.write, before, lists::PAGE).await?;
    Ok(rows.into_iter().map(body).collect())
}

fn body(row: AuditRow) -> AuditBody {
    let plan = RawValue::from_string(row.plan).unwrap_or_else(|_| RawValue::NULL.to_owned());
    AuditBody {
        id: row.id,
        at: Timestamp::from_millis(row.at),
        actor: row.actor,
        action: row.action,
        target: row.target,
        reason: row.reason,
        plan,
        result: row.result,
    }
}

/// A row as users see it.
#[derive(Clone, Debug, Serialize)]
pub struct AuditBody {
    /// Its id.
    pub id: Uuid,
    /// When the change began.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub target: String,
    /// Why.
    pub reason: Option<String>,
    /// The plan, as it was shown.
    pub plan: Box<RawValue>,
    /// What came of it.
    pub result: String,
}
