//! A whole platform of real processes, buyers who book on it, a payment service beside it, and what must hold at the
//! end. Nothing here knows the inside of the program, but for the embedded topics, which have no network address.

pub mod broker;
pub mod buyers;
pub mod checks;
pub mod feed;
pub mod kafka;
pub mod nats;
pub mod own;
pub mod plan;
pub mod platform;
#[path = "../../../ticketing-core/tests/it/support/postgres.rs"]
#[allow(dead_code, reason = "shared with other tests")]
pub mod postgres;
pub mod service;
pub mod toxiproxy;
