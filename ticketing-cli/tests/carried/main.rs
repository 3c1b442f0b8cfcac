//! The same bookings on all carriers, with processes that are killed in turn, end in the same read model.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../support/collector.rs"]
mod collector;
#[path = "../rig/mod.rs"]
#[allow(dead_code, reason = "each file of tests uses its part")]
mod rig;

mod market;
mod replay;
mod scenario;
#[cfg(feature = "kafka-tls")]
mod secured;
mod traces;
