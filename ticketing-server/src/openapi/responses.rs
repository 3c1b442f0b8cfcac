//! What calls answer, as the document shows it. Never built: see [`super::shapes`].

use super::payments::{Charge, Received};
use super::shapes::{
    Booking, Failure, Liveness, OpenApiDocument, Page, Readiness, Route, Schedule, SeatMap, Success, Ticket,
    TicketDetails,
};
use utoipa::IntoResponses;

/// The booking that a command made.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The booking. With `Idempotent-Replay: true` it was made before.")]
pub struct Created(pub Success<Booking>);

/// The booking that a command changed.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The booking as it is now.")]
pub struct Changed(pub Success<Booking>);

/// The booking that is being paid.
#[derive(Debug, IntoResponses)]
#[response(status = 202, description = "The booking with its `payment`, which goes on by itself.")]
pub struct Paying(pub Success<Booking>);

/// The payment that a charge made.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The payment. With `Idempotent-Replay: true` it was made before.")]
pub struct ChargeBegun(pub Success<Charge>);

/// One payment.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The payment.")]
pub struct OnePayment(pub Success<Charge>);

/// The payment that is being refunded.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The payment; its refund is under way and goes on by itself.")]
pub struct RefundBegun(pub Success<Charge>);

/// A page of tickets.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The caller's tickets.")]
pub struct TicketList(pub Page<Ticket>);

/// One ticket.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The ticket with everything about it.")]
pub struct OneTicket(pub Success<TicketDetails>);

/// A page of routes.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The routes.")]
pub struct RouteList(pub Page<Route>);

/// One route.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The route.")]
pub struct OneRoute(pub Success<Route>);

/// A page of departures.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The departures.")]
pub struct ScheduleList(pub Page<Schedule>);

/// One departure.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The departure.")]
pub struct OneSchedule(pub Success<Schedule>);

/// One seat map.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The seats.")]
pub struct OneSeatMap(pub Success<SeatMap>);

/// The process answers.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The process answers.")]
pub struct Live(pub Success<Liveness>);

/// How the parts of the server are.
#[derive(Debug, IntoResponses)]
pub enum Ready {
    /// Every part answers.
    #[response(status = 200)]
    Ready(Success<Readiness>),
    /// `NOT_READY`: the details name the parts that are down.
    #[response(status = 503)]
    NotReady(Failure),
}

/// Figures.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "Prometheus' text format 0.0.4.", content_type = "text/plain")]
pub struct PlainMetrics(pub String);

/// This document.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "This document.", content_type = "application/json")]
pub struct Document(pub OpenApiDocument);

/// Who calls is not known.
#[derive(Debug, IntoResponses)]
#[response(status = 401, description = "`UNAUTHORIZED`: no valid token.")]
pub struct Unauthorized(pub Failure);

/// The caller's role does not allow it.
#[derive(Debug, IntoResponses)]
#[response(
    status = 403,
    description = "`CONFIRM_FORBIDDEN`: with an outside payment service, only that or an operator confirms."
)]
pub struct Forbidden(pub Failure);

/// The caller is no operator.
#[derive(Debug, IntoResponses)]
#[response(status = 403, description = "`FORBIDDEN`: only operators and admins.")]
pub struct OperatorsOnly(pub Failure);

/// A buyer can't take a payment back.
#[derive(Debug, IntoResponses)]
#[response(status = 403, description = "`REFUND_FORBIDDEN`: a buyer cancels the booking instead.")]
pub struct RefundForbidden(pub Failure);

/// A webhook was taken.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "It need not be told again.")]
pub struct WebhookTaken(pub Success<Received>);

/// What a command of an operator printed.
#[derive(Debug, IntoResponses)]
#[response(
    status = 200,
    description = "What the command prints with `-o json`: an object, a list, or null. As `application/x-ndjson`: \
                   `out`, `err`, `progress`, `ask`, `want` and at last `end`, one object a line."
)]
pub struct CommandDone(pub Success<serde_json::Value>);

/// What happens.
#[derive(Debug, IntoResponses)]
#[response(
    status = 200,
    description = "Server-Sent Events, for as long as the client listens.",
    content_type = "text/event-stream"
)]
pub struct EventStream(pub String);

/// What a command of an operator may be answered instead. Codes are those of `ticketctl`'s errors.
#[derive(Debug, IntoResponses)]
pub enum AdminRefusals {
    /// `USAGE`: the command line is wrong; `INVALID_JSON`.
    #[response(status = 400)]
    BadRequest(Failure),
    /// No valid token.
    #[response(status = 401)]
    Unauthorized(Failure),
    /// The caller is no operator.
    #[response(status = 403)]
    Forbidden(Failure),
    /// What was named does not exist.
    #[response(status = 404)]
    NotFound(Failure),
    /// The state forbids it, or the world has moved: `WORLD_MOVED`.
    #[response(status = 409)]
    Conflict(Failure),
    /// `PAYLOAD_TOO_LARGE`: the files or the answer.
    #[response(status = 413)]
    PayloadTooLarge(Failure),
    /// `NOT_CONFIRMED`: it takes something away, and `--yes` is not among its args; or a check failed.
    #[response(status = 422)]
    Refused(Failure),
    /// A store or a broker is away.
    #[response(status = 503)]
    Unavailable(Failure),
}

/// What a webhook may be answered instead.
#[derive(Debug, IntoResponses)]
pub enum WebhookRefusals {
    /// `WEBHOOK_SIGNATURE_INVALID`: not signed by Stripe, or too long ago; `WEBHOOK_UNREADABLE`.
    #[response(status = 400)]
    BadRequest(Failure),
    /// Webhooks of Stripe are not taken here.
    #[response(status = 404)]
    NotFound(Failure),
    /// `PAYLOAD_TOO_LARGE`: over 256 KiB.
    #[response(status = 413)]
    PayloadTooLarge(Failure),
    /// `OVERLOADED`, `UNAVAILABLE`, `SHUTTING_DOWN`: tell it again.
    #[response(status = 503)]
    Unavailable(Failure),
}

/// What a charge may be answered besides.
#[derive(Debug, IntoResponses)]
pub enum ChargeRefusals {
    /// `IDEMPOTENCY_KEY_REQUIRED`: the header is missing; `INVALID_JSON`, `IDEMPOTENCY_KEY_INVALID`: the request
    /// can't be understood.
    #[response(status = 400)]
    BadRequest(Failure),
}

/// There is no such thing.
#[derive(Debug, IntoResponses)]
#[response(status = 404, description = "There is no such thing, or it is not the caller's.")]
pub struct NotFound(pub Failure);

/// What any question may be answered instead.
#[derive(Debug, IntoResponses)]
pub enum QueryRefusals {
    /// A parameter is unknown, doubled or wrong; one entry each.
    #[response(status = 422)]
    Invalid(Failure),
    /// `RATE_LIMITED`: see `Retry-After`.
    #[response(status = 429)]
    RateLimited(Failure),
    /// `READ_MODEL_BEHIND` or `UNAVAILABLE`: see `Retry-After`.
    #[response(status = 503)]
    Unavailable(Failure),
}

/// What any command may be answered instead.
#[derive(Debug, IntoResponses)]
pub enum CommandRefusals {
    /// `INVALID_JSON`, `IDEMPOTENCY_KEY_INVALID`: the request can't be understood.
    #[response(status = 400)]
    BadRequest(Failure),
    /// `UNAUTHORIZED`: no valid token.
    #[response(status = 401)]
    Unauthorized(Failure),
    /// There is no such thing, or it is not the caller's: `BOOKING_NOT_FOUND`, `PAYMENT_NOT_FOUND`,
    /// `SCHEDULE_NOT_FOUND`, `ROUTE_NOT_FOUND`.
    #[response(status = 404)]
    NotFound(Failure),
    /// The world is not as the command needs it: `SEAT_TAKEN`, `SOLD_OUT`, `PRICE_MISMATCH`, `DEPARTED`,
    /// `OFFERING_CANCELLED`, `HOLD_EXPIRED`, `INVALID_STATE`, `PAYMENT_USED`, `PAYMENT_STATE`,
    /// `PAYMENT_IN_PROGRESS`, `TOO_MANY_PAYMENTS`, `TICKET_LOCKED`, `VERSION_CONFLICT`, `IDEMPOTENCY_IN_PROGRESS`.
    #[response(status = 409)]
    Conflict(Failure),
    /// `PAYLOAD_TOO_LARGE`: over 256 KiB.
    #[response(status = 413)]
    PayloadTooLarge(Failure),
    /// Fields are missing, unknown or wrong, one entry each; `UNKNOWN_SEAT`, `UNKNOWN_STOP`, `STOP_ORDER`,
    /// `NO_BOARDING`, `ROUTE_MISMATCH`, `OWN_LISTING`, `AMBIGUOUS_ID`, `AMOUNT_MISMATCH`, `REFUND_TOO_MUCH`,
    /// `IDEMPOTENCY_KEY_REUSED`.
    #[response(status = 422)]
    Invalid(Failure),
    /// `RATE_LIMITED`: see `Retry-After`.
    #[response(status = 429)]
    RateLimited(Failure),
    /// `OVERLOADED`, `UNAVAILABLE`, `SHUTTING_DOWN`: see `Retry-After`.
    #[response(status = 503)]
    Unavailable(Failure),
}
