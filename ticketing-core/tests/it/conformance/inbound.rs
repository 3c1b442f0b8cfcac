//! What payment and wallet services tell on their topics, through the real engine and stores.

use crate::support::check::check;
use crate::support::city::{ask, meta, passenger, seed_line};
use crate::support::place::{BEGIN, Place, clock, on_both_engines};
use std::time::Duration;
use ticketing_core::adapters::carriers::PAYMENT_EVENTS;
use ticketing_core::app::inbound::{self, Delivery, InboundMessage, Verdict};
use ticketing_core::app::{App, commands};
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::booking::state::{Booking, BookingState};
use ticketing_core::domain::id::{BookingId, OfferingId, SagaId};
use ticketing_core::domain::payment::{Payment, PaymentStatus};
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::dlq;
use ticketing_core::ops::dlq::work::{Counts, Queue};
use ticketing_core::saga::{Case, SagaState};
use ticketing_core::store::dead_letters::{self, Letter, LetterState};
use ticketing_core::store::inbound as topics;
use ticketing_core::store::sagas;
use ticketing_core::worker::inbound::run;

on_both_engines!(
    a_payment_that_is_told_confirms_the_booking_once_however_it_is_written,
    a_failure_that_is_told_cancels_the_booking_and_a_refund_refunds_it,
    money_of_a_wrong_amount_goes_back_and_the_message_is_for_the_dead_letters,
    what_can_not_be_handled_has_a_code_and_a_stream_and_changes_nothing,
    a_payment_of_ours_is_found_without_its_booking,
    a_refunds_own_transaction_is_not_taken_for_another_payment,
    a_message_that_names_its_booking_otherwise_waits_behind_its_dead_letter,
    a_dead_letter_that_names_only_a_payment_stands_in_its_bookings_stream,
    messages_of_one_booking_keep_their_order_however_they_name_it,
    what_a_payment_is_of_is_known_from_the_messages_beside_it,
);

/// A program with an outside payment service.
async fn program(place: &Place) -> (App, OfferingId) {
    let config = EngineConfig { provider: "external", ..EngineConfig::default() };
    let (app, _) = place.watched_program(&clock(), config).await;
    let bus = seed_line(&app, 2, "ABCD", 2, 1).await[0];
    (app, bus)
}

async fn book(app: &App, bus: OfferingId) -> Booking {
    let command = Reserve { kind: HoldKind::Book, ..ask(bus) };
    let done = commands::reserve(app, command, passenger(), meta()).await.unwrap();
    Booking::clone(&done.booking.unwrap())
}

fn message(offset: i64, event_type: &str, id: BookingId, facts: &str) -> InboundMessage {
    let comma = if facts.is_empty() { "" } else { "," };
    InboundMessage {
        source: "payment-events".into(),
        partition: 0,
        offset,
        key: Some(id.to_string()),
        headers: vec![("ce_type".into(), event_type.into()), ("correlationId".into(), "c-7".into())],
        body: format!(r#"{{"bookingId":"{id}"{comma}{facts}}}"#).into_bytes(),
        at: BEGIN,
    }
}

/// A booking, and its payment that the service is asked for.
async fn asked_to_pay(app: &App, bus: OfferingId) -> (BookingId, Payment) {
    let command = Reserve { kind: HoldKind::Book, ..ask(bus) };
    let done = commands::reserve_and_pay(app, command, passenger(), None, meta()).await.unwrap();
    let id = done.booking.unwrap().id;
    (id, case(app, id).await.payments[0].clone())
}

/// Publishes to the embedded topic.
async fn publish(app: &App, body: String) {
    let headers = [("ce_type".to_owned(), "PaymentSucceeded".to_owned())];
    topics::append(&app.stores.write, PAYMENT_EVENTS, None, &headers, body.as_bytes(), BEGIN).await.unwrap();
}

/// Waits until so many letters were kept, and returns them, the oldest first.
async fn letters(app: &App, count: usize) -> Vec<Letter> {
    for _ in 0..400 {
        let mut all = dead_letters::page(&app.stores.write, i64::MAX, false, 99).await.unwrap();
        if all.len() >= count {
            all.reverse();
            return all;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the letters were not kept");
}

async fn told(app: &App, message: &InboundMessage) -> Verdict {
    inbound::handle(app, message, Delivery::Topic).await.unwrap()
}

async fn case(app: &App, id: BookingId) -> Case {
    sagas::cases(&app.stores.write, &[SagaId::from(id)]).await.unwrap().pop().expect("a saga")
}

async fn a_payment_that_is_told_confirms_the_booking_once_however_it_is_written(place: Place) {
    let (app, bus) = program(&place).await;
    let facts = [
        r#""paymentId":"p-1","amount":25.00,"currency":"USD""#,
        r#""payment_id":"p-2","amount_cents":2500"#,
        r#""walletTransactionId":"p-3","amount":"25""#,
        r#""data":{"paymentId":"p-4"}"#,
        "",
    ];
    for (n, facts) in facts.into_iter().enumerate() {
        let booking = book(&app, bus).await;
        let message = message(n as i64 * 10, "PaymentSucceeded", booking.id, facts);
        for offset in [0, 0, 1] {
            // Twice the same message, then the same fact in another one.
            let again = InboundMessage { offset: message.offset + offset, ..message.clone() };
            assert_eq!(told(&app, &again).await, Verdict::Done, "{facts}");
        }
        let case = case(&app, booking.id).await;
        assert_eq!((case.saga.state, case.payments.len()), (SagaState::Confirmed, 1), "{facts}");
        assert!(case.attempts.iter().all(|a| a.kind.word() == "charge"), "nothing is given back: {facts}");
    }
    let fold = check(&app).await;
    let confirmed = fold.bookings.values().filter(|b| b.state == BookingState::Confirmed).count();
    assert_eq!(confirmed, 5);
    let last = fold.entries.iter().rfind(|e| e.event.type_name() == "TicketConfirmed").unwrap();
    assert_eq!(last.correlation_id, "c-7", "it is found by the service's own correlation id");
}

async fn a_failure_that_is_told_cancels_the_booking_and_a_refund_refunds_it(place: Place) {
    let (app, bus) = program(&place).await;
    let (failed, refunded) = (book(&app, bus).await, book(&app, bus).await);
    let message =
        |offset, event_type, booking: &Booking, facts| message(offset, event_type, booking.id, facts);
    let failure = message(1, "WalletDebitFailed", &failed, r#""error":"no funds","amount":"no amount""#);
    assert_eq!(told(&app, &failure).await, Verdict::Done);
    assert_eq!(
        told(&app, &message(2, "PaymentSucceeded", &refunded, r#""paymentId":"p""#)).await,
        Verdict::Done
    );
    let back = message(3, "payment.refunded", &refunded, r#""paymentId":"p","amount":25"#);
    assert_eq!(told(&app, &back).await, Verdict::Done);
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&failed.id].state, BookingState::Cancelled);
    assert_eq!(fold.bookings[&failed.id].cancel_reason.as_deref(), Some("no funds"));
    assert_eq!(fold.bookings[&refunded.id].state, BookingState::Refunded);
}

async fn money_of_a_wrong_amount_goes_back_and_the_message_is_for_the_dead_letters(place: Place) {
    let (app, bus) = program(&place).await;
    for (n, facts) in [r#""amount":24.99"#, r#""amount":25,"currency":"EUR""#, r#""amountMinor":2501"#]
        .into_iter()
        .enumerate()
    {
        let booking = book(&app, bus).await;
        let message =
            message(n as i64, "PaymentSucceeded", booking.id, &format!(r#""paymentId":"p-{n}",{facts}"#));
        for part in ["All of it is being given back", "was told before"] {
            let Verdict::Dead { code, reason, stream } = told(&app, &message).await else {
                panic!("{facts}")
            };
            assert_eq!((code, stream), ("WRONG_AMOUNT", booking.id.to_string()));
            assert!(reason.contains("25.00 USD") && reason.contains(part), "{reason}");
        }
        let case = case(&app, booking.id).await;
        assert_eq!(
            (case.payments.len(), case.attempts.iter().filter(|a| a.kind.word() == "refund").count()),
            (1, 1)
        );
        let refund = case.attempts.iter().find(|a| a.kind.word() == "refund").unwrap();
        assert_eq!(refund.amount.amount_minor, case.payments[0].captured_minor, "all of it, once");
        assert!(case.saga.state != SagaState::Confirmed);
        // Who redrives it has seen it: the money is on its way back already.
        let again = inbound::handle(&app, &message, Delivery::Redrive).await.unwrap();
        assert_eq!(again, Verdict::Done);
        assert_eq!(self::case(&app, booking.id).await.saga.version, case.saga.version);
    }
    check(&app).await;
}

async fn what_can_not_be_handled_has_a_code_and_a_stream_and_changes_nothing(place: Place) {
    let (app, bus) = program(&place).await;
    let (one, two) = (book(&app, bus).await, book(&app, bus).await);
    let paid = message(1, "PaymentSucceeded", one.id, r#""paymentId":"p-1""#);
    assert_eq!(told(&app, &paid).await, Verdict::Done);
    let before = check(&app).await.entries.len();
    let nobody = BookingId(uuid::Uuid::now_v7());
    let base = message(9, "PaymentSucceeded", two.id, r#""paymentId":"p-1""#);
    let with = |key: Option<&str>, body: &str| InboundMessage {
        key: key.map(str::to_owned),
        body: body.into(),
        ..base.clone()
    };
    let id = two.id.to_string();
    let rows = [
        (with(Some(&id), "{"), "BAD_JSON", id.as_str()),
        (with(None, "[]"), "BAD_JSON", "payment-events/0/9"),
        (message(9, "TicketBooked", two.id, ""), "UNKNOWN_TYPE", &id),
        (message(9, "PaymentSucceeded", nobody, ""), "UNKNOWN_BOOKING", &nobody.to_string()),
        (with(Some("k"), r#"{"orderId":"o-1"}"#), "UNKNOWN_BOOKING", "o-1"),
        (with(None, r#"{"paymentId":"nobody's"}"#), "NO_BOOKING", "nobody's"),
        (with(Some("k"), "{}"), "NO_BOOKING", "k"),
        (message(9, "PaymentSucceeded", two.id, r#""amount":"much""#), "BAD_AMOUNT", &id),
        (message(9, "PaymentRefunded", two.id, r#""amount":1,"currency":"EUR""#), "WRONG_AMOUNT", &id),
        (base.clone(), "PAYMENT_USED", &id),
    ];
    for (message, expected, of) in rows {
        let Verdict::Dead { code, stream, reason } = told(&app, &message).await else { panic!("{expected}") };
        assert_eq!((code, stream.as_str()), (expected, of), "{reason}");
        assert!(reason.ends_with('.'), "{reason}");
        assert_eq!(inbound::label(&message).stream, of);
    }
    assert_eq!(check(&app).await.entries.len(), before);
}

async fn a_payment_of_ours_is_found_without_its_booking(place: Place) {
    let (app, bus) = program(&place).await;
    let (id, asked) = asked_to_pay(&app, bus).await;
    assert_eq!(asked.status, PaymentStatus::Pending);
    let body = format!(r#"{{"type":"PaymentSucceeded","id":"e","payload":{{"paymentId":"{}"}}}}"#, asked.id);
    let message =
        InboundMessage { key: None, headers: Vec::new(), body: body.into_bytes(), ..message(4, "", id, "") };
    assert_eq!(told(&app, &message).await, Verdict::Done);
    let case = case(&app, id).await;
    assert_eq!((case.saga.state, case.payments.len()), (SagaState::Confirmed, 1));
    check(&app).await;
}

async fn a_refunds_own_transaction_is_not_taken_for_another_payment(place: Place) {
    let (app, bus) = program(&place).await;
    let booking = book(&app, bus).await;
    let debit = message(1, "WalletDebited", booking.id, r#""walletTransactionId":"debit-1""#);
    let refund = message(2, "WalletRefunded", booking.id, r#""walletTransactionId":"refund-1""#);
    assert_eq!(told(&app, &debit).await, Verdict::Done);
    assert_eq!(told(&app, &refund).await, Verdict::Done);
    let case = case(&app, booking.id).await;
    assert_eq!((case.payments.len(), case.payments[0].kept_minor()), (1, 0));
    assert_eq!(case.saga.state, SagaState::Refunded);
    check(&app).await;
}

async fn a_message_that_names_its_booking_otherwise_waits_behind_its_dead_letter(place: Place) {
    let (app, bus) = program(&place).await;
    let (id, asked) = asked_to_pay(&app, bus).await;
    let worker = tokio::spawn(run(app.clone(), None));
    publish(&app, format!(r#"{{"bookingId":"{id}","amount":"abc"}}"#)).await;
    letters(&app, 1).await;
    publish(&app, format!(r#"{{"paymentId":"{}"}}"#, asked.id)).await;
    let kept = letters(&app, 2).await;
    let seen: Vec<_> = kept.iter().map(|l| (l.state, l.code.as_str(), l.stream.clone(), l.tries)).collect();
    assert_eq!(
        seen,
        [
            (LetterState::Dead, "BAD_AMOUNT", id.to_string(), 1),
            (LetterState::Waiting, "WAITING", id.to_string(), 0)
        ]
    );
    worker.abort();
    // The same, kept in the stream of its own words before this rule was: it goes behind the other, too.
    let other = InboundMessage {
        key: None,
        body: format!(r#"{{"paymentId":"{}"}}"#, asked.id).into_bytes(),
        ..message(99, "PaymentSucceeded", id, "")
    };
    let letter = inbound::letter(&other, None, BEGIN);
    assert_eq!(letter.stream, asked.id.to_string());
    assert!(dead_letters::put(&app.stores.write, &letter).await.unwrap());
    assert_eq!(dlq::work::release_stranded(&app).await.unwrap(), 0);
    assert_eq!(case(&app, id).await.saga.state, SagaState::AwaitingPayment);

    let queue = Queue::Letters(id.to_string());
    let open = dlq::work::open_of(&app, &queue, 9).await.unwrap();
    assert_eq!(open.len(), 2);
    let mut counts = Counts::default();
    dlq::work::discard(&app, &queue, &open[..1], "olga", &mut counts).await.unwrap();
    assert_eq!((counts.discarded, counts.redriven, counts.failed), (1, 1, 0));
    assert_eq!(case(&app, id).await.saga.state, SagaState::Confirmed);
    assert_eq!(dlq::work::release_stranded(&app).await.unwrap(), 1, "nothing stands before it any more");
    check(&app).await;
}

async fn a_dead_letter_that_names_only_a_payment_stands_in_its_bookings_stream(place: Place) {
    let (app, bus) = program(&place).await;
    let (id, asked) = asked_to_pay(&app, bus).await;
    let stranger = BookingId(uuid::Uuid::now_v7());
    let of_payment = |event_type, of: &str, amount: &str| InboundMessage {
        key: None,
        body: format!(r#"{{{of}"paymentId":"{}","amount":"{amount}"}}"#, asked.id).into_bytes(),
        ..message(1, event_type, id, "")
    };
    for (message, expected) in [
        (of_payment("PaymentSucceeded", "", "abc"), "BAD_AMOUNT"),
        (of_payment("PaymentTeleported", "", "25"), "UNKNOWN_TYPE"),
        (of_payment("PaymentSucceeded", &format!(r#""bookingId":"{stranger}","#), "abc"), "BAD_AMOUNT"),
    ] {
        let Verdict::Dead { code, stream, .. } = told(&app, &message).await else { panic!("{expected}") };
        assert_eq!((code, stream), (expected, id.to_string()));
    }
}

/// Publishes a message of a type to the embedded topic.
async fn publish_as(app: &App, event_type: &str, body: String) {
    let headers = [("ce_type".to_owned(), event_type.to_owned())];
    topics::append(&app.stores.write, PAYMENT_EVENTS, None, &headers, body.as_bytes(), BEGIN).await.unwrap();
}

/// Reads what was published, in one go.
async fn read_all(app: &App, count: i64) {
    let worker = tokio::spawn(run(app.clone(), None));
    for _ in 0..400 {
        let cursors = topics::cursors(&app.stores.write).await.unwrap();
        if cursors.iter().any(|cursor| cursor.next_offset >= count) {
            worker.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the messages were not read");
}

async fn messages_of_one_booking_keep_their_order_however_they_name_it(place: Place) {
    let (app, _) = program(&place).await;
    let buses = seed_line(&app, 20, "ABCD", 2, 1).await;
    let mut asked = Vec::new();
    for _ in 0..40 {
        asked.push(asked_to_pay(&app, buses[0]).await);
    }
    // It failed, which cancels the booking; then the money came all the same.
    for (id, payment) in &asked {
        publish_as(&app, "PaymentFailed", format!(r#"{{"bookingId":"{id}"}}"#)).await;
        publish_as(&app, "PaymentSucceeded", format!(r#"{{"paymentId":"{}"}}"#, payment.id)).await;
    }
    read_all(&app, 80).await;
    for (id, _) in &asked {
        let case = case(&app, *id).await;
        assert_eq!(case.saga.state, SagaState::Refunding, "the money came after the booking was cancelled");
        assert_eq!(case.payments[0].status, PaymentStatus::Success);
    }
    assert!(dead_letters::page(&app.stores.write, i64::MAX, false, 9).await.unwrap().is_empty());
    check(&app).await;
}

async fn what_a_payment_is_of_is_known_from_the_messages_beside_it(place: Place) {
    let (app, _) = program(&place).await;
    let bus = seed_line(&app, 20, "ABCD", 2, 1).await[0];
    let mut ids = Vec::new();
    for n in 0..40 {
        let id = book(&app, bus).await.id;
        ids.push(id);
        publish_as(&app, "PaymentSucceeded", format!(r#"{{"bookingId":"{id}","paymentId":"w-{n}"}}"#)).await;
        publish_as(&app, "PaymentRefunded", format!(r#"{{"paymentId":"w-{n}"}}"#)).await;
    }
    // Nobody has heard of this one.
    publish_as(&app, "PaymentRefunded", r#"{"paymentId":"w-unknown"}"#.into()).await;
    read_all(&app, 81).await;
    for id in ids {
        assert_eq!(case(&app, id).await.saga.state, SagaState::Refunded);
    }
    let kept = letters(&app, 1).await;
    assert_eq!((kept.len(), kept[0].code.as_str(), kept[0].stream.as_str()), (1, "NO_BOOKING", "w-unknown"));
    check(&app).await;
}
