//! The read model: denormalised rows that the projector writes and the queries read.
//!
//! Rows and cursor move in one transaction, and each row carries the stream version that it has applied:
//! an event that comes twice changes nothing.

pub mod checks;
pub mod fold;
pub mod identity;
pub mod network;
pub mod of_kind;
pub mod pages;
pub mod progress;
pub mod rebuild;
pub mod sales;
pub mod search;
mod target;
pub mod tickets;
pub mod venues;

pub use target::Target;
