//! The same bookings on all carriers, with processes that are killed in turn, end in the same read model.

#[path = "../rig/mod.rs"]
#[allow(dead_code, reason = "each file of tests uses its part")]
mod rig;

mod scenario;
