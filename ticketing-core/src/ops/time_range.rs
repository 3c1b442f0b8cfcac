//! Time ranges.
