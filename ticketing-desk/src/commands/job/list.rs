//! `ticketctl job list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node_of};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::ops::jobs::{self, JOB_FIELDS};
use ticketing_core::store::jobs::Job;

/// List long work, newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Fields of --query: id kind state actor reason done total age still\n\n\
                        Examples:\n  ticketctl job list\n  ticketctl job list --query 'state=failed or state=cancelled'\n  \
                        ticketctl job list --query 'state=running still>1m' -o wide")]
pub struct Args {
    #[command(flatten)]
    list: Flags,
}

/// Lists the jobs, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::These(JOB_FIELDS), is_read_model: false };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(asked, session, printer).await
    })
}

async fn list(asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let mut rows = Rows::begin(asked, view::LIST, now, printer)?;
    rows.walk(
        async |after| jobs::list(app, after).await,
        |job: &Job| job.id,
        |job| asked.filter.as_ref().is_none_or(|filter| jobs::passes(filter, job, now)),
        async |jobs| jobs.iter().map(|job| node_of(&jobs::body(job))).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| jobs::prefix_len(app, &shown.ids).await;
    rows.finish(prefix).await.map(drop)
}
