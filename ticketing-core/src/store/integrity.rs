//! Whether a database file is whole. PostgreSQL looks after its own: it is only asked to answer.

use super::db::Db;
use super::error::Result;
use super::sql::statements;
use crate::args;

statements! {
    /// SQLite reads the whole file: pages, their order and their types, but not whether indexes agree with rows.
    QUICK_CHECK = sqlite "SELECT quick_check FROM pragma_quick_check LIMIT 1" postgres "SELECT 'ok'";
}

/// Returns the first fault of a database file, as SQLite tells it; `None` if it is whole. It takes as long as the file
/// is large: bound it.
///
/// # Errors
/// What the store says.
pub async fn first_fault(db: &Db) -> Result<Option<String>> {
    let found: Option<(String,)> = db.first(&QUICK_CHECK, args![]).await?;
    Ok(found.map(|(said,)| said).filter(|said| said != "ok"))
}
