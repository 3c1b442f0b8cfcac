//! What several tests need: places to keep data, made fresh for each.

pub mod postgres;
