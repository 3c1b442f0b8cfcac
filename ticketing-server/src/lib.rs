//! The thin HTTP server.
