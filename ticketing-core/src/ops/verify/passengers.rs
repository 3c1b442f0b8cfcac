//! People: nobody's name is kept for a booking that does not exist. A booking without one was forgotten.

use super::{FIRST, PAGE, Run, why};
use crate::ops::OpsError;
use crate::store::checks;

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    let mut after = FIRST;
    loop {
        let rows = checks::passengers_after(&db, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        for (id, owner) in &rows {
            if owner.is_none() {
                run.found("passenger", id, "there is no booking with this id".into(), why(id));
            }
        }
        run.looked(rows.len());
    }
}
