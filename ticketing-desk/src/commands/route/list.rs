//! `ticketctl route list`.

use super::view;
use crate::commands::listing::node;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::{Node, Printer};
use crate::session::{self, Opening};
use ticketing_core::app::queries::network;
use ticketing_core::ops::OpsError;

/// List routes by name
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl route list\n  ticketctl route list -o json")]
pub struct Args {
    #[command(flatten)]
    list: ListArgs,
}

/// What is not listed may share a prefix: ids are whole then.
const UUID_LEN: usize = 36;

/// Routes of one page.
const PAGE: u32 = 500;

/// Lists the routes.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        session.warn_of_lag(printer).await?;
        let limit = args.list.limit_for(printer.format()).unwrap_or(u64::MAX);
        let mut list = printer.start_list(&view::LIST)?;
        let mut shown = 0;
        let mut page = 0;
        let total = loop {
            page += 1;
            let found = network::routes(&session.app, page, PAGE, None).await.map_err(OpsError::from)?;
            let Node::List(rows) = node(&found.data)? else { break Some(found.total) };
            let is_last = rows.is_empty();
            for row in &rows {
                if shown < limit {
                    list.row(row)?;
                    shown += 1;
                }
            }
            if is_last || shown >= limit {
                break Some(found.total);
            }
        };
        if total.is_none_or(|total| total > shown) {
            list.ids_unique_at(UUID_LEN);
        }
        list.finish(total)
    })
}
