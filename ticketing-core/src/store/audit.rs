//! The audit log: who changed what with the operator's tools, and why.

use super::db::{Column, Db};
use super::error::Result;
use super::sql::statements;
use crate::args;
use uuid::Uuid;

/// A row of the audit log. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditRow {
    /// Its id (UUID v7).
    pub id: Uuid,
    /// When the change began.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What: `booking cancel`.
    pub action: String,
    /// On what: an id, or how many.
    pub target: String,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// The plan, as it was shown: JSON.
    pub plan: String,
    /// What came of it: `started`, `done`, or what failed.
    pub result: String,
}

statements! {
    BEGIN = "INSERT INTO audit (id, at, actor, action, target, reason, plan, result)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FINISH = "UPDATE audit SET result = $2 WHERE id = $1";
    LIST = "SELECT id, at, actor, action, target, reason, plan, result FROM audit
        ORDER BY at DESC, id DESC LIMIT $1";
    PAGE = "SELECT id, at, actor, action, target, reason, plan, result FROM audit
        WHERE (at, id) < ($1, $2) ORDER BY at DESC, id DESC LIMIT $3";
    /// Reads the whole table: what operators did is little beside what buyers did.
    ABOUT = "SELECT id, at, actor, action, target, reason, plan, result FROM audit
        WHERE target = $1 OR plan LIKE '%' || $1 || '%'
        ORDER BY at DESC, id DESC LIMIT $2";
    /// Reads the whole table, as above.
    LAST_DONE = "SELECT at FROM audit WHERE action = $1 AND target = $2 AND result = 'done'
        ORDER BY at DESC LIMIT 1";
    /// Reads the whole table, as above. However it ended: what was begun may have been done.
    FORGOTTEN = "SELECT DISTINCT target FROM audit WHERE action = $1 AND target {any text}";
    COUNT = "SELECT COUNT(*) AS n FROM audit";
}

/// Writes down that a change begins. If the program dies, the row stays at `started`.
///
/// # Errors
/// What the store says.
pub async fn begin(db: &Db, row: &AuditRow) -> Result<()> {
    let mut tx = db.begin().await?;
    let values = args![
        row.id,
        row.at,
        row.actor.clone(),
        row.action.clone(),
        row.target.clone(),
        row.reason.clone(),
        row.plan.clone(),
        row.result.clone(),
    ];
    tx.run(&BEGIN, values).await?;
    tx.commit().await
}

/// Writes down what came of a change.
///
/// # Errors
/// What the store says.
pub async fn finish(db: &Db, id: Uuid, result: String) -> Result<()> {
    let mut tx = db.begin().await?;
    tx.run(&FINISH, args![id, result]).await?;
    tx.commit().await
}

/// Returns the newest rows.
///
/// # Errors
/// What the store says.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<AuditRow>> {
    db.all(&LIST, args![limit]).await
}

/// Returns the newest rows before this one, by its time and id.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, before: (i64, Uuid), limit: i64) -> Result<Vec<AuditRow>> {
    db.all(&PAGE, args![before.0, before.1, limit]).await
}

/// Returns the newest rows about the thing with this id, as their target or named in their plan.
///
/// # Errors
/// What the store says.
pub async fn about(db: &Db, id: Uuid, limit: i64) -> Result<Vec<AuditRow>> {
    db.all(&ABOUT, args![id.to_string(), limit]).await
}

/// Returns when a change of this kind was last made of this thing, in milliseconds since the epoch.
///
/// # Errors
/// What the store says.
pub async fn last_done(db: &Db, action: &str, target: &str) -> Result<Option<i64>> {
    let row: Option<(i64,)> = db.first(&LAST_DONE, args![action, target]).await?;
    Ok(row.map(|(at,)| at))
}

/// The action of forgetting the person of a booking, which is its target.
pub const FORGET: &str = "passenger forget";

/// Returns of which of these bookings the audit log says that their person was forgotten.
///
/// # Errors
/// What the store says.
pub async fn forgotten(db: &Db, bookings: Vec<String>) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = db.all(&FORGOTTEN, args![FORGET, Column::Text(bookings)]).await?;
    Ok(rows.into_iter().map(|(booking,)| booking).collect())
}

/// Returns how many rows there are.
///
/// # Errors
/// What the store says.
pub async fn count(db: &Db) -> Result<u64> {
    let row: Option<(i64,)> = db.first(&COUNT, args![]).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}
