//! The thin HTTP server: who calls, what they sent, what they are answered. No rule of booking is here.
//!
//! A request passes, in this order: [`shell`] (correlation id, preflight, rate limit) →
//! [`routes`] (latency, time limit, panics) → a handler, which takes the caller ([`auth`]), the body
//! ([`body`], [`fields`]) or the query ([`query`]) and returns an [`answer::Answer`] or an
//! [`error::ApiError`] → [`shell`] again, which writes the envelope and the headers of every answer.
//!
//! [`start`](start()) takes a [`ServerConfig`] and returns a [`Running`] server with its workers. All addresses
//! are in [`routes::table`]; the core's failures become answers in [`refusals`].

pub mod answer;
pub mod auth;
pub mod body;
pub mod client;
pub mod command;
pub mod config;
pub mod correlation;
pub mod cors;
pub mod error;
pub mod failures;
pub mod feed;
pub mod fields;
pub mod gauges;
pub mod headers;
pub mod health;
pub mod limits;
pub mod logs;
pub mod mail_metrics;
pub mod market;
pub mod metrics;
pub mod openapi;
pub mod payment_metrics;
pub mod query;
pub mod refusals;
pub mod requests;
pub mod routes;
pub mod secret;
pub mod serve;
pub mod settings;
pub mod shell;
pub mod start;
pub mod state;
pub mod traces;
pub mod user_requests;

pub use config::{Roles, ServerConfig};
pub use start::{Running, StartError, prepare, start};
