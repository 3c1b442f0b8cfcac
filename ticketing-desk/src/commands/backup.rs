//! `ticketctl backup`: the embedded stores in one file, also while they are served.

use crate::desk::Desk;
use crate::errors::sentence;
use crate::failure::{Exit, Failure};
use crate::globals::ChangeArgs;
use crate::output::{Column, Printer, grouped};
use crate::progress::Progress;
use crate::session;
use crate::signals::{self, Doing};
use serde::Serialize;
use std::path::{Path, PathBuf};
use ticketing_core::clock::Clock;
use ticketing_core::ops::backup::{self, BackupError, Manifest};

/// Write both embedded stores into one file, also while a server runs
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The file is a zip of both stores as they are at one moment, and of a manifest with their schemas, \
                        the log's head and checksums; only its owner can read it. It has people's names and addresses \
                        in it. The secret that signs tokens is not in it: a backup must not let its reader act as \
                        anybody. While it is made, it needs the room of the stores once more beside it.\n\n\
                        Examples:\n  ticketctl backup monday.backup\n  \
                        ticketctl backup --data-dir /var/lib/ticketing /mnt/backups/today --force -o json"
)]
pub struct Args {
    /// The file to write; it appears when it is whole
    file: PathBuf,
    /// Take the place of a file that is there already
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Made<'a> {
    file: &'a Path,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

const STORES: &[Column] = &[
    Column::text("File", "file").whole(),
    Column::number("Schema", "schema"),
    Column::number("Bytes", "bytes"),
    Column::text("SHA-256", "sha256"),
];

const FIELDS: &[Column] = &[
    Column::text("File", "file"),
    Column::time("Made", "madeAt"),
    Column::text("By version", "version"),
    Column::number("Log head", "head"),
    Column::number("Read position", "readPosition"),
    Column::rows("Stores", "stores", STORES),
];

/// Writes the backup.
///
/// # Errors
/// The file is there already; the stores are on PostgreSQL or elsewhere; what the stores and the disk say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    only_here(desk, "A backup", "backup FILE")?;
    let (_, config) = session::configured(desk)?;
    let actor = session::actor(desk, &ChangeArgs::default())?;
    let doing = Doing::default();
    doing.say("No backup was made.");
    let manifest = {
        let mut progress = Progress::start(printer.progress_style(), "opening the stores", None);
        let mut report =
            |what: &str, done: u64, total: u64| progress.report(&in_mib(what), mib(done), Some(mib(total)));
        let now = Clock::system().now();
        let work = backup::back_up(&config, &args.file, args.force, now, &mut report);
        signals::run(&doing, async { work.await.map_err(|error| failure(&error)) })
            .map_err(|failure| session::placed(failure, &config))?
    };
    doing.say(format!("The backup is made: {}.", args.file.display()));
    let record = async {
        let recorded = backup::record(&config, &args.file, &manifest, &actor, Clock::system().now()).await;
        recorded.map_err(|error| failure(&error))
    };
    match signals::run(&doing, record) {
        Ok(()) => {}
        Err(stopped) if matches!(stopped.exit, Exit::Interrupted | Exit::Terminated) => return Err(stopped),
        // It is made, whatever becomes of the row: of a disk that can only be read, too.
        Err(failure) => printer.warn(&format!(
            "The audit log has no row of this backup: {} {}",
            failure.message,
            failure.why.unwrap_or_default()
        )),
    }
    printer.object(&Made { file: &args.file, manifest: &manifest }, FIELDS)?;
    let bytes: u64 = manifest.stores.iter().map(|store| store.bytes).sum();
    printer.note(&format!(
        "Backed up {} events, {} MiB of stores.",
        grouped(manifest.head.unsigned_abs()),
        grouped(mib(bytes))
    ));
    Ok(())
}

/// Refuses a server elsewhere: answers are text, and a file that a server writes would be on its disk.
///
/// # Errors
/// A usage error that says where to run it.
pub fn only_here(desk: &Desk, what: &str, command: &str) -> Result<(), Failure> {
    match desk.server() {
        None => Ok(()),
        Some(_) => Err(Failure::usage(format!("{what} is not sent over the network."))
            .code("ONLY_HERE")
            .why("It is read and written where the stores are.")
            .hint(format!("on the server's own machine: ticketctl {command} --data-dir DIR"))),
    }
}

/// Returns what is done, with the unit in which it is counted.
pub fn in_mib(what: &str) -> String {
    format!("{what} (MiB)")
}

/// Returns whole MiB; a part of one counts.
pub const fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Returns what a person is told of it.
pub fn failure(error: &BackupError) -> Failure {
    let said = sentence(&error.to_string());
    match error {
        BackupError::Store(error) => Failure::from(error),
        BackupError::Ops(error) => Failure::from(error.clone()),
        BackupError::NotEmbedded => Failure::usage(said)
            .code("NOT_EMBEDDED")
            .why("Only the embedded stores are backed up and restored here; PostgreSQL has its own tools for that.")
            .hint("pg_dump --format=custom --file FILE \"$DATABASE_URL\", and pg_restore; back up the write store first"),
        BackupError::Exists(_) => {
            Failure::refused(said).code("EXISTS").hint("another name, or --force to take its place")
        }
        BackupError::NoFile(_) => {
            Failure::usage(said).why("A backup gets its name when it is whole.").hint("name a file")
        }
        BackupError::Io { source, .. } => match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Failure::error(said)
                .code("DISK_FULL")
                .hint("free some space and try again; nothing was left behind")
                .retryable(),
            std::io::ErrorKind::NotFound => {
                Failure::not_found(said).code("FILE_NOT_FOUND").hint("check the path")
            }
            _ => Failure::error(said).code("FILE").hint("check the path and this user's rights to it"),
        },
        BackupError::Damaged { .. } => Failure::error(said)
            .code("BACKUP_DAMAGED")
            .why("Nothing was written.")
            .hint("use another backup, or copy this one again from where it was made"),
        BackupError::NotEmpty { .. } => Failure::refused(said)
            .code("NOT_EMPTY")
            .why("What is there is never overwritten. Nothing was written.")
            .hint("ticketctl restore FILE --data-dir NEW"),
        BackupError::Folder(_) => Failure::conflict(said)
            .code("DATA_DIR_IN_USE")
            .hint("ticketctl restore FILE --data-dir NEW, or stop that server"),
    }
}
