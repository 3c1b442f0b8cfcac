//! The commands: a folder for a noun, a file for a verb, with its arguments and what it does.

pub mod audit;
pub mod backup;
pub mod booking;
mod bulk;
pub mod change;
pub mod dlq;
pub mod doctor;
pub mod event;
pub mod events;
pub mod group;
pub mod hold;
mod ids;
pub mod job;
mod listing;
pub mod listings;
pub mod mail;
#[cfg(test)]
mod market_golden;
pub mod migrate;
mod noun;
pub mod order;
pub mod outbox;
pub mod payment;
pub mod projection;
pub mod restore;
pub mod route;
pub mod saga;
pub mod schedule;
pub mod seat;
pub mod seed;
pub mod status;
pub mod support;
pub mod user;
pub mod venue;
pub mod verify;
mod watch;
pub mod why;
