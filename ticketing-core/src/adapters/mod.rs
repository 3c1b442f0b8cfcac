//! The outside world: feeds and files that operators bring. Never rules.

pub mod gtfs;
pub mod seed_file;
pub mod statement;
