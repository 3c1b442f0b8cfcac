//! What the bus's topics are called, whatever carries them.

/// The topic of all that happens to bookings and payments.
pub const TICKET_EVENTS: &str = "ticket-events";
/// The topic of what is on sale: layouts, routes, patterns, offerings.
pub const CATALOG_EVENTS: &str = "catalog-events";
/// The topics that we publish to.
pub const PUBLISHED: &[&str] = &[TICKET_EVENTS, CATALOG_EVENTS];
/// What a payment service tells.
pub const PAYMENT_EVENTS: &str = "payment-events";
/// What a wallet service tells.
pub const WALLET_EVENTS: &str = "wallet-events";
/// The topics that we read from others.
pub const CONSUMED: &[&str] = &[PAYMENT_EVENTS, WALLET_EVENTS];

/// What the log itself is called among the carriers.
pub const EMBEDDED: &str = "embedded";
