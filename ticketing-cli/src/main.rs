//! ticketctl.
fn main() {}
