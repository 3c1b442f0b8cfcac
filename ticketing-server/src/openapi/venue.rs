//! Venues, events and reservations, as the document shows them. Shapes are never built: see [`super::shapes`].

use super::bodies::Amount;
use super::payments::Refund;
use super::shapes::{BookingStatus, Failure, Page, SeatState, Success};
use super::{ForCallers, KeptOut};
use crate::routes::venue as calls;
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};
use uuid::Uuid;

#[derive(OpenApi)]
#[openapi(
    paths(
        calls::list::list,
        calls::create::create,
        calls::get::get,
        calls::create_event::create_event,
        calls::event::event,
        calls::search::search,
        calls::block::block,
        calls::unblock::unblock,
        calls::cancel::cancel,
        calls::availability::availability,
        calls::reserve::reserve,
        calls::allocate::allocate,
        calls::release::release,
        calls::orders::orders,
        calls::order::order,
    ),
    components(schemas(
        Success<Venue>,
        Page<Venue>,
        Success<Event>,
        Page<Event>,
        Success<Availability>,
        Success<Reservation>,
        Success<Order>,
        Page<Order>,
        Venue,
        Event,
        Availability,
        Reservation,
        Order,
        VenueRequest,
        EventRequest,
        SeatsRequest,
        WithdrawRequest,
        SeatReserveRequest,
        AllocateRequest,
        ReleaseRequest,
    )),
    modifiers(&KeptOut, &ForCallers)
)]
pub(super) struct VenueCalls;

/// A place with a hall.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Venue {
    /// Its id.
    pub id: Uuid,
    /// The id it came with.
    #[schema(required = false, nullable = false)]
    pub external_id: Option<String>,
    /// What it is called.
    pub name: String,
    /// Its city.
    pub city: String,
    /// Its street address.
    #[schema(required = false, nullable = false)]
    pub address: Option<String>,
    /// IANA time zone.
    pub timezone: String,
    /// Whether events are announced there.
    pub status: VenueStatus,
    /// Why it is closed.
    #[schema(required = false, nullable = false)]
    pub reason: Option<String>,
    /// The name of its layout.
    pub layout: String,
    /// How many seats can be sold.
    pub capacity: u32,
    /// Its sections, the best first.
    pub sections: Vec<VenueSection>,
}

/// Whether events are announced at a venue.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum VenueStatus {
    /// They are.
    Open,
    /// Not any more.
    Closed,
}

/// A part of a hall.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct VenueSection {
    /// What tickets call it.
    pub name: String,
    /// What its seats are priced as.
    #[schema(required = false, nullable = false)]
    pub category: Option<String>,
    /// Whether its seats have no numbers.
    pub general_admission: bool,
    /// Its rows, where seats are numbered.
    #[schema(required = false, nullable = false)]
    pub rows: Option<u32>,
    /// The seats of a row, where they are numbered.
    #[schema(required = false, nullable = false)]
    pub seats_per_row: Option<u32>,
    /// Its seats in all.
    pub seats: u32,
}

/// Whether seats of an event can be reserved.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventStatus {
    /// It has not begun.
    OnSale,
    /// It has begun, and is not over.
    Started,
    /// It is over.
    Ended,
    /// It was withdrawn.
    Cancelled,
}

/// An event at a venue.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// The id it came with; unique together with `date`.
    #[schema(required = false, nullable = false)]
    pub external_id: Option<String>,
    /// What it is called.
    pub title: String,
    /// What it is about.
    #[schema(required = false, nullable = false)]
    pub description: Option<String>,
    /// What sort of event, in lower case.
    #[schema(required = false, nullable = false)]
    pub event_type: Option<String>,
    /// Where it is held.
    pub venue_id: Uuid,
    /// In which city.
    #[schema(required = false, nullable = false)]
    pub city: Option<String>,
    /// The day in the venue's time zone, `YYYY-MM-DD`.
    pub date: String,
    /// When it begins.
    pub start_time: String,
    /// When it ends.
    pub end_time: String,
    /// Whether its seats can be reserved.
    pub status: EventStatus,
    /// The price of a seat whose category has none of its own.
    pub price: f64,
    /// ISO 4217.
    pub currency: String,
    /// The prices of categories.
    pub price_categories: Vec<CategoryPrice>,
    /// How often it was changed, from 1.
    pub version: u32,
}

/// The price of a category of seats.
#[derive(Debug, ToSchema)]
pub struct CategoryPrice {
    /// The category.
    pub category: String,
    /// The price of one seat.
    pub price: f64,
}

/// An event's seats.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Availability {
    /// The event.
    pub event_id: Uuid,
    /// Whether its seats can be reserved.
    pub status: EventStatus,
    /// All its seats.
    pub total: u32,
    /// Sold.
    pub sold: u32,
    /// Held until a hold ends.
    pub held: u32,
    /// Not for sale.
    pub blocked: u32,
    /// Free.
    pub free: u32,
    /// How `free` comes about.
    pub explanation: String,
    /// ISO 4217.
    pub currency: String,
    /// Each seat, in their order.
    pub seats: Vec<EventSeat>,
}

/// A seat of an event.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct EventSeat {
    /// What tickets call it: section, row and number, as `101-A12`.
    pub seat_id: String,
    /// What it is now.
    pub state: SeatState,
    /// What it costs.
    pub price: f64,
}

/// Seats of an event that somebody reserved.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Reservation {
    /// Its id.
    pub id: Uuid,
    /// The same, as other calls name it.
    pub reservation_id: Uuid,
    /// The event.
    pub event_id: Uuid,
    /// What that is called.
    pub event_title: String,
    /// Whose it is.
    pub user_id: String,
    /// The seats.
    pub seat_ids: Vec<String>,
    /// Its state.
    pub status: BookingStatus,
    /// What the seats cost together.
    pub total_amount: f64,
    /// ISO 4217.
    pub currency: String,
    /// When the seats are free again, if it is not paid.
    pub expires_at: String,
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
    /// The refund under way, of one that was paid and cancelled.
    #[schema(required = false, nullable = false)]
    pub refund: Option<Refund>,
}

/// A reservation with its tickets.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub id: Uuid,
    /// The same, as other calls name it.
    pub reservation_id: Uuid,
    /// The event.
    pub event_id: Uuid,
    /// What that is called.
    pub event_title: String,
    /// Whose it is.
    pub user_id: String,
    /// The seats.
    pub seat_ids: Vec<String>,
    /// Its state.
    pub status: BookingStatus,
    /// What the seats cost together.
    pub total_amount: f64,
    /// ISO 4217.
    pub currency: String,
    /// When the seats are free again, if it is not paid.
    pub expires_at: String,
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
    /// The refund under way, of one that was paid and cancelled.
    #[schema(required = false, nullable = false)]
    pub refund: Option<Refund>,
    /// When the event begins.
    pub start_time: String,
    /// A ticket for each seat, once it is paid.
    pub tickets: Vec<IssuedTicket>,
}

/// The ticket for one seat.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IssuedTicket {
    /// Its id.
    pub id: String,
    /// The seat.
    pub seat_id: String,
    /// Whether it admits.
    pub status: TicketStatus,
}

/// Whether a ticket admits.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum TicketStatus {
    /// It does.
    Issued,
    /// It does not any more.
    Void,
}

/// The body of a new venue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VenueRequest {
    /// The id it comes with; no other venue has it.
    #[schema(max_length = 255)]
    pub external_id: Option<String>,
    /// What it is called.
    #[schema(max_length = 200)]
    pub name: String,
    /// Its city.
    #[schema(max_length = 200)]
    pub city: String,
    /// Its street address.
    #[schema(max_length = 200)]
    pub address: Option<String>,
    /// IANA time zone, as `America/Chicago`.
    #[schema(max_length = 64)]
    pub timezone: String,
    /// Its seats.
    pub layout: HallRequest,
}

/// The seats of a hall: the name of a stored layout, or a new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum HallRequest {
    /// By name.
    Named(String),
    /// By its sections.
    New(LayoutRequest),
}

/// A new layout.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LayoutRequest {
    /// What it is called, where other venues are to have it too.
    #[schema(max_length = 64)]
    pub name: Option<String>,
    /// Its sections, the best first.
    pub sections: Vec<SectionRequest>,
    /// Labels of seats that are never sold.
    pub blocked: Option<Vec<String>>,
}

/// A section of a new layout.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SectionRequest {
    /// What tickets call it: letters and digits.
    #[schema(max_length = 32)]
    pub name: String,
    /// Its rows; none for general admission.
    pub rows: Option<u32>,
    /// The seats of a row; with general admission, how many people it takes.
    pub seats: u32,
    /// What its seats are priced as; its name if there is none.
    #[schema(max_length = 32)]
    pub category: Option<String>,
}

/// The body of a new event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventRequest {
    /// Where it is held, by id or `externalId`.
    #[schema(max_length = 255)]
    pub venue_id: String,
    /// What it is called.
    #[schema(max_length = 200)]
    pub title: String,
    /// What sort of event: `concert`.
    #[schema(max_length = 64)]
    pub event_type: Option<String>,
    /// What it is about.
    #[schema(max_length = 1000)]
    pub description: Option<String>,
    /// The id it comes with; no other event of that day has it.
    #[schema(max_length = 255)]
    pub external_id: Option<String>,
    /// When it begins, RFC 3339.
    pub start_time: String,
    /// When it ends, RFC 3339.
    pub end_time: String,
    /// The price of a seat whose category has none of its own.
    pub price: Amount,
    /// ISO 4217; USD if there is none.
    pub currency: Option<String>,
    /// The prices of categories.
    pub price_categories: Option<Vec<CategoryPriceRequest>>,
}

/// The price of a category of seats.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CategoryPriceRequest {
    /// The category, whatever its case.
    pub category: String,
    /// The price of one seat.
    pub price: Amount,
}

/// Seats that are kept back, or given free.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatsRequest {
    /// The seats, up to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub seat_ids: Vec<String>,
}

/// Why an event is withdrawn.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WithdrawRequest {
    /// The reason that buyers are given.
    #[schema(max_length = 1000)]
    pub reason: String,
}

/// Seats that are wanted: by name, or how many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatReserveRequest {
    /// The event, by id or `externalId`.
    #[schema(max_length = 255)]
    pub event_id: String,
    /// The seats, up to 10; instead of `quantity`.
    #[schema(min_items = 1, max_items = 10)]
    pub seat_ids: Option<Vec<String>>,
    /// How many of the best; instead of `seatIds`.
    #[schema(minimum = 1, maximum = 10)]
    pub quantity: Option<u32>,
    /// With `quantity`: next to each other.
    pub together: Option<bool>,
    /// With `quantity`: only of this section.
    #[schema(max_length = 64)]
    pub section: Option<String>,
    /// With `quantity`: only of sections priced as this.
    #[schema(max_length = 64)]
    pub category: Option<String>,
    /// Whose they will be; the caller if there is none. Another's only for `service`, `operator` and `admin`.
    #[schema(max_length = 255)]
    pub user_id: Option<String>,
}

/// The body of `allocate`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllocateRequest {
    /// The reservation.
    pub reservation_id: Uuid,
    /// The payment that stands for it.
    #[schema(max_length = 255)]
    pub payment_id: String,
}

/// The body of `release`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRequest {
    /// The reservation.
    pub reservation_id: Uuid,
    /// Why, in the caller's words.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// A page of venues.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct VenuesParameters {
    /// Only those of this city, whatever the case.
    #[param(max_length = 200)]
    pub city: Option<String>,
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// A page of events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsParameters {
    /// Beginnings of words of its title, city, sort and description; all must be there.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Only those in this city, whatever the case.
    #[param(max_length = 200)]
    pub city: Option<String>,
    /// Only those of this sort, whatever the case.
    #[param(max_length = 64)]
    pub event_type: Option<String>,
    /// Only those that are so now.
    #[param(inline)]
    pub status: Option<EventStatus>,
    /// Only those that begin on this day, each in the time zone of its own venue; not together with `from` or `to`.
    #[param(example = "2026-12-24")]
    pub date: Option<String>,
    /// Only those that begin at this time or later, RFC 3339.
    pub from: Option<String>,
    /// Only those that begin before this time.
    pub to: Option<String>,
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    #[param(rename = "minPosition")]
    pub min_position: Option<String>,
}

/// The seats of an event.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct AvailabilityParameters {
    /// The event, by id or `externalId`.
    #[param(max_length = 255)]
    pub event_id: String,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}

/// The path of a venue.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct VenuePath {
    /// The venue, by id or `externalId`.
    #[param(max_length = 255)]
    pub venue_id: String,
}

/// The path of an event.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct EventPath {
    /// The event, by id or `externalId`; `externalId%2F2026-12-24` where that is of several days.
    #[param(max_length = 255)]
    pub id: String,
}

/// The path of an order.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OrderPath {
    /// The order: a reservation's id.
    pub id: Uuid,
}

/// The venue that was made.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The venue. With `Idempotent-Replay: true` it was made before.")]
pub struct VenueMade(pub Success<Venue>);

/// One venue.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The venue.")]
pub struct OneVenue(pub Success<Venue>);

/// A page of venues.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The venues.")]
pub struct VenueList(pub Page<Venue>);

/// The event that was announced.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The event. With `Idempotent-Replay: true` it was made before.")]
pub struct EventMade(pub Success<Event>);

/// One event.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The event.")]
pub struct OneEvent(pub Success<Event>);

/// A page of events.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The events.")]
pub struct EventList(pub Page<Event>);

/// An event's seats.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The seats.")]
pub struct OneAvailability(pub Success<Availability>);

/// The reservation that was made.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The reservation. With `Idempotent-Replay: true` it was made before.")]
pub struct Reserved(pub Success<Reservation>);

/// The reservation that was changed.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The reservation as it is now.")]
pub struct ReservationChanged(pub Success<Reservation>);

/// A page of orders.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The caller's orders.")]
pub struct OrderList(pub Page<Order>);

/// One order.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The order with its tickets.")]
pub struct OneOrder(pub Success<Order>);

/// The caller may not reserve for another.
#[derive(Debug, IntoResponses)]
#[response(status = 403, description = "`FORBIDDEN`: the `userId` is another's.")]
pub struct OthersForbidden(pub Failure);

/// What any command of a venue may be answered instead.
#[derive(Debug, IntoResponses)]
pub enum VenueRefusals {
    /// `INVALID_JSON`, `IDEMPOTENCY_KEY_INVALID`: the request can't be understood.
    #[response(status = 400)]
    BadRequest(Failure),
    /// `UNAUTHORIZED`: no valid token.
    #[response(status = 401)]
    Unauthorized(Failure),
    /// There is no such thing, or it is not the caller's: `VENUE_NOT_FOUND`, `EVENT_NOT_FOUND`,
    /// `RESERVATION_NOT_FOUND`.
    #[response(status = 404)]
    NotFound(Failure),
    /// The world is not as the command needs it: `SEAT_TAKEN` (or kept back by the operator), `SOLD_OUT`, `NO_SEATS_TOGETHER`, `DEPARTED` (it has
    /// begun), `OFFERING_CANCELLED`, `VENUE_CLOSED`, `HOLD_EXPIRED`, `INVALID_STATE`, `PAYMENT_USED`, `PAYMENT_STATE`,
    /// `ALREADY_EXISTS`, `VERSION_CONFLICT`, `IDEMPOTENCY_IN_PROGRESS`.
    #[response(status = 409)]
    Conflict(Failure),
    /// `PAYLOAD_TOO_LARGE`: over 256 KiB.
    #[response(status = 413)]
    PayloadTooLarge(Failure),
    /// Fields are missing, unknown or wrong, one entry each; `UNKNOWN_SEAT`, `UNKNOWN_SECTION`, `AMBIGUOUS_ID`,
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
