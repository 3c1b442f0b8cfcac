//! The operator's desk: every command that looks at the platform or changes it, with its arguments, its plan, its
//! gate and what it answers.
//!
//! It has three faces, none with a rule of its own: `ticketctl` at a terminal, the dashboard, and `/api/admin` over
//! HTTP, through which a distant `ticketctl` works. All run [`Command`]s by [`Program`]'s words on a [`Desk`], which
//! says on whose stores, and print through a [`Printer`], which says to whom.

pub mod commands;
pub mod confirm;
pub mod desk;
pub mod errors;
pub mod failure;
pub mod globals;
pub mod guard;
pub mod looks;
pub mod output;
pub mod program;
pub mod progress;
pub mod prompt;
pub mod remote;
pub mod sentence;
pub mod session;
pub mod signals;
pub mod typed;

pub use desk::Desk;
pub use failure::{Exit, Failure};
pub use globals::Globals;
pub use output::Printer;
pub use program::{Command, Program};
