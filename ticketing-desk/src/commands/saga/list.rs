//! `ticketctl saga list`.

use super::view;
use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, walk};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::{Format, Printer};
use crate::session::{self, Opening, Session};
use ticketing_core::domain::id::SagaId;
use ticketing_core::ops::filter::Filter;
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
    /// Only those that pass this filter
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// Lists the sagas, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let filter = args.query.as_deref().map(|query| Filter::parse(query, SAGA_FIELDS)).transpose()?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        list(args, filter.as_ref(), session, printer).await
    })
}

async fn list(
    args: &Args,
    filter: Option<&Filter>,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    // A whole command fits no table; -o wide and the machine formats have it in its row.
    let names_actions = args.stuck && printer.format() == Format::Table;
    let stuck = if args.stuck { sagas::stuck(app).await? } else { Vec::new() };
    let mut stuck = stuck.chunks(usize::try_from(sagas::PAGE).unwrap_or(usize::MAX));
    let mut list = printer.start_list(if args.stuck { &view::STUCK } else { &view::LIST })?;
    let mut shown: Vec<SagaId> = Vec::new();
    let mut actions: Vec<String> = Vec::new();
    let total = walk(
        limit,
        async |after| match args.stuck {
            true => sagas::rows(app, stuck.next().unwrap_or_default()).await,
            false => sagas::list(app, after).await,
        },
        |row: &SagaRow| row.case.saga.id,
        |row| {
            // One that was found stuck may have moved since.
            let is_asked_for = !args.stuck || row.case.saga.is_stuck(now);
            is_asked_for && filter.is_none_or(|filter| sagas::passes(filter, row, now))
        },
        async |rows| {
            for row in rows {
                shown.push(row.case.saga.id);
                let body = sagas::body(&row, now);
                list.row(&body)?;
                actions.extend(body.safe_action.filter(|_| names_actions));
            }
            Ok(())
        },
    )
    .await?;
    if is_human && shown.len() < SHORT_TABLE_ROWS_MAX {
        list.ids_unique_at(sagas::prefix_len(app, &shown).await?);
    }
    list.finish(total)?;
    if !actions.is_empty() {
        printer.line("")?;
        printer.line("The one safe action for each:")?;
    }
    actions.iter().try_for_each(|action| {
        let action = printer.commands(action);
        printer.line(&format!("  {action}"))
    })
}
