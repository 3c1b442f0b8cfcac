//! `ticketctl booking cancel`.

use crate::commands::change::{self, Key, Work};
use crate::commands::ids::Ids;
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::ops::bookings;

/// Cancel bookings; what was paid is owed back
#[derive(clap::Args, Debug)]
#[command(after_help = "Of several ids one unknown or one that can't be cancelled: nothing is done.\n\n\
                        Examples:\n  ticketctl booking cancel 0192a8c4 --reason 'asked by phone'\n  \
                        ticketctl booking cancel 0192a8c4 0192a8d0 --dry-run\n  \
                        ticketctl booking list --query 'route~Airport status=CONFIRMED' -o name |\n      \
                        ticketctl booking cancel - --reason 'storm' --max-affected 50 --yes")]
pub struct Args {
    /// Ids, or unique beginnings of them; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Cancels the bookings.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let ids = Ids::read(&args.ids, desk)?;
    if ids.words.len() > 1 {
        change::refuse_key(&args.change, "A key stands for the change of one booking.")?;
    }
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        cancel(args, &ids, desk, session, printer).await
    })
}

async fn cancel(
    args: &Args,
    ids: &Ids,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let actor = session::actor(desk, &args.change)?;
    let found = ids.bookings(session).await?;
    let text = serde_json::json!(["booking cancel", found, args.change.reason]).to_string();
    let key = match change::first_answer(session, &actor, &args.change, &text, 200).await? {
        Key::Answered(body) => return change::print_replay(printer, &body),
        Key::New(key) => key,
    };
    let change = Change::Cancel { reason: args.change.reason.clone() };
    let severity = Severity::TakesAway;
    let work = Work { verb: "Cancel", severity, ids: Some(ids), args: &args.change, actor: &actor, key };
    change::carry_out(session, printer, work, async || {
        Ok(bookings::plan_change(&session.app, "booking cancel", &found, &change).await?)
    })
    .await
    .map_err(|failure| ids.hinted(failure))
}
