//! `ticketctl group`: our readers of topics.

mod seek;
pub mod state;

use crate::commands::noun::noun;

noun! {
    /// See how far our readers of topics are, and move them
    List(state::GroupsArgs) => state::list,
    Lag(state::LagArgs) => state::lag,
    Seek(seek::Args) => seek::run,
}
