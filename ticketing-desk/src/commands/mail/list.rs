//! `ticketctl mail list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, node_of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
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

const OF: Of = Of { view: view::LIST, fields: Fields::These(MAIL_FIELDS), is_read_model: false };

/// Lists the mails, from the write store: they are nowhere else.
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
                async |after| mails::list(of.app, after).await,
                |mail: &Mail| mail.position,
                |mail| of.passes(|filter| mails::passes(filter, mail, of.now)),
                async |found| found.iter().map(|mail| node_of(&mails::body(mail))).collect(),
            )
            .await
        },
        prefix::mails,
    )
}
