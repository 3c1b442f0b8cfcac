//! Redriving and discarding: the letters of one stream, in their order.
//!
//! Every move is from where a letter was seen, so that of two that are at it one is first and the other stops. All of
//! it may be done again after a crash: the saga knows the messages that it was told, and rows of the projection take
//! only what is newer.

use super::{DlqRow, Key, OpsError};
use crate::app::App;
use crate::app::inbound::{self, Delivery, InboundMessage, KEY_HEADER, Verdict};
use crate::domain::time::Timestamp;
use crate::store::dead_letters::{self, Letter, LetterMove, LetterState};
use crate::store::error::StoreError;
use crate::store::events;
use crate::store::parked::{self, ParkedMove};
use crate::store::views::pages::Pages;
use crate::store::views::{Target, fold, identity};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// No more letters of one stream are looked at for a plan.
pub const QUEUE_MAX: i64 = 1_000;
/// Streams of one look for those whose letters wait for nothing.
const STRANDED_MAX: i64 = 100;
/// Who moves what waits for nothing any more.
const SYSTEM: &str = "system";

/// The letters of one stream, in one of the two stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Queue {
    /// Messages from outside.
    Letters(String),
    /// Events that the projection could not fold.
    Parked(Uuid),
}

impl Queue {
    /// Returns the queue that a letter stands in.
    #[must_use]
    pub fn of(row: &DlqRow) -> Self {
        match (row.key, Uuid::parse_str(&row.body.stream)) {
            (Key::Parked(_), Ok(stream)) => Self::Parked(stream),
            (Key::Parked(_) | Key::Letter(_), _) => Self::Letters(row.body.stream.clone()),
        }
    }

    /// The stream, as people name it.
    #[must_use]
    pub fn stream(&self) -> String {
        match self {
            Self::Letters(stream) => stream.clone(),
            Self::Parked(stream) => stream.to_string(),
        }
    }
}

/// A letter as a plan saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Which.
    pub key: Key,
    /// Whether it was never tried, and waited.
    pub waits: bool,
    /// How often it had been tried.
    pub tries: i32,
}

impl Seen {
    const fn state(self) -> LetterState {
        if self.waits { LetterState::Waiting } else { LetterState::Dead }
    }

    /// Returns a letter as it is seen, if it is open.
    #[must_use]
    pub fn of(row: &DlqRow) -> Option<Self> {
        let waits = row.state == LetterState::Waiting;
        row.state.is_open().then_some(Self { key: row.key, waits, tries: row.body.tries })
    }
}

/// What came of the letters of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Handled.
    pub redriven: u64,
    /// Given up by the operator.
    pub discarded: u64,
    /// Tried, and dead again.
    pub failed: u64,
    /// Not where the plan saw them: left alone.
    pub moved: u64,
    /// Why the first one that failed did.
    pub first_failure: Option<String>,
}

/// Returns the open letters of a queue in their order, `limit` at most.
///
/// # Errors
/// What the stores say.
pub async fn open_of(app: &App, queue: &Queue, limit: i64) -> Result<Vec<Seen>, OpsError> {
    Ok(match queue {
        Queue::Letters(stream) => {
            let open = dead_letters::open_of_stream(&app.stores.write, stream, limit).await?;
            let seen = |l: &Letter| Seen {
                key: Key::Letter(l.id),
                waits: l.state == LetterState::Waiting,
                tries: l.tries,
            };
            open.iter().map(seen).collect()
        }
        Queue::Parked(stream) => {
            let open = parked::open_of_stream(&app.stores.read, *stream, limit).await?;
            let seen = |p: &parked::Parked| Seen {
                key: Key::Parked(p.position),
                waits: p.state == LetterState::Waiting,
                tries: p.tries,
            };
            open.iter().map(seen).collect()
        }
    })
}

/// Tries the first letter of a queue again if it is as it was seen, and then those behind it, until one fails. Where
/// the first one only waits, the one that was seen is gone: whoever took it may have died before those behind it, so
/// they are tried.
///
/// # Errors
/// A failure of the moment: what was not tried is as it was.
pub async fn redrive(
    app: &App,
    queue: &Queue,
    head: Seen,
    by: &str,
    counts: &mut Counts,
) -> Result<(), OpsError> {
    match open_of(app, queue, 1).await?.first() {
        Some(first) if *first == head => drive(app, queue, by, true, counts).await,
        Some(first) if first.waits => drive(app, queue, by, false, counts).await,
        Some(_) | None => {
            counts.moved += 1;
            Ok(())
        }
    }
}

/// Gives these letters of a queue up, those that are as they were seen, and tries what then waits for nothing.
///
/// # Errors
/// A failure of the moment: what was given up stays so, and the same call goes on.
pub async fn discard(
    app: &App,
    queue: &Queue,
    seen: &[Seen],
    by: &str,
    counts: &mut Counts,
) -> Result<(), OpsError> {
    let now = app.clock.now();
    for one in seen {
        // What was wrong with it stays on it; why it was given up is in the audit log.
        match advance(app, *one, LetterState::Discarded, None, "", false, by, now).await? {
            true => counts.discarded += 1,
            false => counts.moved += 1,
        }
    }
    drive(app, queue, by, false, counts).await
}

/// Tries the letters of every queue whose first one only waits, though nothing stands before it any more: its stream
/// was cleared just when it was kept, or whoever cleared it died. Returns how many were handled. A queue that fails
/// keeps no other one waiting.
///
/// # Errors
/// The last failure of the moment, after all were tried.
pub async fn release_stranded(app: &App) -> Result<u64, OpsError> {
    let letters = dead_letters::stranded(&app.stores.write, STRANDED_MAX).await?;
    let parked = parked::stranded(&app.stores.read, STRANDED_MAX).await?;
    let (mut counts, mut failed) = (Counts::default(), None);
    for queue in letters.into_iter().map(Queue::Letters).chain(parked.into_iter().map(Queue::Parked)) {
        if let Err(error) = drive(app, &queue, SYSTEM, false, &mut counts).await {
            tracing::debug!(stream = queue.stream(), %error, "letters that wait for nothing can't be tried now");
            failed = Some(error);
        }
    }
    failed.map_or(Ok(counts.redriven), Err)
}

/// Tries the letters of a queue in order until one fails; a dead one at its head only if `from_dead`.
async fn drive(
    app: &App,
    queue: &Queue,
    by: &str,
    from_dead: bool,
    counts: &mut Counts,
) -> Result<(), OpsError> {
    let mut may_be_dead = from_dead;
    while let Some(first) = open_of(app, queue, 1).await?.into_iter().next() {
        if !first.waits && !may_be_dead {
            return Ok(());
        }
        may_be_dead = false;
        match once(app, first, by).await? {
            Outcome::Handled => counts.redriven += 1,
            Outcome::Failed(reason) => {
                counts.failed += 1;
                counts.first_failure.get_or_insert(reason);
                return Ok(());
            }
            Outcome::Moved => {
                counts.moved += 1;
                return Ok(());
            }
            // It stays as it is, and is tried with what waits for nothing until that other stream is clear.
            Outcome::Waits => return Ok(()),
        }
    }
    Ok(())
}

enum Outcome {
    Handled,
    Failed(String),
    Moved,
    /// It is about a booking whose letters stand in another stream.
    Waits,
}

async fn once(app: &App, seen: Seen, by: &str) -> Result<Outcome, OpsError> {
    match seen.key {
        Key::Letter(id) => one_message(app, id, seen, by).await,
        Key::Parked(position) => one_event(app, position, seen, by).await,
    }
}

async fn one_message(app: &App, id: Uuid, seen: Seen, by: &str) -> Result<Outcome, OpsError> {
    let db = &app.stores.write;
    let Some(letter) = dead_letters::load(db, vec![id]).await?.pop() else { return Ok(Outcome::Moved) };
    let Some(content) = dead_letters::content(db, id).await? else { return Ok(Outcome::Moved) };
    let (keys, headers): (Vec<_>, Vec<_>) =
        content.headers.into_iter().partition(|(name, _)| name == KEY_HEADER);
    let message = InboundMessage {
        source: letter.source.clone(),
        partition: letter.partition,
        offset: letter.offset,
        key: keys.into_iter().next().map(|(_, value)| value),
        headers,
        body: content.body,
        at: letter.at,
    };
    // One that only waited comes for the first time: nobody has seen what is wrong with it.
    let verdict = match seen.waits {
        true => inbound::handle_waiting(app, &message, &letter.stream).await?,
        false => inbound::handle(app, &message, Delivery::Redrive).await?,
    };
    let now = app.clock.now();
    let (to, code, reason) = match verdict {
        Verdict::Done => (LetterState::Redriven, None, "It was handled.".to_owned()),
        Verdict::Dead { code, reason, stream: _ } => (LetterState::Dead, Some(code), reason),
        Verdict::Waits { stream: _ } => return Ok(Outcome::Waits),
    };
    if !advance(app, seen, to, code, &reason, true, by, now).await? {
        return Ok(Outcome::Moved);
    }
    Ok(if to == LetterState::Redriven { Outcome::Handled } else { Outcome::Failed(reason) })
}

/// Folds a parked event, in one transaction with its move; the projection's cursor stays where it is.
async fn one_event(app: &App, position: i64, seen: Seen, by: &str) -> Result<Outcome, OpsError> {
    let read = &app.stores.read;
    let built = build(app, position).await;
    let page = match built {
        Ok(page) => page,
        Err(error @ StoreError::Corrupt { .. }) => {
            let reason = format!("{error}.");
            let now = app.clock.now();
            return Ok(match advance(app, seen, LetterState::Dead, None, &reason, true, by, now).await? {
                true => Outcome::Failed(reason),
                false => Outcome::Moved,
            });
        }
        Err(error) => return Err(error.into()),
    };
    // Pages of tickets that were read before the rows change are never served again.
    let changes_at = fold::cursor(read).await? + 1;
    for row in &page.inserts {
        app.tickets.touch(&row.booking.user_id, changes_at);
    }
    let mut tx = read.begin().await?;
    let users = fold::put(&mut tx, Target::Live, &page).await?;
    identity::repaired(&mut tx).await?;
    let step = ParkedMove {
        position,
        from: seen.state(),
        tries: seen.tries,
        to: LetterState::Redriven,
        reason: "It was folded.".into(),
        tried: true,
        by: by.to_owned(),
        at: app.clock.now(),
    };
    if !parked::advance(&mut tx, &step).await? {
        tx.rollback().await?;
        return Ok(Outcome::Moved);
    }
    tx.commit().await?;
    for user in users {
        app.tickets.touch(&user, changes_at);
    }
    Ok(Outcome::Handled)
}

async fn build(app: &App, position: i64) -> Result<fold::Page, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt {
        table: "events",
        column: "data",
        row: format!("position {position}"),
        reason,
    };
    let raw = events::raw_at(&app.stores.write, vec![position]).await?.pop();
    let entry = raw.ok_or_else(|| corrupt("there is no such event".into()))?.parse();
    let entry = entry.map_err(|error| corrupt(error.to_string()))?;
    Pages::default().build(&app.stores.read, &[entry]).await
}

/// Moves a letter of either kind from where it was seen; false if it is no longer there.
#[allow(clippy::too_many_arguments, reason = "each is a column, and all are told apart by their types")]
async fn advance(
    app: &App,
    seen: Seen,
    to: LetterState,
    code: Option<&str>,
    reason: &str,
    tried: bool,
    by: &str,
    at: Timestamp,
) -> Result<bool, OpsError> {
    let (from, tries, reason, by) = (seen.state(), seen.tries, reason.to_owned(), by.to_owned());
    match seen.key {
        Key::Letter(id) => {
            let db = &app.stores.write;
            // What became of it keeps the word for what was wrong.
            let code = match (code, dead_letters::load(db, vec![id]).await?.pop()) {
                (Some(code), _) => code.to_owned(),
                (None, Some(letter)) => letter.code,
                (None, None) => return Ok(false),
            };
            let step = LetterMove { id, from, tries, to, code, reason, tried, by, at };
            Ok(dead_letters::advance(db, &step).await?)
        }
        Key::Parked(position) => {
            let mut tx = app.stores.read.begin().await?;
            let step = ParkedMove { position, from, tries, to, reason, tried, by, at };
            let moved = parked::advance(&mut tx, &step).await?;
            tx.commit().await?;
            Ok(moved)
        }
    }
}
