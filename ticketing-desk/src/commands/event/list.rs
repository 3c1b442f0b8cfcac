//! `ticketctl event list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::parse_day;
use crate::output::{Node, Printer};
use crate::session::Session;
use ticketing_core::app::queries::events::{self, EventsQuery};
use ticketing_core::domain::id::OfferingId;
use ticketing_core::ops::{OpsError, lookup};
use ticketing_core::projection::venue::EventStatus;

/// List events, those that begin first before the others
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl event list\n  \
                        ticketctl event list --city Riverton --status ON_SALE\n  \
                        ticketctl event list --date 2026-12-24 --city Riverton\n  \
                        ticketctl event list --text 'night parade' --all -o csv"
)]
pub struct Args {
    /// Only those whose words begin so
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only those in this city, whatever the case
    #[arg(long, value_name = "CITY")]
    city: Option<String>,
    /// Only those of this sort, such as concert
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only those that are so now
    #[arg(long, value_name = "STATUS", value_parser = ["ON_SALE", "STARTED", "ENDED", "CANCELLED"], ignore_case = true)]
    status: Option<String>,
    /// Only those that begin on this day, each in the time zone of its own venue
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    date: Option<jiff::civil::Date>,
    #[command(flatten)]
    list: Flags,
}

/// Events of one page.
const PAGE: u32 = 500;

/// Lists the events.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let mut query = EventsQuery {
        text: args.text.clone(),
        city: args.city.clone(),
        event_type: args.event_type.clone(),
        status: args.status.as_deref().and_then(|word| EventStatus::parse(&word.to_ascii_uppercase())),
        day: args.date.map(|date| date.to_string()),
        from: None,
        to: None,
        page: 0,
        limit: PAGE,
    };
    let mut rows = Rows::begin(asked, view::LIST, app.clock.now(), printer)?;
    rows.walk(
        async |_: Option<()>| {
            query.page += 1;
            let found = events::search(app, &query, None).await.map_err(OpsError::from)?;
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
    let prefix = async |shown: &Shown| {
        let ids: Vec<OfferingId> = shown.ids.iter().copied().map(OfferingId).collect();
        lookup::schedule_prefix_len(app, &ids).await
    };
    rows.finish(prefix).await.map(drop)
}
