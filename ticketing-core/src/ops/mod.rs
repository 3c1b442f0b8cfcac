//! Operator use cases, shared by the command line, the dashboard and the admin API.
//!
//! Every change is a `plan_…` that says exactly what would happen, as data, and an `execute` that takes
//! that very object: what was shown is what is done, or nothing.

pub mod accounts;
pub mod audit;
pub mod backup;
pub mod bookings;
pub mod details;
pub mod dlq;
pub mod drills;
pub mod error;
pub mod event_fields;
pub mod filter;
pub mod groups;
pub mod halls;
pub mod jobs;
pub mod lists;
pub mod lookup;
pub mod mails;
pub mod market;
pub mod money;
pub mod near;
pub mod payments;
pub mod people;
pub mod plan;
pub mod projections;
pub mod reconcile;
pub mod replay;
pub mod republish;
pub mod routes;
pub mod sagas;
pub mod schedules;
pub mod seat_map;
pub mod seats;
pub mod seed;
pub mod status;
pub mod ticket_fields;
pub mod time_range;
pub mod topics;
pub mod venues;
pub mod verify;
pub mod why;

pub use error::OpsError;
pub use plan::{Plan, PlanChange};
