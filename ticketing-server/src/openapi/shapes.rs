//! The shapes of bodies, as the document shows them. They describe the wire and are never built: bodies are
//! written where the facts are, and tests hold them against these by [`super::check`].

use super::payments::{Payment, Refund};
use utoipa::ToSchema;
use uuid::Uuid;

/// What surrounds the data of a success.
#[derive(Debug, ToSchema)]
pub struct Success<T: ToSchema> {
    /// Always true.
    pub success: bool,
    /// What was asked for.
    pub data: T,
    /// About the answer.
    pub meta: Meta,
}

/// What surrounds one page of a list.
#[derive(Debug, ToSchema)]
pub struct Page<T: ToSchema> {
    /// Always true.
    pub success: bool,
    /// The page's entries.
    pub data: Vec<T>,
    /// Which part of the list it is.
    pub pagination: PageFacts,
    /// About the answer.
    pub meta: Meta,
}

/// About an answer.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Meta {
    /// Leads to everything that followed from the request.
    pub correlation_id: String,
    /// Of a command: what to send as `minPosition` to see its effect.
    #[schema(required = false, nullable = false)]
    pub position: Option<String>,
}

/// Which part of a list an answer holds.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PageFacts {
    /// The page, from 1.
    #[schema(minimum = 1)]
    pub page: u64,
    /// How many a full page holds.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: u32,
    /// How many there are on all pages.
    pub total: u64,
    /// How many pages there are.
    pub total_pages: u64,
}

/// Every error, on every surface.
#[derive(Debug, ToSchema)]
pub struct Failure {
    /// Always false.
    pub success: bool,
    /// What went wrong.
    pub error: ErrorFacts,
    /// About the answer.
    pub meta: Meta,
}

/// What went wrong.
#[derive(Debug, ToSchema)]
pub struct ErrorFacts {
    /// A stable word: `SEAT_TAKEN`, `VALIDATION_FAILED`, …
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// The facts at fault, one entry per field.
    pub details: Vec<ErrorDetail>,
}

/// One field's part in an error; further members are facts, such as the true `fare`.
#[derive(Debug, ToSchema)]
pub struct ErrorDetail {
    /// The field of the request.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The state of a booking.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum BookingStatus {
    /// Booked, waiting for its payment.
    Pending,
    /// Held as a saga's step.
    Reserved,
    /// Paid.
    Confirmed,
    /// Given back.
    Cancelled,
    /// The hold ended.
    Expired,
    /// Paid back.
    Refunded,
}

/// A booking, as commands answer it.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Booking {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: String,
    /// The route.
    pub route_id: Uuid,
    /// The departure.
    pub schedule_id: Uuid,
    /// The seat's label.
    pub seat_number: String,
    /// Its state.
    pub status: BookingStatus,
    /// What it costs, with all decimals of its currency.
    pub price: f64,
    /// ISO 4217.
    pub currency: String,
    /// When the hold ends by itself: RFC 3339, UTC, milliseconds, as all times are.
    pub hold_expires_at: String,
    /// When it was made.
    pub created_at: String,
    /// The payment that confirmed it.
    #[schema(required = false, nullable = false)]
    pub payment_id: Option<String>,
    /// When it was confirmed.
    #[schema(required = false, nullable = false)]
    pub confirmed_at: Option<String>,
    /// Why it was cancelled.
    #[schema(required = false, nullable = false)]
    pub reason: Option<String>,
    /// The refund under way, of a booking that was paid and cancelled.
    #[schema(required = false, nullable = false)]
    pub refund: Option<Refund>,
    /// Its payment, as `pay` answers it.
    #[schema(required = false, nullable = false)]
    pub payment: Option<Payment>,
}

/// A ticket, as lists show it.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Ticket {
    /// The booking's id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: String,
    /// The route's name.
    pub route_name: String,
    /// When it leaves the stop where the journey begins.
    pub departure_time: String,
    /// When it reaches the stop where the journey ends.
    pub arrival_time: String,
    /// Where the journey begins.
    pub origin_stop: String,
    /// Where it ends.
    pub destination_stop: String,
    /// The seat's label.
    pub seat_number: String,
    /// Its state.
    pub status: BookingStatus,
    /// What it costs.
    pub price: f64,
    /// ISO 4217.
    pub currency: String,
}

/// A ticket with all that is known of it.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TicketDetails {
    /// The booking's id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: String,
    /// The route's name.
    pub route_name: String,
    /// When it leaves the stop where the journey begins.
    pub departure_time: String,
    /// When it reaches the stop where the journey ends.
    pub arrival_time: String,
    /// Where the journey begins.
    pub origin_stop: String,
    /// Where it ends.
    pub destination_stop: String,
    /// The seat's label.
    pub seat_number: String,
    /// Its state.
    pub status: BookingStatus,
    /// What it costs.
    pub price: f64,
    /// ISO 4217.
    pub currency: String,
    /// The route.
    pub route_id: Uuid,
    /// The departure.
    pub schedule_id: Uuid,
    /// When the hold ends, or ended.
    pub hold_expires_at: String,
    /// When it was made.
    pub created_at: String,
    /// When it was confirmed.
    #[schema(required = false, nullable = false)]
    pub confirmed_at: Option<String>,
    /// Why it was cancelled.
    #[schema(required = false, nullable = false)]
    pub reason: Option<String>,
    /// Who travels; null once forgotten.
    pub passenger: Option<Passenger>,
    /// The payment that confirmed it, else the one that was tried last; null before there is one.
    pub payment: Option<Payment>,
    /// The refund of that payment, under way or done.
    #[schema(required = false, nullable = false)]
    pub refund: Option<Refund>,
    /// What happened to it, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// Who travels.
#[derive(Debug, ToSchema)]
pub struct Passenger {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The telephone number.
    pub phone: Option<String>,
}

/// Something that happened to a booking.
#[derive(Debug, ToSchema)]
pub struct HistoryEntry {
    /// The event's type: `TicketBooked`, …
    #[schema(rename = "type")]
    pub kind: String,
    /// When.
    pub time: String,
    /// Who did it; `system` when no person acted.
    pub actor: String,
    /// Where it stands in the log.
    pub position: String,
}

/// A line of the network.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Route {
    /// Its id.
    pub id: Uuid,
    /// The id it came with (GTFS `route_id`).
    #[schema(required = false, nullable = false)]
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
    /// The number on the bus.
    #[schema(required = false, nullable = false)]
    pub short_name: Option<String>,
    /// Its stops in order of travel.
    pub stops: Vec<RouteStop>,
    /// The fare of departures that have none of their own.
    pub price: f64,
    /// ISO 4217.
    pub currency: String,
    /// IANA time zone.
    pub timezone: String,
}

/// A stop as a route lists it.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteStop {
    /// Its id.
    pub id: Uuid,
    /// The id it came with (GTFS `stop_id`).
    #[schema(required = false, nullable = false)]
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
    /// The feed's own number; grows along the route.
    pub sequence: u32,
}

/// Whether a departure can be booked.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum ScheduleStatus {
    /// It has not left yet.
    Scheduled,
    /// It has left its first stop.
    Departed,
    /// It was withdrawn.
    Cancelled,
}

/// A departure.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Schedule {
    /// Its id.
    pub id: Uuid,
    /// The id it came with (GTFS `trip_id`); unique together with `serviceDate`.
    #[schema(required = false, nullable = false)]
    pub external_id: Option<String>,
    /// Its route.
    pub route_id: Uuid,
    /// The route's name.
    pub route_name: String,
    /// The service day, `YYYY-MM-DD`, in its time zone.
    pub service_date: String,
    /// IANA time zone.
    pub timezone: String,
    /// When it leaves its first stop.
    pub departure_time: String,
    /// When it reaches its last stop.
    pub arrival_time: String,
    /// Its first stop.
    pub origin_stop: String,
    /// Its last stop.
    pub destination_stop: String,
    /// Its calls.
    pub stops: Vec<ScheduleStop>,
    /// What a seat costs.
    pub price: f64,
    /// ISO 4217.
    pub currency: String,
    /// How many seats it has.
    pub seats_total: u32,
    /// How many are free on every leg.
    pub seats_left: u32,
    /// Whether it can be booked.
    pub status: ScheduleStatus,
}

/// A departure's call at a stop.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ScheduleStop {
    /// The stop's id.
    pub id: Uuid,
    /// The id it came with.
    #[schema(required = false, nullable = false)]
    pub external_id: Option<String>,
    /// Its name.
    pub name: String,
    /// What `fromStop=#n` refers to.
    pub sequence: u32,
    /// When it arrives.
    pub arrival_time: String,
    /// When it leaves.
    pub departure_time: String,
}

/// The seats of a departure, for the legs asked for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SeatMap {
    /// The departure.
    pub schedule_id: Uuid,
    /// Where the legs begin.
    pub from_stop: String,
    /// Where they end.
    pub to_stop: String,
    /// Each seat, in their order.
    pub seats: Vec<Seat>,
}

/// A seat on the legs asked for.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Seat {
    /// Its label.
    pub seat_number: String,
    /// The strongest of its states on these legs.
    pub state: SeatState,
}

/// What a seat is on some legs.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum SeatState {
    /// Free on all of them.
    Free,
    /// Held until a hold ends.
    Held,
    /// Sold.
    Sold,
    /// Never sold.
    Blocked,
}

/// The process answers.
#[derive(Debug, ToSchema)]
pub struct Liveness {
    /// `live`.
    pub status: String,
}

/// Every part answers.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Readiness {
    /// `ready`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// For how long it has been running.
    pub uptime_seconds: u64,
    /// The parts in use.
    pub parts: Vec<Part>,
}

/// A part that the server needs.
#[derive(Debug, ToSchema)]
pub struct Part {
    /// `writeStore`, `readStore`, `engine`, `bus` or `cache`.
    pub name: String,
    /// What it is here: `sqlite`, `postgres`, `embedded`, `in-process`, `redis`.
    pub kind: String,
    /// `up` or `down`.
    pub status: String,
}

/// A document of the OpenAPI Initiative's format.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
pub struct OpenApiDocument(pub String);
