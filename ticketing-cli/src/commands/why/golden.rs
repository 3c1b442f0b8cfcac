//! What sagas, payments and their story look like at 80 columns, to the last blank.

use crate::commands::saga;
use crate::output::testing::screen;
use crate::session::Session;
use crate::session::testing::{riverton, tester};
use ticketing_core::domain::booking::command::{HoldKind, Reserve, SeatChoice};
use ticketing_core::domain::id::{AttemptId, BookingId, PaymentId, SagaId, UserId};
use ticketing_core::engine::{Meta, SagaAnswer, Work};
use ticketing_core::ops::{lists, money, people, sagas, why};
use ticketing_core::saga::{Answer, Input, NewCharge, OperatorMove};
use uuid::Uuid;

const BOOKING: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0001;
const PAYMENT: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0002;
const CALL: u128 = 0x0192_a8c4_0000_7000_8000_0000_0000_0003;

/// Ada books and pays; the provider gives no clear answer until a person must look.
async fn parked(session: &Session) {
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
    for _ in 0..ticketing_core::saga::definition::TRIES_MAX {
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
async fn a_stuck_saga_and_its_story_fit_eighty_columns() {
    let folder = tempfile::tempdir().unwrap();
    let session = riverton(&folder).await;
    parked(&session).await;
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

    let plan = money::plan_move(app, OperatorMove::Retry, &[id], "it is back").await.unwrap();
    ticketing_core::ops::bookings::execute(app, plan, &tester(), None, &mut |_, _| ()).await.unwrap();
    app.clock.advance(1_000);
    let amount = details.payments[0].amount.get().to_owned();
    assert_eq!(amount, "1.80");
    let amount = ticketing_core::domain::money::Money {
        amount_minor: 180,
        currency: ticketing_core::domain::money::Currency::USD,
    };
    answered(&session, Answer::Succeeded { provider_ref: "ch_1".into(), amount }).await;
    let story = why::tell(app, &id.to_string(), &mut |_, _| ()).await.unwrap();
    let mut told = screen(&["--time", "iso"], true);
    super::show(&story, &mut told.printer).unwrap();
    let lines: Vec<String> = told.out().lines().map(str::to_owned).collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", told.out());
    // Eight of the ten unclear answers, which are alike, are left out here.
    let kept: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .enumerate()
        .filter(|(index, _)| !(12..28).contains(index))
        .map(|(_, line)| line)
        .collect();
    assert_eq!(kept.join("\n"), STORY.trim_end());
}

const SAGA: &str = "\
Id           0192a8c4-0000-7000-8000-000000000001
State        PARKED
Booking      PENDING
Last step    charge unclear
Tries        1
Last error   no answer in time
Began        now
Moved        in 1m
Stuck        yes
Why stuck    The provider gave no clear answer to the charge, so it may have
             taken the money.
Safe action  ticketctl saga retry 0192a8c4-0000-7000-8000-000000000001

Steps
 #  AT      WHAT             STATE     ACTOR   NOTE
 1  now     booked and paid  CHARGING  ada     -
 2  in 10s  charge unclear   CHARGING  system  no answer in time
 3  in 20s  charge unclear   CHARGING  system  no answer in time
 4  in 30s  charge unclear   CHARGING  system  no answer in time
 5  in 40s  charge unclear   CHARGING  system  no answer in time
 6  in 50s  charge unclear   CHARGING  system  no answer in time
 7  in 1m   charge unclear   CHARGING  system  no answer in time
 8  in 1m   charge unclear   CHARGING  system  no answer in time
 9  in 1m   charge unclear   CHARGING  system  no answer in time
10  in 1m   charge unclear   CHARGING  system  no answer in time
11  in 1m   charge unclear   PARKED    system  no answer in time

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
const ABANDON: &str = "ABANDON\n";
const STORY: &str = "STORY\n";
