//! `ticketctl payment list`.

use super::view;
use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, walk};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::domain::id::PaymentId;
use ticketing_core::domain::payment::Payment;
use ticketing_core::ops::filter::Filter;
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
    /// Only those that pass this filter
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// Lists the payments, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let filter = args.query.as_deref().map(|query| Filter::parse(query, PAYMENT_FIELDS)).transpose()?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        list(args, filter.as_ref(), session, printer).await
    })
}

async fn list(
    args: &Args,
    filter: Option<&Filter>,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    let mut list = printer.start_list(&view::LIST)?;
    let mut shown: Vec<PaymentId> = Vec::new();
    let total = walk(
        limit,
        async |after| payments::list(app, after).await,
        |payment: &Payment| payment.id,
        |payment| filter.is_none_or(|filter| payments::passes(filter, payment, now)),
        async |found| {
            for payment in found {
                shown.push(payment.id);
                list.row(&payments::payment_body(&payment))?;
            }
            Ok(())
        },
    )
    .await?;
    if is_human && shown.len() < SHORT_TABLE_ROWS_MAX {
        list.ids_unique_at(payments::prefix_len(app, &shown).await?);
    }
    list.finish(total)
}
