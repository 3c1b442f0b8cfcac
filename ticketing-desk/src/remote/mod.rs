//! Remote commands: what a distant `ticketctl` sends a server, what comes back ([`wire`]), and the server's side of it
//! ([`running`]).
//!
//! The command runs where the stores are, and prints for the terminal of whoever sent it: what comes back is what it
//! said, piece by piece. Nothing is decided here; in particular, a question that a command asks is answered by
//! sending it again, with a yes to the plan that was shown.

mod running;
mod stream;
mod wire;

pub use running::{Backend, COMMANDS_MAX, Running, Slot, start};
pub use wire::{BEAT_EVERY, Ended, FRAMES_TYPE, Frame, PATH, Refused, Request, Sent};
