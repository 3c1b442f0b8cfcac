//! `ticketctl listing create`.

use super::view;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer};
use crate::session::{self, Opening, Session};
use ticketing_core::app::listings;
use ticketing_core::domain::catalog::CatalogSet;
use ticketing_core::domain::id::{OfferingId, UserId};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::ops::seed;
use uuid::Uuid;

/// Put a ticket up for sale, for a user
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl listing create --title 'Two nights of jazz' --price 25.00 --seller ada\n  \
                        ticketctl listing create --title Kabuki --price 2500 --currency JPY --seller ada \\\n      \
                        --reason 'asked by phone' --dry-run"
)]
pub struct Args {
    /// What the ticket is for
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// What it costs, such as 25.00
    #[arg(long, value_name = "AMOUNT")]
    price: String,
    /// The price's currency
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: String,
    /// Who sells it
    #[arg(long, value_name = "USER")]
    seller: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Puts the ticket up.
///
/// # Errors
/// What the arguments can't be; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "Each listing is another one, however often this is run.")?;
    let price = args.price()?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        create(args, price, desk, session, printer).await
    })
}

async fn create(
    args: &Args,
    price: Money,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let id = OfferingId(Uuid::now_v7());
    let facts = listings::facts(id, &UserId(args.seller.clone()), args.title.clone(), price)?;
    let set = CatalogSet {
        layouts: vec![listings::layout()],
        patterns: vec![listings::pattern()],
        offerings: vec![facts],
        ..CatalogSet::default()
    };
    let planned = seed::plan(app, "listing create", set).await?;
    let plan = Plan::of(&planned.plan)?;
    let change = Change { title: "Put the ticket up".to_owned(), severity: Severity::Adds, plan };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    let mut untold = |_, _| ();
    let execute = seed::execute(app, planned, &actor, &mut untold);
    let done = session.changed(None, execute).await?;
    session.reach(printer, done.position).await;
    printer.object(&node(&listings::stored(app, id).await?)?, view::DETAILS)
}

impl Args {
    fn price(&self) -> Result<Money, Failure> {
        let wrong = |flag: &str, why: &str| {
            Failure::usage(format!("{flag} {why}.")).hint("ticketctl listing create --help")
        };
        for (flag, text, chars_max) in
            [("--title", &self.title, len_max::NAME), ("--seller", &self.seller, len_max::ID)]
        {
            check_text(text, chars_max).map_err(|why| wrong(flag, &why))?;
        }
        let currency = Currency::parse(&self.currency)
            .ok_or_else(|| wrong("--currency", "must be an ISO 4217 currency, as USD"))?;
        let price = Money::parse(&self.price, currency).map_err(|e| wrong("--price", &e.to_string()))?;
        match price.amount_minor {
            1.. => Ok(price),
            _ => Err(wrong("--price", "must be more than 0")),
        }
    }
}
