//! `ticketctl route`: the lines of the network.

mod cancel;
mod create;
mod get;
mod list;
pub mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at, make and cancel routes
    List(list::Args) => list::run,
    Get(get::Args) => get::run,
    Create(Box<create::Args>) => create::run,
    Cancel(cancel::Args) => cancel::run,
}
