//! `ticketctl job list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, node_of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
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

const OF: Of = Of { view: view::LIST, fields: Fields::These(JOB_FIELDS), is_read_model: false };

/// Lists the jobs, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    listing::list(
        &args.list,
        OF,
        desk,
        printer,
        async |of, rows| {
            rows.walk(
                async |after| jobs::list(of.app, after).await,
                |job: &Job| job.id,
                |job| of.passes(|filter| jobs::passes(filter, job, of.now)),
                async |jobs| jobs.iter().map(|job| node_of(&jobs::body(job))).collect(),
            )
            .await
        },
        prefix::jobs,
    )
}
