//! `ticketctl migrate`: the schemas of the stores.

mod status;
mod up;
pub mod view;

use crate::commands::noun::noun;

noun! {
    /// Bring the stores' schemas up to date
    Up(up::Args) => up::run,
    Status(status::Args) => status::run,
}
