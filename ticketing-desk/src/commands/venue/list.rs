//! `ticketctl venue list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, Rows, Shown, node};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Node, Printer};
use ticketing_core::app::venues;
use ticketing_core::ops::OpsError;

/// List venues by name
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl venue list\n  ticketctl venue list --city Riverton -o json"
)]
pub struct Args {
    /// Only those of this city, whatever the case
    #[arg(long, value_name = "CITY")]
    city: Option<String>,
    #[command(flatten)]
    list: Flags,
}

/// What is not listed may share a prefix: ids are whole then.
const UUID_LEN: usize = 36;

/// Venues of one page.
const PAGE: u32 = 500;

/// Lists the venues.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        let app = &session.app;
        let city = args.city.as_deref();
        let mut rows = Rows::begin(asked, view::LIST, app.clock.now(), printer)?;
        let mut page = 0;
        rows.walk(
            async |_: Option<()>| {
                page += 1;
                let found = venues::list(app, city, page, PAGE, None).await.map_err(OpsError::from)?;
                match node(&found.data)? {
                    Node::List(rows) => Ok::<_, Failure>(rows),
                    _ => Ok(Vec::new()),
                }
            },
            |_| (),
            |_| true,
            async |rows| Ok(rows),
        )
        .await?;
        let is_whole = args.city.is_none();
        let prefix = async |shown: &Shown| Ok(if shown.is_all && is_whole { 0 } else { UUID_LEN });
        rows.finish(prefix).await.map(drop)
    })
}
