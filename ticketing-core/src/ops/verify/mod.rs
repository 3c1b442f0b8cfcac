//! Whether everything that must hold does, on the stores as they are, while others work on them.
//!
//! It only reads: pages by key, each page at one moment of its store, so that what is compared was true together.
//! The log never changes, so a row of the read model is judged by the events that it says it has folded. Memory
//! holds one page; findings are told as they are made.

mod bookings;
mod catalog;
mod checkpoints;
mod claims;
mod inbound;
mod log;
mod money;
mod offerings;
mod passengers;
mod past;
mod payments;
mod search;
mod tickets;

use super::OpsError;
use crate::app::App;
use crate::store::error::StoreError;
use crate::store::views::Target;
use serde::Serialize;
use uuid::Uuid;

/// Rows of one page.
const PAGE: i64 = 1_000;
/// A hold, charge or refund that is overdue by less is not a fault: somebody may be at it.
const OVERDUE_MS_MIN: i64 = 60_000;

/// A family of things that must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// Positions and stream versions have no gaps.
    Log,
    /// Booking rows are the fold of their events.
    Bookings,
    /// Each claim is of a booking that has its seat, and the other way round.
    Claims,
    /// Sagas, payments and bookings agree.
    Money,
    /// Payments, charges and refunds are what the log says of them.
    Payments,
    /// Nobody's name is kept for no booking, and none is missing of one that was forgotten by nobody.
    Passengers,
    /// What is sold is the fold of its events.
    Offerings,
    /// Nothing says that it has read further than the log goes, or than a topic from outside does.
    Checkpoints,
    /// The read model's routes and departures are the fold of their events.
    Catalog,
    /// The read model's tickets are the fold of their events.
    Tickets,
    /// What people search, and the words that it is found by, is the fold of its events.
    Search,
}

impl Check {
    /// All, in the order in which they are made.
    pub const ALL: [Self; 11] = [
        Self::Log,
        Self::Bookings,
        Self::Claims,
        Self::Money,
        Self::Payments,
        Self::Passengers,
        Self::Offerings,
        Self::Checkpoints,
        Self::Catalog,
        Self::Tickets,
        Self::Search,
    ];

    /// Those of the read model.
    pub const OF_VIEW: [Self; 3] = [Self::Catalog, Self::Tickets, Self::Search];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Bookings => "bookings",
            Self::Claims => "claims",
            Self::Money => "money",
            Self::Payments => "payments",
            Self::Passengers => "passengers",
            Self::Offerings => "offerings",
            Self::Checkpoints => "checkpoints",
            Self::Catalog => "catalog",
            Self::Tickets => "tickets",
            Self::Search => "search",
        }
    }

    /// Returns the check of this name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.word() == word)
    }
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check found it.
    pub check: &'static str,
    /// What it is of: `booking`, `claim`, `event`, …
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What is wrong, as a sentence.
    pub finding: String,
    /// What mends it, or else shows how it came.
    pub command: String,
}

/// What is told while the checks are made.
#[derive(Clone, Debug)]
pub enum Told {
    /// How far a check has come.
    Progress {
        /// Which.
        check: Check,
        /// Rows that it has looked at.
        done: u64,
        /// Rows that there were when it began, where that is known.
        total: Option<u64>,
    },
    /// A finding.
    Found(Finding),
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Its name.
    pub check: &'static str,
    /// Rows that it looked at.
    pub looked_at: u64,
    /// What it found.
    pub findings: u64,
}

/// Makes these checks, in order, and tells what they find.
///
/// # Errors
/// What the stores say. A row that can't be read is a finding, not an error.
pub async fn verify(
    app: &App,
    checks: &[Check],
    tell: &mut (dyn FnMut(Told) + Send),
) -> Result<Vec<Checked>, OpsError> {
    verify_in(app, Target::Live, checks, tell).await
}

/// Makes these checks with any set of the read model's tables.
///
/// # Errors
/// As [`verify`].
pub(crate) async fn verify_in(
    app: &App,
    target: Target,
    checks: &[Check],
    tell: &mut (dyn FnMut(Told) + Send),
) -> Result<Vec<Checked>, OpsError> {
    let mut done = Vec::with_capacity(checks.len());
    for check in checks {
        let mut run = Run { app, target, check: *check, tell, looked_at: 0, findings: 0, total: None };
        // Each in a place of its own: together they would not fit a small stack.
        match check {
            Check::Log => Box::pin(log::check(&mut run)).await?,
            Check::Bookings => Box::pin(bookings::check(&mut run)).await?,
            Check::Claims => Box::pin(claims::check(&mut run)).await?,
            Check::Money => Box::pin(money::check(&mut run)).await?,
            Check::Payments => Box::pin(payments::check(&mut run)).await?,
            Check::Passengers => Box::pin(passengers::check(&mut run)).await?,
            Check::Offerings => Box::pin(offerings::check(&mut run)).await?,
            Check::Checkpoints => Box::pin(checkpoints::check(&mut run)).await?,
            Check::Catalog => Box::pin(catalog::check(&mut run)).await?,
            Check::Tickets => Box::pin(tickets::check(&mut run)).await?,
            Check::Search => Box::pin(search::check(&mut run)).await?,
        }
        done.push(Checked { check: check.word(), looked_at: run.looked_at, findings: run.findings });
    }
    Ok(done)
}

/// A check under way.
struct Run<'a> {
    app: &'a App,
    target: Target,
    check: Check,
    tell: &'a mut (dyn FnMut(Told) + Send),
    looked_at: u64,
    findings: u64,
    total: Option<u64>,
}

impl Run<'_> {
    fn found(&mut self, kind: &'static str, id: &impl ToString, finding: String, command: String) {
        self.findings += 1;
        let check = self.check.word();
        (self.tell)(Told::Found(Finding { check, kind, id: id.to_string(), finding, command }));
    }

    /// A row that can't be read is a finding; any other failure ends the check.
    fn unreadable(
        &mut self,
        kind: &'static str,
        id: &impl ToString,
        error: StoreError,
    ) -> Result<(), OpsError> {
        match error {
            StoreError::Corrupt { .. } => {
                let command = why(id);
                self.found(kind, id, format!("{error}"), command);
                Ok(())
            }
            other => Err(other.into()),
        }
    }

    fn looked(&mut self, rows: usize) {
        self.looked_at += rows as u64;
        let (check, done) = (self.check, self.looked_at);
        let total = self.total.map(|total| total.max(done));
        (self.tell)(Told::Progress { check, done, total });
    }
}

/// Shows the whole story of a thing.
fn why(id: &impl ToString) -> String {
    format!("ticketctl why {}", id.to_string())
}

/// Mends the read model.
fn rebuild() -> String {
    "ticketctl projection rebuild tickets --yes".into()
}

/// The id before all others.
const FIRST: Uuid = Uuid::nil();

/// Says how a row differs: a sentence for each field, in one.
#[derive(Debug, Default)]
struct Differences(Vec<String>);

impl Differences {
    fn of<T: PartialEq>(&mut self, field: &str, stored: &T, folded: &T, show: impl Fn(&T) -> String) {
        if stored != folded {
            self.0.push(format!("{field} is {}, by its events {}", show(stored), show(folded)));
        }
    }

    fn sentence(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

/// What a row says where it may say nothing.
fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "missing".into(), T::to_string)
}
