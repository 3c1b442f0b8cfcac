//! How the system is: where the log is, where the read model is, what is held.

use super::OpsError;
use crate::app::App;
use crate::domain::time::Timestamp;
use crate::saga::SagaState;
use crate::store::{bookings, dead_letters, events, leases, outbox, parked, payments, sagas, views};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The state of the stores at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// When it was looked at.
    pub at: Timestamp,
    /// Where the write store is, without its password.
    pub write_store: String,
    /// Where the read store is.
    pub read_store: String,
    /// The log's last position.
    pub head: i64,
    /// The read model's position.
    pub read_position: i64,
    /// Events that the read model has not folded yet.
    pub lag: i64,
    /// Holds that have not ended.
    pub holds_open: i64,
    /// When the next hold ends.
    pub next_hold_ends_at: Option<Timestamp>,
    /// All tickets of the read model.
    pub tickets: u64,
    /// Departures that have not left.
    pub departures_ahead: u64,
}

/// Looks at the stores.
///
/// # Errors
/// What the stores say.
pub async fn status(app: &App) -> Result<Status, OpsError> {
    let (write, read) = (&app.stores.write, &app.stores.read);
    let at = app.clock.now();
    let read_position = views::fold::cursor(read).await?;
    let head = events::head(write).await?;
    Ok(Status {
        at,
        write_store: write.address().redacted(),
        read_store: read.address().redacted(),
        head,
        read_position,
        lag: (head - read_position).max(0),
        holds_open: bookings::holds_open(write, at).await?,
        next_hold_ends_at: bookings::next_due(write).await?,
        tickets: views::tickets::count_all(read).await?,
        departures_ahead: views::network::count_departures_after(read, at).await?,
    })
}

/// Who serves the stores besides whoever asks, how far each carrier is, and what waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// The processes that serve; none is known of a server on embedded storage, which has the folder to itself.
    pub processes: Vec<ProcessStatus>,
    /// How far the log has been copied to each carrier that was ever used.
    pub carriers: Vec<CarrierStatus>,
    /// Messages and events that could not be handled, or wait behind one that could not.
    pub dead_letters: i64,
}

/// A process that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// Its id.
    pub id: Uuid,
    /// The machine's name.
    pub host: String,
    /// The system's number for it.
    pub pid: i32,
    /// What it may do.
    pub roles: String,
    /// What only it does at present.
    pub leases: String,
    /// Where it listens.
    pub address: Option<String>,
    /// Its program's version.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
    /// `up`, or `silent` if it was not heard of for [`SILENT_MS`].
    pub state: &'static str,
}

/// How far a carrier is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CarrierStatus {
    /// `kafka` or `nats`.
    pub carrier: String,
    /// Every event up to here was acknowledged.
    pub position: i64,
    /// Events of the log that were not.
    pub lag: i64,
    /// When it moved.
    pub moved_at: Timestamp,
    /// Which event the carrier will never take as it is, and what to do.
    pub trouble: Option<String>,
}

/// The state of a process that serves, and was heard of lately.
pub const UP: &str = "up";

/// A process that was not heard of for so many milliseconds is silent: it died, or can't reach the store.
pub const SILENT_MS: i64 = 15_000;

/// Looks who serves.
///
/// # Errors
/// What the stores say.
pub async fn services(app: &App) -> Result<Services, OpsError> {
    let db = &app.stores.write;
    let now = app.clock.now().as_millis();
    let head = events::head(db).await?;
    let held = leases::all(db).await?;
    let processes = leases::processes(db).await?.into_iter().map(|p| {
        let names = held.iter().filter(|l| l.owner == Some(p.id)).map(|l| l.name.as_str());
        ProcessStatus {
            leases: names.collect::<Vec<_>>().join(","),
            state: if now - p.seen_at > SILENT_MS { "silent" } else { UP },
            id: p.id,
            host: p.host,
            pid: p.pid,
            roles: p.roles,
            address: p.address,
            version: p.version,
            started_at: Timestamp::from_millis(p.started_at),
            seen_at: Timestamp::from_millis(p.seen_at),
        }
    });
    let carriers = outbox::all(db).await?.into_iter().map(|c| CarrierStatus {
        lag: (head - c.position).max(0),
        carrier: c.carrier,
        position: c.position,
        moved_at: Timestamp::from_millis(c.moved_at),
        trouble: c.trouble,
    });
    let (processes, carriers) = (processes.collect(), carriers.collect());
    let letters: i64 = dead_letters::open_counts(db).await?.iter().map(|(_, _, n)| n).sum();
    let parked: i64 = parked::open_counts(&app.stores.read).await?.iter().map(|(_, n)| n).sum();
    Ok(Services { processes, carriers, dead_letters: letters + parked })
}

/// What a server answered to buyers since it began: not what operators, health checks and Prometheus asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// How many.
    pub answered: u64,
    /// How many of them with a status of 500 or more.
    pub failed: u64,
    /// How many took up to how long, the shortest first.
    pub latencies: Vec<Latency>,
}

/// How many requests took up to how long, those that took less among them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// In milliseconds.
    pub up_to_ms: f64,
    /// How many.
    pub count: u64,
}

/// How routes begin that are not for buyers.
pub const NOT_OF_BUYERS: &[&str] = &["/api/admin", "/api/health", "/health", "/metrics"];

impl Requests {
    /// Returns what was answered since `before`; `None` if the server has begun anew meanwhile.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Self> {
        let mut latencies = Vec::with_capacity(self.latencies.len());
        for latency in &self.latencies {
            let known = before.latencies.iter().find(|it| it.up_to_ms == latency.up_to_ms);
            let count = latency.count.checked_sub(known.map_or(0, |it| it.count))?;
            latencies.push(Latency { count, ..*latency });
        }
        Some(Self {
            answered: self.answered.checked_sub(before.answered)?,
            failed: self.failed.checked_sub(before.failed)?,
            latencies,
        })
    }

    /// Returns the time in milliseconds that this share of the requests took at most, between the bounds that were
    /// counted by a straight line; `None` without requests. What took longer than the last bound counts as that.
    #[must_use]
    pub fn percentile_ms(&self, share: f64) -> Option<f64> {
        let rank = share * self.answered as f64;
        if self.answered == 0 {
            return None;
        }
        let (mut below_ms, mut below) = (0.0, 0.0);
        for latency in &self.latencies {
            let count = latency.count as f64;
            if count >= rank && count > below {
                return Some(
                    below_ms + (latency.up_to_ms - below_ms) * ((rank - below) / (count - below)).max(0.0),
                );
            }
            (below_ms, below) = (latency.up_to_ms, count);
        }
        Some(below_ms)
    }
}

/// A charge or refund that is due for so many milliseconds and taken by nobody says that no saga worker runs.
pub const OVERDUE_MS: i64 = 30_000;

/// The payments that are not over, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentsStatus {
    /// How many sagas are not over, by state.
    pub not_over: Vec<StateCount>,
    /// How many of them are stuck.
    pub stuck: i64,
    /// Since when the one stands that has stood the longest.
    pub oldest_at: Option<Timestamp>,
    /// Charges and refunds that are due for [`OVERDUE_MS`] or longer, and that nobody has taken.
    pub overdue: i64,
    /// Since when the first of them is due.
    pub overdue_since: Option<Timestamp>,
    /// What is wrong, as a sentence.
    pub warning: Option<String>,
}

/// Sagas in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateCount {
    /// The state.
    pub state: &'static str,
    /// How many.
    pub count: i64,
    /// Since when the one stands that has stood the longest.
    pub oldest_at: Timestamp,
}

/// Looks at the payments that are not over.
///
/// # Errors
/// What the store says.
pub async fn payments(app: &App) -> Result<PaymentsStatus, OpsError> {
    let db = &app.stores.write;
    let now = app.clock.now();
    let counts = sagas::counts(db).await?;
    let mut stuck = 0;
    for state in SagaState::ALL {
        if let Some(limit) = state.limit_ms() {
            let since = Timestamp::from_millis(now.as_millis() - limit);
            stuck += sagas::standing_count(db, state, since).await?;
        }
    }
    let since = Timestamp::from_millis(now.as_millis() - OVERDUE_MS);
    let (overdue, overdue_since) = payments::overdue(db, since, now).await?;
    let warning = (overdue > 0).then(|| {
        let (calls, are) = if overdue == 1 { ("call", "is") } else { ("calls", "are") };
        let seconds = OVERDUE_MS / 1_000;
        format!(
            "{overdue} {calls} to the payment provider {are} overdue by more than {seconds} s: no saga worker seems \
             to run. ticketctl serve --roles saga starts one."
        )
    });
    Ok(PaymentsStatus {
        oldest_at: counts.iter().map(|(_, _, oldest_at)| *oldest_at).min(),
        not_over: counts
            .into_iter()
            .map(|(state, count, oldest_at)| StateCount { state: state.word(), count, oldest_at })
            .collect(),
        stuck,
        overdue,
        overdue_since,
        warning,
    })
}

#[cfg(test)]
mod tests {
    use super::{Latency, Requests};

    fn requests(answered: u64, failed: u64, counts: [u64; 3]) -> Requests {
        let latency = |(up_to_ms, count)| Latency { up_to_ms, count };
        let latencies = [1.0, 5.0, 10.0].into_iter().zip(counts).map(latency).collect();
        Requests { answered, failed, latencies }
    }

    #[test]
    fn a_percentile_lies_between_the_bounds_that_were_counted() {
        let rows = [
            (requests(0, 0, [0, 0, 0]), 0.5, None),
            (requests(10, 0, [10, 10, 10]), 0.5, Some(0.5)),
            (requests(10, 0, [0, 10, 10]), 0.5, Some(3.0)),
            (requests(100, 0, [90, 98, 100]), 0.99, Some(7.5)),
            // Longer than any bound: no more is known.
            (requests(10, 0, [0, 0, 0]), 0.99, Some(10.0)),
        ];
        for (requests, share, expected) in rows {
            assert_eq!(requests.percentile_ms(share), expected, "{requests:?} {share}");
        }
    }

    #[test]
    fn what_came_between_two_looks_is_their_difference_unless_the_server_began_anew() {
        let (before, after) = (requests(10, 1, [4, 8, 10]), requests(30, 2, [4, 20, 30]));
        assert_eq!(after.since(&before), Some(requests(20, 1, [0, 12, 20])));
        assert_eq!(before.since(&after), None);
    }
}
