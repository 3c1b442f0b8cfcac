//! What suspends accounts, lets them in again, and deletes them: `ticketctl user suspend`, `resume` and `delete`.

use super::view;
use crate::commands::change;
use crate::commands::ids::Ids;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening};
use ticketing_core::domain::account::AccountStatus;
use ticketing_core::ops::accounts;

/// Keep accounts out: they can't sign in, and their tokens are refused within a second
#[derive(clap::Args, Debug)]
#[command(after_help = "What they have booked stays. `ticketctl user resume` lets them in again.\n\n\
                        Examples:\n  ticketctl user suspend ada@example.org --reason 'chargebacks'\n  \
                        ticketctl user list --query 'email~spam.example' -o name \\\n      \
                        | ticketctl user suspend - --reason 'spam' --yes")]
pub struct Suspend {
    /// Ids, unique beginnings of them, e-mail addresses or user names; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Let accounts in again that were suspended
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl user resume ada@example.org --reason 'it was a mistake'\n  \
                        ticketctl user list --status suspended -o name | ticketctl user resume -")]
pub struct Resume {
    /// Ids, unique beginnings of them, e-mail addresses or user names; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Delete accounts for good: who they are of is erased everywhere, what they have booked stays
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Erased are the address, the names, the password, and who travels with the bookings. Open holds \
                        run out by themselves; cancel what is confirmed before, if the money is to go back.\n\n\
                        Examples:\n  ticketctl user delete ada@example.org --reason 'asked by mail' --dry-run\n  \
                        ticketctl user delete 0192a8c4 --reason 'asked by mail' --yes"
)]
pub struct Delete {
    /// Ids, unique beginnings of them, e-mail addresses or user names; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Suspends the accounts.
///
/// # Errors
/// Not found; what the store says.
pub fn suspend(args: &Suspend, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let work = Work { verb: "Suspend", action: "user suspend", to: AccountStatus::Suspended };
    run(&work, &args.ids, &args.change, desk, printer)
}

/// Lets the accounts in again.
///
/// # Errors
/// Not found; what the store says.
pub fn resume(args: &Resume, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let work = Work { verb: "Let in", action: "user resume", to: AccountStatus::Active };
    run(&work, &args.ids, &args.change, desk, printer)
}

/// Deletes the accounts.
///
/// # Errors
/// Not found; what the stores say.
pub fn delete(args: &Delete, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let work = Work { verb: "Delete for good", action: "user delete", to: AccountStatus::Deleted };
    run(&work, &args.ids, &args.change, desk, printer)
}

struct Work {
    verb: &'static str,
    action: &'static str,
    to: AccountStatus,
}

fn run(
    work: &Work,
    ids: &[String],
    change: &ChangeArgs,
    desk: &Desk,
    printer: &mut Printer,
) -> Result<(), Failure> {
    change::refuse_key(change, "An account stands so or not, however often this is run.")?;
    let ids = Ids::read(ids, desk)?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let app = &session.app;
        let actor = session::actor(desk, change)?;
        let found = ids.users(session).await?;
        let planned = accounts::plan_status(app, work.action, &found, work.to).await?;
        let count = planned.plan.affected;
        let ending = if count == 1 { "" } else { "s" };
        let title = format!("{} {} account{ending}", work.verb, grouped(count as u64));
        let severity = match work.to {
            AccountStatus::Active => Severity::Adds,
            AccountStatus::Suspended | AccountStatus::Deleted => Severity::TakesAway,
        };
        let shown = Change { title, severity, plan: Plan::of(&planned.plan)? };
        if gate(printer, &shown, change)? == Gate::Stop {
            return Ok(());
        }
        if work.to == AccountStatus::Deleted {
            // What they have booked is found by the read model.
            session.catch_up().await?;
        }
        session.doing.say("Some of the accounts may be changed; run it again to go on.");
        accounts::execute(app, planned, &actor, None).await?;
        let mut after = Vec::with_capacity(found.len());
        for id in &found {
            after.push(accounts::body(&accounts::one(app, *id).await?));
        }
        match after.as_slice() {
            [one] if ids.is_one => printer.object(one, view::DETAILS),
            _ => printer.list(&view::LIST, after.iter(), None),
        }
    })
}
