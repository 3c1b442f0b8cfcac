//! Operator use cases, shared by the command line, the dashboard and the admin API.

pub mod filter;
pub mod time_range;
