//! `ticketctl group seek`.

use super::state::{LAG, parse_group, rows};
use crate::commands::bulk;
use crate::commands::change;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::errors;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer};
use crate::session::{self, Opening, Session};
use ticketing_core::adapters::carriers::Carrier;
use ticketing_core::ops::groups::{self, Group, PartitionLag};
use ticketing_core::ops::time_range::Moment;

/// Move a group's place in a topic: back, to read messages again, or forward, to leave some out
#[derive(clap::Args, Debug)]
#[command(
    after_help = "What is read again does nothing twice: messages are known by their ids, and rows take only what \
                        is newer. What is left out payments never reads. The projector gets \
                        it all the same: it closes the gap from the event log after 2 s, and of what comes again it \
                        drops what it knows, so seeking does not repair its rows; ticketctl events replay and \
                        ticketctl projection rebuild do. A group that has gone on meanwhile keeps its place, and \
                        nothing is moved (exit 5).\n\n\
                        Examples:\n  ticketctl group seek payments --topic payment-events --to -1h --dry-run\n  \
                        ticketctl group seek payments --topic payment-events --partition 3 --to 1200 --yes\n  \
                        ticketctl group seek projector --topic ticket-events --to earliest --yes"
)]
pub struct Args {
    /// Which group
    #[arg(value_name = "GROUP", value_parser = parse_group)]
    group: Group,
    /// In which topic
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// In which partition; all without it
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// Where to: earliest, latest, an offset, or a time such as -1h
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    to: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Moves the group.
///
/// # Errors
/// No broker; a place that is none; the group has moved; what the broker and the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A group is moved from where it was looked at, or not at all.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        seek(args, desk, session, printer).await
    })
}

async fn seek(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let actor = session::actor(desk, &args.change)?;
    let Some(carrier) = bulk::carrier(&session.settings)? else {
        return Err(no_broker(args.group));
    };
    let mut chosen = rows(session, Some(&carrier), args.group).await?;
    let topics: Vec<String> = chosen.iter().map(|row| row.topic.clone()).collect();
    chosen.retain(|row| row.topic == args.topic && args.partition.is_none_or(|only| row.partition == only));
    if chosen.is_empty() {
        let mut topics = topics;
        topics.dedup();
        return Err(Failure::not_found(format!("The group {} reads nothing there.", args.group.name()))
            .code("PARTITION_NOT_FOUND")
            .why(format!("It reads {}.", topics.join(", ")))
            .hint(format!("ticketctl group lag {}", args.group.name())));
    }
    let offsets = offsets(&args.to, &carrier, &chosen, session).await?;
    let planned = groups::plan_seek(args.group, &chosen, &offsets)?;
    let title = format!("Move {} in {}", args.group.name(), args.topic);
    let change = Change { title, severity: Severity::Severe, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    groups::seek(&session.app, planned, &actor).await?;
    let mut after = rows(session, Some(&carrier), args.group).await?;
    after.retain(|row| chosen.iter().any(|it| it.topic == row.topic && it.partition == row.partition));
    printer.list(&LAG, &after, None)
}

/// The refusal where the topics are tables of the store: each reader has its own place there, which nobody moves.
fn no_broker(group: Group) -> Failure {
    let (reads, hint) = match group {
        Group::Projector => (
            "the projector reads the log itself",
            "ticketctl projection rebuild tickets, or ticketctl events replay --range A..B",
        ),
        Group::Payments => (
            "payments are read from the store's own topics, each message once",
            "ticketctl dlq list, and ticketctl dlq redrive ID for what could not be handled",
        ),
    };
    Failure::refused("There is no broker to seek in.")
        .code("NO_BROKER")
        .why(format!("Neither KAFKA_BROKERS nor NATS_URL is set: {reads}. Nothing was done."))
        .hint(hint)
}

/// Returns the offset that is meant in each partition.
async fn offsets(
    to: &str,
    carrier: &Carrier,
    rows: &[PartitionLag],
    session: &Session,
) -> Result<Vec<i64>, Failure> {
    let usage = |why: String| {
        Failure::usage(errors::sentence(&why)).hint("--to earliest, --to latest, --to 1200 or --to -1h")
    };
    match to {
        "earliest" => Ok(rows.iter().map(|row| row.low).collect()),
        "latest" => Ok(rows.iter().map(|row| row.high).collect()),
        _ if !to.is_empty() && to.bytes().all(|b| b.is_ascii_digit()) => {
            let offset: i64 = to.parse().map_err(|_| usage(format!("{to} is too large for an offset")))?;
            Ok(vec![offset; rows.len()])
        }
        _ => {
            let at = Moment::parse(to).map_err(usage)?.begins(session.app.clock.now());
            let topic = rows.first().map_or("", |row| row.topic.as_str());
            let found = carrier.offsets_at(&[topic], at).await?;
            let of = |row: &PartitionLag| {
                let cursor = found.iter().find(|cursor| cursor.partition == row.partition);
                cursor.map_or(row.high, |cursor| cursor.next_offset.clamp(row.low, row.high))
            };
            Ok(rows.iter().map(of).collect())
        }
    }
}
