//! `ticketctl saga list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Listing, Of, Rows, node_of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Format, Printer, View};
use ticketing_core::ops::sagas::{self, SAGA_FIELDS, SagaRow};

/// List payment sagas, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A saga is stuck when it has made no progress for longer than its state's limit (a charge 2 \
                        minutes, a refund 10) or waits for a person; the safe action never charges or refunds twice.\n\n\
                        Fields of --query: id state stuck booking payment step attempts age still next error provider \
                        correlation\n\n\
                        Examples:\n  ticketctl saga list\n  ticketctl saga list --stuck\n  \
                        ticketctl saga list --query 'state=CHARGING age>1m' -o wide\n  \
                        ticketctl saga list --stuck --query 'provider=stripe' -o name |\n      \
                        ticketctl saga retry - --reason 'the provider is back'"
)]
pub struct Args {
    /// Only those that are stuck, those that have stood still the longest first
    #[arg(long)]
    stuck: bool,
    #[command(flatten)]
    list: Flags,
}

/// Lists the sagas, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view(args), fields: Fields::These(SAGA_FIELDS), is_read_model: false };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        // A whole command fits no table; -o wide and the machine formats have it in its row.
        let names_actions = args.stuck && printer.format() == Format::Table;
        let walk = async |of: &Listing<'_>, rows: &mut Rows<'_, '_>| {
            if names_actions {
                rows.keep("safeAction");
            }
            walk(args, of, rows).await
        };
        let shown = listing::on(session, printer, asked, of.view, walk, prefix::sagas).await?;
        if !shown.kept.is_empty() {
            printer.line("")?;
            printer.line("The one safe action for each:")?;
        }
        shown.kept.iter().try_for_each(|action| {
            let action = printer.commands(action);
            printer.line(&format!("  {action}"))
        })
    })
}

async fn walk(args: &Args, of: &Listing<'_>, rows: &mut Rows<'_, '_>) -> Result<(), Failure> {
    let (app, now) = (of.app, of.now);
    let stuck = if args.stuck { sagas::stuck(app).await? } else { Vec::new() };
    let mut stuck = stuck.chunks(usize::try_from(sagas::PAGE).unwrap_or(usize::MAX));
    rows.walk(
        async |after| match args.stuck {
            true => sagas::rows(app, stuck.next().unwrap_or_default()).await,
            false => sagas::list(app, after).await,
        },
        |row: &SagaRow| row.case.saga.id,
        |row| {
            // One that was found stuck may have moved since.
            let is_asked_for = !args.stuck || row.case.saga.is_stuck(now);
            is_asked_for && of.passes(|filter| sagas::passes(filter, row, now))
        },
        async |rows| rows.iter().map(|row| node_of(&sagas::body(row, now))).collect(),
    )
    .await
}

const fn view(args: &Args) -> View {
    if args.stuck { view::STUCK } else { view::LIST }
}
