//! The read models as pure folds: events in, row changes out.

pub mod bodies;
pub mod mail;
pub mod market;
mod object;
pub mod sales;
pub mod tickets;
pub mod venue;

pub use tickets::{TicketChange, TicketRow};
