//! `/api/routes` and `/api/schedules`: what can be booked. Open to everybody.

pub mod route;
pub mod routes;
pub mod schedule;
pub mod schedules;
pub mod seats;
