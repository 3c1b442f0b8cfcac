//! `ticketctl job`: long work, how far it is, and the hand on it.

mod cancel;
mod get;
mod list;
mod resume;
pub mod view;
mod watch;

use crate::commands::noun::noun;

noun! {
    /// List, watch, cancel and resume long work
    List(list::Args) => list::run,
    Get(get::Args) => get::run,
    Watch(watch::Args) => watch::run,
    Cancel(cancel::Args) => cancel::run,
    Resume(resume::Args) => resume::run,
}
