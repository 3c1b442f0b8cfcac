//! `ticketctl order create`.

use super::view;
use crate::commands::change::{self, Key, Work};
use crate::commands::listing::node;
use crate::commands::{listings, user};
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::{ChangeArgs, parse_duration};
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use std::time::Duration;
use ticketing_core::app::commands::new_booking_id;
use ticketing_core::app::orders::{passenger, stored};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::ops::bookings;

/// Order a listing for a user, who has then so long to pay
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl order create 0192a8c4 --user ada\n  \
                        ticketctl order create 0192a8c4 --user ada --hold 30m --reason 'by phone' --dry-run")]
pub struct Args {
    /// The listing: its id, or a unique beginning of it
    listing: String,
    /// Whose order it is: an account by its id, a unique beginning of it, its user name or e-mail address; else the subject
    /// of a token
    #[arg(long, value_name = "USER")]
    user: String,
    /// How long to hold the ticket, 1s to 1h [default: ORDER_SECONDS, else 15m]
    #[arg(long, value_name = "TIME", value_parser = hold)]
    hold: Option<Duration>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The longest hold that is asked for.
const HOLD_FLAG_SECONDS_MAX: u64 = 3_600;

fn hold(text: &str) -> Result<Duration, String> {
    let hold = parse_duration(text)?;
    let is_right = hold.subsec_millis() == 0 && (1..=HOLD_FLAG_SECONDS_MAX).contains(&hold.as_secs());
    is_right.then_some(hold).ok_or_else(|| "must be whole seconds, 1s to 1h".into())
}

/// Orders the listing.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    check_text(&args.user, len_max::ID)
        .map_err(|why| Failure::usage(format!("--user {why}.")).hint("ticketctl order create --help"))?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        create(args, desk, session, printer).await
    })
}

async fn create(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let ticket = listings::find(session, &args.listing).await?.facts.id;
    let hold_seconds = match args.hold.and_then(|hold| u32::try_from(hold.as_secs()).ok()) {
        Some(seconds) => seconds,
        None => session
            .settings
            .hold_seconds("ORDER_SECONDS")
            .map_err(|error| Failure::from(error).hint("set it right, or give --hold 15m"))?,
    };
    let buyer = user::subject(session, printer, &args.user).await?;
    let text = serde_json::json!(["order create", ticket, buyer, hold_seconds]).to_string();
    let key = match change::first_answer(session, &actor, &args.change, &text, 201).await? {
        Key::Answered(body) => {
            printer.note("Done before with this key; this was the answer.");
            return printer.object(&node(&body)?, view::DETAILS);
        }
        Key::New(key) => key,
    };
    let command = Reserve {
        booking_id: new_booking_id(),
        offering_id: ticket,
        route_id: None,
        user_id: buyer.clone(),
        seats: SeatChoice::Any(1),
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds,
        kind: HoldKind::Book,
    };
    let id = command.booking_id;
    let severity = Severity::Adds;
    let work = Work { verb: "Make", severity, ids: None, args: &args.change, actor: &actor, key };
    let done = change::carry_out_on("order", session, printer, work, async || {
        Ok(bookings::plan_reserve(app, "order create", command.clone(), passenger(&buyer)).await?)
    })
    .await?;
    match done {
        None => Ok(()),
        Some(_) => printer.object(&node(&stored(app, id).await?)?, view::DETAILS),
    }
}
