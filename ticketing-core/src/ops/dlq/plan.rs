//! What redriving or discarding letters would do, stream by stream.

use super::work::{QUEUE_MAX, Queue, Seen, open_of};
use super::{DlqBody, DlqRow, Key, OpsError, rows};
use crate::app::App;
use crate::ops::jobs::{JobPlan, JobSpec, LettersSpec, StreamWork};
use crate::ops::plan::raw_of;
use crate::ops::{Plan, PlanChange};
use crate::store::dead_letters::LetterState;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// What is to be done with letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Try them again.
    Redrive,
    /// Give them up.
    Discard,
}

impl Action {
    /// The command.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Redrive => "dlq redrive",
            Self::Discard => "dlq discard",
        }
    }
}

/// Plans an action on these letters; those that are not open any more are left out. What waits behind a letter that
/// is redriven or given up is tried in its turn, so it is in the plan, too (the first [`QUEUE_MAX`] of each stream).
///
/// With `strict`, each letter was named: one that waits behind another that was not named is refused. Else they came
/// by a filter, and such a one is left out.
///
/// # Errors
/// [`OpsError::Invalid`] for a letter that can't be redriven before another; not found; what the stores say.
pub async fn plan(
    app: &App,
    action: Action,
    keys: &[Key],
    strict: bool,
    rate: Option<u32>,
) -> Result<JobPlan, OpsError> {
    let named = rows(app, keys).await?;
    let mut order: Vec<Queue> = Vec::new();
    let mut by_queue: HashMap<Queue, Vec<&DlqRow>> = HashMap::new();
    for row in named.iter().filter(|row| row.state.is_open()) {
        let queue = Queue::of(row);
        let of_queue = by_queue.entry(queue.clone()).or_default();
        if of_queue.is_empty() {
            order.push(queue);
        }
        of_queue.push(row);
    }
    let mut changes = Vec::new();
    let mut streams = Vec::new();
    for queue in order {
        let open = open_of(app, &queue, QUEUE_MAX).await?;
        let Some(work) = of_queue(action, &queue, &open, &by_queue[&queue], strict)? else { continue };
        let mut touched: Vec<Key> = work.discard.iter().map(|seen| seen.key).collect();
        let behind = open.iter().map(|seen| seen.key).filter(|key| work.ends.contains_key(key));
        let given_up: HashSet<Key> = touched.iter().copied().collect();
        touched.extend(behind.filter(|key| !given_up.contains(key)));
        for row in rows(app, &touched).await? {
            let to = work.ends[&row.key];
            let mut after = After { letter: row.body.clone(), outlook: None };
            after.letter.state = to.word();
            if to == LetterState::Redriven && is_own_fault(&row.body.code) {
                after.outlook = Some(format!("fails again: {} is the message's own fault", row.body.code));
            }
            changes.push(PlanChange {
                kind: "letter".into(),
                id: Some(row.body.id.to_string()),
                before: raw_of(&row.body),
                after: raw_of(&after),
            });
        }
        streams.push(StreamWork {
            queue,
            head: work.head,
            discard: work.discard,
            letters: touched.len() as i64,
        });
    }
    let total = streams.iter().map(|work| work.letters).sum();
    let spec = LettersSpec { streams };
    let spec = match action {
        Action::Redrive => JobSpec::Redrive(spec),
        Action::Discard => JobSpec::Discard(spec),
    };
    Ok(JobPlan { plan: Plan::new(action.command(), changes), spec, total: Some(total), rate })
}

/// A letter as it would be.
#[derive(Serialize)]
struct After {
    #[serde(flatten)]
    letter: DlqBody,
    /// What is to be expected of it, where that is known before.
    #[serde(skip_serializing_if = "Option::is_none")]
    outlook: Option<String>,
}

/// The codes of messages that can't be read, whatever else is mended: what they say does not change.
pub const OWN_FAULTS: &[&str] = &["BAD_JSON", "UNKNOWN_TYPE", "TOO_LARGE", "BAD_AMOUNT"];

/// Says whether a letter with this code fails however often it is tried.
#[must_use]
pub fn is_own_fault(code: &str) -> bool {
    OWN_FAULTS.contains(&code)
}

struct QueueWork {
    head: Option<Seen>,
    discard: Vec<Seen>,
    ends: HashMap<Key, LetterState>,
}

fn of_queue(
    action: Action,
    queue: &Queue,
    open: &[Seen],
    named: &[&DlqRow],
    strict: bool,
) -> Result<Option<QueueWork>, OpsError> {
    let chosen: HashSet<Key> = named.iter().map(|row| row.key).collect();
    let Some(first) = open.first() else { return Ok(None) };
    match action {
        Action::Redrive if chosen.contains(&first.key) => {
            let ends = open.iter().map(|seen| (seen.key, LetterState::Redriven)).collect();
            Ok(Some(QueueWork { head: Some(*first), discard: Vec::new(), ends }))
        }
        Action::Redrive if strict => {
            let waits =
                open.iter().find(|seen| chosen.contains(&seen.key)).map_or(first.key, |seen| seen.key);
            Err(OpsError::Invalid(format!(
                "letter {} of {} waits behind {}: redrive that one, and this one follows",
                waits.id(),
                queue.stream(),
                first.key.id()
            )))
        }
        Action::Redrive => Ok(None),
        Action::Discard => {
            let discard: Vec<Seen> = named.iter().filter_map(|row| Seen::of(row)).collect();
            let mut ends: HashMap<Key, LetterState> =
                discard.iter().map(|seen| (seen.key, LetterState::Discarded)).collect();
            // What is left is tried from its head on, if nothing dead stands there.
            let left: Vec<&Seen> = open.iter().filter(|seen| !chosen.contains(&seen.key)).collect();
            if left.first().is_some_and(|seen| seen.waits) {
                let tried = left.iter().take_while(|seen| seen.waits);
                ends.extend(tried.map(|seen| (seen.key, LetterState::Redriven)));
            }
            Ok(Some(QueueWork { head: None, discard, ends }))
        }
    }
}
