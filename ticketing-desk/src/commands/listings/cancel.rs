//! `ticketctl listing cancel`.

use super::{find, view};
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::app::listings;
use ticketing_core::ops::schedules;

/// Withdraw a listing: its order is cancelled, and what was paid goes back
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl listing cancel 0192a8c4 --reason 'a forgery' --dry-run\n  \
                        ticketctl listing cancel 0192a8c4 --reason 'a forgery' --yes")]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The reason that a buyer is given where the operator gave none.
const REASON_DEFAULT: &str = "the listing was withdrawn";

/// Withdraws the listing.
///
/// # Errors
/// Not found; the rule that forbids it; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A listing is withdrawn once, however often this is run.")?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        cancel(args, desk, session, printer).await
    })
}

async fn cancel(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let offering = find(session, &args.id).await?;
    let id = offering.facts.id;
    let reason = args.change.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let planned = schedules::plan_cancel(app, offering, reason).await?;
    let bookings = planned.plan.affected.saturating_sub(1) as u64;
    let noun = if bookings == 1 { "order" } else { "orders" };
    let title = format!("Cancel listing {} and its {} {noun}", args.id, grouped(bookings));
    let severity = Severity::TakesAway;
    let change = Change { title, severity, plan: Plan::of(&planned.plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    session.doing.say("The listing may be withdrawn, and its order not cancelled; run it again to go on.");
    let doing = session.doing.clone();
    let mut report = |done: u64, of: u64| {
        let (done, of) = (grouped(done), grouped(of));
        doing.say(format!("The listing is withdrawn, and {done} of {of} orders are cancelled."));
    };
    match schedules::execute_cancel(app, planned, &actor, &mut report).await {
        Ok(position) => session.reach(printer, position).await,
        Err(error) => {
            // If that fails too, there is one failure to tell of, and the first is the cause.
            let _ = session.catch_up().await;
            return Err(error.into());
        }
    }
    printer.object(&node(&listings::stored(app, id).await?)?, view::DETAILS)
}

#[cfg(test)]
mod tests {
    use crate::session::testing::{riverton, tester};
    use serde_json::Value;
    use ticketing_core::app::{listings, orders};
    use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
    use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
    use ticketing_core::domain::money::{Currency, Money};
    use ticketing_core::engine::Meta;
    use ticketing_core::ops::{bookings, details, lookup, schedules, why};
    use ticketing_core::projection::bodies::listed;
    use ticketing_core::store::views;
    use uuid::Uuid;

    #[tokio::test]
    async fn a_listing_that_is_ordered_is_reserved_in_its_plan_and_its_story_and_has_neither_time_nor_stops()
    {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let app = &session.app;
        let price = Money::parse("75.00", Currency::USD).unwrap();
        let meta = Meta { actor: "bela".into(), correlation_id: "c".into(), idempotency: None };
        let made = listings::create(app, &UserId("bela".into()), "Jazz".into(), price, &meta).await.unwrap();
        let made: Value = serde_json::from_str(&made.body).unwrap();
        let id = OfferingId(made["id"].as_str().unwrap().parse().unwrap());
        let booking_id = BookingId(Uuid::now_v7());
        let buyer = UserId("ada".into());
        let command = Reserve {
            booking_id,
            offering_id: id,
            route_id: None,
            user_id: buyer.clone(),
            seats: SeatChoice::Any(1),
            from_stop: None,
            to_stop: None,
            expected_price: None,
            hold_seconds: 60,
            kind: HoldKind::Book,
        };
        let plan =
            bookings::plan_reserve(app, "order create", command, orders::passenger(&buyer)).await.unwrap();
        assert_eq!(plan.plan.action, "order create");
        bookings::execute(app, plan, &tester(), None, &mut |_, _| ()).await.unwrap();
        session.catch_up().await.unwrap();

        let offering = lookup::offering(app, &id.to_string()).await.unwrap();
        let plan = schedules::plan_cancel(app, offering, "a forgery").await.unwrap().plan;
        let before: Value = serde_json::from_str(plan.changes[0].before.as_ref().unwrap().get()).unwrap();
        assert_eq!(before["status"], "reserved");
        let story = why::tell(app, &id.to_string(), &mut |_, _| ()).await.unwrap();
        assert_eq!(story.summary, format!("Listing {id} is reserved. Ask for its order by the order's id."));
        let order = why::tell(app, &booking_id.to_string(), &mut |_, _| ()).await.unwrap();
        assert!(order.story.iter().any(|entry| entry.what.contains("ran ticketctl order create")));

        let row = views::tickets::one(&app.stores.read, booking_id).await.unwrap().unwrap();
        for body in [listed(&row, app.clock.now()), details::booking(app, booking_id).await.unwrap()] {
            let body: Value = serde_json::from_str(&body).unwrap();
            for name in ["departureTime", "arrivalTime", "originStop", "destinationStop"] {
                assert!(body.get(name).is_none(), "{name}: {body}");
            }
        }
    }
}
