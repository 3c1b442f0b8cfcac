//! `ticketctl saga`: where the payments of bookings stand, and the operator's hand on those that are stuck.

mod inject_error;
mod list;
mod moves;
mod show;
pub mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at and mend payment sagas
    List(list::Args) => list::run,
    Show(show::Args) => show::run,
    Retry(moves::RetryArgs) => moves::retry,
    Compensate(moves::CompensateArgs) => moves::compensate,
    Abandon(moves::AbandonArgs) => moves::abandon,
    InjectError(inject_error::Args) => inject_error::run,
}
