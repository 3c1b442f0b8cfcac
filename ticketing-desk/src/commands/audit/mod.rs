//! `ticketctl audit`: who changed what, and why.

mod list;

use crate::commands::noun::noun;

noun! {
    /// Read the audit log
    List(list::Args) => list::run,
}
