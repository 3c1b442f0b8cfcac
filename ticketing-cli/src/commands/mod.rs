//! The commands that are about this program and its processes; those about the stores are the desk's.

pub mod completions;
pub mod config;
pub mod context;
pub mod doctor;
pub mod load;
pub mod man;
pub mod serve;
pub mod serving;
pub mod tui;
pub mod up;
pub mod version;
