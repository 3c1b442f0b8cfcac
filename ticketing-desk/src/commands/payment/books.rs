//! `ticketctl payment books`.

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Format, Printer, View};
use crate::session::{self, Opening};
use ticketing_core::ops::payments;

/// Add up what was captured, given back and is kept, beside what the confirmed bookings cost
#[derive(clap::Args, Debug)]
#[command(after_help = "Reads all payments and bookings. What is kept is there for a reason:\n\n  \
                        kept = captured - refunded\n       \
                        = (confirmed - givenBack) + otherThings + goingBack + difference\n\n  \
                        confirmed    what the confirmed bookings cost\n  \
                        givenBack    given back of that, or on its way back, while the booking stays confirmed\n  \
                        otherThings  kept for charges that are for no booking\n  \
                        goingBack    refunds that are not done yet\n  \
                        difference   0, or money that stays without a reason: a refund that was refused or given up,\n               \
                        an amount that is not the price\n\n\
                        Examples:\n  ticketctl payment books\n  ticketctl payment books -o json")]
pub struct Args {}

const COLUMNS: &[Column] = &[
    Column::text("Currency", "currency").whole(),
    Column::number("Captured", "captured"),
    Column::number("Refunded", "refunded"),
    Column::number("Kept", "kept"),
    Column::number("Confirmed", "confirmed"),
    Column::number("Given back", "givenBack"),
    Column::number("Going back", "goingBack"),
    Column::number("Other things", "otherThings"),
    Column::number("Difference", "difference"),
];

const BOOKS: View = View::new("books", COLUMNS).named_by(&["currency"]);

/// Prints the books, by currency.
///
/// # Errors
/// What the store says.
pub fn run(_: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let books = payments::books(&session.app).await?;
        if books.is_empty() && printer.is_human() {
            printer.note("No payments yet.");
            return Ok(());
        }
        if printer.format() == Format::Table {
            // Side by side they would not fit; and they are read from the top down, as a sum is.
            for (index, row) in books.iter().enumerate() {
                if index > 0 {
                    printer.line("")?;
                }
                printer.object(row, COLUMNS)?;
            }
        } else {
            printer.list(&BOOKS, &books, None)?;
        }
        for row in books.iter().filter(|row| !row.balanced) {
            printer.warn(&printer.commands(&format!(
                "{} {} are unaccounted for. To find why: ticketctl saga list --stuck; ticketctl payment list --query \
                 'status=SUCCESS currency={}'",
                row.difference, row.currency, row.currency
            )));
        }
        Ok(())
    })
}
