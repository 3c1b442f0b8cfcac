//! What rebuilding and going back have in common: the gate, the progress, what takes it back, the answer.

use super::view;
use crate::commands::change;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer};
use crate::progress::Progress;
use crate::session::{self, Session};
use ticketing_core::ops::projections::{self, SwapPlan};

/// Shows the plan to whoever must agree, does it, and prints the projection as it is then.
///
/// # Errors
/// As the plan can't be made; as the gate refuses; as the swap fails.
pub async fn carry_out(
    title: &str,
    plan: impl AsyncFnOnce() -> Result<SwapPlan, Failure>,
    args: &ChangeArgs,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    change::refuse_key(args, "It comes to the same, however often this is run.")?;
    let actor = session::actor(desk, args)?;
    let planned = plan().await?;
    let severity = Severity::Severe;
    let change = Change { title: title.to_owned(), severity, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, args)? == Gate::Stop {
        return Ok(());
    }
    let mut progress = Progress::start(printer.progress_style(), "loading", None);
    session.doing.say("The live tables are as they were.");
    session.doing.undo_with(planned.abandon(&session.app));
    let mut tell = |phase: &str, done, total| progress.report(phase, done, total);
    let outcome = projections::execute(&session.app, planned, &actor, &mut tell).await;
    session.doing.keep();
    drop(progress);
    printer.object(&outcome?, view::COLUMNS)
}
