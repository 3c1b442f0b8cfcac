//! The signatures were computed apart from this code:
//! `printf '1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac whsec_test`.

use super::{Heard, TOLERANCE_SECONDS, WebhookError, WebhookEvent, parse, read, verify};
use crate::domain::id::{AttemptId, BookingId, PaymentId};
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::saga::{Answer, Notice};
use serde_json::json;
use uuid::Uuid;

const BODY: &[u8] = br#"{"id":"evt_1","type":"ping","data":{"object":{}}}"#;
const SIGNED: &str = "858ad57115edb84638ea2d551add4618de2030cad3245172e7bc3e8c846c0a61";
/// With `whsec_old`.
const SIGNED_OLD: &str = "2315cf413bda29da25256b93c2fcc37e5c59d31eb7efe8deb45a3e6afc6c745a";
const TIME: i64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

#[test]
fn only_what_was_signed_with_the_secret_just_now_is_taken() {
    use WebhookError::{Header, Signature, Time};
    let good = format!("t={TIME},v1={SIGNED}");
    let zeros = "0".repeat(64);
    let rows: &[(String, i64, Result<(), WebhookError>)] = &[
        (good.clone(), TIME, Ok(())),
        (good.clone(), TIME + TOLERANCE_SECONDS, Ok(())),
        (good.clone(), TIME - TOLERANCE_SECONDS, Ok(())),
        (good.clone(), TIME + TOLERANCE_SECONDS + 1, Err(Time)),
        (good, TIME - TOLERANCE_SECONDS - 1, Err(Time)),
        (format!("t={TIME}, v1={}", SIGNED.to_uppercase()), TIME, Ok(())),
        (format!("t={TIME},v1={SIGNED_OLD},v1={SIGNED},v0={zeros}"), TIME, Ok(())),
        (format!("t={TIME},v1={SIGNED_OLD}"), TIME, Err(Signature)),
        (format!("t={},v1={SIGNED}", TIME + 1), TIME, Err(Signature)),
        (format!("t={TIME},v0={SIGNED}"), TIME, Err(Header)),
        (format!("t={TIME},v1={}", &SIGNED[..62]), TIME, Err(Header)),
        (format!("t={TIME},v1=+{}", &SIGNED[1..]), TIME, Err(Header)),
        (format!("t=soon,v1={SIGNED}"), TIME, Err(Header)),
        (format!("t={},v1={SIGNED}", i64::MIN), TIME, Err(Signature)),
        (format!("v1={SIGNED}"), TIME, Err(Header)),
        (String::new(), TIME, Err(Header)),
    ];
    for (header, now, expected) in rows {
        assert_eq!(verify("whsec_test", header, BODY, at(*now)), *expected, "{header} at {now}");
    }
    let header = format!("t={TIME},v1={SIGNED}");
    let mut changed = BODY.to_vec();
    changed[8] ^= 1;
    assert_eq!(verify("whsec_test", &header, &changed, at(TIME)), Err(Signature));
    assert_eq!(read("whsec_test", &header, BODY, at(TIME)), Ok(None), "an event that nobody waits for");
    assert_eq!(read("", &header, BODY, at(TIME)), Err(Signature));
}

const ATTEMPT: &str = "01890000-0000-7000-8000-000000000001";
const PAYMENT: &str = "01890000-0000-7000-8000-000000000002";
const BOOKING: &str = "01890000-0000-7000-8000-000000000003";

fn told(kind: &str, object: &serde_json::Value) -> Option<WebhookEvent> {
    let event = json!({"id": "evt_9", "object": "event", "type": kind, "data": {"object": object}});
    parse(event.to_string().as_bytes()).unwrap()
}

fn intent(status: &str, metadata: &serde_json::Value) -> serde_json::Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": 2500, "amount_received": 2500,
        "currency": "usd", "metadata": metadata,
        "last_payment_error": {"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "message": "No."},
    })
}

fn refund(status: &str, metadata: &serde_json::Value) -> serde_json::Value {
    json!({
        "id": "re_1", "object": "refund", "status": status, "amount": 1000, "currency": "jpy", "charge": "ch_1",
        "payment_intent": "pi_1", "metadata": metadata, "failure_reason": "expired_or_canceled_card",
    })
}

fn id(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap()
}

#[test]
fn what_we_asked_for_is_an_answer_to_our_attempt() {
    let ours = json!({"attempt_id": ATTEMPT, "payment_id": PAYMENT, "booking_id": BOOKING, "reference": "r"});
    let usd = Money { amount_minor: 2500, currency: Currency::USD };
    let jpy = Money { amount_minor: 1000, currency: Currency::parse("JPY").unwrap() };
    let declined =
        |code: &str, message: &str| Answer::Declined { code: code.into(), message: message.into() };
    let succeeded = |id: &str, amount| Answer::Succeeded { provider_ref: id.into(), amount };
    let rows = [
        ("payment_intent.succeeded", intent("succeeded", &ours), succeeded("pi_1", usd)),
        (
            "payment_intent.payment_failed",
            intent("requires_payment_method", &ours),
            declined("lost_card", "No."),
        ),
        ("refund.created", refund("succeeded", &ours), succeeded("re_1", jpy)),
        ("refund.updated", refund("succeeded", &ours), succeeded("re_1", jpy)),
        (
            "refund.failed",
            refund("failed", &ours),
            declined("expired_or_canceled_card", "The refund failed."),
        ),
    ];
    for (kind, object, answer) in rows {
        let event = told(kind, &object).unwrap();
        assert_eq!(event.heard, Heard::Answered { attempt_id: AttemptId(id(ATTEMPT)), answer }, "{kind}");
        assert_eq!((event.id.as_str(), event.key.as_str()), ("evt_9", "evt_9"), "{kind}");
        assert_eq!(event.payment_id, Some(PaymentId(id(PAYMENT))), "{kind}");
        assert_eq!(event.booking_id, Some(BookingId(id(BOOKING))), "{kind}");
        assert_eq!(event.charge_ref.as_deref(), Some("pi_1"), "{kind}");
    }
}

#[test]
fn money_that_somebody_else_moved_is_told_once() {
    let others = json!({"booking_id": BOOKING});
    let paid = told("payment_intent.succeeded", &intent("succeeded", &others)).unwrap();
    let amount = Some(Money { amount_minor: 2500, currency: Currency::USD });
    assert_eq!(paid.heard, Heard::Told(Notice::Paid { external_id: "pi_1".into(), amount }));
    assert_eq!(paid.booking_id, Some(BookingId(id(BOOKING))));

    let made = told("refund.created", &refund("succeeded", &json!({}))).unwrap();
    let again = told("refund.updated", &refund("succeeded", &serde_json::Value::Null)).unwrap();
    assert_eq!(made.key, "re_1");
    assert_eq!(again.key, made.key, "the second event of one refund is remembered by the same key");
    let amount = Some(Money { amount_minor: 1000, currency: Currency::parse("JPY").unwrap() });
    assert_eq!(made.heard, Heard::Told(Notice::Refunded { external_id: Some("pi_1".into()), amount }));
}

#[test]
fn what_changes_nothing_is_passed_over() {
    let (ours, others) = (json!({"attempt_id": ATTEMPT}), json!({}));
    let rows = [
        ("charge.refunded", json!({"id": "ch_1", "amount_refunded": 2500})),
        ("payment_intent.created", intent("requires_confirmation", &ours)),
        ("payment_intent.payment_failed", intent("requires_payment_method", &others)),
        ("refund.created", refund("pending", &ours)),
        ("refund.created", refund("pending", &others)),
        ("refund.failed", refund("failed", &others)),
        ("customer.created", json!({})),
    ];
    for (kind, object) in rows {
        assert_eq!(told(kind, &object), None, "{kind}");
    }
}

#[test]
fn an_event_that_can_not_be_read_is_refused_with_its_reason() {
    let rows = [
        "",
        "[]",
        r#"{"id":"evt_1","type":"payment_intent.succeeded"}"#,
        r#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":7}}}"#,
    ];
    for body in rows {
        assert!(matches!(parse(body.as_bytes()), Err(WebhookError::Body(_))), "{body}");
    }
}
