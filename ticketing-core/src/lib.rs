//! All booking, store, projection and operator logic of the ticketing platform.
//!
//! Arrows go down only: `domain` knows nothing of the others.

pub mod adapters;
pub mod domain;
pub mod ops;
pub mod text;
