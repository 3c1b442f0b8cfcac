//! `/v1`: charges for bookings and for anything else, and their refunds.

pub mod charge;
pub mod payment;
pub mod refund;
