//! `ticketctl support bundle`.

use super::parts::{self, Part};
use crate::commands::backup::only_here;
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::output::{Column, Printer, View};
use crate::session::{self, Opening};
use serde::Serialize;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use ticketing_core::private::Draft;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Write a zip of how the platform is, for whoever helps: no secrets, no people
#[derive(clap::Args, Debug)]
#[command(
    after_help = "It reads the stores and changes nothing. Only what is known to tell nothing of people goes in: ids, \
                        times, states, counts. Values of logs, reasons, names of operators and what providers said \
                        are left out. Look it through before you send it; --dry-run lists what it would hold.\n\n\
                        Examples:\n  ticketctl support bundle today.zip\n  \
                        ticketctl support bundle today.zip --log server.log --audit 500\n  \
                        ticketctl support bundle today.zip --dry-run"
)]
pub struct Args {
    /// The file to write; it appears when it is whole
    file: PathBuf,
    /// How many of the last changes to tell of
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    audit: u64,
    /// A log whose last lines go in
    #[arg(long, value_name = "FILE")]
    log: Option<String>,
    /// Take the place of a file that is there already
    #[arg(long)]
    force: bool,
    /// List what it would hold, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    bytes: usize,
    holds: &'static str,
}

const PARTS: View = View::new(
    "parts",
    &[
        Column::text("Name", "name").whole(),
        Column::number("Bytes", "bytes"),
        Column::text("Holds", "holds").wrapped(),
    ],
)
.named_by(&["name"]);

/// Writes the bundle, or lists what it would hold. A part that can't be had says so in its place.
///
/// # Errors
/// The file is there already or can't be written; the log can't be read; ctrl-c.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    only_here(desk, "A support bundle", "support bundle FILE.zip")?;
    if !args.dry_run && !args.force && args.file.exists() {
        return Err(exists(&args.file));
    }
    let parts = gather(args, desk, printer)?;
    if !args.dry_run {
        write(args, &parts)?;
    }
    let row = |part: &Part| Row { name: part.name, bytes: part.text.len(), holds: part.holds };
    printer.list(&PARTS, parts.iter().map(row), None)?;
    printer.note(&match args.dry_run {
        true => "Nothing was written.".to_owned(),
        false => format!("The bundle is {}. Look it through before you send it.", args.file.display()),
    });
    Ok(())
}

fn gather(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<Vec<Part>, Failure> {
    let (settings, _) = session::configured(desk)?;
    let version = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    });
    let mut parts = vec![
        Part::of("version.json", "which program, on which system", Ok(version)),
        Part::of("settings.json", "what is set, without secrets", Ok(parts::settings(&settings))),
        Part::of("schemas.json", "the migrations of both stores", parts::schemas(desk)),
    ];
    if let Some(log) = &args.log {
        parts.push(parts::log(desk, log)?);
    }
    let opened = session::run(desk, printer, Opening::AsTheyAre, async |session, _| {
        parts.extend(parts::of_stores(session, args.audit).await);
        parts.extend(parts::metrics(session).await);
        Ok(())
    });
    match opened {
        Ok(()) => {}
        Err(stopped) if matches!(stopped.exit, Exit::Interrupted | Exit::Terminated) => return Err(stopped),
        // That the stores can't be opened is what somebody is to see.
        Err(failure) => {
            parts.push(Part::of("stores.json", "why the stores were not looked at", Err(failure)));
        }
    }
    Ok(parts)
}

fn exists(file: &Path) -> Failure {
    Failure::refused(format!("{} is there already.", file.display()))
        .code("EXISTS")
        .hint("another name, or --force to take its place")
}

fn write(args: &Args, parts: &[Part]) -> Result<(), Failure> {
    let file = &args.file;
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(file),
        _ => Failure::error(format!("{} can't be written.", file.display()))
            .code("FILE")
            .why(format!("{error}."))
            .hint("check the path and this user's rights to it"),
    };
    if fs::symlink_metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(fault(io::Error::other("it is no ordinary file")));
    }
    let draft = Draft::of(file).map_err(fault)?;
    packed(&draft.file, parts).and_then(|()| draft.put(args.force)).map_err(fault)
}

fn packed(file: &File, parts: &[Part]) -> io::Result<()> {
    let mut zip = ZipWriter::new(file);
    for part in parts {
        zip.start_file(part.name, SimpleFileOptions::default()).map_err(io::Error::other)?;
        zip.write_all(part.text.as_bytes())?;
    }
    zip.finish().map_err(io::Error::other)?;
    Ok(())
}
