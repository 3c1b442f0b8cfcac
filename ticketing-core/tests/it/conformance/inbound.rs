//! What payment and wallet services tell on their topics, through the real engine and stores.

use crate::support::check::check;
use crate::support::city::{ask, meta, passenger, seed_line};
use crate::support::place::{BEGIN, Place, clock, on_both_engines};
use ticketing_core::app::inbound::{self, Delivery, InboundMessage, Verdict};
use ticketing_core::app::{App, commands};
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::booking::state::{Booking, BookingState};
use ticketing_core::domain::id::{BookingId, OfferingId, SagaId};
use ticketing_core::domain::payment::PaymentStatus;
use ticketing_core::engine::EngineConfig;
use ticketing_core::saga::{Case, SagaState};
use ticketing_core::store::sagas;

on_both_engines!(
    a_payment_that_is_told_confirms_the_booking_once_however_it_is_written,
    a_failure_that_is_told_cancels_the_booking_and_a_refund_refunds_it,
    money_of_a_wrong_amount_goes_back_and_the_message_is_for_the_dead_letters,
    what_can_not_be_handled_has_a_code_and_a_stream_and_changes_nothing,
    a_payment_of_ours_is_found_without_its_booking,
    a_refunds_own_transaction_is_not_taken_for_another_payment,
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
    let command = Reserve { kind: HoldKind::Book, ..ask(bus) };
    let done = commands::reserve_and_pay(&app, command, passenger(), None, meta()).await.unwrap();
    let id = done.booking.unwrap().id;
    let asked = case(&app, id).await.payments[0].clone();
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
