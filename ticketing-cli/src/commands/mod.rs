//! The commands: a folder for a noun, a file for a verb, with its arguments and what it does.

pub mod audit;
pub mod booking;
mod change;
pub mod completions;
pub mod events;
pub mod hold;
mod ids;
mod listing;
pub mod migrate;
pub mod payment;
pub mod projection;
pub mod route;
pub mod saga;
pub mod schedule;
pub mod seat;
pub mod seed;
pub mod serve;
pub mod serving;
pub mod status;
pub mod tui;
pub mod up;
pub mod user;
pub mod verify;
pub mod version;
pub mod why;
