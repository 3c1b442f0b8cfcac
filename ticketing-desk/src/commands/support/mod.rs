//! `ticketctl support`: what somebody who helps needs to see, and nothing about people.

mod bundle;
mod hidden;
mod parts;

use crate::commands::noun::noun;

noun! {
    /// Gather what somebody who helps needs to see
    Bundle(bundle::Args) => bundle::run,
}
