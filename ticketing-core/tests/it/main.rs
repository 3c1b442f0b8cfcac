//! The integration tests of the core, in one binary: each further one would be linked anew.
#![allow(clippy::unwrap_used, reason = "all of this is test code; clippy sees that only inside #[test]")]

mod carriers;
mod conformance;
mod payments;
mod redis;
mod schemas;
mod support;
mod tidy;
