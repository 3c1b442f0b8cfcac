//! The booking: its commands, its events, its states, and the decisions between them.

pub mod command;
pub mod decide;
pub mod event;
pub mod passenger;
pub mod rejection;
pub mod state;
#[cfg(test)]
mod tests;
