//! What outside services tell by themselves.

pub mod stripe;
