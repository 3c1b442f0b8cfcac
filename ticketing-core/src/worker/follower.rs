//! Watches for what other processes do on the same stores.
//!
//! Three single-row reads twice a second: how far the log is, how far the read model is, and how often it was repaired. This process's own
//! writes need no watching; they are told.

use crate::app::App;
use crate::store::error::Result;
use crate::store::{events, views};
use std::time::Duration;
use tokio::sync::watch;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks for ever, and sends the log's head. Ends when nobody listens any more.
pub async fn run(app: App, head: watch::Sender<i64>) {
    let mut own = app.engine.head();
    let mut failing = false;
    loop {
        tokio::select! {
            changed = own.changed() => if changed.is_err() { return },
            () = look_is_due(&app) => {
                match look(&app).await {
                    Ok(found) => {
                        failing = false;
                        send(&head, found);
                    }
                    Err(error) if !failing => {
                        failing = true;
                        tracing::warn!(%error, "can't look at the stores; will try again");
                    }
                    Err(_) => {}
                }
            }
            () = head.closed() => return,
        }
        let known = *own.borrow_and_update();
        send(&head, known);
    }
}

/// Waits until it is time to look, or until this process says that there is something to be seen.
async fn look_is_due(app: &App) {
    // Whichever comes first.
    let _ = tokio::time::timeout(LOOK_EVERY, app.wrote.notified()).await;
}

fn send(head: &watch::Sender<i64>, found: i64) {
    head.send_if_modified(|known| {
        let ahead = found > *known;
        *known = found.max(*known);
        ahead
    });
}

async fn look(app: &App) -> Result<i64> {
    app.tickets.repaired(views::identity::repairs(&app.stores.read).await?);
    app.read.found(views::fold::cursor(&app.stores.read).await?);
    events::head(&app.stores.write).await
}
