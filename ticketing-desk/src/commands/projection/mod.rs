//! `ticketctl projection`: the read model, how far it is, whether it is right, and making it anew.

mod list;
mod rebuild;
mod revert;
mod swap;
mod verify;
mod view;

use crate::commands::noun::noun;

noun! {
    /// List, verify and rebuild the read model
    List(list::Args) => list::run,
    Verify(verify::Args) => verify::run,
    Rebuild(rebuild::Args) => rebuild::run,
    Revert(revert::Args) => revert::run,
}
