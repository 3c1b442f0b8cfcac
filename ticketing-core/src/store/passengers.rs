//! People: the names and addresses that belong to bookings, apart from the log.

use super::db::{Column, Db, Tx};
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::booking::passenger::Passenger;
use crate::domain::id::BookingId;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct PassengerRow {
    booking_id: Uuid,
    name: String,
    email: String,
    phone: Option<String>,
}

statements! {
    /// Leans on the primary key.
    LOAD = "SELECT booking_id, name, email, phone FROM passengers WHERE booking_id {any uuid}";
    /// Leans on the primary key.
    ERASE = "DELETE FROM passengers WHERE booking_id {any uuid}";
}

/// Forgets who travels with these bookings, and returns how many were known.
///
/// # Errors
/// What the store says.
pub async fn erase(tx: &mut Tx, bookings: &[BookingId]) -> Result<u64> {
    let ids = Column::Uuid(bookings.iter().map(|id| id.0).collect());
    tx.run(&ERASE, args![ids]).await
}

/// Returns the passengers of these bookings; one who was forgotten is missing.
///
/// # Errors
/// What the store says.
pub async fn load(db: &Db, bookings: &[BookingId]) -> Result<Vec<(BookingId, Passenger)>> {
    let ids = Column::Uuid(bookings.iter().map(|id| id.0).collect());
    let rows: Vec<PassengerRow> = db.all(&LOAD, args![ids]).await?;
    let pair = |r: PassengerRow| {
        (BookingId(r.booking_id), Passenger { name: r.name, email: r.email, phone: r.phone })
    };
    Ok(rows.into_iter().map(pair).collect())
}
