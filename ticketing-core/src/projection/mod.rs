//! The read models as pure folds: events in, row changes out.

pub mod bodies;
pub mod tickets;

pub use tickets::{TicketChange, TicketRow};
