//! `ticketctl restore`: a backup's way back, into a folder of its own.

use super::backup::{failure, in_mib, mib, only_here};
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::progress::Progress;
use crate::session;
use crate::signals::{self, Doing};
use std::path::PathBuf;
use ticketing_core::clock::Clock;
use ticketing_core::ops::backup::{self, Restoring};

/// Bring a backup back, into a folder that is empty or not there yet
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The whole backup is checked before anything is written. A folder that is served, or has anything in \
                        it, is left alone. What happened after the backup is lost here, but not at the payment \
                        provider: its own list tells, by ticketctl payment reconcile.\n\n\
                        Examples:\n  ticketctl restore monday.backup --data-dir restored --dry-run\n  \
                        ticketctl restore monday.backup --data-dir restored --yes --reason 'the disk broke'"
)]
pub struct Args {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Restores the backup.
///
/// # Errors
/// It is no whole backup; the folder is not free; as the gate refuses; what the disk and the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    only_here(desk, "A backup", "restore FILE")?;
    super::change::refuse_key(&args.change, "A folder can be restored into only while it is empty.")?;
    let actor = session::actor(desk, &args.change)?;
    let (_, config) = session::configured(desk)?;
    let doing = Doing::default();
    doing.say("Nothing was restored.");
    let planned = {
        let mut progress = Progress::start(printer.progress_style(), "opening the backup", None);
        let mut report =
            |what: &str, done: u64, total: u64| progress.report(&in_mib(what), mib(done), Some(mib(total)));
        let plan = Restoring::plan(&config, &args.file, &mut report);
        signals::run(&doing, async { plan.await.map_err(|error| failure(&error)) })?
    };
    let (head, made_at) = (planned.manifest.head, planned.manifest.made_at);
    let folder = config.data_dir.display().to_string();
    let events = grouped(head.unsigned_abs());
    let title = format!("Restore {events} events of {made_at} into {folder}");
    let change = Change { title, severity: Severity::Severe, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    {
        let mut progress = Progress::start(printer.progress_style(), "unpacking", None);
        let mut report =
            |what: &str, done: u64, total: u64| progress.report(&in_mib(what), mib(done), Some(mib(total)));
        let work = backup::restore(planned, &actor, Clock::system().now(), &mut report);
        signals::run(&doing, async { work.await.map_err(|error| failure(&error)) })
            .map_err(|failure| session::placed(failure, &config))?;
    }
    printer.plan(&change.plan)?;
    printer.note(&format!("Restored {events} events of {made_at} into {folder}."));
    let next = printer.commands("ticketctl verify");
    printer.note(&format!("Check it before anybody is served: {next}"));
    Ok(())
}
