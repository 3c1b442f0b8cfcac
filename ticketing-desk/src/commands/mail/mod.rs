//! `ticketctl mail`: what passengers were told by mail, and what could not be told.

mod list;
mod retry;
mod show;
pub mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at and send again the mails to passengers
    List(list::Args) => list::run,
    Show(show::Args) => show::run,
    Retry(retry::Args) => retry::run,
}
