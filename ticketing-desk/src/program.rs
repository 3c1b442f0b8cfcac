//! The words of the desk: which commands there are, and the global flags beside them.

use crate::commands;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Printer;
use crate::typed::with_flags;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

/// A command line for the desk alone, as a server is sent it.
#[derive(Parser, Debug)]
#[command(name = "ticketctl", disable_help_subcommand = true, disable_version_flag = true)]
pub struct Program {
    /// The flags that every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done on the stores, from here or remotely.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, reason = "what is said here would stand in the help instead of what each command says")]
pub enum Command {
    Migrate(commands::migrate::Args),
    Seed(commands::seed::Args),
    Route(commands::route::Args),
    Schedule(commands::schedule::Args),
    Venue(commands::venue::Args),
    Event(commands::event::Args),
    Listing(commands::listings::Args),
    Order(commands::order::Args),
    Seat(commands::seat::Args),
    Booking(commands::booking::Args),
    Hold(commands::hold::Args),
    Saga(commands::saga::Args),
    Payment(commands::payment::Args),
    Mail(commands::mail::Args),
    Why(commands::why::Args),
    Events(commands::events::Args),
    Outbox(commands::outbox::Args),
    Group(commands::group::Args),
    Dlq(commands::dlq::Args),
    Job(commands::job::Args),
    Audit(commands::audit::Args),
    User(commands::user::Args),
    Status(commands::status::Args),
    Doctor(commands::doctor::Args),
    Verify(commands::verify::Args),
    Projection(commands::projection::Args),
    Backup(commands::backup::Args),
    Restore(commands::restore::Args),
    Support(commands::support::Args),
}

impl Program {
    /// Returns a command line with an idempotency key, if its command changes something and so takes one.
    #[must_use]
    pub fn with_key(args: Vec<String>, key: &str) -> Vec<String> {
        let keyed = with_flags(args.clone(), [format!("--idempotency-key={key}")]);
        let line = std::iter::once("ticketctl").chain(keyed.iter().map(String::as_str));
        match Self::command().try_get_matches_from(line) {
            Err(error) if error.kind() == ErrorKind::UnknownArgument => args,
            // What else is wrong with it is said when it is run.
            Ok(_) | Err(_) => keyed,
        }
    }
}

impl Command {
    /// Runs it.
    ///
    /// # Errors
    /// As the command fails.
    pub fn run(&self, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
        match self {
            Self::Migrate(args) => commands::migrate::run(args, desk, printer),
            Self::Seed(args) => commands::seed::run(args, desk, printer),
            Self::Route(args) => commands::route::run(args, desk, printer),
            Self::Schedule(args) => commands::schedule::run(args, desk, printer),
            Self::Venue(args) => commands::venue::run(args, desk, printer),
            Self::Event(args) => commands::event::run(args, desk, printer),
            Self::Listing(args) => commands::listings::run(args, desk, printer),
            Self::Order(args) => commands::order::run(args, desk, printer),
            Self::Seat(args) => commands::seat::run(args, desk, printer),
            Self::Booking(args) => commands::booking::run(args, desk, printer),
            Self::Hold(args) => commands::hold::run(args, desk, printer),
            Self::Saga(args) => commands::saga::run(args, desk, printer),
            Self::Payment(args) => commands::payment::run(args, desk, printer),
            Self::Mail(args) => commands::mail::run(args, desk, printer),
            Self::Why(args) => commands::why::run(args, desk, printer),
            Self::Events(args) => commands::events::run(args, desk, printer),
            Self::Outbox(args) => commands::outbox::run(args, desk, printer),
            Self::Group(args) => commands::group::run(args, desk, printer),
            Self::Dlq(args) => commands::dlq::run(args, desk, printer),
            Self::Job(args) => commands::job::run(args, desk, printer),
            Self::Audit(args) => commands::audit::run(args, desk, printer),
            Self::User(args) => commands::user::run(args, desk, printer),
            Self::Status(args) => commands::status::run(args, desk, printer),
            Self::Doctor(args) => commands::doctor::run(args, desk, printer),
            Self::Verify(args) => commands::verify::run(args, desk, printer),
            Self::Projection(args) => commands::projection::run(args, desk, printer),
            Self::Backup(args) => commands::backup::run(args, desk, printer),
            Self::Restore(args) => commands::restore::run(args, desk, printer),
            Self::Support(args) => commands::support::run(args, desk, printer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Program;
    use crate::output::ON_STORES;
    use clap::CommandFactory as _;

    #[test]
    fn a_key_is_for_what_changes_something() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, expected) in [
            ("booking cancel x --yes", "booking cancel x --yes --idempotency-key=k"),
            ("booking cancel --yes -- x", "booking cancel --yes --idempotency-key=k -- x"),
            ("booking list", "booking list"),
        ] {
            assert_eq!(Program::with_key(words(line), "k").join(" "), expected);
        }
    }

    #[test]
    fn every_command_can_be_pasted_with_the_store_that_it_is_on() {
        for command in Program::command().get_subcommands() {
            assert!(ON_STORES.contains(&command.get_name()), "{}", command.get_name());
        }
    }
}
