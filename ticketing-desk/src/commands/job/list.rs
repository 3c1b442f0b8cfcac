//! `ticketctl job list`.

use super::view;
use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, walk};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::ops::filter::Filter;
use ticketing_core::ops::jobs::{self, JOB_FIELDS};
use ticketing_core::store::jobs::Job;

/// List long work, newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Fields of --query: id kind state actor reason done total age still\n\n\
                        Examples:\n  ticketctl job list\n  ticketctl job list --query 'state=failed or state=cancelled'\n  \
                        ticketctl job list --query 'state=running still>1m' -o wide")]
pub struct Args {
    /// Only those that pass this filter
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// Lists the jobs, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let filter = args.query.as_deref().map(|query| Filter::parse(query, JOB_FIELDS)).transpose()?;
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
    let mut shown = Vec::new();
    let mut list = printer.start_list(&view::LIST)?;
    let total = walk(
        limit,
        async |after| jobs::list(app, after).await,
        |job: &Job| job.id,
        |job| filter.is_none_or(|filter| jobs::passes(filter, job, now)),
        async |rows| {
            for job in rows {
                shown.push(job.id);
                list.row(&jobs::body(&job))?;
            }
            Ok(())
        },
    )
    .await?;
    if is_human && !shown.is_empty() && shown.len() < SHORT_TABLE_ROWS_MAX {
        list.ids_unique_at(jobs::prefix_len(app, &shown).await?);
    }
    list.finish(total)
}
