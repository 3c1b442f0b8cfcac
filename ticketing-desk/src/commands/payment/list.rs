//! `ticketctl payment list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, node_of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::domain::payment::Payment;
use ticketing_core::ops::payments::{self, PAYMENT_FIELDS};

/// List payments, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query: id booking saga reference user status amount captured refunded currency \
                        provider ref external failure age created updated\n\n\
                        Examples:\n  ticketctl payment list\n  \
                        ticketctl payment list --query 'status=FAILED age<1h'\n  \
                        ticketctl payment list --query 'amount>=100USD provider=stripe' -o csv"
)]
pub struct Args {
    #[command(flatten)]
    list: Flags,
}

const OF: Of = Of { view: view::LIST, fields: Fields::These(PAYMENT_FIELDS), is_read_model: false };

/// Lists the payments, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    listing::list(
        &args.list,
        OF,
        desk,
        printer,
        async |of, rows| {
            rows.walk(
                async |after| payments::list(of.app, after).await,
                |payment: &Payment| payment.id,
                |payment| of.passes(|filter| payments::passes(filter, payment, of.now)),
                async |found| found.iter().map(|payment| node_of(&payments::payment_body(payment))).collect(),
            )
            .await
        },
        prefix::payments,
    )
}
