//! `ticketctl payment refund`.

use super::view;
use crate::commands::change::{self, Key, Work};
use crate::commands::ids::Ids;
use crate::confirm::Severity;
use crate::desk::Desk;
use crate::errors::sentence;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::ops::{money, payments};

/// Give back some or all of a payment
#[derive(clap::Args, Debug)]
#[command(
    after_help = "All that is left of the payment that confirmed a booking cancels the booking too: the plan \
                        shows it. The money goes back by itself; ticketctl saga show tells how far it is.\n\n\
                        Examples:\n  ticketctl payment refund 0192a8c4 --amount 12.50 --reason 'late' --yes\n  \
                        ticketctl payment refund 0192a8c4 --dry-run"
)]
pub struct Args {
    /// Its id, a unique beginning of it, the provider's name for it, or its booking's id
    id: String,
    /// How much, in the payment's currency [default: all that is left]
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    amount: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Begins the refund.
///
/// # Errors
/// Not found; an amount that is none; the rule that forbids it; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        refund(args, desk, session, printer).await
    })
}

async fn refund(args: &Args, desk: &Desk, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let id = payments::to_refund(app, &args.id).await?;
    let currency = payments::one(app, id).await?.amount.currency;
    let amount = match &args.amount {
        None => None,
        Some(text) => Some(amount_of(text, currency)?),
    };
    let minor = amount.map(|amount| amount.amount_minor);
    let text = serde_json::json!(["payment refund", id, minor, args.change.reason]).to_string();
    let key = match change::first_answer(session, &actor, &args.change, &text, 200).await? {
        Key::Answered(_) => {
            printer.note("Done before with this key; the payment is now:");
            return printer.object(&payments::details(app, id).await?, view::DETAILS);
        }
        Key::New(key) => key,
    };
    let ids = Ids { words: vec![args.id.clone()], is_one: true };
    let work = Work {
        verb: "Refund",
        severity: Severity::TakesAway,
        ids: Some(&ids),
        args: &args.change,
        actor: &actor,
        key,
    };
    let make_plan = async || Ok(money::plan_refund(app, id, amount, args.change.reason.as_deref()).await?);
    if change::carry_out_on("payment", session, printer, work, make_plan).await?.is_some() {
        printer.object(&payments::details(app, id).await?, view::DETAILS)?;
    }
    Ok(())
}

/// Reads an amount to give back.
///
/// # Errors
/// A usage error for what is no amount, and for nothing or less.
fn amount_of(text: &str, currency: Currency) -> Result<Money, Failure> {
    let wrong = |why: &str| {
        let decimals = currency.decimals() as usize;
        Failure::usage(sentence(&format!("--amount {why}")))
            .hint(format!("--amount {:.decimals$}, in {currency}", 12.5))
    };
    match Money::parse(text, currency) {
        Ok(amount) if amount.amount_minor > 0 => Ok(amount),
        Ok(_) => Err(wrong("must be more than nothing")),
        Err(why) => Err(wrong(&why.to_string())),
    }
}
