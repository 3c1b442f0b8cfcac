//! `ticketctl schedule list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Listing, Of, Rows, node, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::parse_day;
use crate::output::{Node, Printer};
use ticketing_core::app::App;
use ticketing_core::app::queries::network;
use ticketing_core::domain::catalog::OfferingFacts;
use ticketing_core::domain::id::OfferingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::{OpsError, lists, lookup};

/// List departures that have not left; of one route or day, also those that have
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl schedule list\n  ticketctl schedule list --route 10 --date 2026-11-21\n  \
                        ticketctl schedule list --route X90 --all -o csv"
)]
pub struct Args {
    /// Only those of this route: its id, a unique beginning of it, or its externalId
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Only those of this service day, in the route's time zone
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    date: Option<jiff::civil::Date>,
    #[command(flatten)]
    list: Flags,
}

/// A service day lies, in any time zone, within so many seconds of the same day in UTC; its last trips leave
/// after its end.
const DAY_SLACK_SECONDS: i64 = 2 * 86_400;

/// Departures whose seats are counted at once.
const SEATS_CHUNK: usize = 500;

const OF: Of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: true };

/// Lists the departures.
///
/// # Errors
/// Not found for the route; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let walk = async |of: &Listing<'_>, rows: &mut Rows<'_, '_>| walk(args, of, rows).await;
    listing::list(&args.list, OF, desk, printer, walk, prefix::offerings)
}

async fn walk(args: &Args, of: &Listing<'_>, rows: &mut Rows<'_, '_>) -> Result<(), Failure> {
    let app = of.app;
    let date = args.date.map(|date| date.to_string());
    let route = match &args.route {
        Some(route) => Some(lookup::route(app, route).await?.id),
        None => None,
    };
    let (begin, end) = match args.date {
        None => (of.now, None),
        Some(date) => {
            let midnight = Timestamp::parse(&format!("{date}T00:00:00Z")).unwrap_or_default();
            (midnight.plus_seconds(-DAY_SLACK_SECONDS), Some(midnight.plus_seconds(2 * DAY_SLACK_SECONDS)))
        }
    };
    let mut page = 0;
    rows.walk(
        async |after: Option<(Timestamp, OfferingId)>| match route {
            Some(route) => {
                page += 1;
                lists::departures_of(app, route, date.as_deref(), page).await
            }
            None => {
                let (at, id) = after.map_or((begin, None), |(at, id)| (at, Some(id)));
                let mut rows = lists::departures(app, at, id).await?;
                rows.retain(|row| end.is_none_or(|end| row.departs_at <= end));
                Ok(rows)
            }
        },
        |row: &OfferingFacts| (row.departs_at, row.id),
        |row| date.as_ref().is_none_or(|date| row.service_date == *date),
        async |rows| bodies(app, rows).await,
    )
    .await
}

async fn bodies(app: &App, mut rows: Vec<OfferingFacts>) -> Result<Vec<Node>, Failure> {
    let mut found = Vec::with_capacity(rows.len());
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(SEATS_CHUNK));
        for body in network::schedule_bodies(app, rows).await.map_err(OpsError::from)? {
            found.push(node(&body)?);
        }
        rows = rest;
    }
    Ok(found)
}
