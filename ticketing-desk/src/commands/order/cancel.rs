//! `ticketctl order cancel`.

use super::{find, view};
use crate::commands::change::{self, Key, Work};
use crate::commands::ids::Ids;
use crate::commands::listing::node;
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::app::orders::stored;
use ticketing_core::domain::booking::command::Change;
use ticketing_core::ops::bookings;

/// Cancel orders: their tickets are open again, and what was paid goes back
#[derive(clap::Args, Debug)]
#[command(after_help = "Of several ids one unknown or one that can't be cancelled: nothing is done.\n\n\
                        Examples:\n  ticketctl order cancel 0192a8c4 --reason 'asked by phone'\n  \
                        ticketctl order list --user ada -o name |\n      \
                        ticketctl order cancel - --reason 'a fraud' --max-affected 50 --yes")]
pub struct Args {
    /// Ids, or unique beginnings of them; `-` reads them from stdin
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Cancels the orders.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let ids = Ids::read(&args.ids, desk)?;
    if ids.words.len() > 1 {
        change::refuse_key(&args.change, "A key stands for the change of one order.")?;
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
    let mut found = Vec::with_capacity(ids.words.len());
    for word in &ids.words {
        let id = find(session, word).await?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    let text = serde_json::json!(["order cancel", found, args.change.reason]).to_string();
    let key = match change::first_answer(session, &actor, &args.change, &text, 200).await? {
        Key::Answered(body) => {
            printer.note("Done before with this key; this was the answer.");
            return printer.object(&node(&body)?, view::DETAILS);
        }
        Key::New(key) => key,
    };
    let change = Change::Cancel { reason: args.change.reason.clone() };
    let severity = Severity::TakesAway;
    let work = Work { verb: "Cancel", severity, ids: Some(ids), args: &args.change, actor: &actor, key };
    let done = change::carry_out_on("order", session, printer, work, async || {
        Ok(bookings::plan_change(&session.app, "order cancel", &found, &change).await?)
    })
    .await
    .map_err(|failure| ids.hinted(failure))?;
    if done.is_none() {
        return Ok(());
    }
    let mut orders = Vec::with_capacity(found.len());
    for id in &found {
        orders.push(node(&stored(&session.app, *id).await?)?);
    }
    match orders.as_slice() {
        [one] if ids.is_one => printer.object(one, view::DETAILS),
        _ => printer.list(&view::LIST, &orders, None),
    }
}
