//! `ticketctl payment books`.

use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::{Column, Printer, View};
use crate::session::{self, Opening};
use ticketing_core::ops::payments;

/// Add up what was captured, given back and is kept, beside what the confirmed bookings cost
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Reads all payments and bookings. Kept and confirmed differ by what is on its way back, and by \
                        what was paid for something else than a booking.\n\n\
                        Examples:\n  ticketctl payment books\n  ticketctl payment books -o json"
)]
pub struct Args {}

const BOOKS: View = View::new(
    "books",
    &[
        Column::text("Currency", "currency").whole(),
        Column::number("Captured", "captured"),
        Column::number("Refunded", "refunded"),
        Column::number("Kept", "kept"),
        Column::number("Confirmed", "confirmed"),
    ],
)
.named_by(&["currency"]);

/// Prints the books, by currency.
///
/// # Errors
/// What the store says.
pub fn run(globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    session::run(globals, printer, Opening::AsTheyAre, async |session, printer| {
        printer.list(&BOOKS, payments::books(&session.app).await?, None)
    })
}
