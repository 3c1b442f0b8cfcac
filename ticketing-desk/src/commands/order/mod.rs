//! `ticketctl order`: what was ordered of the marketplace.

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
use ticketing_core::app::orders::{self, NOUN};
use ticketing_core::domain::id::BookingId;
use ticketing_core::ops::{OpsError, lookup};

/// List, look at, make and cancel orders of listings
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

/// Finds an order by its id or a unique beginning of it. A booking of something else is none.
///
/// # Errors
/// Not found; a beginning that fits several; what the store says.
pub async fn find(session: &Session, id: &str) -> Result<BookingId, Failure> {
    let found = match lookup::booking(&session.app, id).await {
        Err(OpsError::App(AppError::NotFound { .. })) => {
            return Err(AppError::NotFound { what: NOUN, id: id.to_owned() }.into());
        }
        Err(OpsError::App(AppError::Ambiguous { id, .. })) => {
            return Err(AppError::Ambiguous { what: NOUN, id }.into());
        }
        other => other?,
    };
    orders::stored(&session.app, found).await?;
    Ok(found)
}
