//! The shapes of requests, as the document shows them. What is read is read by [`crate::requests`], which
//! is stricter than any schema and names everything that is wrong at once.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The body of `book`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookRequest {
    /// The route, by id or `externalId`.
    #[schema(max_length = 255)]
    pub route_id: String,
    /// The departure, by id or `externalId`, with `/` and the service day where several have it.
    #[schema(max_length = 255)]
    pub schedule_id: String,
    /// The seat's label; the engine picks one if there is none.
    #[schema(max_length = 64)]
    pub seat_number: Option<String>,
    /// Who travels.
    #[schema(max_length = 200)]
    pub passenger_name: String,
    /// Where to write to.
    #[schema(max_length = 254)]
    pub passenger_email: String,
    /// Where to call.
    #[schema(max_length = 40)]
    pub passenger_phone: Option<String>,
    /// What the buyer expects to pay: a number, or a decimal in a string.
    pub price: Amount,
    /// ISO 4217; USD if there is none.
    pub currency: Option<String>,
    /// Where the journey begins: a stop's id, `externalId` or `#n`; the first stop if there is none.
    #[schema(max_length = 64)]
    pub from_stop: Option<String>,
    /// Where it ends; the last stop if there is none.
    #[schema(max_length = 64)]
    pub to_stop: Option<String>,
    /// What to charge. Refused in this version, which charges nobody: `PAYMENT_TOKEN_UNSUPPORTED`.
    #[schema(max_length = 255)]
    pub payment_token: Option<String>,
}

/// The body of `reserve`: as of `book`, and how long the hold lasts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReserveRequest {
    /// As of `book`.
    #[serde(flatten)]
    pub book: BookRequest,
    /// How long the seat is held; 900 if there is none.
    #[schema(minimum = 1, maximum = 3600)]
    pub hold_seconds: Option<u32>,
}

/// An amount of money in a request; exact, never a float.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Amount {
    /// A number: `25.00`.
    Number(f64),
    /// A decimal in a string: `"25.00"`.
    Text(String),
}

/// The body of `confirm`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmRequest {
    /// The booking.
    pub booking_id: Uuid,
    /// The payment that stands for it.
    #[schema(max_length = 255)]
    pub payment_id: String,
}

/// The body of `cancel`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelRequest {
    /// The booking.
    pub booking_id: Uuid,
    /// Why, in the caller's words.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}
