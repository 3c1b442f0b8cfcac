//! `ticketctl events publish`.

use crate::commands::{bulk, change};
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::{Desk, STDIN};
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Column, Plan, Printer, grouped};
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use serde::Serialize;
use std::io::{BufRead, BufReader};
use std::time::Duration;
use ticketing_core::adapters::carriers::{CONSUMED, Carrier, Outgoing};
use ticketing_core::ops::OpsError;
use ticketing_core::ops::audit::{Actor, audited};
use ticketing_core::ops::topics::{self, MESSAGE_BYTES_MAX, MESSAGES_MAX, NewMessage};
use ticketing_core::store::inbound;
use ticketing_core::worker::inbound::EMBEDDED;

/// Publish messages to a topic that payment services tell on
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Each line is a message, a JSON object. Topics: payment-events (PaymentSucceeded, PaymentFailed, PaymentRefunded) and\n\
                        wallet-events (WalletDebited, WalletDebitFailed, WalletRefunded). They go to the broker that is set\n\
                        (KAFKA_BROKERS, NATS_URL), else to the embedded topics, and are read where PAYMENT_PROVIDER=external.\n\n\
                        Examples:\n  echo '{\"type\":\"PaymentSucceeded\",\"bookingId\":\"0192a8c4-…\",\"paymentId\":\"p-1\"}' |\n      \
                        ticketctl events publish payment-events -\n  \
                        ticketctl events publish wallet-events refunds.jsonl --type WalletRefunded --dry-run"
)]
pub struct Args {
    /// The topic
    #[arg(value_name = "TOPIC", value_parser = CONSUMED.to_vec())]
    topic: String,
    /// A file with a message a line; `-` reads stdin
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: String,
    /// The key of all of them; else each one's bookingId
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// What they are, if their bodies don't say: the header ce_type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Also what is no JSON object, to rehearse dead letters
    #[arg(long)]
    as_is: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// How long the broker may take for each message that it has not acknowledged yet.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);

/// What was published.
#[derive(Serialize)]
struct Published {
    topic: String,
    carrier: &'static str,
    messages: usize,
}

const PUBLISHED: &[Column] = &[
    Column::text("Topic", "topic"),
    Column::text("Carrier", "carrier"),
    Column::number("Messages", "messages"),
];

/// Publishes the messages.
///
/// # Errors
/// A file that can't be read; a broker or store that takes nothing.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A message is known by the id that it is given.")?;
    let messages: Vec<NewMessage> = read(args, desk)?
        .into_iter()
        .map(|line| topics::message(args.key.clone(), args.event_type.clone(), line))
        .collect();
    let (settings, _) = session::configured(desk)?;
    // None for the embedded topics.
    let carrier = bulk::carrier(&settings)?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let actor = session::actor(desk, &args.change)?;
        let planned = topics::plan(&args.topic, &messages);
        let count = grouped(messages.len() as u64);
        let title = format!("Publish {count} message{}", if messages.len() == 1 { "" } else { "s" });
        let plan = Plan::of(&planned)?;
        let change = Change { title: title.clone(), severity: Severity::Adds, plan };
        if messages.is_empty() && !args.change.dry_run {
            printer.note("Nothing to publish.");
        } else if gate(printer, &change, &args.change)? == Gate::Stop {
            return Ok(());
        }
        let mut progress = Progress::start(printer.progress_style(), &title, Some(messages.len() as u64));
        publish(session, carrier.as_ref(), args, &messages, &planned, &actor, &mut progress).await?;
        drop(progress);
        let carrier = carrier.as_ref().map_or(EMBEDDED, Carrier::word);
        let published = Published { topic: args.topic.clone(), carrier, messages: messages.len() };
        printer.object(&published, PUBLISHED)
    })
}

async fn publish(
    session: &Session,
    carrier: Option<&Carrier>,
    args: &Args,
    messages: &[NewMessage],
    plan: &ticketing_core::ops::Plan,
    actor: &Actor,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let app = &session.app;
    let said = |done: usize| session.doing.say(format!("{} were published.", grouped(done as u64)));
    said(0);
    let Some(carrier) = carrier else {
        let db = &app.stores.write;
        return Ok(audited(app, actor, plan, async {
            for (done, m) in (1..).zip(messages) {
                let (key, now) = (m.key.clone(), app.clock.now());
                inbound::append(db, &args.topic, key, &m.headers, m.body.as_bytes(), now).await?;
                progress.set(done as u64);
                said(done);
            }
            Ok(())
        })
        .await?);
    };
    // A broker's fault is no fault of the stores: the row says that it failed, the command in its own words.
    let mut fault = None;
    let outcome = audited(app, actor, plan, async {
        let sent = to_broker(carrier, args, messages, |done| {
            progress.set(done as u64);
            said(done);
        });
        sent.await.map_err(|failure| {
            let message = failure.message.clone();
            fault = Some(failure);
            OpsError::Invalid(message)
        })
    })
    .await;
    match fault {
        Some(failure) => Err(failure),
        None => Ok(outcome?),
    }
}

async fn to_broker(
    carrier: &Carrier,
    args: &Args,
    messages: &[NewMessage],
    mut told: impl FnMut(usize),
) -> Result<(), Failure> {
    carrier.prepare().await?;
    let mut publisher = carrier.publisher().await?;
    for (ticket, m) in (1..).zip(messages) {
        let header = |name: &str| m.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let id = header("ce_id").unwrap_or_default();
        let event_type = header("ce_type").map(|value| ("ce_type", value));
        let record = Outgoing {
            topic: args.topic.clone(),
            key: m.key.clone().unwrap_or_else(|| id.clone()),
            message_id: id.clone(),
            headers: [("ce_id", id)].into_iter().chain(event_type).collect(),
            body: m.body.clone(),
        };
        publisher.send(ticket, record).await?;
    }
    let last = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    loop {
        let acknowledged = publisher.acknowledged();
        told(usize::try_from(acknowledged).unwrap_or(0));
        if acknowledged >= last {
            return Ok(());
        }
        let more = publisher.acknowledged_beyond(acknowledged);
        tokio::time::timeout(ACKNOWLEDGED_WITHIN, more).await.map_err(|_| {
            Failure::unreachable(format!("{} at {} acknowledges nothing.", carrier.word(), carrier.address()))
                .why(format!("{acknowledged} of {last} messages are there; the others may be, too."))
                .hint("what is published twice with the same ids counts once; ids are made anew each time")
        })??;
    }
}

/// Reads the lines of a file; empty ones are left out.
fn read(args: &Args, desk: &Desk) -> Result<Vec<String>, Failure> {
    let name = args.file.as_str();
    let cannot = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Failure::not_found(format!("There is no file {name}."))
                .code("FILE_NOT_FOUND")
                .hint("check the path");
        }
        Failure::error(format!("The file {name} can't be read.")).code("FILE").why(format!("{error}."))
    };
    let source = desk.source(name).map_err(cannot)?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(source).lines()) {
        let line = line.map_err(cannot)?;
        if line.len() > MESSAGE_BYTES_MAX {
            let most = MESSAGE_BYTES_MAX >> 10;
            return Err(Failure::usage(format!("Line {number} of {name} is longer than {most} KiB.")));
        }
        if !line.trim().is_empty() {
            if !args.as_is {
                check_json(&line, number, name)?;
            }
            lines.push(line);
        }
        if lines.len() > MESSAGES_MAX {
            let most = grouped(MESSAGES_MAX as u64);
            return Err(
                Failure::usage(format!("{name} has more than {most} lines.")).hint("publish it in parts")
            );
        }
    }
    Ok(lines)
}

/// Refuses a line that whoever reads the topic could only keep as a dead letter.
fn check_json(line: &str, number: usize, name: &str) -> Result<(), Failure> {
    let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line) else {
        return Ok(());
    };
    let name = if name == STDIN { "stdin" } else { name };
    Err(Failure::usage(format!("Line {number} of {name} is no JSON object."))
        .code("BAD_JSON")
        .why(format!("{error}. Nothing was published."))
        .hint("correct the line; --as-is publishes it all the same, and it becomes a dead letter"))
}
