//! People: nobody's name is kept for a booking that does not exist, and each booking has its person, unless the audit
//! log says that somebody was forgotten.

use super::{FIRST, PAGE, Run, why};
use crate::ops::OpsError;
use crate::store::{audit, checks};

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let db = run.app.stores.write.clone();
    let mut after = FIRST;
    loop {
        let rows = checks::passengers_after(&db, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for (id, owner) in &rows {
            if owner.is_none() {
                run.found("passenger", id, "there is no booking with this id".into(), why(id));
            }
        }
        run.looked(rows.len());
    }
    let mut after = FIRST;
    loop {
        let rows = checks::travellers_after(&db, after, PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = *last;
        let alone: Vec<String> =
            rows.iter().filter(|(_, person)| person.is_none()).map(|(id, _)| id.to_string()).collect();
        // Who is forgotten is written down first, so whoever is gone is in the audit log by now.
        let forgotten = match alone.is_empty() {
            true => Vec::new(),
            false => audit::forgotten(&db, alone.clone()).await?,
        };
        for id in alone.iter().filter(|id| !forgotten.contains(id)) {
            let finding =
                "nobody travels with it, and the audit log does not say that somebody was forgotten";
            run.found("booking", id, finding.into(), why(id));
        }
        run.looked(rows.len());
    }
}
