//! People: nobody's name is kept for a booking that does not exist, and each booking has its person, unless the audit
//! log says that somebody was forgotten, or the booking is of an account that was deleted.

use super::{FIRST, PAGE, Run, why};
use crate::ops::OpsError;
use crate::store::{accounts, audit, checks};
use uuid::Uuid;

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
        let mut alone: Vec<Uuid> =
            rows.iter().filter(|(_, person)| person.is_none()).map(|(id, _)| *id).collect();
        if !alone.is_empty() {
            // An account is marked before its passengers are erased.
            let erased = accounts::of_the_deleted(&db, alone.clone()).await?;
            alone.retain(|id| !erased.contains(id));
        }
        let alone: Vec<String> = alone.iter().map(ToString::to_string).collect();
        // Who is forgotten is written down first, so whoever is gone is in the audit log by now.
        let forgotten = match alone.is_empty() {
            true => Vec::new(),
            false => audit::forgotten(&db, alone.clone()).await?,
        };
        for id in alone.iter().filter(|id| !forgotten.contains(id)) {
            let finding = "nobody travels with it, and nothing says that somebody was forgotten or deleted";
            run.found("booking", id, finding.into(), why(id));
        }
        run.looked(rows.len());
    }
}
