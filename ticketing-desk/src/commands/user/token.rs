//! `ticketctl user token`.

use crate::commands::change;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::globals::{ChangeArgs, parse_duration};
use crate::output::{Column, Plan, Printer};
use crate::session::{self, Opening};
use clap::ValueEnum;
use serde::Serialize;
use std::time::Duration;
use ticketing_core::domain::rules::{check_text, len_max};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::audit::audited;
use ticketing_core::ops::{Plan as OpsPlan, PlanChange};

/// Print a token that the API accepts
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Whoever has the token is believed to be SUBJECT until it ends: keep it as a password.\n\n\
                        Examples:\n  ticketctl user token ada\n  TOKEN=$(ticketctl user token ops --role operator --ttl 8h)\n  \
                        curl -H \"Authorization: Bearer $(ticketctl user token ada)\" \\\n      \
                        localhost:3002/api/tickets/queries/my-tickets"
)]
pub struct Args {
    /// The user's id: 1 to 255 characters
    subject: String,
    /// What the user may do: user, service, operator or admin
    #[arg(long, value_enum, default_value = "user", hide_possible_values = true)]
    role: Role,
    /// How long it is good, such as 15m or 8h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What a token's bearer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// A buyer.
    User,
    /// Another service of the house.
    Service,
    /// Somebody who runs the platform.
    Operator,
    /// Somebody who runs it and its operators.
    Admin,
}

impl Role {
    /// The word in a token.
    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

fn ttl(text: &str) -> Result<Duration, String> {
    parse_duration(text).and_then(|ttl| match ttl.as_secs() {
        0 => Err("must be a second at least".into()),
        _ => Ok(ttl),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Minted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    subject: &'a str,
    role: &'a str,
    expires_at: Timestamp,
}

/// Mints the token and prints it bare.
///
/// # Errors
/// What the subject can't be; a missing secret; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "Each token is a new one.")?;
    check_text(&args.subject, len_max::ID)
        .map_err(|why| Failure::usage(format!("The subject {why}.")).hint("ticketctl user token ada"))?;
    if args.role != Role::User && !desk.may_grant_roles() {
        return Err(Failure::new(
            Exit::Auth,
            "FORBIDDEN",
            "Only an admin makes tokens that may do more than a buyer's.",
        )
        .why("The token that this command came with is an operator's. Nothing was done.")
        .hint("run it where the stores are, or come with an admin's token"));
    }
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let actor = session::actor(desk, &args.change)?;
        let now = session.app.clock.now();
        let seconds = i64::try_from(args.ttl.as_secs()).unwrap_or(i64::MAX);
        let role = args.role.word();
        let expires_at = now.plus_seconds(seconds);
        let mut minted = Minted { token: None, subject: &args.subject, role, expires_at };
        let change = PlanChange {
            kind: "token".into(),
            id: None,
            before: None,
            after: serde_json::value::to_raw_value(&minted).ok(),
        };
        let plan = OpsPlan::new("user token", vec![change]);
        let title = format!("Make a token for {}", args.subject);
        let shown = Change { title, severity: Severity::Adds, plan: Plan::of(&plan)? };
        if gate(printer, &shown, &args.change)? == Gate::Stop {
            return Ok(());
        }
        let token = desk.sign(&session.settings, &session.stores.data_dir, &args.subject, role, args.ttl)?;
        // Whoever made a token is written down before anybody can have it.
        audited(&session.app, &actor, &plan, async { Ok(()) }).await?;
        minted.token = Some(token);
        printer.bare(&minted, Column::text("Token", "token"))
    })
}
