//! `ticketctl user list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node_of};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use clap::ValueEnum;
use ticketing_core::domain::account::{Account, AccountStatus};
use ticketing_core::ops::accounts;

/// List accounts, newest first; those that were deleted only by --status
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl user list --search ada\n  \
                        ticketctl user list --status suspended -o wide\n  \
                        ticketctl user list --query 'createdAt>-7d' --count"
)]
pub struct Args {
    /// Only those with this text in their address or names, whatever the case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those that stand so: active, suspended or deleted
    #[arg(long, value_enum, value_name = "STATUS", hide_possible_values = true)]
    status: Option<Status>,
    #[command(flatten)]
    list: Flags,
}

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Status {
    Active,
    Suspended,
    Deleted,
}

impl Status {
    const fn status(self) -> AccountStatus {
        match self {
            Self::Active => AccountStatus::Active,
            Self::Suspended => AccountStatus::Suspended,
            Self::Deleted => AccountStatus::Deleted,
        }
    }
}

/// Lists the accounts, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: false };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let status = args.status.map(Status::status);
    let mut rows = Rows::begin(asked, view::LIST, app.clock.now(), printer)?;
    rows.walk(
        async |after| accounts::list(app, after).await,
        |account: &Account| account.id.0,
        |account| {
            let stands = match status {
                Some(status) => account.status == status,
                None => account.status != AccountStatus::Deleted,
            };
            stands && args.search.as_ref().is_none_or(|text| accounts::has_text(account, text))
        },
        async |found| found.iter().map(|account| node_of(&accounts::body(account))).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| accounts::prefix_len(app, &shown.ids).await;
    rows.finish(prefix).await.map(drop)
}
