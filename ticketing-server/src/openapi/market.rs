//! The marketplace, as the document shows it: what is sent, what is answered, and how it is asked for. Never built:
//! see [`super::shapes`].

use super::bodies::Amount;
use super::payments::RefundStatus;
use super::shapes::{Page, Success};
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses, ToSchema};
use uuid::Uuid;

/// The body of a new listing.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ListingRequest {
    /// What the ticket is for.
    #[schema(max_length = 200, example = "Two nights of jazz, row 5")]
    pub title: String,
    /// What it costs, more than 0: a decimal in a string, or a number.
    pub price: Amount,
    /// ISO 4217; USD if there is none.
    pub currency: Option<String>,
}

/// The body of a listing's edit.
#[derive(Debug, Deserialize, ToSchema)]
pub struct EditRequest {
    /// What the ticket is for.
    #[schema(max_length = 200)]
    pub title: String,
    /// What it costs, more than 0: a decimal in a string, or a number.
    pub price: Amount,
    /// ISO 4217; the currency that the listing has if there is none.
    pub currency: Option<String>,
    /// The version that was looked at; another one is 409 `VERSION_CONFLICT`. `If-Match` says the same.
    #[schema(minimum = 1)]
    pub version: Option<u32>,
}

/// The body of an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRequest {
    /// The listing.
    pub ticket_id: Uuid,
}

/// The body of an order's payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    /// The order.
    pub order_id: Uuid,
    /// The payment provider's token that is charged: 1 to 255 visible ASCII characters.
    #[schema(min_length = 1, max_length = 255)]
    pub token: String,
}

/// What a listing is now.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ListingStatus {
    /// Anybody can order it.
    Open,
    /// An order holds it.
    Reserved,
    /// It is somebody's.
    Sold,
    /// It was withdrawn.
    Cancelled,
}

/// A ticket that a user sells.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Listing {
    /// Its id.
    pub id: Uuid,
    /// What the ticket is for.
    pub title: String,
    /// What it costs, with all decimals of its currency.
    #[schema(example = "25.00")]
    pub price: String,
    /// ISO 4217.
    pub currency: String,
    /// What it is now.
    pub status: ListingStatus,
    /// Who sells it.
    pub user_id: String,
    /// When it was put up.
    pub created_at: String,
    /// Grows with each edit.
    pub version: u32,
}

/// What an order is now.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ListingOrderStatus {
    /// It holds the ticket and waits to be paid.
    Created,
    /// A payment is under way.
    #[schema(rename = "awaiting:payment")]
    AwaitingPayment,
    /// It is paid.
    Complete,
    /// It was cancelled, or its time was over.
    Cancelled,
}

/// The ticket of an order.
#[derive(Debug, ToSchema)]
pub struct OrderedTicket {
    /// The listing's id.
    pub id: Uuid,
    /// What the ticket is for.
    pub title: String,
    /// What it was ordered at.
    #[schema(example = "25.00")]
    pub price: String,
    /// ISO 4217.
    pub currency: String,
}

/// The refund of an order.
#[derive(Debug, ToSchema)]
pub struct OrderRefund {
    /// Where it is.
    pub status: RefundStatus,
    /// How much, with all decimals of its currency.
    #[schema(example = "25.00")]
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// An order.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ListingOrder {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: String,
    /// What it is now.
    pub status: ListingOrderStatus,
    /// When it ends by itself if it is not paid.
    pub expires_at: String,
    /// What was ordered.
    pub ticket: OrderedTicket,
    /// What it costs, whatever the seller asks now.
    #[schema(example = "25.00")]
    pub price: String,
    /// ISO 4217.
    pub currency: String,
    /// When it was made.
    pub created_at: String,
    /// The payment that completed it.
    #[schema(required = false, nullable = false)]
    pub payment_id: Option<String>,
    /// Why it was cancelled.
    #[schema(required = false, nullable = false)]
    pub reason: Option<String>,
    /// The refund under way, of an order that was paid and cancelled.
    #[schema(required = false, nullable = false)]
    pub refund: Option<OrderRefund>,
    /// Grows with each change.
    pub version: u32,
}

/// What a payment is now.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum OrderPaymentStatus {
    /// The provider has not answered.
    Pending,
    /// The money is here.
    Success,
    /// The provider declined it.
    Failed,
    /// The money went back.
    Refunded,
}

/// A payment of an order.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OrderPayment {
    /// Its id.
    pub id: String,
    /// The order.
    pub order_id: Uuid,
    /// What it is now.
    pub status: OrderPaymentStatus,
    /// How much, with all decimals of its currency.
    #[schema(example = "25.00")]
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// Why it failed.
    #[schema(required = false, nullable = false)]
    pub failure: Option<String>,
    /// When it began.
    pub created_at: String,
    /// The order as it is now.
    pub order: ListingOrder,
}

/// The listing that was put up.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The listing. With `Idempotent-Replay: true` it was put up before.")]
pub struct Listed(pub Success<Listing>);

/// One listing.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The listing.")]
pub struct OneListing(pub Success<Listing>);

/// A page of listings.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The listings.")]
pub struct ListingList(pub Page<Listing>);

/// The order that was made.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The order. With `Idempotent-Replay: true` it was made before.")]
pub struct Ordered(pub Success<ListingOrder>);

/// One order.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The order.")]
pub struct OneOrder(pub Success<ListingOrder>);

/// A page of orders.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The caller's orders.")]
pub struct OrderList(pub Page<ListingOrder>);

/// What came of a payment.
#[derive(Debug, IntoResponses)]
pub enum OrderPaid {
    /// The provider has answered: `SUCCESS`, and the order is `complete`, or `FAILED`.
    #[response(status = 201)]
    Answered(Success<OrderPayment>),
    /// The provider has not answered yet; the payment goes on by itself.
    #[response(status = 202)]
    UnderWay(Success<OrderPayment>),
}

/// The path of a listing.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ListingPath {
    /// The listing.
    pub id: Uuid,
}

/// The path of an order.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OrderPath {
    /// The order.
    pub id: Uuid,
}

/// The version that a change is about.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct VersionHeader {
    /// The version that was looked at, as `"3"`; another one is 409 `VERSION_CONFLICT`.
    #[param(rename = "If-Match")]
    pub if_match: Option<String>,
}

/// Which listings are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ListingsParameters {
    /// Words of the title, or their beginnings, whatever their case; all of up to four must be there.
    #[param(max_length = 200)]
    pub text: Option<String>,
    /// Those that cost so much or more, in `currency`, or USD.
    #[param(example = "10.00")]
    pub min_price: Option<String>,
    /// Those that cost so much or less, in `currency`, or USD.
    pub max_price: Option<String>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// `open` if there is none.
    #[param(inline)]
    pub status: Option<ListingStatus>,
    /// Who sells them.
    #[param(max_length = 255)]
    pub seller: Option<String>,
    /// `newest` (first), `price` (the cheapest first) or `-price`; prices by currency.
    #[param(default = "newest")]
    pub order: Option<String>,
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
    /// The `meta.position` of a command's answer: waits up to 2 s until its effect can be read.
    pub min_position: Option<String>,
}
