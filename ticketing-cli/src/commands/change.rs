//! What changes of bookings have in common: the key that makes them once, the gate, the work, the answer.

use super::booking::view;
use super::ids::Ids;
use super::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::progress::Progress;
use crate::session::Session;
use ticketing_core::engine::IdempotencyKey;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::bookings::{self, BookingPlan};
use ticketing_core::ops::replay;

/// More changes than this are worth a progress bar.
const QUIET_CHANGES_MAX: usize = 100;

/// What became of the idempotency key.
#[derive(Clone, Debug)]
pub enum Key {
    /// The command was done before; this was its answer, as JSON.
    Answered(String),
    /// It was not, or there is no key.
    New(Option<IdempotencyKey>),
}

/// Looks whether the command was done before with its key. `command` is its canonical text.
///
/// # Errors
/// A conflict if the key stands for another command; what the store says.
pub async fn first_answer(
    session: &Session,
    actor: &Actor,
    args: &ChangeArgs,
    command: &str,
    status: u16,
) -> Result<Key, Failure> {
    let Some(key) = &args.idempotency_key else { return Ok(Key::New(None)) };
    let key = replay::key(&actor.name, key, command, status);
    Ok(match replay::stored(&session.app, &key).await? {
        Some(body) => Key::Answered(body),
        None => Key::New(Some(key)),
    })
}

/// Prints the first answer of a command that was done before.
///
/// # Errors
/// Fails if it can't be written.
pub fn print_replay(printer: &mut Printer, body: &str) -> Result<(), Failure> {
    printer.note("Done before with this key; this was the answer.");
    printer.object(&node(body)?, view::ANSWER)
}

/// Refuses a key where the command is not one that can be told apart by it.
///
/// # Errors
/// A usage error that says why.
pub fn refuse_key(args: &ChangeArgs, why: &str) -> Result<(), Failure> {
    match args.idempotency_key {
        None => Ok(()),
        Some(_) => Err(Failure::usage("--idempotency-key can't be used here.").why(why).hint("leave it out")),
    }
}

/// Shows a plan to whoever must agree, does it, and prints the bookings as they are then.
///
/// `verb` is what is done to them: "Cancel".
///
/// # Errors
/// As the gate refuses; as the change fails.
pub async fn carry_out(
    session: &Session,
    printer: &mut Printer,
    work: Work<'_>,
    planned: BookingPlan,
) -> Result<(), Failure> {
    let Work { verb, severity, ids, args, actor, key } = work;
    let count = planned.plan.affected;
    let noun = if count == 1 { "booking" } else { "bookings" };
    let title = format!("{verb} {} {noun}", grouped(count as u64));
    let change = Change { title: title.clone(), severity, plan: Plan::of(&planned.plan)?, protected: None };
    if gate(printer, &change, args)? == Gate::Stop {
        return Ok(());
    }
    let mut progress = (count > QUIET_CHANGES_MAX)
        .then(|| Progress::start(printer.progress_style(), &title, Some(count as u64)));
    session.doing.say("Nothing was done.");
    let doing = session.doing.clone();
    let mut report = |done: u64, of: u64| {
        doing.say(format!("{} of {} were done.", grouped(done), grouped(of)));
        if let Some(progress) = &mut progress {
            progress.set(done);
        }
    };
    let execute = bookings::execute(&session.app, planned, actor, key, &mut report);
    let done = match count {
        1 => session.changed(args.idempotency_key.as_deref(), execute).await,
        _ => execute.await.map_err(Failure::from),
    };
    let done = match done {
        Ok(done) => done,
        Err(failure) => {
            // Some may have been done: whoever looks next is to see them.
            // If that fails too, there is one failure to tell of, and the first is the cause.
            let _ = session.catch_up().await;
            return Err(failure);
        }
    };
    drop(progress);
    session.reach(printer, done.position).await;
    let answers = done.done.iter().map(|answer| node(&answer.body)).collect::<Result<Vec<_>, _>>()?;
    match (ids, answers.as_slice()) {
        (Some(Ids { is_one: true, .. }), [one]) => printer.object(one, view::ANSWER),
        _ => printer.list(&view::ANSWERS, &answers, None),
    }
}

/// A change of bookings about to be made.
#[derive(Debug)]
pub struct Work<'a> {
    /// What is done to them, as an order: "Cancel".
    pub verb: &'a str,
    /// How careful to be.
    pub severity: Severity,
    /// The ids as they were given, if they were.
    pub ids: Option<&'a Ids>,
    /// The flags.
    pub args: &'a ChangeArgs,
    /// Who makes it.
    pub actor: &'a Actor,
    /// Its key.
    pub key: Option<IdempotencyKey>,
}
