//! What has gone wrong on the demonstration, so that there is something to mend as soon as one looks: a charge that hangs,
//! a refund that the provider refuses, messages that can't be handled.
//!
//! The troubles are made as `ticketctl saga inject-error` and a payment service make them; how they go on is the
//! platform's own.

use super::{book, departure, meta};
use std::time::Duration;
use ticketing_core::app::App;
use ticketing_core::app::commands::change;
use ticketing_core::app::inbound::{self, Delivery, InboundMessage, Verdict};
use ticketing_core::app::payments::pay;
use ticketing_core::domain::booking::command::{Change, SeatChoice};
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::domain::payment::AttemptKind;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::drills;
use ticketing_core::store::drills::Fault;
use ticketing_core::store::{bookings, dead_letters as letters};
use ticketing_desk::Failure;

/// A call that goes wrong so often hangs for as long as anybody looks.
const FAULTS: u32 = 20;
/// The hold of what is in trouble outlasts the demonstration's others, in seconds.
const HOLD_SECONDS: u32 = 900;
/// So long, at most, until the payment that is to be refunded has gone through.
const CONFIRM_WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Where payment services tell what happened.
const TOPIC: &str = "payment-events";
/// What they tell that fits nothing: the type, and the body.
const MESSAGES: &[(&str, &str)] = &[
    (
        "PaymentSucceeded",
        "{\"bookingId\": \"01928a7c-0000-7000-8000-00000000dead\", \"paymentId\": \"pay_1\", \"amount\": 25.00, \"currency\": \"USD\"}",
    ),
    ("PaymentSucceeded", "<xml>paid</xml>"),
    ("PaymentBounced", "{\"bookingId\": \"01928a7c-0000-7000-8000-00000000beef\"}"),
];

/// Makes the troubles.
///
/// # Errors
/// What stands in the way of buying.
pub(super) async fn make(app: &App, actor: &Actor) -> Result<(), Failure> {
    dead_letters(app).await?;
    hanging_charge(app, actor).await?;
    refused_refund(app, actor).await
}

/// Hands the messages over as a topic's reader does. Here no topic is read, since the provider is simulated.
async fn dead_letters(app: &App) -> Result<(), Failure> {
    for (offset, (kind, body)) in (0..).zip(MESSAGES) {
        let message = InboundMessage {
            source: TOPIC.to_owned(),
            partition: 0,
            offset,
            key: None,
            headers: vec![("ce_type".to_owned(), (*kind).to_owned())],
            body: body.as_bytes().to_vec(),
            at: app.clock.now(),
        };
        let verdict = inbound::handle(app, &message, Delivery::Topic).await?;
        let Verdict::Dead { code, reason, stream } = verdict else { continue };
        let letter = inbound::letter_in(Some(&stream), &message, Some((code, &reason)), app.clock.now());
        letters::put(&app.stores.write, &letter).await?;
    }
    Ok(())
}

async fn hanging_charge(app: &App, actor: &Actor) -> Result<(), Failure> {
    let user = UserId("hugo".into());
    let wanted = departure(app, 1).await?.map(|id| (id, SeatChoice::Any(1)));
    let Some(id) = book(app, wanted, ("Hugo", &user), HOLD_SECONDS, None).await? else { return Ok(()) };
    inject(app, actor, id, AttemptKind::Charge, Fault::Timeout).await?;
    pay(app, id, "tok_visa".into(), user.clone(), None, meta(&user)).await?;
    Ok(())
}

async fn refused_refund(app: &App, actor: &Actor) -> Result<(), Failure> {
    let user = UserId("rosa".into());
    let token = Some("tok_visa".to_owned());
    let wanted = departure(app, 2).await?.map(|id| (id, SeatChoice::Any(1)));
    let Some(id) = book(app, wanted, ("Rosa", &user), HOLD_SECONDS, token).await? else { return Ok(()) };
    let confirmed = async {
        while !is_confirmed(app, id).await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(CONFIRM_WAIT, confirmed).await.is_err() {
        return Ok(());
    }
    inject(app, actor, id, AttemptKind::Refund, Fault::Decline).await?;
    let reason = Some("the train was missed".to_owned());
    change(app, id, Change::Cancel { reason }, Some(user.clone()), None, meta(&user)).await?;
    Ok(())
}

async fn is_confirmed(app: &App, id: BookingId) -> bool {
    let found = bookings::load(&app.stores.write, &[id]).await.unwrap_or_default();
    found.first().is_some_and(|booking| booking.state_at(app.clock.now()) == BookingState::Confirmed)
}

async fn inject(
    app: &App,
    actor: &Actor,
    id: BookingId,
    step: AttemptKind,
    fault: Fault,
) -> Result<(), Failure> {
    let plan = drills::plan(app, id.into(), step, fault, FAULTS).await?;
    drills::execute(app, plan, actor).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Demo;
    use std::time::Duration;
    use ticketing_core::ops::{sagas, status};

    #[tokio::test(flavor = "multi_thread")]
    async fn each_kind_of_trouble_is_there_within_seconds() {
        let demo = Demo::default();
        let app = demo.backend().await.unwrap().app;
        let seen = async {
            loop {
                let payments = status::payments(&app).await.unwrap();
                let letters = status::services(&app).await.unwrap().dead_letters;
                let is_charging = payments.not_over.iter().any(|open| open.state == "CHARGING");
                if payments.stuck > 0 && letters == 3 && is_charging {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(30), seen).await;
        let stuck = sagas::stuck(&app).await.unwrap();
        let stuck = sagas::rows(&app, &stuck).await.unwrap();
        drop(app);
        demo.close().await;
        seen.unwrap();
        let parks: Vec<_> =
            stuck.iter().filter_map(|row| row.case.saga.park).map(|park| park.word()).collect();
        assert_eq!(parks, ["REFUND_REFUSED"]);
    }
}
