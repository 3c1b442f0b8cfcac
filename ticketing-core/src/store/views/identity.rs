//! Which read model this is, and how often it was repaired.

use crate::args;
use crate::store::db::{Db, Tx};
use crate::store::error::{Result, StoreError};
use crate::store::sql::statements;
use uuid::Uuid;

statements! {
    GIVE = "INSERT INTO view_identity (id, identity) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
    REPAIRED = "UPDATE view_identity SET repairs = repairs + 1 WHERE id = 1";
    REPAIRS = "SELECT repairs FROM view_identity WHERE id = 1";
    IDENTITY = "SELECT identity FROM view_identity WHERE id = 1";
}

/// Returns the identity of the read model, and gives it one if it has none yet. Processes on the same store get the
/// same one; a store that is made anew gets another.
///
/// # Errors
/// What the store says.
pub async fn identity(db: &Db) -> Result<Uuid> {
    if let Some((found,)) = db.first::<(Uuid,)>(&IDENTITY, args![]).await? {
        return Ok(found);
    }
    let mut tx = db.begin().await?;
    tx.run(&GIVE, args![Uuid::new_v4()]).await?;
    tx.commit().await?;
    let given: Option<(Uuid,)> = db.first(&IDENTITY, args![]).await?;
    let missing = || StoreError::Corrupt {
        table: "view_identity",
        column: "identity",
        row: "1".into(),
        reason: "it was written, and is not there".into(),
    };
    given.map(|(identity,)| identity).ok_or_else(missing)
}

/// Counts, in the transaction of a repair, that rows were mended without an event.
///
/// # Errors
/// What the store says.
pub async fn repaired(tx: &mut Tx) -> Result<()> {
    tx.run(&GIVE, args![Uuid::new_v4()]).await?;
    tx.run(&REPAIRED, args![]).await?;
    Ok(())
}

/// Returns how often the read model was repaired.
///
/// # Errors
/// What the store says.
pub async fn repairs(db: &Db) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&REPAIRS, args![]).await?;
    Ok(row.map_or(0, |(repairs,)| repairs))
}

/// The same in a transaction.
pub(super) async fn repairs_in(tx: &mut Tx) -> Result<i64> {
    let row: Option<(i64,)> = tx.first(&REPAIRS, args![]).await?;
    Ok(row.map_or(0, |(repairs,)| repairs))
}
