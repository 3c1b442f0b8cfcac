//! `ticketctl mail retry`.

use super::view;
use crate::commands::change;
use crate::commands::ids::Ids;
use crate::commands::listing::each_page;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::domain::mail::Mail;
use ticketing_core::ops::filter::Filter;
use ticketing_core::ops::mails::{self, MAIL_FIELDS};

/// Send mails again, from the first try on
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A mail goes out under the same Message-ID each time. With --query, those that were sent or dropped \
                        are left out; name one to send it again.\n\n\
                        Examples:\n  ticketctl mail retry 0192a8c4 --reason 'the address is right now'\n  \
                        ticketctl mail retry --query 'state=failed age<1d' --dry-run\n  \
                        ticketctl mail retry --query 'state=queued' --reason 'the mail server is back'"
)]
pub struct Args {
    /// Ids of mails, or unique beginnings of them; `-` reads them from stdin
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    ids: Vec<String>,
    /// All mails that pass this filter and were neither sent nor dropped; its fields are those of `mail list`
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Queues the mails again.
///
/// # Errors
/// Not found; a mail has moved meanwhile; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A mail is queued from where it was looked at, or not at all.")?;
    let filter = args.query.as_deref().map(|query| Filter::parse(query, MAIL_FIELDS)).transpose()?;
    let ids = if filter.is_some() { None } else { Some(Ids::read(&args.ids, desk)?) };
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let app = &session.app;
        let actor = session::actor(desk, &args.change)?;
        let found = match &ids {
            Some(ids) => mails::load(app, &ids.mails(session).await?).await?,
            None => matching(filter.as_ref(), session).await?,
        };
        let planned = mails::plan_retry(app, found, ids.is_some())?;
        let count = planned.plan.affected;
        let ending = if count == 1 { "" } else { "s" };
        let title = format!("Send {} mail{ending} again", grouped(count as u64));
        let change = Change { title, severity: Severity::Adds, plan: Plan::of(&planned.plan)? };
        if gate(printer, &change, &args.change)? == Gate::Stop {
            return Ok(());
        }
        let queued: Vec<_> =
            planned.plan.changes.iter().filter_map(|c| c.id.as_ref()?.parse().ok()).collect();
        mails::retry(app, planned, &actor).await?;
        let after = mails::load(app, &queued).await?;
        match after.as_slice() {
            [one] if ids.as_ref().is_some_and(|ids| ids.is_one) => {
                printer.object(&mails::details(one), view::DETAILS)
            }
            _ => printer.list(&view::LIST, after.iter().map(mails::body), None),
        }
    })
}

async fn matching(filter: Option<&Filter>, session: &Session) -> Result<Vec<Mail>, Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let mut found: Vec<Mail> = Vec::new();
    let passes = |mail: &&Mail| filter.is_none_or(|filter| mails::passes(filter, mail, now));
    each_page(
        async |after| mails::list(app, after).await,
        |mail: &Mail| mail.position,
        |page| found.extend(page.iter().filter(passes).cloned()),
    )
    .await?;
    found.reverse();
    Ok(found)
}
