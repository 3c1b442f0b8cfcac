//! `ticketctl hold expire`.

use super::list::key;
use crate::commands::change::{self, Work};
use crate::commands::ids::Ids;
use crate::commands::listing::{TicketFilter, each_page};
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::id::BookingId;
use ticketing_core::ops::{bookings, lists};

/// End holds before their time, so that others can have the seats
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl hold expire 0192a8c4 --reason 'left the queue'\n  \
                        ticketctl hold expire --query 'age>10m user~bot' --dry-run\n  \
                        ticketctl hold expire --query 'age>10m' --max-affected 100 --yes")]
pub struct Args {
    /// Ids of bookings, or unique beginnings of them; `-` reads them from stdin
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    ids: Vec<String>,
    /// All holds that pass this filter; its fields are those of `booking list`
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that the history gives where the operator gave none.
const REASON_DEFAULT: &str = "ended by an operator";

/// Ends the holds.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A hold ends once, however often this is run.")?;
    let filter = TicketFilter::parse(args.query.as_deref())?;
    let ids = if args.query.is_some() { None } else { Some(Ids::read(&args.ids, desk)?) };
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let actor = session::actor(desk, &args.change)?;
        let found = match &ids {
            Some(ids) => ids.bookings(session).await?,
            None => matching(&filter, session).await?,
        };
        let reason = args.change.reason.clone().unwrap_or_else(|| REASON_DEFAULT.to_owned());
        let change = Change::ForceExpire { reason };
        let severity = Severity::TakesAway;
        let args = &args.change;
        let work =
            Work { verb: "End the hold of", severity, ids: ids.as_ref(), args, actor: &actor, key: None };
        change::carry_out(session, printer, work, async || {
            Ok(bookings::plan_change(&session.app, "hold expire", &found, &change).await?)
        })
        .await
        .map_err(|failure| match &ids {
            Some(ids) => ids.hinted(failure),
            None => failure,
        })
    })
}

/// Returns the holds that pass, after the read store has caught up: what is shown is what is there.
async fn matching(filter: &TicketFilter, session: &Session) -> Result<Vec<BookingId>, Failure> {
    let app = &session.app;
    session.catch_up().await?;
    let now = app.clock.now();
    let mut found = Vec::new();
    each_page(
        async |after| lists::holds(app, after).await,
        key,
        |rows| found.extend(rows.iter().filter(|row| filter.passes(row, now)).map(|row| row.booking.id)),
    )
    .await?;
    Ok(found)
}
