//! `ticketctl saga inject-error`: faults to rehearse, in development only.

use super::view;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, View};
use crate::session::{self, Opening, Session};
use clap::ValueEnum;
use ticketing_core::domain::id::SagaId;
use ticketing_core::domain::payment::AttemptKind;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::drills;
use ticketing_core::ops::sagas::drill_body;
use ticketing_core::store::drills::Fault;

/// Let a saga's charge or refund go wrong, to rehearse it; in development only
#[derive(clap::Args, Debug)]
#[command(
    after_help = "timeout: the provider does it, and its answer is lost. decline: it is not called, and seems to \
                        refuse for good. error: it is not called, and seems to fail with a 500.\n\n\
                        The running server takes the fault when it next calls the provider for that step; for a \
                        booking that nobody has paid yet it waits for that. Several wait behind each other.\n\n\
                        Examples:\n  ticketctl saga inject-error 0192a8c4 --step charge --kind timeout\n  \
                        ticketctl saga inject-error 0192a8c4 --step refund --kind error --times 3\n  \
                        ticketctl saga inject-error 0192a8c4 --off"
)]
pub struct Args {
    /// The saga's id, its booking's (paid or not) or payment's, or a unique beginning of it
    id: String,
    /// Which call to the provider goes wrong
    #[arg(long, value_enum, required_unless_present = "off")]
    step: Option<Step>,
    /// How it goes wrong
    #[arg(long, value_enum, required_unless_present = "off", conflicts_with = "off")]
    kind: Option<Kind>,
    /// Take the faults away that wait for the saga; with --step, for that step
    #[arg(long)]
    off: bool,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "off",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(drills::TIMES_MAX)))]
    times: u32,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Step {
    Charge,
    Refund,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Timeout,
    Decline,
    Error,
}

/// Puts the fault down.
///
/// # Errors
/// Refused outside development; not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    crate::commands::change::refuse_key(&args.change, "Each fault that is put down is another one.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        inject(args, desk, session, printer).await
    })
}

async fn inject(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let environment = session.settings.get("APP_ENV").unwrap_or_else(|| "development".to_owned());
    if environment != "development" {
        return Err(Failure::refused("Faults are injected in development only.")
            .code("NOT_IN_DEVELOPMENT")
            .why(format!("APP_ENV is {environment}. Nothing was done.")));
    }
    let actor = session::actor(desk, &args.change)?;
    let id = drills::saga(&session.app, &args.id).await?;
    let step = args.step.map(|step| match step {
        Step::Charge => AttemptKind::Charge,
        Step::Refund => AttemptKind::Refund,
    });
    let fault = args.kind.map(|kind| match kind {
        Kind::Timeout => Fault::Timeout,
        Kind::Decline => Fault::Decline,
        Kind::Error => Fault::Error,
    });
    // The parser has seen to it that both are there, or that they are to be taken away.
    let (Some(step), Some(fault)) = (step, fault) else {
        return off(args, &actor, id, step, session, printer).await;
    };
    let waiting = drills::waiting_times(&session.app, id, step).await?;
    if waiting > 0 {
        printer.note(&format!(
            "{waiting} faults wait for this step already; this one comes behind them. --off takes them away."
        ));
    }
    let planned = drills::plan(&session.app, id, step, fault, args.times).await?;
    let change = Change {
        title: format!("Let a {} of saga {id} go wrong", step.word()),
        severity: Severity::Adds,
        plan: Plan::of(&planned.plan)?,
    };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session.doing.say("It may have happened; ticketctl saga show tells.");
    let drill = session.changed(None, drills::execute(&session.app, planned, &actor)).await?;
    printer.object(&drill_body(&drill), view::DRILLS)
}

/// Takes faults away that wait for a saga.
async fn off(
    args: &Args,
    actor: &Actor,
    id: SagaId,
    step: Option<AttemptKind>,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let planned = drills::plan_off(&session.app, id, step).await?;
    let change = Change {
        title: format!("Take the faults of saga {id} away"),
        severity: Severity::Adds,
        plan: Plan::of(&planned.plan)?,
    };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session.doing.say("It may have happened; ticketctl saga show tells.");
    session.changed(None, drills::execute_off(&session.app, &planned, actor)).await?;
    printer.list(&TAKEN_AWAY, planned.drills.iter().map(drill_body), None)
}

const TAKEN_AWAY: View = View::new("faults", view::DRILLS);
