//! `ticketctl seed apply`.

use super::layouts;
use super::outcome::{self, Feed, Seeding};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::progress::Progress;
use crate::session::{self, Opening};
use std::io::Read;
use ticketing_core::adapters::seed_file::{self, FILE_BYTES_MAX};

/// Bring the routes, departures and layouts of YAML or JSON files into the store
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Applying a file twice changes nothing. Several files are read as one. The format is described in\n\
                        fixtures/README.md.\n\n\
                        Examples:\n  ticketctl seed apply -f city.yaml\n  ticketctl seed apply -f stops.yaml routes.yaml --dry-run\n  \
                        generate-timetable | ticketctl seed apply -f -"
)]
pub struct Args {
    /// The files; `-` reads stdin
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1.., value_hint = clap::ValueHint::FilePath)]
    files: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Seeds the files.
///
/// # Errors
/// The first fault of a file, with its place; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let sources = args
        .files
        .iter()
        .map(|name| Ok((name.clone(), read(name, desk)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    session::run(desk, printer, Opening::to_seed(&args.change), async |session, printer| {
        let progress = Progress::start(printer.progress_style(), "reading", None);
        let mut seed = seed_file::parse_all(&sources, session.app.clock.now())?;
        layouts::complete(session, &mut seed).await?;
        let set = seed.catalog;
        let seeding = Seeding { action: "seed apply", set, feed: Feed::default(), progress };
        outcome::carry_out(seeding, &args.change, desk, session, printer).await
    })
}

fn read(name: &str, desk: &Desk) -> Result<String, Failure> {
    let cannot = |why: String| {
        Failure::error(format!("The seed file {name} can't be read.")).code("SEED_FILE").why(why)
    };
    let source = desk.source(name).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("There is no file {name}."))
            .code("FILE_NOT_FOUND")
            .hint("check the path"),
        _ => cannot(format!("{error}.")),
    })?;
    let mut text = String::new();
    let limit = FILE_BYTES_MAX as u64;
    let read =
        source.take(limit + 1).read_to_string(&mut text).map_err(|error| cannot(format!("{error}.")))?;
    if read as u64 > limit {
        return Err(
            cannot(format!("It is larger than {} MiB.", limit >> 20)).hint("cut it into several files")
        );
    }
    Ok(text)
}
