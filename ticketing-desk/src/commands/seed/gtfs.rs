//! `ticketctl seed gtfs`.

use super::layouts;
use super::outcome::{self, Feed, Seeding};
use crate::desk::{Desk, Laid};
use crate::failure::Failure;
use crate::globals::{ChangeArgs, parse_day};
use crate::output::{Printer, grouped};
use crate::progress::Progress;
use crate::session::{self, Opening, Session};
use clap::ValueHint;
use jiff::civil::Date;
use std::io;
use std::path::{Path, PathBuf};
use ticketing_core::adapters::gtfs::{self, GtfsError, Import, Options, Summary};

/// Bring a GTFS feed's routes and departures into the store
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Rows that can't be right are skipped and reported; with --strict the first one refuses the feed.\n\
                        Seeding a changed feed again updates what nobody has booked and reports the rest.\n\n\
                        Examples:\n  ticketctl seed gtfs feed.zip --from 2026-11-23 --days 30\n  \
                        ticketctl seed gtfs old-feed.zip --from 2019-05-13 --days 7 \\\n      \
                        --start-on 2026-11-23 --fare 2.00\n  \
                        ticketctl seed gtfs feed.zip --from 2026-11-23 --days 7 --strict --dry-run"
)]
pub struct Args {
    /// The feed: a .zip, or a folder with its .txt files
    #[arg(value_name = "FEED.zip", value_hint = ValueHint::AnyPath)]
    feed: PathBuf,
    /// The first service day
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Date,
    /// How many service days
    #[arg(long, value_name = "N")]
    days: u32,
    /// Lay the days from --from on onto the days from this one on, of the same weekday
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    start_on: Option<Date>,
    /// The seats of every departure: the name of a layout
    #[arg(long, value_name = "NAME", default_value = "bus-40")]
    layout: String,
    /// The fare of routes that have none in the feed, such as 2.00
    #[arg(long, value_name = "AMOUNT")]
    fare: Option<String>,
    /// Refuse the whole feed for the first row that can't be right
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Seeds the feed.
///
/// # Errors
/// What is wrong with the feed; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::to_seed(&args.change), async |session, printer| {
        seed(args, desk, session, printer).await
    })
}

async fn seed(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let layout = layouts::find(session, &args.layout, "--layout").await?;
    let options = Options {
        from: args.from,
        days: args.days,
        start_on: args.start_on,
        layout_id: layout.id,
        fare: args.fare.clone(),
        strict: args.strict,
    };
    session.doing.say("Nothing was stored.");
    let feed = laid(&args.feed, desk)?;
    let progress = Progress::start(printer.progress_style(), "reading the feed", None);
    let (import, progress) = read(feed, args.feed.display().to_string(), options, progress).await?;
    let mut set = import.catalog;
    let is_empty = set.offerings.is_empty();
    if is_empty {
        tell_service(args, &import.summary, printer);
    } else {
        set.layouts.extend(layout.to_add);
    }
    let feed = Feed { report: import.report, summary: Some(import.summary) };
    let seeding = Seeding { action: "seed gtfs", set, feed, progress };
    outcome::carry_out(seeding, &args.change, desk, session, printer).await
}

/// Finds the feed on this machine.
fn laid(feed: &Path, desk: &Desk) -> Result<Laid, Failure> {
    desk.file(feed).map_err(|source| {
        let what = feed.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => GtfsError::NotFound(what).into(),
            _ => GtfsError::Io { what, source }.into(),
        }
    })
}

/// Reads the feed on a thread of its own, so that a signal is heard meanwhile.
async fn read(
    feed: Laid,
    name: String,
    options: Options,
    mut progress: Progress,
) -> Result<(Import, Progress), Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let import = gtfs::import_named(&feed.path, &name, &options, &mut |p| {
            progress.report(p.phase, p.done, p.total);
        });
        (import, progress)
    });
    let (import, progress) =
        reading.await.map_err(|_| Failure::defect("reading the feed ended in a panic", None))?;
    Ok((import?, progress))
}

/// Says on which days there is service, where the window has none.
fn tell_service(args: &Args, summary: &Summary, printer: &mut Printer) {
    let days = if args.days == 1 { "day" } else { "days" };
    let window = format!("The {} {days} from {} have no service in this feed", args.days, args.from);
    match (summary.first_service_date, summary.last_service_date) {
        (Some(first), Some(last)) => printer.warn(&format!(
            "{window}: its {} trips run from {first} to {last}. Try --from {first}, and --start-on DATE to lay \
             those days onto later ones.",
            grouped(summary.trips)
        )),
        _ => printer.warn(&format!("{window}, and no other days have any: it has no usable trip.")),
    }
}
