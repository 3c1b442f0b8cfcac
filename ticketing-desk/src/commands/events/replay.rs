//! `ticketctl events replay`.

use super::chosen::ChoiceArgs;
use crate::commands::bulk::{self, Bulk, BulkArgs};
use crate::commands::change;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::adapters::carriers::{CATALOG_EVENTS, Carrier, CarrierError, TICKET_EVENTS, Watermarks};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::jobs::{JobPlan, TopicPart};
use ticketing_core::ops::republish;
use ticketing_core::ops::time_range::LogRange;
use ticketing_core::store::views::fold::TICKETS;

/// Fold events into a projection once more, from the log or from the broker
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Rows take only what comes next for them, so this repairs what is missing, leaves the rest as it \
                        is, and has no other effect: nothing is charged, sent or published. To make a projection anew: \
                        ticketctl projection rebuild. Ranges: positions 100..200, both in it (with --from-carrier, \
                        offsets of each partition), or times, as -48h..-24h.\n\n\
                        Examples:\n  ticketctl events replay --range 100..200 --to-projection tickets --dry-run\n  \
                        ticketctl events replay --range -1h.. --to-projection tickets --yes\n  \
                        ticketctl events replay --range -1h.. --to-projection tickets --from-carrier --yes"
)]
pub struct Args {
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Into this projection
    #[arg(long, value_name = "NAME", default_value = TICKETS)]
    to_projection: String,
    /// Read the broker's topics instead of the log
    #[arg(long)]
    from_carrier: bool,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Folds the events.
///
/// # Errors
/// A usage error for a range that is none; no broker; as the job ends.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A replay changes nothing the second time.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let actor = session::actor(desk, &args.change)?;
        let planned = match args.from_carrier {
            true => from_carrier(args, session).await?,
            false => {
                let choice = args.choice.choice(session).await?;
                republish::plan_replay(&session.app, &args.to_projection, &choice, args.bulk.rate).await?
            }
        };
        let count = planned.plan.affected as u64;
        let ending = if count == 1 { "" } else { "s" };
        let title = format!("Fold {} event{ending} into {} once more", grouped(count), args.to_projection);
        let work = Bulk { title, args: &args.change, detach: args.bulk.detach, actor: &actor };
        bulk::start(session, printer, work, planned).await
    })
}

async fn from_carrier(args: &Args, session: &Session) -> Result<JobPlan, Failure> {
    if args.choice.is_narrowed() {
        return Err(Failure::usage("--type, --stream and --limit choose from the log.")
            .hint("leave them out, or leave out --from-carrier"));
    }
    let range = args.choice.range(session)?;
    let carrier = bulk::carrier(&session.settings)?.ok_or_else(|| {
        Failure::refused("There is no broker to read from.")
            .code("NO_BROKER")
            .why("Neither KAFKA_BROKERS nor NATS_URL is set: the bus is the log itself.")
            .hint("leave out --from-carrier")
    })?;
    let parts = parts(&carrier, range).await?;
    Ok(republish::plan_replay_from(
        &args.to_projection,
        carrier.word(),
        carrier.shares_offsets(),
        parts,
        args.bulk.rate,
    )?)
}

/// Returns the stretch of each partition, the catalogue's first: tickets need the rows of what they are of.
async fn parts(carrier: &Carrier, range: LogRange) -> Result<Vec<TopicPart>, CarrierError> {
    let topics = [CATALOG_EVENTS, TICKET_EVENTS];
    let mut parts: Vec<TopicPart> = carrier.watermarks(&topics).await?.into_iter().map(whole).collect();
    match range {
        LogRange::Positions(from, to) => {
            for part in &mut parts {
                part.from = part.from.max(from.unwrap_or(0));
                part.to = part.to.min(to.map_or(i64::MAX, |to| to.saturating_add(1)));
            }
        }
        LogRange::Times((from, to)) => {
            for (at, is_end) in [(from, false), (to, true)] {
                let Some(at) = at else { continue };
                cut(carrier, &topics, &mut parts, at, is_end).await?;
            }
        }
    }
    let rank = |part: &TopicPart| topics.iter().position(|topic| *topic == part.topic);
    parts.sort_by_key(|part| (rank(part), part.partition));
    Ok(parts)
}

fn whole(marks: Watermarks) -> TopicPart {
    TopicPart { topic: marks.topic, partition: marks.partition, from: marks.low, to: marks.high }
}

async fn cut(
    carrier: &Carrier,
    topics: &[&str],
    parts: &mut [TopicPart],
    at: Timestamp,
    is_end: bool,
) -> Result<(), CarrierError> {
    for cursor in carrier.offsets_at(topics, at).await? {
        let is_it = |part: &&mut TopicPart| part.topic == cursor.topic && part.partition == cursor.partition;
        if let Some(part) = parts.iter_mut().find(is_it) {
            match is_end {
                true => part.to = part.to.min(cursor.next_offset),
                false => part.from = part.from.max(cursor.next_offset),
            }
        }
    }
    Ok(())
}
