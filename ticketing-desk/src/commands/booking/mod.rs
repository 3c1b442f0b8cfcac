//! `ticketctl booking`: what was booked, and the operator's hand on it.

mod cancel;
mod confirm;
mod get;
mod list;
mod reserve;
pub mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at, make, confirm and cancel bookings
    List(list::Args) => list::run,
    Get(get::Args) => get::run,
    Reserve(Box<reserve::Args>) => reserve::run,
    Confirm(confirm::Args) => confirm::run,
    Cancel(cancel::Args) => cancel::run,
}
