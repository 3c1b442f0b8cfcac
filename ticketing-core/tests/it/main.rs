//! The integration tests of the core, in one binary: each further one would be linked anew.

mod support;
mod tidy;
