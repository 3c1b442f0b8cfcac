//! What sagas, payments and their story look like at 80 columns, to the last blank.

use crate::commands::saga;
use crate::output::testing::screen;
use crate::session::Session;
use crate::session::testing::{riverton, tester};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{AttemptId, BookingId, PaymentId, SagaId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::engine::{Meta, SagaAnswer, Work};
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::{bookings, lists, money, people, sagas, why};
use ticketing_core::saga::definition::TRIES_MAX;
use ticketing_core::saga::{Answer, Input, NewCharge, OperatorMove};
use uuid::Uuid;

const BOOKING: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0001;
const PAYMENT: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0002;
const CALL: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0003;

/// Ada books and pays; the provider gives no clear answer so many times.
async fn paid(session: &Session, unclear: u32) {
    let app = &session.app;
    let departure = lists::departures(app, app.clock.now(), None).await.unwrap()[0].id;
    let command = Reserve {
        booking_id: BookingId(Uuid::from_u128(BOOKING)),
        offering_id: departure,
        route_id: None,
        user_id: UserId("ada".into()),
        seats: SeatChoice::Any(1),
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds: 900,
        kind: HoldKind::Book,
    };
    let charge = NewCharge {
        payment_id: PaymentId(Uuid::from_u128(PAYMENT)),
        attempt_id: AttemptId(Uuid::from_u128(CALL)),
        token: "tok_timeout".into(),
        provider: "simulated".into(),
        user_id: UserId("ada".into()),
        reference: command.booking_id.to_string(),
        amount: None,
    };
    let passenger = people::passenger("Ada", "ada@example.org", None).unwrap();
    let meta = Meta { actor: "ada".into(), correlation_id: "request-1".into(), idempotency: None };
    app.engine.submit(Work::Reserve { command, passenger, charge: Some(charge) }, meta).await.unwrap();
    for _ in 0..unclear {
        app.clock.advance(10_000);
        answered(session, Answer::Unclear { error: "no answer in time".into() }).await;
    }
    session.catch_up().await.unwrap();
}

async fn answered(session: &Session, answer: Answer) {
    let work = Work::Saga {
        saga_id: SagaId(Uuid::from_u128(BOOKING)),
        input: Input::Answered { attempt_id: AttemptId(Uuid::from_u128(CALL)), answer },
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Nothing,
    };
    session.app.engine.submit(work, Meta::system("provider-1".into())).await.unwrap();
}

#[tokio::test]
async fn a_stuck_saga_fits_eighty_columns() {
    let folder = tempfile::tempdir().unwrap();
    let session = riverton(&folder).await;
    paid(&session, TRIES_MAX).await;
    let app = &session.app;
    let id = SagaId(Uuid::from_u128(BOOKING));

    let mut shown = screen(&[], true);
    let details = sagas::details(app, id).await.unwrap();
    shown.printer.object(&details, saga::view::DETAILS).unwrap();
    assert_eq!(shown.out(), SAGA);

    let plan = money::plan_move(app, OperatorMove::Abandon, &[id], "paid in cash").await.unwrap().plan;
    let mut dry = screen(&[], true);
    dry.printer.plan(&crate::output::Plan::of(&plan).unwrap()).unwrap();
    assert_eq!(dry.out(), ABANDON);
}

#[tokio::test]
async fn a_story_fits_eighty_columns_and_its_ids_stay_whole() {
    let folder = tempfile::tempdir().unwrap();
    let session = riverton(&folder).await;
    paid(&session, 1).await;
    let app = &session.app;
    let mut shown = screen(&["--time", "iso"], false);
    let id = SagaId(Uuid::from_u128(BOOKING));
    shown.printer.object(&sagas::details(app, id).await.unwrap(), saga::view::DETAILS).unwrap();
    assert!(shown.out().ends_with(NEXT), "{}", shown.out());
    app.clock.advance(1_000);
    let amount = Money { amount_minor: 180, currency: Currency::USD };
    answered(&session, Answer::Succeeded { provider_ref: "ch_1".into(), amount }).await;
    app.clock.advance(60_000);
    let id = SagaId(Uuid::from_u128(BOOKING));
    let plan = money::plan_move(app, OperatorMove::Compensate, &[id], "the bus broke down").await.unwrap();
    let actor = Actor { reason: Some("the bus broke down".into()), ..tester() };
    bookings::execute(app, plan, &actor, None, &mut |_, _| ()).await.unwrap();
    let story = why::tell(app, &id.to_string(), &mut |_, _| ()).await.unwrap();
    let mut told = screen(&["--time", "iso"], true);
    super::show(&story, &mut told.printer).unwrap();
    assert_eq!(told.out(), STORY);
}

const SAGA: &str = "\
Id           0192a8c4-0000-7000-8000-000000000001
State        PARKED
Booking      PENDING
Last step    charge unclear
Charges      1
Last error   no answer in time
Next         in 15m
Began        now
Moved        in 1m
Stuck        yes
Why stuck    The provider gave no clear answer to the charge, so it may have
             taken the money.
Safe action  ticketctl saga retry 0192a8c4-0000-7000-8000-000000000001

Steps
 #  AT      WHAT                  STATE     ACTOR   NOTE
 1  now     booked and paid       CHARGING  ada     -
 2  in 10s  charge unclear        CHARGING  system  no answer in time
    in 1m   … × 9, the last then
11  in 1m   charge unclear        PARKED    system  no answer in time

Payments
PAYMENT   STATUS      ASKED  CAPTURED  REFUNDED  PROVIDER   FAILURE
0192a8c4  PENDING  1.80 USD      0.00      0.00  simulated  -

Calls to the provider
CALL      KIND    STATE      AMOUNT  UNCLEAR  NEXT  REFERENCE  ERROR
0192a8c4  charge  unclear  1.80 USD       10  -     -          no answer in time

What happens next
AT      WHAT
in 15m  the hold ends, and its seats are free for others
";
const NEXT: &str = "\
What happens next
AT                        WHAT
2026-11-20T12:00:10.385Z  the provider is asked what became of the charge of
                          1.80 USD (unclear 1 of 10 times)
2026-11-20T12:02:00.000Z  without progress it counts as stuck
2026-11-20T12:15:00.000Z  the hold ends, and its seats are free for others
";
const ABANDON: &str = "\
~ saga 0192a8c4-0000-7000-8000-000000000001
    charging: 1.80 USD → -
    lastError: no answer in time → abandoned: paid in cash
    park: CHARGE_UNCLEAR → ABANDONED
    state: PARKED → AWAITING_PAYMENT
    leaves: 1.80 USD of charge 0192a8c4-0000-7000-8000-000000000003 may have been taken, and nobody asks any more
saga abandon: 1 affected
";
const STORY: &str = "\
Booking 0192a8c4-0000-7000-8000-000000000001 is CANCELLED: seat C1 was given up
by tester (the bus broke down). Money is on its way back.

2026-11-20T12:00:00.000Z  command  ada asks to book
2026-11-20T12:00:00.000Z  #637     TicketBooked: seat C1 held for ada until
                                   2026-11-20T12:15:00.000Z, at 1.80 USD
2026-11-20T12:00:00.000Z  step     booked and paid: the saga is CHARGING
2026-11-20T12:00:00.000Z  call     charge of 1.80 USD is asked of simulated
2026-11-20T12:00:10.000Z  step     charge unclear (no answer in time): the saga
                                   is CHARGING
2026-11-20T12:00:11.000Z  call     simulated did the charge of 1.80 USD as ch_1
                                   after 1 unclear answer
2026-11-20T12:00:11.000Z  #638     PaymentCreated: 1.80 USD captured, payment
                                   0192a8c4-0000-7000-8000-000000000002
2026-11-20T12:00:11.000Z  #639     TicketConfirmed: sold, with payment
                                   0192a8c4-0000-7000-8000-000000000002
2026-11-20T12:00:11.000Z  step     charge succeeded: the saga is CONFIRMED
2026-11-20T12:01:11.000Z  audit    tester ran ticketctl saga compensate (the bus
                                   broke down): done
2026-11-20T12:01:11.000Z  command  tester asks to cancel
2026-11-20T12:01:11.000Z  #640     TicketCancelled: the seats are free again
                                   (the bus broke down)
2026-11-20T12:01:11.000Z  #641     RefundRequested: 1.80 USD of payment
                                   0192a8c4-0000-7000-8000-000000000002 is owed
                                   back
2026-11-20T12:01:11.000Z  step     operator: compensate (the bus broke down):
                                   the saga is REFUNDING
2026-11-20T12:01:11.000Z  call     refund of 1.80 USD is asked of simulated (the
                                   bus broke down)

What happens next
2026-11-20T12:01:11.000Z  the refund of 1.80 USD is sent to the provider
2026-11-20T12:11:11.000Z  without progress it counts as stuck
";
