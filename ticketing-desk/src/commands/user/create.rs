//! `ticketctl user create`.

use super::view;
use crate::commands::change;
use crate::commands::listing::node;
use crate::confirm::{Change, Gate, Severity, gate};
use crate::desk::{Desk, STDIN};
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::{Plan, Printer};
use crate::session::{self, Opening, Session};
use std::io::Read as _;
use ticketing_core::app::accounts::NewAccount;
use ticketing_core::domain::account::{Email, PASSWORD_LEN_MAX, Password, Person, Username, check_name};
use ticketing_core::ops::accounts;
use uuid::Uuid;

/// Make an account; without --password, one is made and printed once
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl user create --email ada@example.org\n  \
                        ticketctl user create --email ada@example.org --username ada \\\n      \
                        --first-name Ada --last-name Lovelace --password - < secret.txt")]
pub struct Args {
    /// The e-mail address, which nobody else has
    #[arg(long, value_name = "EMAIL")]
    email: String,
    /// The user name: 3 to 32 letters, digits, dots, dashes and underscores
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The first name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// The last name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// `-` reads the password from stdin, to the end of the first line
    #[arg(long, value_name = "-", value_parser = only_stdin)]
    password: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// No password on stdin is longer, in bytes: a character has four at most.
const STDIN_BYTES_MAX: u64 = 4 * PASSWORD_LEN_MAX as u64 + 2;

fn only_stdin(text: &str) -> Result<String, String> {
    match text {
        STDIN => Ok(text.to_owned()),
        _ => Err("must be `-`: what stands on a command line can be seen by others".into()),
    }
}

/// Makes the account.
///
/// # Errors
/// What the arguments can't be; a conflict if the address or name is taken; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    change::refuse_key(&args.change, "An address has one account, however often this is run.")?;
    let person = args.person()?;
    let (password, made) = args.password(desk)?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let new = NewAccount { person, password };
        create(args, new, made, desk, session, printer).await
    })
}

async fn create(
    args: &Args,
    new: NewAccount,
    made: Option<String>,
    desk: &Desk,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let actor = session::actor(desk, &args.change)?;
    let plan = accounts::plan_create(app, &new.person).await?;
    let title = format!("Make an account for {}", new.person.email.as_str());
    let change = Change { title, severity: Severity::Adds, plan: Plan::of(&plan)? };
    if gate(printer, &change, &args.change)? == Gate::Stop {
        return Ok(());
    }
    let done = session.changed(None, accounts::create(app, &plan, new, &actor)).await?;
    let body = match made {
        None => done.body,
        Some(password) => {
            printer.note("The password is shown this once: it is stored nowhere.");
            // Hexadecimal digits need no escaping.
            format!(r#"{},"password":"{password}"}}"#, done.body.trim_end_matches('}'))
        }
    };
    printer.object(&node(&body)?, view::MADE)
}

fn wrong(flag: &str, why: &str) -> Failure {
    Failure::usage(format!("--{flag} {why}.")).hint("ticketctl user create --help")
}

impl Args {
    fn person(&self) -> Result<Person, Failure> {
        for (flag, name) in [("first-name", &self.first_name), ("last-name", &self.last_name)] {
            if let Some(name) = name {
                check_name(name).map_err(|why| wrong(flag, &why))?;
            }
        }
        Ok(Person {
            email: Email::parse(&self.email).map_err(|why| wrong("email", &why))?,
            username: self
                .username
                .as_deref()
                .map(Username::parse)
                .transpose()
                .map_err(|why| wrong("username", &why))?,
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
        })
    }

    /// Returns the password, and once more where it was made here.
    fn password(&self, desk: &Desk) -> Result<(Password, Option<String>), Failure> {
        if self.password.is_none() {
            let made = Uuid::new_v4().simple().to_string();
            let password = Password::parse(made.clone()).map_err(|why| wrong("password", &why))?;
            return Ok((password, Some(made)));
        }
        let cannot = |error: std::io::Error| {
            Failure::error("The password on stdin can't be read.").code("STDIN").why(format!("{error}."))
        };
        let mut text = String::new();
        let source = desk.source(STDIN).map_err(cannot)?;
        source.take(STDIN_BYTES_MAX).read_to_string(&mut text).map_err(cannot)?;
        let line = text.lines().next().unwrap_or_default().to_owned();
        let password = Password::parse(line).map_err(|why| {
            Failure::usage(format!("The password on stdin {why}.")).hint("ticketctl user create --help")
        })?;
        Ok((password, None))
    }
}
