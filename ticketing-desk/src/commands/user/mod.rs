//! `ticketctl user`: who may sign in, and who may call the API.

mod create;
mod get;
mod list;
mod moves;
mod token;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::app::AppError;
use ticketing_core::domain::account::{AccountRefusal, AccountStatus};
use ticketing_core::domain::id::UserId;
use ticketing_core::ops::{OpsError, accounts};

/// List, look at, make, suspend and delete accounts; make tokens
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Create(create::Args),
    Suspend(moves::Suspend),
    #[command(visible_alias = "unsuspend")]
    Resume(moves::Resume),
    Delete(moves::Delete),
    Token(token::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Get(args) => get::run(args, desk, printer),
        Verb::Create(args) => create::run(args, desk, printer),
        Verb::Suspend(args) => moves::suspend(args, desk, printer),
        Verb::Resume(args) => moves::resume(args, desk, printer),
        Verb::Delete(args) => moves::delete(args, desk, printer),
        Verb::Token(args) => token::run(args, desk, printer),
    }
}

/// Returns whose something is to be: the account with this id, unique beginning of one, user name or e-mail address.
/// Where no account has it, it is the subject of a token as it stands, and the operator is warned.
///
/// # Errors
/// A beginning that fits several; an account that may not sign in, as a call with its token is refused; what the store
/// says.
pub async fn subject(session: &Session, printer: &mut Printer, text: &str) -> Result<UserId, Failure> {
    let app = &session.app;
    let id = match accounts::find(app, text).await {
        Ok(id) => id,
        Err(OpsError::App(AppError::NotFound { .. })) => {
            printer.warn(&format!("no account `{text}`; it is taken as the subject of a token"));
            return Ok(UserId(text.to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    let refused = match accounts::one(app, id).await?.status {
        AccountStatus::Active => return Ok(UserId(id.to_string())),
        AccountStatus::Suspended => AccountRefusal::Suspended,
        status @ AccountStatus::Deleted => AccountRefusal::InState { status },
    };
    Err(Failure::from(&refused).hint(format!("ticketctl user get {id}")))
}

#[cfg(test)]
mod tests {
    use super::subject;
    use crate::failure::Exit;
    use crate::output::testing::screen;
    use crate::session::testing::{riverton, tester};
    use ticketing_core::app::accounts::{NewAccount, sign_up};
    use ticketing_core::domain::account::{AccountStatus, Email, Password, Person, Username};
    use ticketing_core::domain::id::UserId;
    use ticketing_core::ops::accounts;

    #[tokio::test]
    async fn a_user_is_found_by_each_of_its_names_and_what_no_account_has_is_kept_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let session = riverton(&folder).await;
        let app = &session.app;
        let new = NewAccount {
            person: Person {
                email: Email::parse("dora@example.org").unwrap(),
                username: Some(Username::parse("dora").unwrap()),
                first_name: None,
                last_name: None,
            },
            password: Password::parse("correct horse".into()).unwrap(),
        };
        sign_up(app, new, None).await.unwrap();
        let id = accounts::find(app, "dora").await.unwrap();
        let whole = id.to_string();
        let mut quiet = screen(&[], true);
        for text in [whole.as_str(), &whole[..18], "dora", "Dora@Example.org"] {
            assert_eq!(
                subject(&session, &mut quiet.printer, text).await.unwrap(),
                UserId(whole.clone()),
                "{text}"
            );
        }
        assert_eq!(quiet.err(), "");
        let mut warned = screen(&[], true);
        let kept = subject(&session, &mut warned.printer, "nora").await.unwrap();
        assert_eq!(kept, UserId("nora".into()));
        assert!(warned.err().contains("no account `nora`"));
        let plan = accounts::plan_status(app, "user suspend", &[id], AccountStatus::Suspended).await.unwrap();
        accounts::execute(app, plan, &tester(), None).await.unwrap();
        let refused = subject(&session, &mut warned.printer, "dora").await.unwrap_err();
        assert_eq!((refused.exit, refused.code.as_str()), (Exit::Auth, "ACCOUNT_SUSPENDED"));
    }
}
