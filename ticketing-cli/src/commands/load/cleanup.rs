//! Cancels what a load has booked. What was paid goes back by the server's own worker.

use super::client::Call;
use super::driver::{Booking, Bookings, Load, cancel_body};
use super::record::Meaning;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use uuid::Uuid;

/// So many commands in a row may stay without an answer before one who cancels gives up.
const LOST_MAX: u32 = 3;
/// So many tickets a page are asked for, the most that the API gives.
const PAGE_ROWS: usize = 100;
/// So many pages of one buyer's tickets are looked through.
const PAGES_MAX: usize = 10;

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cleanup {
    /// Cancelled now.
    pub cancelled: u64,
    /// Had ended by itself.
    pub ended: u64,
    /// Could not be cancelled.
    pub failed: u64,
}

#[derive(Deserialize)]
struct Tickets {
    data: Vec<Ticket>,
}

#[derive(Deserialize)]
struct Ticket {
    id: Uuid,
    status: String,
}

/// Cancels the bookings that are left, and those that buyers have whose answers were lost.
pub async fn clean_up(load: &Arc<Load>, bookings: &mut Bookings) -> Cleanup {
    let mut doubtful = std::mem::take(&mut bookings.doubtful);
    doubtful.sort_unstable();
    doubtful.dedup();
    let mut left = std::mem::take(&mut bookings.held);
    left.append(&mut bookings.sold);
    let mut cleanup = cancel_all(load, bookings, left).await;
    let mut found = Vec::new();
    for user in doubtful {
        match open_bookings(load, user).await {
            Some(theirs) => found.extend(theirs),
            None => bookings.doubtful.push(user),
        }
    }
    let more = cancel_all(load, bookings, found).await;
    cleanup.cancelled += more.cancelled;
    cleanup.ended += more.ended;
    cleanup.failed += more.failed;
    cleanup
}

/// Cancels them over all connections; what can't be is put back.
async fn cancel_all(load: &Arc<Load>, bookings: &mut Bookings, left: Vec<Booking>) -> Cleanup {
    let queue = Arc::new(Mutex::new(left));
    let mut tasks = JoinSet::new();
    for _ in 0..load.connections {
        tasks.spawn(cancel_some(Arc::clone(load), Arc::clone(&queue)));
    }
    let mut cleanup = Cleanup::default();
    // One that was stopped has left its part in the queue.
    while let Some(joined) = tasks.join_next().await {
        let Ok((theirs, mut failed)) = joined else { continue };
        cleanup.cancelled += theirs.cancelled;
        cleanup.ended += theirs.ended;
        bookings.held.append(&mut failed);
    }
    bookings.held.append(&mut queue.lock().unwrap_or_else(PoisonError::into_inner));
    cleanup.failed = bookings.held.len() as u64;
    bookings.cancelled += cleanup.cancelled;
    cleanup
}

async fn cancel_some(load: Arc<Load>, queue: Arc<Mutex<Vec<Booking>>>) -> (Cleanup, Vec<Booking>) {
    let (mut cleanup, mut failed, mut lost) = (Cleanup::default(), Vec::new(), 0);
    let url = load.api.url("/api/tickets/commands/cancel");
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    while lost < LOST_MAX
        && let Some(booking) = next()
    {
        let body = Some(cancel_body(booking, &load.reason));
        let call = Call { url: url.clone(), body, token: load.users[booking.user].clone() };
        match load.api.call(call).await.outcome.meaning() {
            Meaning::Ok => cleanup.cancelled += 1,
            // Its hold has ended, or an answer that was lost had cancelled it.
            Meaning::Refused => cleanup.ended += 1,
            Meaning::Error => failed.push(booking),
            Meaning::Unanswered => {
                lost += 1;
                failed.push(booking);
                continue;
            }
        }
        lost = 0;
    }
    (cleanup, failed)
}

/// Returns what a buyer still has; none if the server does not say.
async fn open_bookings(load: &Load, user: usize) -> Option<Vec<Booking>> {
    let mut open = Vec::new();
    for page in 1..=PAGES_MAX {
        let path = format!("/api/tickets/queries/my-tickets?limit={PAGE_ROWS}&page={page}");
        let tickets: Tickets = load.api.ask(&path, &load.users[user]).await.ok()?;
        let is_last = tickets.data.len() < PAGE_ROWS;
        let is_open =
            |ticket: &Ticket| matches!(ticket.status.as_str(), "PENDING" | "RESERVED" | "CONFIRMED");
        open.extend(tickets.data.into_iter().filter(is_open).map(|ticket| Booking { id: ticket.id, user }));
        if is_last {
            break;
        }
    }
    Some(open)
}
