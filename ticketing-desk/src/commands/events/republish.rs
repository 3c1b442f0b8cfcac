//! `ticketctl events republish`.

use super::chosen::ChoiceArgs;
use crate::commands::bulk::{self, Bulk, BulkArgs};
use crate::commands::change;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Printer, grouped};
use crate::session::{self, Opening};
use std::time::Duration;
use ticketing_core::ops::republish;

/// Publish events of the log to the broker once more
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Each has its own ce_id again, so that consumers that have seen it drop it, and a header `replayed` \
                        with the job's id. Ranges: positions 100..200, both in it, or times, as -48h..-24h.\n\n\
                        Examples:\n  ticketctl events republish --range 100..200 --dry-run\n  \
                        ticketctl events republish --range -1h.. --type TicketConfirmed --rate 100 --yes\n  \
                        ticketctl events republish --range 1.. --stream 0192a8c4-0000-7000-8000-000000000001 --yes"
)]
pub struct Args {
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// How long the broker may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes the events.
///
/// # Errors
/// A usage error for a range that is none; no broker; as the job ends.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "What is published once more is marked with its job's id.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let actor = session::actor(desk, &args.change)?;
        let choice = args.choice.choice(session).await?;
        let carrier = bulk::carrier(&session.settings)?;
        if carrier.is_none() && !args.change.dry_run {
            return Err(Failure::refused("There is no broker to publish to.")
                .code("NO_BROKER")
                .why(
                    "Neither KAFKA_BROKERS nor NATS_URL is set: the bus is the log itself. Nothing was done.",
                )
                .hint("to fold events again: ticketctl events replay --range A..B --to-projection tickets"));
        }
        let planned = republish::plan_republish(&session.app, &choice, args.bulk.rate).await?;
        // With nothing to publish, nobody asks the broker. A server that does it later asks its own.
        if let Some(carrier) =
            carrier.filter(|_| !args.change.dry_run && !args.bulk.detach && planned.plan.affected > 0)
        {
            carrier.ping(PING_TIMEOUT).await?;
        }
        let count = planned.plan.affected as u64;
        let ending = if count == 1 { "" } else { "s" };
        let title = format!("Publish {} event{ending} once more", grouped(count));
        let work = Bulk { title, args: &args.change, detach: args.bulk.detach, actor: &actor };
        bulk::start(session, printer, work, planned).await
    })
}
