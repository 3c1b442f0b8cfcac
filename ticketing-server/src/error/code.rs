//! The errors that the server itself makes, and the one table from code to HTTP status.

use axum::http::StatusCode;
use ticketing_core::domain::booking::rejection::RejectionClass;

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

/// The HTTP status of a refusal of the domain, which brings its own code.
pub(super) const fn status_of_class(class: RejectionClass) -> StatusCode {
    match class {
        RejectionClass::NotFound => StatusCode::NOT_FOUND,
        RejectionClass::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RejectionClass::Conflict => StatusCode::CONFLICT,
        RejectionClass::Forbidden => StatusCode::FORBIDDEN,
    }
}
