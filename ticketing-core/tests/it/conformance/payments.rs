//! Money and seats agree: through the real engine, stores and runner, with the simulated provider.

use crate::support::check::check;
use crate::support::city::{
    ask, ask_seat, at_once, cancel, code, confirm, keyed, meta, passenger, seed_line,
};
use crate::support::place::{Place, clock, count, on_both_engines};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::payments::guard::{Guard, Limits};
use ticketing_core::adapters::payments::{Provider, ProviderConfig};
use ticketing_core::app::{App, AppError, commands, payments};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{Change, HoldKind, Reserve};
use ticketing_core::domain::booking::state::{Booking, BookingState};
use ticketing_core::domain::id::{BookingId, OfferingId, SagaId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::payment::{AttemptKind, PaymentStatus};
use ticketing_core::engine::{Done, SagaAnswer, Work};
use ticketing_core::saga::definition::LET_GO_MS;
use ticketing_core::saga::{Answer, Case, Input, Notice, OperatorMove, SagaState};
use ticketing_core::store::drills::{self, Drill, Fault};
use ticketing_core::store::sagas::{self, Message};
use ticketing_core::worker::payments::Asking;
use ticketing_core::worker::{Roles, Workers, sweeper};

on_both_engines!(
    a_booking_that_is_paid_with_its_token_confirms_itself,
    a_declined_card_leaves_the_booking_and_another_one_pays_it,
    an_answer_that_was_lost_is_found_out_and_charged_once,
    what_was_paid_and_cancelled_is_paid_back,
    money_that_comes_after_the_hold_takes_the_seats_again_or_goes_back,
    a_buyer_confirms_only_with_a_payment_of_his_own_that_succeeded,
    what_a_service_vouches_for_is_a_payment_too,
    a_charge_for_anything_is_done_once_and_given_back_in_parts,
    an_attempt_of_a_process_that_died_is_taken_up_by_another,
    what_an_outside_service_tells_is_done_once,
    five_hundred_bookings_are_paid_at_once_each_exactly_once,
    a_drill_goes_wrong_as_often_as_it_was_ordered_and_then_all_is_well,
    nobodys_word_makes_anothers_payment_a_bookings_own,
    what_an_operator_gave_up_is_not_sold_by_money_that_comes_late,
);

/// The tests' clock, but it goes on.
fn ticking() -> Clock {
    let clock = clock();
    let ticks = clock.clone();
    tokio::spawn(async move {
        let began = Instant::now();
        let mut told = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let passed = began.elapsed().as_millis() as i64;
            ticks.advance(passed - told);
            told = passed;
        }
    });
    clock
}

fn guard() -> Arc<Guard> {
    let provider = Provider::new(ProviderConfig::Simulated, Clock::system()).unwrap();
    Arc::new(Guard::new(provider, Limits::default()))
}

fn run(app: &App) -> Workers {
    Workers::start(app, Roles { saga: Some(Asking::quietly(guard())), ..Roles::default() })
}

fn book(offering_id: OfferingId) -> Reserve {
    Reserve { kind: HoldKind::Book, ..ask(offering_id) }
}

async fn paid(app: &App, command: Reserve, token: &str) -> Booking {
    let done =
        commands::reserve_and_pay(app, command, passenger(), Some(token.into()), meta()).await.unwrap();
    Booking::clone(&done.booking.unwrap())
}

async fn pay(app: &App, id: BookingId, token: &str) -> Result<Done, AppError> {
    let ann = UserId("ann".into());
    payments::pay(app, id, token.into(), ann.clone(), Some(ann), meta()).await
}

async fn case(app: &App, id: impl Into<SagaId>) -> Case {
    sagas::cases(&app.stores.write, &[id.into()]).await.unwrap().pop().expect("a saga")
}

/// Waits until the saga stands there.
async fn until(app: &App, id: impl Into<SagaId>, state: SagaState) -> Case {
    let (id, began) = (id.into(), Instant::now());
    loop {
        let case = case(app, id).await;
        if case.saga.state == state {
            return case;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "waiting for {state:?}: {case:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn a_booking_that_is_paid_with_its_token_confirms_itself(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let workers = run(&app);
    let booking = paid(&app, book(bus), "tok_visa").await;
    assert_eq!(booking.state, BookingState::Pending);
    let case = until(&app, booking.id, SagaState::Confirmed).await;
    assert_eq!(case.payments[0].status, PaymentStatus::Success);
    assert_eq!((case.payments.len(), case.attempts.len(), case.attempts[0].token.clone()), (1, 1, None));
    workers.stop().await;
    let fold = check(&app).await;
    assert_eq!(fold.story(booking.id), ["TicketBooked", "PaymentCreated", "TicketConfirmed"]);
    let payment_id = case.payments[0].id.to_string();
    assert_eq!(fold.bookings[&booking.id].payment_id, Some(payment_id));
}

async fn a_declined_card_leaves_the_booking_and_another_one_pays_it(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let workers = run(&app);
    let booking = paid(&app, book(bus), "tok_chargeDeclined").await;
    let declined = until(&app, booking.id, SagaState::AwaitingPayment).await;
    assert_eq!(declined.payments[0].status, PaymentStatus::Failed);
    assert!(declined.saga.last_error.unwrap().contains("declined"));
    let done = pay(&app, booking.id, "tok_visa").await.unwrap();
    assert!(
        done.body.contains(r#""payment":{"id":"#) && done.body.contains(r#""status":"PENDING""#),
        "{}",
        done.body
    );
    let case = until(&app, booking.id, SagaState::Confirmed).await;
    assert_eq!(
        case.payments.iter().map(|p| p.status).collect::<Vec<_>>(),
        [PaymentStatus::Failed, PaymentStatus::Success]
    );
    assert_eq!(code(&pay(&app, booking.id, "tok_visa").await), "INVALID_STATE");
    workers.stop().await;
    let story = check(&app).await.story(booking.id);
    assert_eq!(story, ["TicketBooked", "PaymentFailed", "PaymentCreated", "TicketConfirmed"]);
}

async fn an_answer_that_was_lost_is_found_out_and_charged_once(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let workers = run(&app);
    for token in ["tok_timeout", "tok_error", "tok_slow"] {
        let booking = paid(&app, book(bus), token).await;
        let case = until(&app, booking.id, SagaState::Confirmed).await;
        assert_eq!((case.payments.len(), case.attempts.len()), (1, 1), "{token}");
        assert_eq!(case.attempts[0].tries > 0, token != "tok_slow", "{token}: {:?}", case.attempts[0]);
    }
    workers.stop().await;
    check(&app).await;
}

async fn what_was_paid_and_cancelled_is_paid_back(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let workers = run(&app);
    let booking = paid(&app, book(bus), "tok_visa").await;
    until(&app, booking.id, SagaState::Confirmed).await;
    cancel(&app, booking.id).await.unwrap();
    let case = until(&app, booking.id, SagaState::Refunded).await;
    assert_eq!((case.payments[0].status, case.payments[0].kept_minor()), (PaymentStatus::Refunded, 0));
    workers.stop().await;
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&booking.id].state, BookingState::Refunded);
    let story = fold.story(booking.id);
    let end = ["TicketCancelled", "RefundRequested", "PaymentRefunded", "TicketRefunded"];
    assert_eq!(story[story.len() - 4..], end, "{story:?}");
    assert_eq!(count(&app.stores.write, "claims").await, 0);
}

async fn money_that_comes_after_the_hold_takes_the_seats_again_or_goes_back(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "A", 2, 2).await;
    let minute = |bus| Reserve { hold_seconds: 60, ..book(bus) };
    // Nobody runs the attempts until the holds have ended.
    let free = paid(&app, minute(bus[0]), "tok_visa").await;
    let gone = paid(&app, minute(bus[1]), "tok_visa").await;
    clock.advance(60_000);
    let other = commands::reserve(&app, ask_seat(bus[1], "A1"), passenger(), meta()).await.unwrap();
    let workers = run(&app);
    until(&app, gone.id, SagaState::Releasing).await;
    clock.advance(LET_GO_MS);
    let case = until(&app, gone.id, SagaState::Expired).await;
    assert_eq!(case.payments[0].status, PaymentStatus::Failed, "it was never sent, so it is never charged");
    // The other one's charge is told late by the provider.
    let attempt_id = self::case(&app, free.id).await.attempts[0].id;
    workers.stop().await;
    let late = |saga_id| Work::Saga {
        saga_id,
        input: Input::Answered {
            attempt_id,
            answer: Answer::Succeeded { provider_ref: "ch_1".into(), amount: free.price },
        },
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Nothing,
    };
    app.engine.submit(late(free.id.into()), meta()).await.unwrap();
    app.engine.submit(late(free.id.into()), meta()).await.unwrap();
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&free.id].state, BookingState::Confirmed);
    assert_eq!(fold.bookings[&gone.id].state, BookingState::Expired);
    assert_eq!(fold.bookings[&other.booking.unwrap().id].state, BookingState::Reserved);
    let story = fold.story(free.id);
    let end = ["PaymentCreated", "TicketReserved", "TicketConfirmed"];
    assert_eq!(story[story.len() - 3..], end, "{story:?}");
}

async fn a_buyer_confirms_only_with_a_payment_of_his_own_that_succeeded(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let workers = run(&app);
    let by_ann = |id: BookingId, payment_id: String| {
        commands::change(&app, id, Change::Confirm { payment_id }, Some(UserId("ann".into())), None, meta())
    };
    let (one, two) =
        (paid(&app, book(bus), "tok_chargeDeclined").await, paid(&app, book(bus), "tok_visa").await);
    let failed = until(&app, one.id, SagaState::AwaitingPayment).await.payments[0].public_id();
    let good = until(&app, two.id, SagaState::Confirmed).await.payments[0].public_id();
    assert_eq!(code(&by_ann(one.id, failed).await), "PAYMENT_STATE");
    assert_eq!(code(&by_ann(one.id, "nothing".into()).await), "PAYMENT_NOT_FOUND");
    assert_eq!(code(&by_ann(one.id, good.clone()).await), "PAYMENT_NOT_FOUND", "it may not be probed");
    assert_eq!(code(&confirm(&app, one.id, &good).await), "PAYMENT_USED");
    assert_eq!(code(&by_ann(two.id, good).await), "OK", "it is confirmed with it already");
    workers.stop().await;
    check(&app).await;
}

async fn what_a_service_vouches_for_is_a_payment_too(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let held = commands::reserve(&app, ask(bus), passenger(), meta()).await.unwrap().booking.unwrap();
    confirm(&app, held.id, "pay_77").await.unwrap();
    let vouched = case(&app, held.id).await;
    assert_eq!(
        (vouched.saga.state, vouched.payments[0].public_id()),
        (SagaState::Confirmed, "pay_77".into())
    );
    assert_eq!(vouched.payments[0].kept_minor(), held.price.amount_minor);
    assert_eq!(payments::find(&app, "pay_77").await.unwrap().unwrap().id, vouched.payments[0].id);
    let workers = run(&app);
    cancel(&app, held.id).await.unwrap();
    until(&app, held.id, SagaState::Refunded).await;
    workers.stop().await;
    assert_eq!(check(&app).await.bookings[&held.id].state, BookingState::Refunded);
}

async fn a_charge_for_anything_is_done_once_and_given_back_in_parts(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let workers = run(&app);
    let money = |amount_minor| Money { amount_minor, currency: Currency::USD };
    let shop = UserId("shop".into());
    let charge = |reference: &str, amount_minor, key: &str| {
        let (reference, shop) = (reference.to_owned(), shop.clone());
        payments::charge(&app, reference, money(amount_minor), "tok_visa".into(), shop, None, keyed(key, 1))
    };
    let first = charge("order-9", 1_000, "k1").await.unwrap();
    let again = charge("order-9", 1_000, "k1").await.unwrap();
    assert_eq!((first.body, again.replayed), (again.body, true));
    assert_eq!(count(&app.stores.write, "payments").await, 1);
    let id = first.case.unwrap().saga.id;
    let payment = until(&app, id, SagaState::Confirmed).await.payments[0].clone();
    let refund = |amount| payments::refund(&app, "", amount, None, None, meta());
    assert_eq!(code(&refund(None).await), "PAYMENT_NOT_FOUND");
    let public_id = payment.public_id();
    let refund = |amount| payments::refund(&app, &public_id, amount, None, None, meta());
    assert_eq!(code(&refund(Some(1_001)).await), "REFUND_TOO_MUCH");
    refund(Some(300)).await.unwrap();
    assert_eq!(code(&refund(Some(701)).await), "REFUND_TOO_MUCH");
    refund(None).await.unwrap();
    let case = until(&app, id, SagaState::Refunded).await;
    assert_eq!((case.payments[0].refunded_minor, case.attempts.len()), (1_000, 3));
    assert_eq!(code(&refund(None).await), "PAYMENT_STATE");
    // A charge that names a booking pays it, at its own price.
    let held = commands::reserve(&app, ask(bus), passenger(), meta()).await.unwrap().booking.unwrap();
    let of_booking = held.id.to_string();
    assert_eq!(code(&charge(&of_booking, 1, "k2").await), "AMOUNT_MISMATCH");
    charge(&of_booking, held.price.amount_minor, "k3").await.unwrap();
    until(&app, held.id, SagaState::Confirmed).await;
    workers.stop().await;
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&held.id].state, BookingState::Confirmed);
    assert_eq!(fold.story(BookingId(id.0)), ["PaymentCreated", "PaymentRefunded", "PaymentRefunded"]);
}

async fn an_attempt_of_a_process_that_died_is_taken_up_by_another(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    // It takes the attempt, and is never heard of again.
    let dead = run(&app);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let booking = paid(&app, book(bus), "tok_slow").await;
    drop(dead.stop());
    let other = place.program(&clock).await;
    let workers = run(&other);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(case(&app, booking.id).await.saga.state, SagaState::Charging, "it is leased to the dead one");
    clock.advance(15_000);
    until(&other, booking.id, SagaState::Confirmed).await;
    workers.stop().await;
    check(&other).await;
}

async fn what_an_outside_service_tells_is_done_once(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 1, "ABCD", 2, 1).await[0];
    let booked =
        |offering_id| async move { commands::reserve(&app, book(offering_id), passenger(), meta()).await };
    let first = booked(bus).await.unwrap().booking.unwrap();
    let app = place.program(&ticking()).await;
    let told = |id: BookingId, message: &str, notice: Notice| {
        let message = Message { source: "payment-events".into(), message_id: message.into() };
        payments::told(&app, id, "external", notice, message, meta())
    };
    let paid = Notice::Paid { external_id: "w-1".into(), amount: None };
    assert_eq!(told(first.id, "m1", paid.clone()).await.unwrap().changed, 1);
    assert_eq!(told(first.id, "m1", paid.clone()).await.unwrap().changed, 0);
    assert_eq!(told(first.id, "m2", paid).await.unwrap().changed, 0, "the same fact in another message");
    assert_eq!(case(&app, first.id).await.saga.state, SagaState::Confirmed);
    let refunded = Notice::Refunded { external_id: Some("w-1".into()), amount: None };
    told(first.id, "m3", refunded).await.unwrap();
    assert_eq!(case(&app, first.id).await.saga.state, SagaState::Refunded);
    let second = commands::reserve(&app, book(bus), passenger(), meta()).await.unwrap().booking.unwrap();
    let failed = Notice::Failed { external_id: None, reason: Some("no funds".into()) };
    told(second.id, "m4", failed).await.unwrap();
    let unknown = BookingId(uuid::Uuid::now_v7());
    let lost = told(unknown, "m5", Notice::Paid { external_id: "w-9".into(), amount: None }).await;
    assert_eq!(code(&lost), "SAGA_NOT_FOUND");
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&first.id].state, BookingState::Refunded);
    assert_eq!(fold.bookings[&second.id].state, BookingState::Cancelled);
}

async fn five_hundred_bookings_are_paid_at_once_each_exactly_once(place: Place) {
    let app = place.program(&ticking()).await;
    let other = place.program(&ticking()).await;
    let buses = seed_line(&app, 10, "ABCD", 2, 13).await;
    // Two runners on one store, and what one of them began the other may find due.
    let (one, two) = (run(&app), run(&other));
    let tokens = ["tok_visa", "tok_visa", "tok_error", "tok_chargeDeclined", "tok_timeout"];
    let buyers = (0..500).map(|n| {
        let app = if n % 2 == 0 { app.clone() } else { other.clone() };
        let command = book(buses[n % buses.len()]);
        async move { (paid(&app, command, tokens[n % tokens.len()]).await.id, tokens[n % tokens.len()]) }
    });
    for (id, token) in at_once(buyers).await {
        let end =
            if token == "tok_chargeDeclined" { SagaState::AwaitingPayment } else { SagaState::Confirmed };
        let case = until(&app, id, end).await;
        assert_eq!((case.payments.len(), case.attempts.len()), (1, 1), "{token}");
    }
    one.stop().await;
    two.stop().await;
    check(&app).await;
}

async fn a_drill_goes_wrong_as_often_as_it_was_ordered_and_then_all_is_well(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let booking = paid(&app, book(bus), "tok_visa").await;
    let drill = Drill {
        id: uuid::Uuid::now_v7(),
        saga_id: booking.id.into(),
        step: AttemptKind::Charge,
        fault: Fault::Timeout,
        times_left: 2,
    };
    drills::put(&app.stores.write, &drill, app.clock.now()).await.unwrap();
    let asking = Asking { drills: true, ..Asking::quietly(guard()) };
    let workers = Workers::start(&app, Roles { saga: Some(asking), ..Roles::default() });
    let case = until(&app, booking.id, SagaState::Confirmed).await;
    workers.stop().await;
    assert_eq!((case.attempts.len(), case.attempts[0].tries), (1, 2), "{case:?}");
    check(&app).await;
}

async fn nobodys_word_makes_anothers_payment_a_bookings_own(place: Place) {
    let app = place.program(&ticking()).await;
    let bus = seed_line(&app, 2, "ABCD", 2, 1).await[0];
    let workers = run(&app);
    let paid_one = paid(&app, book(bus), "tok_visa").await;
    let theirs = until(&app, paid_one.id, SagaState::Confirmed).await.payments[0].clone();
    let failed = paid(&app, book(bus), "tok_chargeDeclined").await;
    let failed = until(&app, failed.id, SagaState::AwaitingPayment).await.payments[0].public_id();
    let pending = paid(&app, book(bus), "tok_slow").await;
    let pending = case(&app, pending.id).await.payments[0].public_id();
    let shop = UserId("shop".into());
    let money = Money { amount_minor: 2_500, currency: Currency::USD };
    let charge =
        payments::charge(&app, "order".into(), money, "tok_visa".into(), shop, None, meta()).await.unwrap();
    let charge = charge.case.unwrap().saga.id;
    let alone = until(&app, charge, SagaState::Confirmed).await.payments[0].public_id();
    let held = commands::reserve(&app, ask(bus), passenger(), meta()).await.unwrap().booking.unwrap();
    let names = [
        theirs.public_id(),
        theirs.public_id().to_uppercase(),
        theirs.provider_ref.unwrap(),
        failed,
        pending,
        alone,
    ];
    for name in names {
        assert_eq!(code(&confirm(&app, held.id, &name).await), "PAYMENT_USED", "{name}");
        let ann = Some(UserId("ann".into()));
        let change = Change::Confirm { payment_id: name.clone() };
        let by_ann = commands::change(&app, held.id, change, ann, None, meta()).await;
        assert_eq!(code(&by_ann), "PAYMENT_NOT_FOUND", "{name}");
    }
    let told = Notice::Paid { external_id: theirs.id.to_string(), amount: None };
    let message = Message { source: "payment-events".into(), message_id: "m".into() };
    let told = payments::told(&app, held.id, "external", told, message, meta()).await;
    assert_eq!(code(&told), "PAYMENT_USED");
    workers.stop().await;
    assert_eq!(check(&app).await.bookings[&held.id].state, BookingState::Reserved);
}

async fn what_an_operator_gave_up_is_not_sold_by_money_that_comes_late(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let minute = || Reserve { hold_seconds: 60, ..book(bus) };
    let (one, two) = (paid(&app, minute(), "tok_visa").await, paid(&app, minute(), "tok_visa").await);
    commands::change(&app, one.id, Change::ForceExpire { reason: "fraud".into() }, None, None, meta())
        .await
        .unwrap();
    clock.advance(60_000);
    sweeper::sweep(&app).await.unwrap();
    let version = case(&app, two.id).await.saga.version;
    payments::operate(&app, two.id.into(), version, OperatorMove::Compensate, "fraud".into(), meta())
        .await
        .unwrap();
    for booking in [&one, &two] {
        let attempt_id = case(&app, booking.id).await.attempts[0].id;
        let answer = Answer::Succeeded { provider_ref: "ch_1".into(), amount: booking.price };
        let work = Work::Saga {
            saga_id: booking.id.into(),
            input: Input::Answered { attempt_id, answer },
            owner: None,
            expected_version: None,
            message: None,
            answer: SagaAnswer::Nothing,
        };
        app.engine.submit(work, meta()).await.unwrap();
    }
    let workers = run(&app);
    for booking in [&one, &two] {
        until(&app, booking.id, SagaState::Refunded).await;
    }
    workers.stop().await;
    check(&app).await;
    assert_eq!(count(&app.stores.write, "claims").await, 0);
}
