//! What the product promises, on both engines: each test runs on SQLite and, by the same name, on PostgreSQL.

mod accounts;
mod bookings;
mod given_up;
mod halls;
mod holds;
mod idempotency;
mod inbound;
mod jobs;
mod kept_aside;
mod leases;
mod mail;
mod market;
mod operators;
mod outages;
mod payments;
mod processes;
mod reading;
mod rebuilding;
mod redriving;
mod round_trips;
mod schema;
mod seeding;
mod sharing;
mod sqlite_faults;
mod verify;
mod verify_rows;
