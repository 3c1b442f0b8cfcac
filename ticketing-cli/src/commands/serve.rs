//! `ticketctl serve`: chosen parts of the platform in one process, for production.

use super::serving::{self, Serving};
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Printer;
use clap::ValueEnum;
use ticketing_server::config::Roles;

/// Run chosen parts of the platform in this process
#[derive(clap::Args, Debug)]
#[command(
    after_help = "api answers buyers, projector folds the log into the read model, expiry ends holds, and saga \
                        asks the payment provider: without a process that has it, no payment goes on.\n\n\
                        Any number of processes may serve one PostgreSQL, each with its parts.\n\n\
                        Examples:\n  ticketctl serve --database-url postgres://ticketing@db/ticketing_write\n  \
                        ticketctl serve --roles api --port 8080\n  ticketctl serve --roles projector,expiry,saga"
)]
pub struct Args {
    /// What this process does: api, projector, expiry, saga
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["api", "projector", "expiry", "saga"], hide_possible_values = true)]
    roles: Vec<Role>,
    #[command(flatten)]
    serving: Serving,
}

/// A part of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answers buyers and their apps.
    Api,
    /// Folds the log into the read model.
    Projector,
    /// Writes down that holds have ended.
    Expiry,
    /// Asks the payment provider for what the sagas want.
    Saga,
}

/// Serves until a signal.
///
/// # Errors
/// What stands in the server's way.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let has = |role| args.roles.contains(&role);
    let roles = Roles {
        api: has(Role::Api),
        projector: has(Role::Projector),
        expiry: has(Role::Expiry),
        saga: has(Role::Saga),
    };
    serving::run(&args.serving, roles, globals, printer, async |_, _| Ok(()), |_, _| ())
}
