//! What operators call: the desk's commands, over HTTP.

pub mod commands;
