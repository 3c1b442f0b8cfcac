//! The rules of booking as pure functions and data: money, time, seats, offerings, bookings.
//!
//! Nothing here waits, reads a clock, draws a random number or knows a database. The same input
//! gives the same answer for ever, which is what lets the log be replayed.

pub mod account;
pub mod booking;
pub mod catalog;
pub mod event;
pub mod id;
pub mod layout;
pub mod listing;
pub mod log;
pub mod mail;
pub mod money;
pub mod occasion;
pub mod occupancy;
pub mod payment;
pub mod rules;
pub mod seating;
pub mod statement;
pub mod time;
pub mod topics;
