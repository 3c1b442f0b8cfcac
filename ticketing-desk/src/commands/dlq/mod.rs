//! `ticketctl dlq`: what could not be handled, and what becomes of it.

mod list;
mod moves;
mod show;
mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at, redrive and discard what could not be handled
    List(list::Args) => list::run,
    Show(show::Args) => show::run,
    Redrive(moves::RedriveArgs) => moves::redrive,
    Discard(moves::DiscardArgs) => moves::discard,
}
