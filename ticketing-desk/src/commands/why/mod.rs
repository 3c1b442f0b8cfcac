//! `ticketctl why`: one causal story, from whatever an operator has in hand.

mod drawing;
#[cfg(test)]
mod golden;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Format, Printer, View, grouped};
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use ticketing_core::ops::why::{self, EVENTS_LOOKED_AT_MAX, Story};

/// Tell why a booking, payment, saga, seat or departure is as it is
#[derive(clap::Args, Debug)]
#[command(after_help = "\
ID is a booking, saga or payment (whole, or a unique beginning), a provider's name for a payment, a \
seat as DEPARTURE/4A, a departure, a position in the log, an idempotency key, or a correlation id.

No index has correlation ids: one that the server made says when, and the log is read from there on; \
any other is looked for in the last 5,000,000 events.

Examples:
  ticketctl why 0192a8c4
  ticketctl why 4@09:30/2026-11-21/B2
  ticketctl why 626 -o json
  ticketctl why ada-1")]
pub struct Args {
    /// What to tell of
    id: String,
}

/// The story as rows, for CSV.
const ENTRIES: View = View::new(
    "entries",
    &[
        Column::time("At", "at"),
        Column::text("Kind", "kind"),
        Column::text("What", "what"),
        Column::text("Actor", "actor"),
        Column::number("Position", "position"),
        Column::text("Correlation", "correlationId"),
    ],
);

/// Tells the story, from the write store.
///
/// # Errors
/// Not found, with all that was tried; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        tell(args, session, printer).await
    })
}

async fn tell(args: &Args, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let style = printer.progress_style();
    let mut progress: Option<Progress> = None;
    let mut report = |done: u64, of: u64| {
        let progress = progress
            .get_or_insert_with(|| Progress::start(style.clone(), "looking through the log", Some(of)));
        progress.report("looking through the log", done, Some(of));
    };
    let story = why::tell(&session.app, &args.id, &mut report).await;
    drop(progress);
    show(&story?, printer)
}

fn show(story: &Story, printer: &mut Printer) -> Result<(), Failure> {
    match printer.format() {
        Format::Table | Format::Wide => {
            let width = if printer.format() == Format::Wide { usize::MAX } else { printer.width() };
            let text = drawing::draw(story, width, printer);
            printer.drawing(&text)?;
        }
        Format::Json | Format::Jsonl | Format::Yaml | Format::Name => printer.object(story, &[])?,
        Format::Csv => printer.list(&ENTRIES, &story.story, None)?,
    }
    if story.left_out > 0 {
        printer.note(&format!(
            "It is about {} bookings and payments more; ask for each by its id.",
            grouped(story.left_out as u64)
        ));
    }
    if story.subject == "correlation" {
        let max = grouped(EVENTS_LOOKED_AT_MAX.unsigned_abs());
        printer.note(&format!("Found in the log, of which {max} events at most were looked at."));
    }
    Ok(())
}
