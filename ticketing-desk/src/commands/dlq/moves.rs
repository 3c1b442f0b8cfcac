//! `ticketctl dlq redrive` and `discard`: one way for both, which differ in what they do.

use crate::commands::bulk::{self, Bulk, BulkArgs};
use crate::commands::change;
use crate::commands::ids::Ids;
use crate::commands::listing::each_page;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Printer, grouped};
use crate::session::{self, Opening, Session};
use ticketing_core::ops::dlq::plan::{Action, is_own_fault, plan};
use ticketing_core::ops::dlq::{self, DLQ_FIELDS, DlqRow, Key};
use ticketing_core::ops::filter::Filter;

/// Try dead letters again, and in their order those that wait behind them
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Each stream goes on until one of its letters fails again. What was done before is done once, \
                        however often it is redriven. It is a job: ctrl-c ends it after the batch at hand, and \
                        `ticketctl job resume` goes on.\n\n\
                        Examples:\n  ticketctl dlq redrive 0192a8c4 --reason 'the booking is there now'\n  \
                        ticketctl dlq redrive --query 'code=UNKNOWN_BOOKING' --dry-run\n  \
                        ticketctl dlq redrive --query 'source=payment-events age>1h' --rate 20 --yes"
)]
pub struct RedriveArgs {
    /// Which, and how.
    #[command(flatten)]
    pub moved: MoveArgs,
}

/// Give dead letters up; the next one of each stream is then tried
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A discarded letter is kept, and `dlq list --closed` shows it. What waits behind it goes on, which \
                        is in the plan.\n\n\
                        Examples:\n  ticketctl dlq discard 0192a8c4 --reason 'settled by phone'\n  \
                        ticketctl dlq discard --query 'code=BAD_JSON age>7d' --max-affected 100 --yes"
)]
pub struct DiscardArgs {
    /// Which, and how.
    #[command(flatten)]
    pub moved: MoveArgs,
}

/// Which, and how.
#[derive(clap::Args, Debug)]
pub struct MoveArgs {
    /// Ids of letters, or unique beginnings of them; `-` reads them from stdin
    #[arg(value_name = "ID", required_unless_present = "query", conflicts_with = "query")]
    ids: Vec<String>,
    /// All open letters that pass this filter; its fields are those of `dlq list`
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Tries the letters again.
///
/// # Errors
/// As any move.
pub fn redrive(args: &RedriveArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    run(Action::Redrive, &args.moved, desk, printer)
}

/// Gives the letters up.
///
/// # Errors
/// As any move.
pub fn discard(args: &DiscardArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    run(Action::Discard, &args.moved, desk, printer)
}

/// Moves the letters.
///
/// # Errors
/// Not found; one that waits behind another; as the job ends.
fn run(action: Action, args: &MoveArgs, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "A letter is moved from where it was looked at, or not at all.")?;
    let filter = args.query.as_deref().map(|query| Filter::parse(query, DLQ_FIELDS)).transpose()?;
    let ids = if filter.is_some() { None } else { Some(Ids::read(&args.ids, desk)?) };
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let actor = session::actor(desk, &args.change)?;
        let keys = match (&ids, &filter) {
            (Some(ids), _) => ids.letters(session).await?,
            (None, filter) => matching(filter.as_ref(), session).await?,
        };
        let planned = plan(&session.app, action, &keys, ids.is_some(), args.bulk.rate).await?;
        let count = planned.plan.affected;
        let ending = if count == 1 { "" } else { "s" };
        let verb = match action {
            Action::Redrive => "Redrive",
            // What waits behind them is redriven.
            Action::Discard => "Discard or redrive",
        };
        let title = format!("{verb} {} letter{ending}", grouped(count as u64));
        if action == Action::Redrive {
            warn_of_own_faults(session, &keys, printer).await?;
        }
        let work = Bulk { title, args: &args.change, detach: args.bulk.detach, actor: &actor };
        bulk::start(session, printer, work, planned).await
    })
}

/// Says how many of the letters can't go better this time, and what to do with them instead.
async fn warn_of_own_faults(session: &Session, keys: &[Key], printer: &mut Printer) -> Result<(), Failure> {
    let rows = dlq::rows(&session.app, keys).await?;
    let mut codes: Vec<&str> = rows
        .iter()
        .filter(|row| row.state.is_open() && is_own_fault(&row.body.code))
        .map(|row| row.body.code.as_str())
        .collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    if count > 0 {
        let letters = if count == 1 { "letter fails" } else { "letters fail" };
        let discard = printer.commands(&format!("ticketctl dlq discard --query 'code={}'", codes[0]));
        printer.warn(&format!(
            "{} {letters} again however often tried: the message itself can't be read ({}). To give such up: {discard}",
            grouped(count as u64),
            codes.join(", ")
        ));
    }
    Ok(())
}

async fn matching(filter: Option<&Filter>, session: &Session) -> Result<Vec<Key>, Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let mut found = Vec::new();
    let passes = |row: &&DlqRow| filter.is_none_or(|filter| dlq::passes(filter, row, now));
    each_page(
        async |after| dlq::list(app, after, true).await,
        |row: &DlqRow| row.place,
        |rows| found.extend(rows.iter().filter(passes).map(|row| row.key)),
    )
    .await?;
    // They are listed the newest first; the oldest is to be tried first.
    found.reverse();
    Ok(found)
}
