//! Checkpoints against the log's head: nothing has read, copied or answered what is not there.

use super::{PAGE, Run, inbound, rebuild};
use crate::ops::OpsError;
use crate::store::db::Db;
use crate::store::views::{self, fold};
use crate::store::{checks, events};

pub(super) async fn check(run: &mut Run<'_>) -> Result<(), OpsError> {
    let (write, read) = (run.app.stores.write.clone(), run.app.stores.read.clone());
    // The head only grows: what was read before it can't be beyond it.
    let cursor = fold::cursor_of(&read, run.target).await?;
    let parked = views::checks::last_parked(&read, run.target).await?;
    let head = events::head(&write).await?;
    for (what, position) in [("the read model", cursor), ("a parked event", parked)] {
        if position > head {
            let finding = format!("{what} is at {position}, beyond the log's head {head}");
            run.found("projection", &fold::TICKETS, finding, rebuild());
        }
    }
    run.looked(2);
    let mut after = (String::new(), String::new());
    loop {
        let moment = write.moment().await?;
        let outcome = page(run, &moment, &mut after).await;
        moment.close().await;
        if !outcome? {
            break;
        }
    }
    let moment = write.moment().await?;
    let outcome = outbox(run, &moment).await;
    moment.close().await;
    outcome?;
    inbound::check(run).await
}

/// Looks at a page of stored answers; false at their end.
async fn page(run: &mut Run<'_>, db: &Db, after: &mut (String, String)) -> Result<bool, OpsError> {
    let rows = checks::answers_after(db, (&after.0, &after.1), PAGE).await?;
    let Some((key, caller, _)) = rows.last() else { return Ok(false) };
    *after = (key.clone(), caller.clone());
    let head = events::head(db).await?;
    for (key, caller, position) in &rows {
        if *position > head {
            let finding =
                format!("its answer to {caller} is of position {position}, beyond the log's head {head}");
            run.found("idempotency key", key, finding, "ticketctl verify --check log".into());
        }
    }
    run.looked(rows.len());
    Ok(true)
}

async fn outbox(run: &mut Run<'_>, db: &Db) -> Result<(), OpsError> {
    let (copied, head) = (checks::outbox(db).await?, events::head(db).await?);
    run.looked(copied.len());
    for (carrier, position) in copied {
        if position > head {
            let finding = format!("it is said to have the log up to {position}, beyond its head {head}");
            run.found("carrier", &carrier, finding, "ticketctl verify --check log".into());
        }
    }
    Ok(())
}
