//! `ticketctl schedule`: departures.

mod cancel;
mod create;
mod get;
mod list;
pub mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at, make and cancel departures
    List(list::Args) => list::run,
    Get(get::Args) => get::run,
    Create(Box<create::Args>) => create::run,
    Cancel(cancel::Args) => cancel::run,
}
