//! `ticketctl mail list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node_of};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::domain::mail::Mail;
use ticketing_core::ops::mails::{self, MAIL_FIELDS};

/// List the mails to passengers, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A mail is queued, sent, failed (refused by the mail server, or tried for about a day: it waits for \
                        you) or dropped (the passenger was forgotten).\n\n\
                        Fields of --query: id booking kind state tries error position correlation age created moved \
                        sent\n\n\
                        Examples:\n  ticketctl mail list\n  ticketctl mail list --query 'state=failed' -o wide\n  \
                        ticketctl mail list --query 'state=queued age>10m'"
)]
pub struct Args {
    #[command(flatten)]
    list: Flags,
}

/// Lists the mails, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::These(MAIL_FIELDS), is_read_model: false };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(asked, session, printer).await
    })
}

async fn list(asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let mut rows = Rows::begin(asked, view::LIST, now, printer)?;
    rows.walk(
        async |after| mails::list(app, after).await,
        |mail: &Mail| mail.position,
        |mail| asked.filter.as_ref().is_none_or(|filter| mails::passes(filter, mail, now)),
        async |found| found.iter().map(|mail| node_of(&mails::body(mail))).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| mails::prefix_len(app, &shown.ids).await;
    rows.finish(prefix).await.map(drop)
}
