//! The marketplace: `/api/tickets` (listings), `/api/orders`, `/api/payments`.

pub mod cancel;
pub mod edit;
pub mod listing;
pub mod listings;
pub mod one_order;
pub mod order;
pub mod orders;
pub mod pay;
pub mod sell;
pub mod withdraw;

use crate::error::ApiError;
use ticketing_core::app::AppError;
use ticketing_core::app::orders::NOUN;
use ticketing_core::domain::id::BookingId;
use uuid::Uuid;

/// The order that a path names.
///
/// # Errors
/// 404 for what is no id: there is no such order.
fn order_id(id: String) -> Result<BookingId, ApiError> {
    match Uuid::parse_str(&id) {
        Ok(uuid) => Ok(BookingId(uuid)),
        Err(_) => Err(AppError::NotFound { what: NOUN, id }.into()),
    }
}
