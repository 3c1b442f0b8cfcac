use super::{ApiError, Code};
use crate::correlation::CorrelationId;
use serde_json::{Value, json};
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::money::{Currency, Money};

async fn rendered(error: &ApiError) -> (axum::http::response::Parts, Value) {
    let (parts, body) = error.render(&CorrelationId::parse("c-1").unwrap()).into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn every_error_has_its_status_its_code_and_the_envelope() {
    let fare = Money::parse("25.00", Currency::USD).unwrap();
    let seat = || "A1".to_owned();
    let rows: Vec<(ApiError, u16, &str)> = vec![
        (ApiError::new(Code::BadRequest, "x"), 400, "BAD_REQUEST"),
        (ApiError::invalid_json("x"), 400, "INVALID_JSON"),
        (ApiError::new(Code::IdempotencyKeyInvalid, "x"), 400, "IDEMPOTENCY_KEY_INVALID"),
        (ApiError::idempotency_key_required(), 400, "IDEMPOTENCY_KEY_REQUIRED"),
        (ApiError::unauthorized("x"), 401, "UNAUTHORIZED"),
        (ApiError::forbidden("x"), 403, "FORBIDDEN"),
        (ApiError::confirm_forbidden(), 403, "CONFIRM_FORBIDDEN"),
        (ApiError::refund_forbidden(), 403, "REFUND_FORBIDDEN"),
        (ApiError::no_such_address(), 404, "NOT_FOUND"),
        (ApiError::method_not_allowed(), 405, "METHOD_NOT_ALLOWED"),
        (ApiError::new(Code::RequestTimeout, "x"), 408, "REQUEST_TIMEOUT"),
        (ApiError::idempotency_in_progress(), 409, "IDEMPOTENCY_IN_PROGRESS"),
        (ApiError::payload_too_large(1), 413, "PAYLOAD_TOO_LARGE"),
        (ApiError::invalid_field("a", "is wrong"), 422, "VALIDATION_FAILED"),
        (ApiError::idempotency_key_reused(), 422, "IDEMPOTENCY_KEY_REUSED"),
        (ApiError::rate_limited(9), 429, "RATE_LIMITED"),
        (ApiError::internal(), 500, "INTERNAL"),
        (ApiError::unavailable("x"), 503, "UNAVAILABLE"),
        (ApiError::overloaded(), 503, "OVERLOADED"),
        (ApiError::read_model_behind(), 503, "READ_MODEL_BEHIND"),
        (ApiError::timeout(true, 30), 504, "TIMEOUT"),
        (Rejection::UnknownBooking { id: seat() }.into(), 404, "BOOKING_NOT_FOUND"),
        (Rejection::UnknownSeat { seat: seat() }.into(), 422, "UNKNOWN_SEAT"),
        (Rejection::SeatTaken { seat: seat() }.into(), 409, "SEAT_TAKEN"),
        (Rejection::PriceMismatch { fare }.into(), 409, "PRICE_MISMATCH"),
    ];
    for (error, status, code) in rows {
        let (parts, body) = rendered(&error).await;
        assert_eq!(parts.status.as_u16(), status, "{code}");
        assert_eq!(body["success"], false);
        assert_eq!(body["error"]["code"], code);
        assert!(body["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{code}");
        assert!(body["error"]["details"].is_array(), "{code}");
        assert_eq!(body["meta"], json!({"correlationId": "c-1"}));
        assert_eq!(parts.headers.contains_key("www-authenticate"), status == 401, "{code}");
        let must_say_when = matches!(status, 429 | 503);
        assert!(!must_say_when || parts.headers.contains_key("retry-after"), "{code}");
    }
}

#[tokio::test]
async fn the_facts_at_fault_are_in_the_details() {
    let rejection = Rejection::InvalidState { state: BookingState::Cancelled, wanted: "confirmed" };
    let (_, body) = rendered(&rejection.into()).await;
    let detail = &body["error"]["details"][0];
    assert_eq!((&detail["field"], &detail["state"]), (&json!("status"), &json!("CANCELLED")));
    let (_, body) = rendered(&ApiError::validation(vec![
        json!({"field": "a", "message": "is required"}),
        json!({"field": "b", "message": "is unknown"}),
    ]))
    .await;
    assert_eq!(body["error"]["message"], "The request is not valid: a is required; b is unknown.");
    assert_eq!(body["error"]["details"][1], json!({"field": "b", "message": "is unknown"}));
}

#[tokio::test]
async fn a_wait_is_at_least_a_second() {
    let (parts, _) = rendered(&ApiError::rate_limited(0)).await;
    assert_eq!(parts.headers["retry-after"], "1");
}
