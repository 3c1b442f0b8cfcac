//! The whole server over real sockets, on a seeded demo city in a folder of its own.
#![allow(clippy::unwrap_used, reason = "all of this is test code; clippy sees that only inside #[test]")]

mod accounts;
mod accounts_refused;
mod commands;
mod crash;
mod documented;
mod faults;
mod feed;
mod halls;
mod holds;
mod idempotency;
mod lifecycle;
mod market;
mod market_paid;
mod market_races;
mod on_postgres;
mod paid_crash;
mod payments;
#[path = "../../../ticketing-core/tests/it/support/postgres.rs"]
mod postgres;
mod queries;
#[path = "../../../ticketing-core/tests/it/support/redis.rs"]
#[allow(dead_code, reason = "the core's tests need more of it")]
mod redis;
mod refusals;
#[path = "../../../ticketing-core/tests/it/support/scripted_provider/mod.rs"]
mod scripted_provider;
mod security;
mod sharing;
#[path = "../../../ticketing-core/tests/it/support/stripe_mock.rs"]
#[allow(dead_code, reason = "the core's tests need more of it")]
mod stripe_mock;
mod support;
mod v1;
mod webhooks;
