//! `ticketctl listing`: tickets that users sell.

mod cancel;
mod create;
mod get;
mod list;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::app::AppError;
use ticketing_core::app::listings::NOUN;
use ticketing_core::domain::catalog::{Offering, OfferingKind};
use ticketing_core::ops::lookup;

/// List, look at, make and withdraw listings of the marketplace
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Cancel(cancel::Args),
    Create(Box<create::Args>),
    Get(get::Args),
    List(list::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Cancel(args) => cancel::run(args, desk, printer),
        Verb::Create(args) => create::run(args, desk, printer),
        Verb::Get(args) => get::run(args, desk, printer),
        Verb::List(args) => list::run(args, desk, printer),
    }
}

/// Finds a listing by its id or a unique beginning of it.
///
/// # Errors
/// Not found; a beginning that fits several; what the store says.
pub async fn find(session: &Session, id: &str) -> Result<Offering, Failure> {
    let not_found = || AppError::NotFound { what: NOUN, id: id.to_owned() };
    let found = match lookup::offering(&session.app, id).await {
        Err(ticketing_core::ops::OpsError::App(AppError::NotFound { .. })) => return Err(not_found().into()),
        other => other?,
    };
    match found.facts.kind {
        OfferingKind::Listing => Ok(found),
        OfferingKind::Departure | OfferingKind::Event => Err(not_found().into()),
    }
}
