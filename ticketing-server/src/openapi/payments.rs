//! The shapes of payments, as the document shows them. Never built: see [`super::shapes`].

use utoipa::ToSchema;

/// Money on its way back.
#[derive(Debug, ToSchema)]
pub struct Refund {
    /// Where it is.
    pub status: RefundStatus,
    /// How much.
    pub amount: f64,
    /// ISO 4217.
    pub currency: String,
}

/// Where money is that goes back.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// Back.
    Refunded,
}

/// The state of a payment.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub enum PaymentStatus {
    /// Asked for; the outcome is not known yet.
    Pending,
    /// The money was captured.
    Success,
    /// Nothing was captured.
    Failed,
    /// All that was captured was given back.
    Refunded,
}

/// A payment, as far as it concerns a booking.
#[derive(Debug, ToSchema)]
pub struct Payment {
    /// Its id.
    pub id: String,
    /// Its state.
    pub status: PaymentStatus,
    /// How much.
    pub amount: f64,
    /// ISO 4217.
    pub currency: String,
    /// How much of it was given back, if anything was.
    #[schema(required = false, nullable = false)]
    pub refunded: Option<f64>,
    /// Why it failed, or what is wrong with it.
    #[schema(required = false, nullable = false)]
    pub failure: Option<String>,
}

/// A payment, as `/v1` answers it.
#[derive(Debug, ToSchema)]
pub struct Charge {
    /// Its id.
    pub id: String,
    /// A booking's id, or the caller's own reference.
    pub merchant_order_id: String,
    /// How much, in minor units of the currency.
    pub amount_cents: i64,
    /// How much of it was given back, in minor units.
    pub refunded_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// Its state.
    pub status: PaymentStatus,
    /// Why it failed, or what is wrong with it.
    #[schema(required = false, nullable = false)]
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: String,
}

/// A webhook was taken.
#[derive(Debug, ToSchema)]
pub struct Received {
    /// Always true.
    pub received: bool,
}

/// An event as Stripe sends it.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
pub struct StripeEvent(pub String);
