//! What stands in addresses, queries and headers, as the document shows it. What is read is read by
//! [`crate::requests`]; a test holds the two together.

use utoipa::IntoParams;
use uuid::Uuid;

/// The header that makes a command safe to repeat.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyHeader {
    /// 1 to 255 visible ASCII characters. The same key with the same request gives the first answer again.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    pub idempotency_key: Option<String>,
}

/// The same header, of a call that does not go without it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct RequiredIdempotencyHeader {
    /// 1 to 255 visible ASCII characters. The same key with the same request gives the first answer again.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    pub idempotency_key: String,
}

/// What a webhook of Stripe's is signed with.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct StripeHeader {
    /// `t=…,v1=…`: HMAC-SHA256 of the time, a dot and the body, not older than 300 s.
    #[param(rename = "Stripe-Signature")]
    pub stripe_signature: String,
}

/// The path of a payment.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PaymentPath {
    /// The payment, by its id or the one that an outside service gave it.
    #[param(max_length = 255)]
    pub id: String,
}

/// The path of a booking.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct BookingPath {
    /// The booking.
    #[param(rename = "bookingId")]
    pub booking_id: Uuid,
}

/// The path of a route.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RoutePath {
    /// The route, by id or `externalId`.
    #[param(max_length = 255)]
    pub id: String,
}

/// The path of a departure.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SchedulePath {
    /// The departure, by id or `externalId`; `externalId%2F2026-11-20` where that is of several days.
    #[param(max_length = 255)]
    pub id: String,
}

/// Waiting for one's own writes.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct PositionParameter {
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// A page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListParameters {
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// A page of the caller's tickets.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct TicketsParameters {
    /// Only tickets in this state.
    #[param(inline)]
    pub status: Option<super::shapes::BookingStatus>,
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// A page of a route's departures.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct SchedulesParameters {
    /// Only departures of this service day, in the time zone of the route's agency.
    #[param(example = "2026-11-20")]
    pub date: Option<String>,
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// The legs of a seat map.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct SeatsParameters {
    /// Where the legs begin: a stop's id, `externalId` or `#n`; the first stop if there is none.
    #[param(max_length = 64)]
    pub from_stop: Option<String>,
    /// Where they end; the last stop if there is none.
    #[param(max_length = 64)]
    pub to_stop: Option<String>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// Which events of the log are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct StreamParameters {
    /// Begins behind this position; behind the last event if there is none.
    pub from: Option<String>,
    /// Only these types of events, with commas between them.
    #[param(rename = "type", example = "TicketBooked,TicketCancelled")]
    pub event_type: Option<String>,
    /// Only events that pass, in the language of `ticketctl`'s `--query`, of the fields `position`, `type`, `stream`,
    /// `version`, `time`, `age`, `actor`, `correlation`, `cause` and `data`.
    #[param(example = "type=TicketCancelled actor!=system")]
    pub query: Option<String>,
}

/// Where a stream of the caller's own events begins.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct OwnStreamParameters {
    /// Begins behind this position, such as a command's `meta.position`; behind the last event if there is none.
    pub from: Option<String>,
}

/// The header that a client comes back to a stream with.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct LastEventHeader {
    /// The `id` of what was heard last; beats `from`.
    #[param(rename = "Last-Event-ID")]
    pub last_event_id: Option<String>,
}
