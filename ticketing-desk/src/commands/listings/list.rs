//! `ticketctl listing list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::app::listings::{ListingStatus, Wanted, rows};
use ticketing_core::domain::id::{OfferingId, UserId};
use ticketing_core::ops::lookup;
use ticketing_core::projection::market::listing_of;
use ticketing_core::projection::sales::SaleRow;

/// List listings of the marketplace, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl listing list\n  \
                        ticketctl listing list --status open --text jazz\n  \
                        ticketctl listing list --seller ada -o csv --all"
)]
pub struct Args {
    /// Only those in this state: open, reserved, sold or cancelled
    #[arg(long, value_name = "STATE", value_parser = state)]
    status: Option<ListingStatus>,
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    seller: Option<String>,
    /// Only those whose title has words that begin so
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    #[command(flatten)]
    list: Flags,
}

/// Listings that are read at once.
const PAGE: u32 = 500;

fn state(word: &str) -> Result<ListingStatus, String> {
    let words = || ListingStatus::ALL.map(ListingStatus::word).join(", ");
    ListingStatus::parse(&word.to_ascii_lowercase()).ok_or_else(|| format!("there are {}", words()))
}

/// Lists the listings.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let wanted = Wanted {
        text: args.text.clone(),
        seller: args.seller.clone().map(UserId),
        status: args.status,
        ..Wanted::default()
    };
    let mut page = 0;
    let mut found = Rows::begin(asked, view::LIST, now, printer)?;
    found
        .walk(
            async |_| {
                page += 1;
                rows(app, &wanted, page, PAGE).await
            },
            |row: &SaleRow| row.id,
            |_| true,
            async |rows| rows.iter().map(|row| node(&listing_of(row, now))).collect(),
        )
        .await?;
    let prefix = async |shown: &Shown| {
        let ids: Vec<OfferingId> = shown.ids.iter().copied().map(OfferingId).collect();
        lookup::schedule_prefix_len(app, &ids).await
    };
    found.finish(prefix).await.map(drop)
}
