use super::read::{Reading, Told, money, read};
use super::{InboundMessage, label, letter};
use crate::domain::money::Currency;
use crate::domain::time::Timestamp;
use crate::store::dead_letters::LetterState;

const ID: &str = "0192a8c4-0000-7000-8000-000000000001";
const OTHER: &str = "0192a8c4-0000-7000-8000-000000000002";

fn message(headers: &[(&str, &str)], key: Option<&str>, body: &str) -> InboundMessage {
    InboundMessage {
        source: "payment-events".into(),
        partition: 2,
        offset: 77,
        key: key.map(str::to_owned),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
        at: Timestamp::from_millis(0),
    }
}

/// The body, with `@` for the id of a booking.
fn reading(body: &str) -> Reading {
    read(&message(&[], None, &body.replace('@', ID)))
}

#[test]
fn the_type_is_read_from_the_header_or_the_body_in_any_spelling() {
    let rows = [
        ("PaymentSucceeded", Some(Told::Paid)),
        ("WalletDebited", Some(Told::Paid)),
        ("PaymentFailed", Some(Told::Failed)),
        ("WalletDebitFailed", Some(Told::Failed)),
        ("PaymentRefunded", Some(Told::Refunded)),
        ("WalletRefunded", Some(Told::Refunded)),
        ("payment.succeeded", Some(Told::Paid)),
        ("com.example.PAYMENT_SUCCEEDED", Some(Told::Paid)),
        ("com.example.wallet/WalletDebited", Some(Told::Paid)),
        ("UnPaymentFailed", None),
        ("TicketBooked", None),
        ("é", None),
    ];
    for (name, told) in rows {
        let in_header = read(&message(&[("CE_Type", name)], None, "{}"));
        assert_eq!(in_header.told.clone().ok(), told, "{name}");
        for field in ["type", "eventType", "event"] {
            let body = format!(r#"{{"{field}":"{name}","data":{{}}}}"#);
            assert_eq!(read(&message(&[], None, &body)).told.ok(), told, "{body}");
        }
        if told.is_none() {
            assert_eq!(in_header.told.unwrap_err().code, "UNKNOWN_TYPE");
        }
    }
    assert_eq!(reading("{}").told.unwrap_err().code, "UNKNOWN_TYPE");
}

#[test]
fn the_booking_is_found_by_any_of_its_names_and_the_key_comes_last() {
    for body in [
        r#"{"bookingId":"@"}"#,
        r#"{"booking_id":"@"}"#,
        r#"{"orderId":"@"}"#,
        r#"{"order_id":"@"}"#,
        r#"{"reservationId":"@"}"#,
        r#"{"merchant_order_id":"@"}"#,
        r#"{"metadata":{"bookingId":"@"}}"#,
        r#"{"data":{"bookingId":"@"}}"#,
        r#"{"payload":{"metadata":{"bookingId":"@"}}}"#,
        r#"{"bookingId":"@","data":{"amount":1}}"#,
        r#"{"bookingId":" @ "}"#,
    ] {
        assert_eq!(reading(body).bookings.first().map(ToString::to_string).as_deref(), Some(ID), "{body}");
    }
    let keyed = read(&message(&[], Some(OTHER), &format!(r#"{{"orderId":"o-7","bookingId":"{ID}"}}"#)));
    assert_eq!(keyed.bookings.iter().map(ToString::to_string).collect::<Vec<_>>(), [ID, OTHER]);
    assert_eq!(keyed.unknown_booking.as_deref(), Some("o-7"));
    let by_key = read(&message(&[], Some(OTHER), "no json"));
    assert_eq!((by_key.bookings.len(), by_key.told.unwrap_err().code), (1, "BAD_JSON"));
}

#[test]
fn the_payment_is_found_by_any_of_its_names() {
    let rows = [
        (r#"{"paymentId":"p-1","id":"x"}"#, Some("p-1"), false),
        (r#"{"payment_id":7}"#, Some("7"), false),
        (r#"{"transactionId":"t"}"#, Some("t"), true),
        (r#"{"walletTransactionId":"w"}"#, Some("w"), true),
        (r#"{"id":"i"}"#, Some("i"), true),
        (r#"{"id":"of the envelope","data":{"bookingId":"@"}}"#, None, true),
        (r#"{"id":"e","data":{"id":"i"}}"#, Some("i"), true),
        (
            r#"{"paymentId":"0192A8C400007000800000000000000F"}"#,
            Some("0192a8c4-0000-7000-8000-00000000000f"),
            false,
        ),
        (r#"{"paymentId":null}"#, None, true),
        (r#"{"paymentId":{"no":1}}"#, None, true),
        ("{\"paymentId\":\"a\\u0000b\"}", None, false),
    ];
    for (body, id, is_any) in rows {
        let reading = reading(body);
        assert_eq!((reading.payment_id.as_deref(), reading.is_any_transaction), (id, is_any), "{body}");
    }
}

#[test]
fn amounts_are_exact_in_whole_units_or_minor_ones() {
    let rows = [
        (r#"{"amount":25.00}"#, Ok("25.00 USD")),
        (r#"{"amount":"25.000"}"#, Ok("25.00 USD")),
        (r#"{"amount":25,"currency":"jpy"}"#, Ok("25 JPY")),
        (r#"{"amount":0.1,"currency":"KWD"}"#, Ok("0.100 KWD")),
        (r#"{"amountMinor":2500}"#, Ok("25.00 USD")),
        (r#"{"amount_cents":"2500","amount":1}"#, Ok("25.00 USD")),
        (r#"{"data":{"amountCents":2500,"currency":"EUR"}}"#, Ok("25.00 EUR")),
        (r#"{"amount":null}"#, Ok("none")),
        (r#"{"currency":"what"}"#, Ok("none")),
        (r#"{"amount":25.001}"#, Err("has more decimals than the currency")),
        (r#"{"amount":-1}"#, Err("must not be negative")),
        (r#"{"amount":"many"}"#, Err("must be a decimal number")),
        (r#"{"amount":""}"#, Err("must be a decimal number")),
        (r#"{"amount":true}"#, Err("must be a decimal number")),
        (r#"{"amount":1e40}"#, Err("is too large")),
        (r#"{"amountMinor":25.5}"#, Err("is no number of minor units")),
        (r#"{"amount":1,"currency":"XXQ"}"#, Err("is none of ISO 4217")),
    ];
    for (body, expected) in rows {
        match (money(&reading(body), Currency::USD), expected) {
            (Ok(found), Ok(text)) => {
                assert_eq!(found.map_or("none".to_owned(), |money| money.to_string()), text, "{body}");
            }
            (Err(why), Err(part)) => {
                assert!(why.code == "BAD_AMOUNT" && why.reason.contains(part), "{why:?}");
            }
            (found, _) => panic!("{body}: {found:?}"),
        }
    }
}

#[test]
fn a_message_is_known_by_its_own_id_or_else_by_its_place() {
    let id = |headers: &[(&str, &str)], body: &str| read(&message(headers, None, body)).message_id;
    assert_eq!(id(&[("ce_id", "7"), ("ce_source", "/pay")], "{}"), "/pay 7");
    assert_eq!(id(&[("ce_id", "7")], "no json"), "7");
    assert_eq!(id(&[], r#"{"eventId":"e1","data":{"messageId":"m"}}"#), "e1");
    assert_eq!(id(&[], r#"{"message_id":12}"#), "12");
    assert_eq!(id(&[], r#"{"id":"evt","source":"/s","data":{"paymentId":"p"}}"#), "/s evt");
    assert_eq!(id(&[], r#"{"id":"the payment's"}"#), "payment-events/2/77");
    assert_eq!(id(&[("ce_id", &"x".repeat(300))], "{}"), "payment-events/2/77");
}

#[test]
fn reasons_and_correlation_ids_are_taken_if_they_can_be_kept() {
    for body in [
        r#"{"reason":"no funds"}"#,
        r#"{"failureReason":"no funds"}"#,
        r#"{"error":"no funds"}"#,
        r#"{"error":{"message":"no funds","code":"x"}}"#,
        r#"{"message":"no\u0000 funds"}"#,
    ] {
        assert_eq!(reading(body).reason.as_deref(), Some("no funds"), "{body}");
    }
    let of = |headers: &[(&str, &str)], body: &str| read(&message(headers, None, body)).correlation_id;
    for name in ["correlationId", "ce_correlationid", "X-Correlation-Id"] {
        assert_eq!(of(&[(name, "c:1")], "no json").as_deref(), Some("c:1"));
    }
    assert_eq!(of(&[], r#"{"correlationId":"c-2"}"#).as_deref(), Some("c-2"));
    assert_eq!(of(&[("correlationId", "not one\n")], "{}"), None);
}

#[test]
fn what_can_not_be_read_has_a_label_and_a_letter_all_the_same() {
    let rows = [
        ("", "BAD_JSON"),
        ("[1]", "BAD_JSON"),
        ("{\"a\":", "BAD_JSON"),
        ("{\"type\":\"PaymentSucceeded\"} x", "BAD_JSON"),
        ("{}", "UNKNOWN_TYPE"),
    ];
    for (body, code) in rows {
        let message = message(&[], Some("k"), body);
        assert_eq!(read(&message).told.unwrap_err().code, code, "{body}");
        let label = label(&message);
        assert_eq!((label.stream.as_str(), label.message_id.as_str()), ("k", "payment-events/2/77"));
    }
    let large =
        InboundMessage { body: vec![b' '; super::read::BODY_BYTES_MAX + 1], ..message(&[], None, "") };
    assert_eq!(read(&large).told.unwrap_err().code, "TOO_LARGE");
    assert_eq!(label(&large).stream, "payment-events/2/77");

    let now = Timestamp::from_millis(5);
    let dead = letter(&message(&[("a", "b")], Some("k"), "x"), Some(("BAD_JSON", "why")), now);
    assert_eq!((dead.state, dead.tries, dead.code.as_str()), (LetterState::Dead, 1, "BAD_JSON"));
    assert_eq!(dead.headers, [("a".into(), "b".into()), ("message-key".into(), "k".into())]);
    let waiting = letter(&message(&[], Some(ID), "{}"), None, now);
    assert_eq!((waiting.state, waiting.tries, waiting.stream.as_str()), (LetterState::Waiting, 0, ID));
}
