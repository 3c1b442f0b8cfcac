//! Refusals: what every handler answers that does not do what it was asked for.
//!
//! Every refusal, whoever makes it, is an [`ApiError`] with a stable code, a sentence and the facts at fault. Its code
//! decides the status; a refusal of the domain brings its own code, whose class does.

mod code;
mod render;

pub use code::Code;

use axum::http::StatusCode;
use code::status_of_class;
use serde_json::{Value, json};
use std::borrow::Cow;
use ticketing_core::domain::account::AccountRefusal;
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::domain::money::Money;

/// What a handler answers when it refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    details: Vec<Value>,
    /// The fare as it is written, `25.00`, where a parsed number would read `25.0`.
    fare: Option<Money>,
    retry_after_s: Option<u32>,
}

impl ApiError {
    /// Refuses with a code and a sentence.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            code: code.word().into(),
            message: message.into(),
            details: Vec::new(),
            fare: None,
            retry_after_s: None,
        }
    }

    /// Adds the facts at fault, each `{field, message, …}`.
    #[must_use]
    pub fn with_details(self, details: Vec<Value>) -> Self {
        Self { details, ..self }
    }

    /// Names the field at fault as the request does, where the core calls it otherwise.
    #[must_use]
    pub fn about(mut self, core: &str, here: &str) -> Self {
        for detail in self.details.iter_mut().filter(|detail| detail["field"] == core) {
            detail["field"] = here.into();
        }
        self
    }

    /// Says it in other words: of each pair, what the core says and what is said here. A code or a field is replaced as
    /// a whole, a sentence where it has the words.
    #[must_use]
    pub fn in_words(
        mut self,
        codes: &[(&str, &'static str)],
        fields: &[(&str, &str)],
        words: &[(&str, &str)],
    ) -> Self {
        if let Some((_, here)) = codes.iter().find(|(core, _)| *core == self.code) {
            self.code = (*here).into();
        }
        let said = |text: &str| {
            words.iter().fold(text.to_owned(), |text, (core, here)| text.replacen(core, here, 1))
        };
        for detail in &mut self.details {
            if let Some(text) = detail["message"].as_str().map(said) {
                detail["message"] = text.into();
            }
        }
        self.message = words.iter().fold(self.message, |text, (core, here)| text.replacen(core, here, 1));
        fields.iter().fold(self, |error, (core, here)| error.about(core, here))
    }

    /// Says after how many seconds a new try makes sense.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds.max(1)), ..self }
    }

    /// 400: the body is not a JSON object.
    #[must_use]
    pub fn invalid_json(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidJson, message)
    }

    /// 422: one entry per field at fault; the sentence names them all.
    #[must_use]
    pub fn validation(details: Vec<Value>) -> Self {
        let said = |d: &Value| {
            let part = |name| d[name].as_str().unwrap_or_default();
            format!("{} {}", part("field"), part("message"))
        };
        let all = details.iter().map(said).collect::<Vec<_>>().join("; ");
        Self::new(Code::ValidationFailed, format!("The request is not valid: {all}.")).with_details(details)
    }

    /// 422: one field is at fault.
    #[must_use]
    pub fn invalid_field(field: &str, message: &str) -> Self {
        Self::validation(vec![json!({"field": field, "message": message})])
    }

    /// 401: no valid token, and why.
    #[must_use]
    pub fn unauthorized(why: &str) -> Self {
        Self::new(
            Code::Unauthorized,
            format!("{why} Send a valid token as `Authorization: Bearer …` and try again."),
        )
    }

    /// 403: the caller's role does not allow the call.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// 400: the call needs a key, since doing it twice would cost somebody money.
    #[must_use]
    pub fn idempotency_key_required() -> Self {
        Self::new(
            Code::IdempotencyKeyRequired,
            "This call needs an Idempotency-Key, one value of 1 to 255 visible ASCII characters, as a UUID: sent \
             again with the same key, nobody is charged twice.",
        )
    }

    /// 403: a buyer can't take a payment back; the booking that it pays can be cancelled.
    #[must_use]
    pub fn refund_forbidden() -> Self {
        Self::new(
            Code::RefundForbidden,
            "Only a service or an operator refunds a payment. Cancel the booking that it pays: the money follows \
             by itself.",
        )
    }

    /// 403: a buyer can't confirm what only the payment service can know.
    #[must_use]
    pub fn confirm_forbidden() -> Self {
        Self::new(
            Code::ConfirmForbidden,
            "Here only the payment service or an operator confirms a booking. \
             Pay for it; the confirmation follows by itself.",
        )
    }

    /// 404: there is no such thing, or it is not the caller's.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// 403: a page of another site made the browser send its cookie.
    #[must_use]
    pub fn origin_refused() -> Self {
        Self::new(
            Code::OriginRefused,
            "This call came with the session cookie, and not from a page of this site. Send its Origin, have it listed \
             in CORS_ALLOWED_ORIGINS, or use the token as `Authorization: Bearer …`. Nothing was done.",
        )
    }

    /// 403: an operator keeps the account out.
    #[must_use]
    pub fn account_suspended() -> Self {
        Self::new(Code::AccountSuspended, AccountRefusal::Suspended.to_string())
    }

    /// 404: there is no such account, or it is another's: which of both is not told.
    #[must_use]
    pub fn user_not_found(id: &str) -> Self {
        let message = format!("There is no user {id}.");
        let details = vec![json!({"field": "id", "message": message, "id": id})];
        Self::new(Code::UserNotFound, message).with_details(details)
    }

    /// 404: there is no such address.
    #[must_use]
    pub fn no_such_address() -> Self {
        Self::not_found("There is nothing at this address. See /api/openapi.json for what there is.")
    }

    /// 405: the address does not take this method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            Code::MethodNotAllowed,
            "This address does not take this method. The header Allow names those it takes.",
        )
    }

    /// 413: the body is larger than `limit` bytes.
    #[must_use]
    pub fn payload_too_large(limit: usize) -> Self {
        Self::new(
            Code::PayloadTooLarge,
            format!("The body is larger than {limit} bytes, the most that is read."),
        )
    }

    /// 429: too many requests from this client.
    #[must_use]
    pub fn rate_limited(wait_s: u32) -> Self {
        let wait_s = wait_s.max(1);
        Self::new(Code::RateLimited, format!("Too many requests. Try again in {wait_s} s."))
            .retry_after(wait_s)
    }

    /// 422: the key was used for another request.
    #[must_use]
    pub fn idempotency_key_reused() -> Self {
        Self::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for another request. Use a new key for a new request.",
        )
    }

    /// 409: the first request with the key is still running.
    #[must_use]
    pub fn idempotency_in_progress() -> Self {
        Self::new(
            Code::IdempotencyInProgress,
            "The first request with this Idempotency-Key is still running. Try again in a moment.",
        )
        .retry_after(1)
    }

    /// 503: a part that the server needs is away.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message).retry_after(2)
    }

    /// 503: more commands wait than the server takes. Nothing was done.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(Code::Overloaded, "The server has too much to do. Nothing was done; try again in a moment.")
            .retry_after(1)
    }

    /// 503: as many commands or streams as one server has at once are open.
    #[must_use]
    pub fn too_many_at_once(what: &str, max: usize) -> Self {
        let message =
            format!("{max} {what} are under way, the most at once. Nothing was done; try again in a moment.");
        Self::new(Code::Overloaded, message).retry_after(1)
    }

    /// 503: the read model has not reached the position asked for.
    #[must_use]
    pub fn read_model_behind() -> Self {
        Self::new(
            Code::ReadModelBehind,
            "The read model has not reached minPosition yet. Try again in a moment, \
             or without minPosition for what it knows now.",
        )
        .retry_after(1)
    }

    /// 504: the server did not finish in time. For a command, the client must be told how to find out.
    #[must_use]
    pub fn timeout(changes_something: bool, limit_s: u64) -> Self {
        let what_now = if changes_something {
            "The command may have happened: send it again with the same Idempotency-Key to learn its \
             outcome, or, if it had none, look at your bookings before you repeat it."
        } else {
            "Nothing was changed; try again."
        };
        Self::new(Code::Timeout, format!("The server did not answer within {limit_s} s. {what_now}"))
            .retry_after(1)
    }

    /// 500: a bug. What went wrong is in the log, under the correlation id.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            "The server failed. If this was a command, it may have happened: check before you repeat it. \
             The correlation id leads an operator to the cause.",
        )
    }

    /// What a command of an operator failed with: its own stable word, and the status that its exit code stands for.
    #[must_use]
    pub fn of_command(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned().into(), ..Self::new(Code::Internal, message) }
    }

    /// An error that was made without an envelope, known by its status only.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_such_address(),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::PAYLOAD_TOO_LARGE => Self::payload_too_large(crate::body::BODY_BYTES_MAX),
            s if s.is_client_error() => {
                Self { status, ..Self::new(Code::BadRequest, "The request can't be understood.") }
            }
            _ => Self { status, ..Self::internal() },
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable word.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The facts at fault.
    #[must_use]
    pub fn details(&self) -> &[Value] {
        &self.details
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self {
            status: status_of_class(rejection.class()),
            code: rejection.code().into(),
            message: rejection.message(),
            details: rejection.details(),
            fare: match rejection {
                Rejection::PriceMismatch { fare } => Some(fare),
                _ => None,
            },
            retry_after_s: None,
        }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
