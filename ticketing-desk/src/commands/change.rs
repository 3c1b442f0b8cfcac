//! What changes of bookings and of their money have in common: the key that makes them once, the gate, the work, the
//! answer.

use super::booking::view;
use super::ids::Ids;
use super::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::errors::WORLD_MOVED;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::progress::Progress;
use crate::session::Session;
use ticketing_core::engine::IdempotencyKey;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::bookings::{self, BookingPlan, Executed};
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
    printer.replays();
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

/// Shows a plan to whoever must agree, does it, and prints the bookings as they are then. If the world has
/// moved meanwhile, nothing is done, and the plan that `make_plan` then makes is printed.
///
/// # Errors
/// As the plan can't be made; as the gate refuses; as the change fails.
pub async fn carry_out(
    session: &Session,
    printer: &mut Printer,
    work: Work<'_>,
    make_plan: impl AsyncFn() -> Result<BookingPlan, Failure>,
) -> Result<(), Failure> {
    let ids = work.ids;
    let Some(done) = carry_out_on("booking", session, printer, work, make_plan).await? else {
        return Ok(());
    };
    let answers = done.done.iter().map(|answer| node(&answer.body)).collect::<Result<Vec<_>, _>>()?;
    match (ids, answers.as_slice()) {
        (Some(Ids { is_one: true, .. }), [one]) => printer.object(one, view::ANSWER),
        _ => printer.list(&view::ANSWERS, &answers, None),
    }
}

/// Does the same to what is called `noun`, and leaves it to the caller to print what came of it: `None` if nothing was
/// to be done.
///
/// # Errors
/// As [`carry_out`].
pub async fn carry_out_on(
    noun: &str,
    session: &Session,
    printer: &mut Printer,
    work: Work<'_>,
    make_plan: impl AsyncFn() -> Result<BookingPlan, Failure>,
) -> Result<Option<Executed>, Failure> {
    let planned = make_plan().await?;
    let Work { verb, severity, ids: _, args, actor, key } = work;
    let count = planned.plan.affected;
    let ending = if count == 1 { "" } else { "s" };
    let title = format!("{verb} {} {noun}{ending}", grouped(count as u64));
    let change = Change { title: title.clone(), severity, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, args)? == Gate::Stop {
        return Ok(None);
    }
    let mut progress = (count > QUIET_CHANGES_MAX)
        .then(|| Progress::start(printer.progress_style(), &title, Some(count as u64)));
    session.doing.say("It may have happened; ticketctl audit list --limit 1 tells.");
    let doing = session.doing.clone();
    let mut report = |done: u64, of: u64| {
        doing.say(told(done, of));
        if let Some(progress) = &mut progress {
            progress.set(done);
        }
    };
    // Of many, those at hand are finished after a signal; one is as quickly waited for as given up.
    let stop = (count > 1).then(|| session.doing.stops_gently());
    let is_stopped = || stop.as_ref().is_some_and(|stop| *stop.borrow());
    let execute = bookings::execute_until(&session.app, planned, actor, key, &is_stopped, &mut report);
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
            drop(progress);
            if failure.code == WORLD_MOVED
                && let Ok(planned) = make_plan().await
            {
                printer.note("The plan is now:");
                printer.plan(&Plan::of(&planned.plan)?)?;
            }
            return Err(failure);
        }
    };
    drop(progress);
    session.reach(printer, done.position).await;
    Ok(Some(done))
}

/// Says what is done, what is left, and how to go on.
fn told(done: u64, of: u64) -> String {
    match of.saturating_sub(done) {
        0 => format!("All {} were done.", grouped(of)),
        left => format!(
            "{} of {} were done, {} are left. The same command again goes on with those.",
            grouped(done),
            grouped(of),
            grouped(left)
        ),
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

#[cfg(test)]
mod tests {
    use super::{Work, carry_out};
    use crate::confirm::Severity;
    use crate::failure::{Exit, Failure};
    use crate::globals::ChangeArgs;
    use crate::output::testing::screen;
    use crate::session::Session;
    use crate::session::testing::{riverton, tester};
    use std::cell::Cell;
    use ticketing_core::app::commands::new_booking_id;
    use ticketing_core::app::{App, Stores};
    use ticketing_core::domain::booking::command::Change as BookingChange;
    use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
    use ticketing_core::domain::id::OfferingId;
    use ticketing_core::domain::id::UserId;
    use ticketing_core::engine::EngineConfig;
    use ticketing_core::ops::{bookings, lists, people};
    use tokio::runtime::Handle;

    #[tokio::test]
    async fn if_the_world_moves_nothing_is_done_and_a_new_plan_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let app = &session.app;
        let departure = lists::departures(app, app.clock.now(), None).await.unwrap()[0].id;
        let person = || people::passenger("Ada", "ada@example.org", None).unwrap();
        let command = || seat_on(departure);
        let (args, actor) = (ChangeArgs::default(), tester());
        let work = || Work {
            verb: "Reserve",
            severity: Severity::Adds,
            ids: None,
            args: &args,
            actor: &actor,
            key: None,
        };
        let plans = Cell::new(0);
        let mut moved = screen(&["-ojson"], false);
        let outcome = carry_out(&session, &mut moved.printer, work(), async || {
            plans.set(plans.get() + 1);
            let plan = bookings::plan_reserve(app, "booking reserve", command(), person()).await?;
            if plans.get() == 1 {
                // Between the plan and its execution somebody else takes the seat that it picked.
                let other = bookings::plan_reserve(app, "booking reserve", command(), person()).await?;
                bookings::execute(app, other, &actor, None, &mut |_, _| ()).await?;
            }
            Ok(plan)
        })
        .await
        .unwrap_err();
        assert_eq!((outcome.exit, outcome.code.as_str(), plans.get()), (Exit::Conflict, "WORLD_MOVED", 2));
        let plan: serde_json::Value = serde_json::from_str(&moved.out()).unwrap();
        assert_eq!(plan["changes"][0]["after"]["seatNumber"], "D1");
        assert_eq!(lists::bookings(app, None).await.unwrap().len(), 1);

        let mut done = screen(&["-oname"], false);
        carry_out(&session, &mut done.printer, work(), async || {
            Ok(bookings::plan_reserve(app, "booking reserve", command(), person()).await?)
        })
        .await
        .unwrap();
        assert_eq!(done.out().lines().count(), 1);
    }

    fn seat_on(departure: OfferingId) -> Reserve {
        Reserve {
            booking_id: new_booking_id(),
            offering_id: departure,
            route_id: None,
            user_id: UserId("ada".into()),
            seats: SeatChoice::Any(1),
            from_stop: None,
            to_stop: None,
            expected_price: None,
            hold_seconds: 600,
            kind: HoldKind::Reserve,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn if_the_store_goes_away_on_the_way_it_is_said_how_many_are_done_and_the_same_again_does_the_rest()
    {
        const COUNT: usize = 300;
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let (app, actor) = (&session.app, tester());
        let mut ids = Vec::new();
        for departure in lists::departures(app, app.clock.now(), None).await.unwrap() {
            while ids.len() < COUNT {
                let command = seat_on(departure.id);
                let id = command.booking_id;
                let person = people::passenger("Ada", "ada@example.org", None).unwrap();
                let Ok(plan) = bookings::plan_reserve(app, "booking reserve", command, person).await else {
                    break;
                };
                bookings::execute(app, plan, &actor, None, &mut |_, _| ()).await.unwrap();
                ids.push(id);
            }
        }
        assert_eq!(ids.len(), COUNT);
        let cancel = BookingChange::Cancel { reason: None };
        let plan = bookings::plan_change(app, "booking cancel", &ids, &cancel).await.unwrap();
        let write = app.stores.write.clone();
        let mut go_away = |_: u64, _: u64| {
            tokio::task::block_in_place(|| Handle::current().block_on(write.close()));
        };
        let error = bookings::execute(app, plan, &actor, None, &mut go_away).await.unwrap_err();
        let failure = Failure::from(error);
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Partial, "PARTLY_DONE"), "{failure:?}");
        assert!(failure.message.starts_with("256 of 300 were done, "), "{failure:?}");
        assert!(failure.retryable && failure.hint.is_some_and(|hint| hint.contains("same command again")));

        // Another process, after the store has come back: the same ids, and only what is left is done.
        let again = reopened(&session).await;
        let plan = bookings::plan_change(&again, "booking cancel", &ids, &cancel).await.unwrap();
        assert_eq!(plan.plan.affected, COUNT - 256);
        bookings::execute(&again, plan, &actor, None, &mut |_, _| ()).await.unwrap();
        let one = bookings::plan_change(&again, "booking cancel", &ids[..1], &cancel).await;
        assert!(one.is_err(), "one that was named alone says what it is");
    }

    async fn reopened(session: &Session) -> App {
        let stores = Stores::open(&session.stores).await.unwrap();
        App::start(stores, session.app.clock.clone(), EngineConfig::default(), |_| ()).0
    }
}
