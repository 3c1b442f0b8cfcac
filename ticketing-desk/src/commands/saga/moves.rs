//! `ticketctl saga retry`, `compensate` and `abandon`: one way for the three, which differ in what they do.

use super::view;
use crate::commands::change::{self, Work};
use crate::commands::ids::Ids;
use crate::commands::status::warn_if_no_saga_runs;
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::ops::{money, sagas};
use ticketing_core::saga::OperatorMove;

/// Ask the provider again about a charge or refund, from the first try on
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Asking again never charges or refunds twice: the provider knows each call by its id. A refund \
                        that was refused is asked for anew.\n\n\
                        Examples:\n  ticketctl saga retry 0192a8c4 --reason 'the provider is back'\n  \
                        ticketctl saga list --stuck -o name | ticketctl saga retry - --dry-run"
)]
pub struct RetryArgs {
    /// Which, and how.
    #[command(flatten)]
    pub moved: MoveArgs,
}

/// Give the seats back, and what was paid
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Cancels the booking if it has its seats, and begins the refund of all that was captured and is \
                        not on its way back yet.\n\n\
                        Examples:\n  ticketctl saga compensate 0192a8c4 --dry-run\n  \
                        ticketctl saga compensate 0192a8c4 --reason 'paid twice' --yes"
)]
pub struct CompensateArgs {
    /// Which, and how.
    #[command(flatten)]
    pub moved: MoveArgs,
}

/// Close a saga as it is: nothing more happens by itself
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Its plan says what money it leaves (\"leaves\"): what stays captured, and which calls nobody \
                        asks about any more. Money that comes after all is still given back.\n\n\
                        Examples:\n  ticketctl saga abandon 0192a8c4 --dry-run\n  \
                        ticketctl saga abandon 0192a8c4 --reason 'paid back in cash' --yes"
)]
pub struct AbandonArgs {
    /// Which, and how.
    #[command(flatten)]
    pub moved: MoveArgs,
}

/// Which, and how.
#[derive(clap::Args, Debug)]
pub struct MoveArgs {
    /// Ids of sagas, bookings or payments, or unique beginnings of them; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that the steps give where the operator gave none.
const REASON_DEFAULT: &str = "asked for by an operator";

/// Asks the payment provider again.
///
/// # Errors
/// As any move.
pub fn retry(args: &RetryArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    run(OperatorMove::Retry, &args.moved, desk, printer)
}

/// Gives the seats back, and what was paid.
///
/// # Errors
/// As any move.
pub fn compensate(args: &CompensateArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    run(OperatorMove::Compensate, &args.moved, desk, printer)
}

/// Closes the sagas as they are.
///
/// # Errors
/// As any move.
pub fn abandon(args: &AbandonArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    run(OperatorMove::Abandon, &args.moved, desk, printer)
}

/// Moves the sagas.
///
/// # Errors
/// Not found; the rule that forbids it; what the store says.
fn run(action: OperatorMove, args: &MoveArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A saga is moved from where it was looked at, or not at all.")?;
    let ids = Ids::read(&args.ids, desk)?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        moved(action, args, &ids, desk, session, printer).await
    })
}

async fn moved(
    action: OperatorMove,
    args: &MoveArgs,
    ids: &Ids,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let found = ids.sagas(session).await?;
    let reason = args.change.reason.clone().unwrap_or_else(|| REASON_DEFAULT.to_owned());
    let (verb, severity) = match action {
        OperatorMove::Retry => ("Retry", Severity::Adds),
        OperatorMove::Compensate => ("Compensate", Severity::TakesAway),
        OperatorMove::Abandon => ("Abandon", Severity::TakesAway),
    };
    let work = Work { verb, severity, ids: Some(ids), args: &args.change, actor: &actor, key: None };
    let make_plan = async || Ok(money::plan_move(app, action, &found, &reason).await?);
    if change::carry_out_on("saga", session, printer, work, make_plan).await?.is_none() {
        return Ok(());
    }
    if action != OperatorMove::Abandon {
        warn_if_no_saga_runs(session, printer).await?;
    }
    if let (true, [one]) = (ids.is_one, found.as_slice()) {
        return printer.object(&sagas::details(app, *one).await?, view::DETAILS);
    }
    let now = app.clock.now();
    let rows = sagas::rows(app, &found).await?;
    printer.list(&view::LIST, rows.iter().map(|row| sagas::body(row, now)), None)
}
