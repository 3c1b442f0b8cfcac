//! `ticketctl payment`: what was paid and given back, and whether the provider says the same.

mod books;
mod list;
mod reconcile;
mod refund;
mod show;
mod view;

use crate::commands::noun::noun;

noun! {
    /// List, look at, refund and reconcile payments
    List(list::Args) => list::run,
    Show(show::Args) => show::run,
    Refund(refund::Args) => refund::run,
    Reconcile(reconcile::Args) => reconcile::run,
    Books(books::Args) => books::run,
}
