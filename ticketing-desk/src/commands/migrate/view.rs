//! The migrations of both stores, whether they are there or not.

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, View};
use crate::session::{self, within};
use crate::signals;
use serde::Serialize;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::db::{Address, Db, Role};
use ticketing_core::store::error::StoreError;
use ticketing_core::store::migrate;

/// A migration, and whether it is applied.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// `write` or `read`.
    pub store: &'static str,
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// `APPLIED` or `PENDING`.
    pub state: &'static str,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
}

/// The migrations of both stores.
#[derive(Clone, Debug)]
pub struct Found {
    /// Each migration of this program, of the write store first.
    pub rows: Vec<Row>,
    /// Whether any store is there.
    pub is_there: bool,
}

/// A list of migrations.
pub const LIST: View = View::new(
    "migrations",
    &[
        Column::text("Store", "store").whole(),
        Column::number("Version", "version"),
        Column::text("Name", "name").whole(),
        Column::state("State", "state"),
        Column::time("Applied", "appliedAt"),
    ],
)
.named_by(&["name"]);

/// Looks at both stores. Writes nothing, and makes nothing.
///
/// # Errors
/// A newer schema; what the stores say.
pub fn read(desk: &Desk) -> Result<Found, Failure> {
    signals::run_at(desk, status(desk))
}

/// Looks at both stores.
///
/// # Errors
/// A newer schema; what the stores say.
pub async fn status(desk: &Desk) -> Result<Found, Failure> {
    let (_, config) = session::configured(desk)?;
    let mut found = Found { rows: Vec::new(), is_there: false };
    for (role, address) in [(Role::Write, config.write_address()), (Role::Read, config.read_address())] {
        let looked = within(desk.globals.timeout, of_store(role, address)).await;
        let rows = looked.and_then(|rows| rows.map_err(Failure::from));
        let rows = rows.map_err(|failure| session::placed(failure, &config))?;
        found.is_there |= rows.is_some();
        found.rows.extend(rows.unwrap_or_else(|| pending(role)));
    }
    Ok(found)
}

async fn of_store(role: Role, address: Address) -> Result<Option<Vec<Row>>, StoreError> {
    let db = match Db::open(address, role, false).await {
        Ok(db) => db,
        Err(StoreError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let status = migrate::status(&db, role).await;
    db.close().await;
    let row = |m: migrate::Applied| row(m.store, m.version, m.name, m.applied_at);
    Ok(Some(status?.into_iter().map(row).collect()))
}

fn pending(role: Role) -> Vec<Row> {
    let store = match role {
        Role::Write => "write",
        Role::Read => "read",
    };
    migrate::all(role).iter().map(|m| row(store, m.version, m.name, None)).collect()
}

const fn row(store: &'static str, version: i64, name: &'static str, applied_at: Option<Timestamp>) -> Row {
    let state = if applied_at.is_some() { "APPLIED" } else { "PENDING" };
    Row { store, version, name, state, applied_at }
}
