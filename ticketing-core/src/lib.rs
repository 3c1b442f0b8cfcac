//! All booking, store, projection and operator logic of the ticketing platform.
//!
//! Arrows go down only: `domain` knows nothing of the others.

pub mod adapters;
pub mod app;
pub mod clock;
pub mod domain;
pub mod engine;
pub mod ops;
pub mod private;
pub mod projection;
pub mod saga;
pub mod store;
pub mod text;
pub mod traces;
pub mod worker;
