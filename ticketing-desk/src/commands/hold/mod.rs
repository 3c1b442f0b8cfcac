//! `ticketctl hold`: the seats that are held and not paid yet.

mod expire;
mod list;

use crate::commands::noun::noun;

noun! {
    /// List holds, and end them before their time
    List(list::Args) => list::run,
    Expire(expire::Args) => expire::run,
}
