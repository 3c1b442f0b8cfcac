//! `ticketctl migrate up`.

use super::view;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening};
use crate::signals;
use ticketing_core::ops::audit::audited;
use ticketing_core::ops::{Plan as OpsPlan, PlanChange};

/// Make the stores if they are not there, and bring their schemas up to date
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Running it twice is harmless. It only adds.\n\nExamples:\n  ticketctl migrate up\n  \
                        ticketctl migrate up --database-url postgres://… --dry-run"
)]
pub struct Args {
    #[command(flatten)]
    change: ChangeArgs,
}

/// Applies what is pending.
///
/// # Errors
/// A newer schema; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let pending = view::read(desk)?;
    let pending: Vec<_> = pending.rows.into_iter().filter(|row| row.applied_at.is_none()).collect();
    let changes = pending.iter().map(|row| PlanChange {
        kind: "migration".into(),
        id: None,
        before: None,
        after: serde_json::value::to_raw_value(row).ok(),
    });
    let plan = OpsPlan::new("migrate up", changes.collect());
    let count = grouped(pending.len() as u64);
    let noun = if pending.len() == 1 { "migration" } else { "migrations" };
    let title = format!("Apply {count} {noun}");
    let change = Change { title, severity: Severity::Adds, plan: Plan::of(&plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session::run(desk, printer, Opening::MakeAndMigrate, async |session, _| {
        let actor = session::actor(desk, &args.change)?;
        Ok(audited(&session.app, &actor, &plan, async { Ok(()) }).await?)
    })?;
    let rows = signals::run_at(desk, view::status(desk))?.rows;
    printer.note(&format!("Applied {count} {noun}."));
    let is_new = |row: &&view::Row| pending.iter().any(|p| (p.store, p.version) == (row.store, row.version));
    printer.list(&view::LIST, rows.iter().filter(is_new), None)
}
