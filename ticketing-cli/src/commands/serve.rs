//! `ticketctl serve`: chosen parts of the platform in one process, for production.

use super::serving::{self, Serving};
use clap::ValueEnum;
use ticketing_desk::Desk;
use ticketing_desk::failure::Failure;
use ticketing_desk::output::Printer;
use ticketing_server::config::Roles;

/// Run chosen parts of the platform in this process
#[derive(clap::Args, Debug)]
#[command(
    after_help = "api answers buyers, relay copies the log to Kafka or NATS (KAFKA_BROKERS, NATS_URL), projector folds \
                        events into the read model, saga asks the payment provider and hears what others tell: \
                        without a process that has it, no payment goes on; expiry ends holds.\n\n\
                        Any number of processes may serve one PostgreSQL, each with its parts. What only one may do \
                        at a time is leased: if its holder dies, another goes on within seconds. ticketctl status \
                        shows who has what.\n\n\
                        Examples:\n  ticketctl serve --database-url postgres://ticketing@db/ticketing_write\n  \
                        ticketctl serve --roles api --port 8080\n  ticketctl serve --roles relay,projector,saga,expiry"
)]
pub struct Args {
    /// What this process does: api, relay, projector, saga, expiry
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["api", "relay", "projector", "saga", "expiry"], hide_possible_values = true)]
    roles: Vec<Role>,
    #[command(flatten)]
    serving: Serving,
}

/// A part of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Answers buyers and their apps.
    Api,
    /// Copies the log to Kafka or NATS.
    Relay,
    /// Folds events into the read model.
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
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let has = |role| args.roles.contains(&role);
    let roles = Roles {
        api: has(Role::Api),
        relay: has(Role::Relay),
        projector: has(Role::Projector),
        expiry: has(Role::Expiry),
        saga: has(Role::Saga),
    };
    serving::run(&args.serving, roles, desk, printer, async |_, _| Ok(()), |_, _| (), None)
}
