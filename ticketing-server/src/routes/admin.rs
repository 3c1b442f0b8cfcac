//! What operators call: the desk's commands, and what happens, over HTTP.

pub mod commands;
pub mod stream;
