//! The commands, one file each: arguments, then `run`.

pub mod completions;
pub mod version;
