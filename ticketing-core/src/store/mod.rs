//! What is kept, and how: one SQL text on SQLite and PostgreSQL, one file per concern.
//!
//! Only this folder names sqlx, and only [`db`] and [`sql`] know that there are two engines. Rows go
//! in and domain values come out; a row that can't be one is [`error::StoreError::Corrupt`], never a
//! panic. No rule of booking is decided here.

pub mod audit;
pub mod batch;
pub mod bookings;
pub mod catalog;
pub mod db;
pub mod error;
pub mod events;
pub mod idempotency;
pub mod migrate;
pub mod offerings;
pub mod passengers;
pub mod sql;
pub mod views;
