//! A copy of an embedded store, as it is at one moment, while others read and write it.

use super::db::{Address, Db, Role};
use super::error::Result;
use super::sql::statements;
use super::{events, migrate, views};
use crate::args;
use std::path::Path;

statements! {
    /// One read transaction: nobody waits for it, and it sees the commits of one moment. PostgreSQL has pg_dump.
    COPY = sqlite "VACUUM INTO $1" postgres "";
}

/// Writes the store into a file, which is empty or not there yet.
///
/// # Errors
/// What the engine says; that the disk is full, and that only an embedded store can be copied, too.
pub async fn into_file(db: &Db, path: &Path) -> Result<()> {
    let none: Vec<(i64,)> = db.all(&COPY, args![path.display().to_string()]).await?;
    debug_assert!(none.is_empty(), "it returns nothing");
    Ok(())
}

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The last migration that was applied to it.
    pub schema: i64,
    /// How far it is: the log's last position, or the last that the read model has folded.
    pub position: i64,
}

/// Looks into a copy, and leaves it as one file, with nothing beside it.
///
/// # Errors
/// A newer schema; what the engine says.
pub async fn held(path: &Path, role: Role) -> Result<Held> {
    let db = Db::open(Address::File(path.to_owned()), role, false).await?;
    let looked = async {
        let applied = migrate::status(&db, role).await?.into_iter().filter(|row| row.applied_at.is_some());
        let schema = applied.map(|row| row.version).max().unwrap_or(0);
        let position = match role {
            Role::Write => events::head(&db).await?,
            Role::Read => views::fold::cursor(&db).await?,
        };
        Ok(Held { schema, position })
    };
    let held = looked.await;
    db.close().await;
    held
}
