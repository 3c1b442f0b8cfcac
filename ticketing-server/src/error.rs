//! The error envelope, and the one table from code to HTTP status.
//!
//! Every refusal, whoever makes it, is an [`ApiError`] with a stable code, a sentence and the facts at
//! fault. Refusals of the domain bring their own code; its class decides the status here.

use crate::answer::json_response;
use crate::correlation::CorrelationId;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use ticketing_core::domain::account::AccountRefusal;
use ticketing_core::domain::booking::rejection::{Rejection, RejectionClass};
use ticketing_core::domain::money::{Currency, Money};

/// The errors that are not refusals of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request can't be understood at all.
    BadRequest,
    /// The body is not a JSON object.
    InvalidJson,
    /// The `Idempotency-Key` is malformed.
    IdempotencyKeyInvalid,
    /// The call needs an `Idempotency-Key`.
    IdempotencyKeyRequired,
    /// A webhook is not signed by who it should come from.
    WebhookSignature,
    /// A webhook is signed well and can't be read.
    WebhookUnreadable,
    /// No valid token.
    Unauthorized,
    /// The caller's role does not allow the call.
    Forbidden,
    /// With an outside payment service, only that service or an operator confirms.
    ConfirmForbidden,
    /// A buyer's money goes back by cancelling, not by asking for it.
    RefundForbidden,
    /// A call by cookie came from another site's page.
    OriginRefused,
    /// The account is suspended.
    AccountSuspended,
    /// There is no such address or thing.
    NotFound,
    /// There is no such account, or it is another's.
    UserNotFound,
    /// There is no such route.
    RouteNotFound,
    /// The address does not take this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The first request with this key is still running.
    IdempotencyInProgress,
    /// The thing has changed since it was looked at.
    VersionMoved,
    /// The thing has another version than the one that the request is about.
    VersionConflict,
    /// It is there already.
    AlreadyExists,
    /// Somebody has booked what is to be changed.
    TicketLocked,
    /// The body is too large.
    PayloadTooLarge,
    /// Fields are missing, unknown or wrong.
    ValidationFailed,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// An id that came from outside is that of several things.
    AmbiguousId,
    /// Too many requests.
    RateLimited,
    /// A bug.
    Internal,
    /// A store, broker or cache is away.
    Unavailable,
    /// A part that the server needs is not ready.
    NotReady,
    /// The server is about to end.
    ShuttingDown,
    /// More commands wait than the server takes.
    Overloaded,
    /// The read model has not reached the position asked for.
    ReadModelBehind,
    /// The server did not finish in time.
    Timeout,
}

impl Code {
    /// The HTTP status and the stable word of each code: the only such table.
    const fn facts(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
            Self::InvalidJson => (StatusCode::BAD_REQUEST, "INVALID_JSON"),
            Self::IdempotencyKeyInvalid => (StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID"),
            Self::IdempotencyKeyRequired => (StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_REQUIRED"),
            Self::WebhookSignature => (StatusCode::BAD_REQUEST, "WEBHOOK_SIGNATURE_INVALID"),
            Self::WebhookUnreadable => (StatusCode::BAD_REQUEST, "WEBHOOK_UNREADABLE"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::ConfirmForbidden => (StatusCode::FORBIDDEN, "CONFIRM_FORBIDDEN"),
            Self::RefundForbidden => (StatusCode::FORBIDDEN, "REFUND_FORBIDDEN"),
            Self::OriginRefused => (StatusCode::FORBIDDEN, "ORIGIN_REFUSED"),
            Self::AccountSuspended => (StatusCode::FORBIDDEN, "ACCOUNT_SUSPENDED"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::UserNotFound => (StatusCode::NOT_FOUND, "USER_NOT_FOUND"),
            Self::RouteNotFound => (StatusCode::NOT_FOUND, "ROUTE_NOT_FOUND"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            Self::IdempotencyInProgress => (StatusCode::CONFLICT, "IDEMPOTENCY_IN_PROGRESS"),
            Self::VersionMoved => (StatusCode::CONFLICT, "VERSION_MOVED"),
            Self::VersionConflict => (StatusCode::CONFLICT, "VERSION_CONFLICT"),
            Self::AlreadyExists => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
            Self::TicketLocked => (StatusCode::CONFLICT, "TICKET_LOCKED"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::ValidationFailed => (StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED"),
            Self::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
            Self::AmbiguousId => (StatusCode::UNPROCESSABLE_ENTITY, "AMBIGUOUS_ID"),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "NOT_READY"),
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "SHUTTING_DOWN"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"),
            Self::ReadModelBehind => (StatusCode::SERVICE_UNAVAILABLE, "READ_MODEL_BEHIND"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT"),
        }
    }

    /// The stable, documented word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.facts().1
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().0
    }
}

const fn status_of_class(class: RejectionClass) -> StatusCode {
    match class {
        RejectionClass::NotFound => StatusCode::NOT_FOUND,
        RejectionClass::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RejectionClass::Conflict => StatusCode::CONFLICT,
        RejectionClass::Forbidden => StatusCode::FORBIDDEN,
    }
}

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

    /// Writes it down for the request with this correlation id.
    #[must_use]
    pub fn render(&self, correlation: &CorrelationId) -> Response {
        let failure = Failure {
            success: false,
            error: Facts {
                code: &self.code,
                message: &self.message,
                details: Details { all: &self.details, fare: self.fare },
            },
            meta: Meta { correlation_id: correlation.as_str() },
        };
        // Texts and values that are JSON already can always be written.
        let body = serde_json::to_string(&failure).unwrap_or_default();
        let mut response = json_response(self.status, body);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: Facts<'a>,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Facts<'a> {
    code: &'a str,
    message: &'a str,
    details: Details<'a>,
}

/// The facts at fault, with the fare, if there is one, in all its decimals.
struct Details<'a> {
    all: &'a [Value],
    fare: Option<Money>,
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Priced<'a> {
            field: &'a Value,
            message: &'a Value,
            fare: Box<RawValue>,
            currency: Currency,
        }
        match (self.fare, self.all) {
            (Some(fare), [one]) => {
                let (field, message) = (&one["field"], &one["message"]);
                let priced = Priced { field, message, fare: fare.json_number(), currency: fare.currency };
                [priced].serialize(serializer)
            }
            _ => self.all.serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "correlationId")]
    correlation_id: &'a str,
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
