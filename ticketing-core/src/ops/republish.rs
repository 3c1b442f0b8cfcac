//! Which events of the log would be published or folded once more, counted by type before anything is done.

use super::jobs::{JobPlan, JobSpec, ReplaySource, ReplaySpec, RepublishSpec, TopicPart};
use super::plan::raw_of;
use super::time_range::LogRange;
use super::{OpsError, Plan, PlanChange, lists};
use crate::app::{App, AppError};
use crate::domain::time::Timestamp;
use crate::store::events;
use crate::store::views::fold;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Events that are counted at once.
const PAGE: i64 = 2_000;
/// Clocks of several servers may differ: around a time's place in the log so many seconds are looked at.
const CLOCK_SLACK_SECONDS: i64 = 60;

/// Which events are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Where in the log.
    pub range: LogRange,
    /// Only these types; all, if there are none.
    pub types: Vec<String>,
    /// Only this stream.
    pub stream: Option<Uuid>,
    /// So many at most.
    pub limit: Option<u64>,
}

/// The events of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfType {
    events: u64,
    first_position: i64,
    first_time: Timestamp,
    last_position: i64,
    last_time: Timestamp,
}

/// Plans to publish events once more, so many a second at most.
///
/// # Errors
/// What the store says.
pub async fn plan_republish(app: &App, choice: &Choice, rate: Option<u32>) -> Result<JobPlan, OpsError> {
    let head = events::head(&app.stores.write).await?;
    let spec = spec_of(app, choice, head).await?;
    let (plan, total) = counted(app, "events republish", &spec).await?;
    Ok(JobPlan { plan, spec: JobSpec::Republish(spec), total: Some(total), rate })
}

/// Plans to fold events of the log into a projection once more; none beyond where the projection is.
///
/// # Errors
/// [`AppError::NotFound`] for a projection that there is not; what the stores say.
pub async fn plan_replay(
    app: &App,
    projection: &str,
    choice: &Choice,
    rate: Option<u32>,
) -> Result<JobPlan, OpsError> {
    check_projection(projection)?;
    let cursor = fold::cursor(&app.stores.read).await?;
    let log = spec_of(app, choice, cursor).await?;
    let (plan, total) = counted(app, "events replay", &log).await?;
    let spec = ReplaySpec { projection: projection.to_owned(), source: ReplaySource::Log(log) };
    Ok(JobPlan { plan, spec: JobSpec::Replay(spec), total: Some(total), rate })
}

/// Plans to fold what stands on the broker's topics into a projection once more. With `shares_offsets` the topics count
/// their messages together.
///
/// # Errors
/// [`AppError::NotFound`] for a projection that there is not.
pub fn plan_replay_from(
    projection: &str,
    carrier: &str,
    shares_offsets: bool,
    parts: Vec<TopicPart>,
    rate: Option<u32>,
) -> Result<JobPlan, OpsError> {
    check_projection(projection)?;
    let parts: Vec<TopicPart> = parts.into_iter().filter(|part| part.from < part.to).collect();
    let changes = parts.iter().map(|part| PlanChange {
        kind: "messages".into(),
        id: Some(format!("{}/{}", part.topic, part.partition)),
        before: None,
        after: raw_of(part),
    });
    let total = match shares_offsets {
        // Each offset is a message of one topic or the other.
        true => {
            let from = parts.iter().map(|part| part.from).min().unwrap_or(0);
            parts.iter().map(|part| part.to).max().unwrap_or(0) - from
        }
        false => parts.iter().map(|part| part.to - part.from).sum::<i64>(),
    };
    let mut plan = Plan::new("events replay", changes.collect());
    plan.affected = usize::try_from(total).unwrap_or(0);
    let source = ReplaySource::Carrier { carrier: carrier.to_owned(), parts };
    let spec = JobSpec::Replay(ReplaySpec { projection: projection.to_owned(), source });
    Ok(JobPlan { plan, spec, total: Some(total), rate })
}

fn check_projection(name: &str) -> Result<(), OpsError> {
    if name == fold::TICKETS {
        return Ok(());
    }
    Err(AppError::NotFound { what: "projection", id: name.to_owned() }.into())
}

async fn spec_of(app: &App, choice: &Choice, end: i64) -> Result<RepublishSpec, OpsError> {
    let slack = |at: Timestamp, sign: i64| at.plus_seconds(sign * CLOCK_SLACK_SECONDS);
    let (after, to, from_time, to_time) = match choice.range {
        LogRange::Positions(from, to) => {
            (from.unwrap_or(1).saturating_sub(1).max(0), to.unwrap_or(end), None, None)
        }
        LogRange::Times((from, to)) => {
            let after = match from {
                Some(from) => lists::position_before(app, slack(from, -1)).await?,
                None => 0,
            };
            let until = match to {
                Some(to) => lists::position_before(app, slack(to, 1)).await?,
                None => end,
            };
            (after, until, from, to)
        }
    };
    Ok(RepublishSpec {
        after: after.min(end),
        to: to.min(end),
        from_time,
        to_time,
        types: choice.types.clone(),
        stream: choice.stream,
        limit: choice.limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)),
    })
}

async fn counted(app: &App, action: &str, spec: &RepublishSpec) -> Result<(Plan, i64), OpsError> {
    let mut by_type: BTreeMap<String, OfType> = BTreeMap::new();
    let (mut position, mut total) = (spec.after, 0_i64);
    'log: while position < spec.to {
        let page = events::raw_after(&app.stores.write, position, PAGE.min(spec.to - position)).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            position = entry.position;
            if !spec.has(&entry) {
                continue;
            }
            if spec.limit.is_some_and(|limit| total >= limit) {
                break 'log;
            }
            total += 1;
            let (at, time) = (entry.position, entry.recorded_at);
            let first = OfType {
                events: 0,
                first_position: at,
                first_time: time,
                last_position: at,
                last_time: time,
            };
            let of_type = by_type.entry(entry.event_type).or_insert(first);
            of_type.events += 1;
            (of_type.last_position, of_type.last_time) = (at, time);
        }
    }
    let changes = by_type.into_iter().map(|(name, of_type)| PlanChange {
        kind: "events".into(),
        id: Some(name),
        before: None,
        after: raw_of(&of_type),
    });
    let mut plan = Plan::new(action, changes.collect());
    plan.affected = usize::try_from(total).unwrap_or(0);
    Ok((plan, total))
}
