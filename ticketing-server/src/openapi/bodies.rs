//! The shapes of requests, as the document shows them. What is read is read by [`crate::requests`], which
//! is stricter than any schema and names everything that is wrong at once.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A command of an operator. A distant `ticketctl` sends more: see the README.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminCommand {
    /// The words after `ticketctl`, without `-o`: `["hold", "expire", "--query", "age>10m", "--dry-run"]`.
    #[schema(example = json!(["saga", "list", "--stuck"]))]
    pub args: Vec<String>,
}

/// What `book` and `reserve` have in common.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldRequest {
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
}

/// The body of `book`: the hold, and what is charged for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BookRequest {
    /// What is held.
    #[serde(flatten)]
    pub hold: HoldRequest,
    /// The payment provider's token that is charged at once. Without it, `pay` comes later. 1 to 255 visible ASCII
    /// characters.
    #[schema(min_length = 1, max_length = 255)]
    pub payment_token: Option<String>,
}

/// The body of `reserve`: the hold, and how long it lasts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReserveRequest {
    /// What is held.
    #[serde(flatten)]
    pub hold: HoldRequest,
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

/// The body of `pay`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayRequest {
    /// The booking.
    pub booking_id: Uuid,
    /// The payment provider's token that is charged: 1 to 255 visible ASCII characters.
    #[schema(min_length = 1, max_length = 255)]
    pub token: String,
}

/// The body of `charge`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChargeRequest {
    /// A booking's id, or any other reference of the caller's.
    #[schema(max_length = 255)]
    pub merchant_order_id: String,
    /// How much, in minor units of the currency: 2500 is 25.00 USD, and 2500 JPY. A booking's is its price.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub amount_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// The payment provider's token that is charged: 1 to 255 visible ASCII characters.
    #[schema(min_length = 1, max_length = 255)]
    pub token: Option<String>,
}

/// The body of `refund`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RefundRequest {
    /// The payment, by its id or the one that an outside service gave it.
    #[schema(max_length = 255)]
    pub payment_id: String,
    /// How much, in minor units; all that is left if there is none.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    pub amount_cents: Option<i64>,
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
