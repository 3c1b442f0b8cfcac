//! The outside world: feeds and files that operators bring, who moves the money, and what
//! processes share. Never rules.

pub mod carriers;
pub mod gtfs;
pub mod mail;
pub mod payments;
pub mod redis;
pub mod seed_file;
pub mod statement;
pub mod tls;
