//! The outside world: feeds and files that operators bring, and who moves the money. Never rules.

pub mod carriers;
pub mod gtfs;
pub mod payments;
pub mod seed_file;
pub mod statement;
