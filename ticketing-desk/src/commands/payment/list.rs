//! `ticketctl payment list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node_of};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::domain::id::PaymentId;
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

/// Lists the payments, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::These(PAYMENT_FIELDS), is_read_model: false };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(asked, session, printer).await
    })
}

async fn list(asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let mut rows = Rows::begin(asked, view::LIST, now, printer)?;
    rows.walk(
        async |after| payments::list(app, after).await,
        |payment: &Payment| payment.id,
        |payment| asked.filter.as_ref().is_none_or(|filter| payments::passes(filter, payment, now)),
        async |found| found.iter().map(|payment| node_of(&payments::payment_body(payment))).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| {
        let ids: Vec<PaymentId> = shown.ids.iter().copied().map(PaymentId).collect();
        payments::prefix_len(app, &ids).await
    };
    rows.finish(prefix).await.map(drop)
}
