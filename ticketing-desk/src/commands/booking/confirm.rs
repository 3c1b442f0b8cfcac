//! `ticketctl booking confirm`.

use super::view;
use crate::commands::change::{self, Key, Work};
use crate::commands::ids::Ids;
use crate::commands::listing::node;
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::ops::bookings::BookingPlan;
use ticketing_core::ops::{bookings, details, lookup};

/// Confirm a booking whose payment you vouch for
#[derive(clap::Args, Debug)]
#[command(after_help = "The operator's word stands for the payment. One payment confirms one booking.\n\n\
                        Examples:\n  ticketctl booking confirm 0192a8c4 --payment pay-17 --reason 'paid in cash'\n  \
                        ticketctl booking confirm 0192a8c4 --payment pay-17 --dry-run")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    /// The payment's id
    #[arg(long, value_name = "ID")]
    payment: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Confirms the booking.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    check_text(&args.payment, len_max::ID)
        .map_err(|why| Failure::usage(format!("--payment {why}.")).hint("--payment ID"))?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        confirm(args, desk, session, printer).await
    })
}

async fn confirm(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let actor = session::actor(desk, &args.change)?;
    let id = lookup::booking(&session.app, &args.id).await?;
    let text = serde_json::json!(["booking confirm", id, args.payment]).to_string();
    let key = match change::first_answer(session, &actor, &args.change, &text, 200).await? {
        Key::Answered(body) => return change::print_replay(printer, &body),
        Key::New(key) => key,
    };
    let payment_id = args.payment.clone();
    let change = Change::Confirm { payment_id };
    let make_plan = async || -> Result<BookingPlan, Failure> {
        let plan = bookings::plan_change(&session.app, "booking confirm", &[id], &change).await;
        plan.map_err(|error| Failure::from(error).about("BOOKING", &id))
    };
    if make_plan().await?.plan.affected == 0 && !args.change.dry_run {
        // It is confirmed by this payment already: the same answer again.
        printer.note("Nothing to change.");
        return printer.object(&node(&details::booking_answer(&session.app, id).await?)?, view::ANSWER);
    }
    let ids = Ids { words: vec![args.id.clone()], is_one: true };
    let work = Work {
        verb: "Confirm",
        severity: Severity::Adds,
        ids: Some(&ids),
        args: &args.change,
        actor: &actor,
        key,
    };
    change::carry_out(session, printer, work, make_plan)
        .await
        .map_err(|failure| failure.about("BOOKING", &id))
}
