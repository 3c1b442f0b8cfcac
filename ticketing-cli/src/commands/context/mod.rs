//! `ticketctl context`: the servers and stores that an operator works with, by name.

mod delete;
mod ls;
mod select;
mod set;
mod show;
mod view;

use crate::contexts;
use ticketing_desk::globals::Globals;
use ticketing_desk::{Failure, Printer};

/// Name the servers and stores that you work with, and change between them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A context names a server, or a store, and what changes in it demand. It is kept
with the user's settings, in $XDG_CONFIG_HOME/ticketctl (else
~/.config/ticketctl), its token in a file for this user alone.

A command works in the context that --context names, else TICKETCTL_CONTEXT,
else the one in use. --server, --data-dir and --database-url set it aside;
TICKETCTL_SERVER counts only where there is none.

Examples:
  ticketctl context set prod --server https://tickets.example.org --token - < t
  ticketctl context set here --data-dir ./data
  ticketctl context use prod
  ticketctl --context here status
  ticketctl context use -")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Ls(ls::Args),
    Use(select::Args),
    Set(set::Args),
    Show(show::Args),
    Delete(delete::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Ls(_) => ls::run(globals, printer),
        Verb::Use(args) => select::run(args, printer),
        Verb::Set(args) => set::run(args, globals, printer),
        Verb::Show(args) => show::run(args, globals, printer),
        Verb::Delete(args) => delete::run(args, printer),
    }
}

/// Returns all contexts, and the folder that they are in.
fn all() -> Result<(contexts::Book, std::path::PathBuf), Failure> {
    let folder = contexts::folder_or_failure()?;
    Ok((contexts::read(&folder)?, folder))
}
