//! What several tests need: places to keep data, made fresh for each, and programs that run on them.

pub mod brokers;
pub mod check;
pub mod city;
pub mod door;
pub mod place;
pub mod postgres;
pub mod redis;
pub mod round_trips;
pub mod scripted_provider;
pub mod smtp;
pub mod stripe_mock;
