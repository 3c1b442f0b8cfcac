//! `ticketctl schedule list`.

use super::view;
use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, node, walk};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::{ListArgs, parse_day};
use crate::output::{List, Printer};
use crate::session::{self, Opening, Session};
use ticketing_core::app::queries::network;
use ticketing_core::domain::catalog::OfferingFacts;
use ticketing_core::domain::id::OfferingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::{OpsError, lists, lookup};

/// List departures that have not left; of one route or day, also those that have
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl schedule list\n  ticketctl schedule list --route 10 --date 2026-11-21\n  \
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
    list: ListArgs,
}

/// A service day lies, in any time zone, within so many seconds of the same day in UTC; its last trips leave
/// after its end.
const DAY_SLACK_SECONDS: i64 = 2 * 86_400;

/// Departures whose seats are counted at once.
const SEATS_CHUNK: usize = 500;

/// Lists the departures.
///
/// # Errors
/// Not found for the route; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        session.warn_of_lag(printer).await?;
        list(args, session, printer).await
    })
}

async fn list(args: &Args, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    let date = args.date.map(|date| date.to_string());
    let route = match &args.route {
        Some(route) => Some(lookup::route(app, route).await?.id),
        None => None,
    };
    let (begin, end) = match args.date {
        None => (app.clock.now(), None),
        Some(date) => {
            let midnight = Timestamp::parse(&format!("{date}T00:00:00Z")).unwrap_or_default();
            (midnight.plus_seconds(-DAY_SLACK_SECONDS), Some(midnight.plus_seconds(2 * DAY_SLACK_SECONDS)))
        }
    };
    let mut list = printer.start_list(&view::LIST)?;
    let mut shown: Vec<OfferingId> = Vec::new();
    let mut page = 0;
    let total = walk(
        limit,
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
        async |rows| {
            shown.extend(rows.iter().map(|row| row.id));
            show(session, &mut list, rows).await
        },
    )
    .await?;
    if is_human && shown.len() < SHORT_TABLE_ROWS_MAX {
        list.ids_unique_at(lookup::schedule_prefix_len(app, &shown).await?);
    }
    list.finish(total)
}

async fn show(session: &Session, list: &mut List<'_>, mut rows: Vec<OfferingFacts>) -> Result<(), Failure> {
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(SEATS_CHUNK));
        let bodies = network::schedule_bodies(&session.app, rows).await.map_err(OpsError::from)?;
        bodies.iter().try_for_each(|body| list.row(&node(body)?))?;
        rows = rest;
    }
    Ok(())
}
