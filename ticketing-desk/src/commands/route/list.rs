//! `ticketctl route list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, node, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Node, Printer};
use ticketing_core::app::queries::network;
use ticketing_core::ops::OpsError;

/// List routes by name
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl route list\n  ticketctl route list -o json"
)]
pub struct Args {
    #[command(flatten)]
    list: Flags,
}

/// Routes of one page.
const PAGE: u32 = 500;

const OF: Of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: true };

/// Lists the routes.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    listing::list(
        &args.list,
        OF,
        desk,
        printer,
        async |of, rows| {
            let mut page = 0;
            rows.walk(
                async |_: Option<()>| {
                    page += 1;
                    let found = network::routes(of.app, page, PAGE, None).await.map_err(OpsError::from)?;
                    match node(&found.data)? {
                        Node::List(rows) => Ok::<_, Failure>(rows),
                        _ => Ok(Vec::new()),
                    }
                },
                |_| (),
                |_| true,
                async |rows| Ok(rows),
            )
            .await
        },
        prefix::only_whole,
    )
}
